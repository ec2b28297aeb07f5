"""Servers of other makes as children, and what they say of the calls that they get."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.server import PATIENCE_S, ChildProcess, eventually

MAKES = ("grpcio", "grpclib", "grpc-js")
NODE_MODULES = Path(sys.prefix, "node_peer", "node_modules")
_SERVER_JS = Path(__file__).parents[1] / "node_peer" / "server.js"


def need(is_there: bool, what: str) -> None:
    """Skips the test where something is missing that nobody must have; CI must have all."""
    if is_there:
        return
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def program(name: str) -> str:
    """The path of a tool written in Go, which the test is skipped without."""
    path = shutil.which(name, path=str(Path(sys.executable).parent))
    need(
        path is not None, f"{name} is not in the environment; its package has none for this machine"
    )
    return str(path)


def output(*command: str) -> str:
    """What a program prints that ends well, and without complaint."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def documents(text: str) -> list[Any]:
    """All JSON documents in a text, however they are laid out."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while rest := text[at:].lstrip():
        document, at = decoder.raw_decode(text, len(text) - len(rest))
        found.append(document)
    return found


def _command(make: str) -> list[str]:
    if make != "grpc-js":
        return [sys.executable, "-m", f"support.makes.{make}_server"]
    need(shutil.which("node") is not None, "node is missing; apt-get install nodejs npm")
    need(
        (NODE_MODULES / "@grpc" / "reflection").is_dir(),
        "the packages of tests/support/node_peer are missing; run make test, with npm at hand",
    )
    return ["env", f"NODE_PATH={NODE_MODULES}", "node", str(_SERVER_JS)]


class Make(ChildProcess):
    """A server of the feed, ready when the constructor returns.

    Args:
        make: One of MAKES.
        files: Its certificate and its key, and the authority of its clients' certificates, all as
            far as it has them.
    """

    def __init__(self, make: str, *files: str) -> None:
        super().__init__((*_command(make), *files))
        self.make = make
        port = int(self.await_line(r'"port": ?(\d+)', "stdout")[1])
        self.address = f"127.0.0.1:{port}"

    def calls(self, what: str, method: str) -> list[Mapping[str, Any]]:
        """What it said so far of calls of a method that were "opened" or "cancelled"."""
        said = [json.loads(line) for line in self._lines["stdout"].copy()]
        return [one for one in said if one.get(what) == method]

    def await_call(self, what: str, method: str, before: int) -> Mapping[str, Any]:
        """Waits until it says so once more than `before` times; returns what it says."""
        eventually(lambda: len(self.calls(what, method)) > before, f"{method} {what}")
        return self.calls(what, method)[before]
