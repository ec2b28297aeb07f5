"""The clipboard and the files of the viewer in a real terminal."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path

import pytest

from grpctap.core.listvalue import METHOD
from support import hostile
from support.server import eventually
from support.taps import raw_server
from support.terminal import Terminal

GRPCTAP = (sys.executable, "-m", "grpctap")
# What asks a terminal to put something on the clipboard.
OSC_52 = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")
SHIFT_UP = b"\x1b[1;2A"


class Recorded(Terminal):
    """A terminal that keeps all that was written to it."""

    raw = b""

    def received(self, data: bytes) -> None:
        self.raw += data

    def copied(self) -> list[str]:
        """The texts that were put on the clipboard."""
        return [base64.b64decode(text).decode() for text in OSC_52.findall(self.raw)]


def test_copies_reach_the_terminal_and_decode_to_the_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [text.encode() for text in (*hostile.ACTING, "油价 78.41")]
    sent = [hostile.raw_message(n, value) for n, value in enumerate(values, 1)]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with raw_server(sent) as address:
        command = (*GRPCTAP, "-plaintext", address, METHOD)
        with Recorded(command, columns=120, rows=40) as terminal:
            terminal.wait_for(f"#{len(values)} ")
            terminal.write(b"m")
            eventually(terminal.copied, "a copy")
            (copied,) = terminal.copied()
            assert "\n" not in copied
            assert copied.isprintable()
            assert json.loads(copied)["streamValue"] == "油价 78.41"
            terminal.write(SHIFT_UP * 4 + b"m")
            eventually(lambda: len(terminal.copied()) == 2, "another copy")
            found = [json.loads(line)["streamValue"] for line in terminal.copied()[1].splitlines()]
            assert found == [value.decode() for value in values[-4:]]
            # There is no ~/Downloads here.
            terminal.write(b"p")
            eventually(lambda: list(tmp_path.glob("grpctap-*.svg")), "a picture")
            terminal.write(b"e")
            terminal.wait_for("4 selected values, into a file")
            terminal.write(b"\r")
            eventually(lambda: list(tmp_path.glob("grpctap-*.ndjson")), "a file")
            terminal.write(b"q")
            assert terminal.wait() == 0
        # What a value wanted to put there is not among what was copied.
        assert hostile.PASTE.encode()[:-2] not in terminal.raw
    (path,) = tmp_path.glob("grpctap-*.ndjson")
    assert path.read_text() == terminal.copied()[1]


def test_an_export_under_way_does_not_keep_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    value = b"x" * 1_000
    sent = [hostile.raw_message(n, value) for n in range(1, 2_001)]
    with raw_server(sent) as address:
        command = (*GRPCTAP, "-plaintext", address, METHOD)
        with Terminal(command, columns=120, rows=40) as terminal:
            terminal.wait_for("#2000 ")
            terminal.write(b"e")
            terminal.wait_for("2,000 values, into a file")
            terminal.write(b"\x15slow.ndjson\r\x03")
            assert terminal.wait() == 0
            assert terminal.restored
    assert {path.name for path in tmp_path.iterdir()} <= {"slow.ndjson"}
