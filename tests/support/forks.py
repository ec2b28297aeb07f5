"""Runs of grpctap that begin at once: copies of a process that has already imported it.

As a program it reads a JSON list a line, the arguments and where the output goes, and prints the
process that it has made; that one is alone in the end, since whoever asked for it kills it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

# No thread and no channel is there when it forks, so there is nothing for grpc to take care of.
_PROGRAM = """
import json, os, sys
from grpctap import cli, headless, recorder
from grpctap.core import encoder, needed
for line in sys.stdin:
    arguments, output = json.loads(line)
    pid = os.fork()
    if not pid:
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
        os._exit(cli.main(arguments))
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


class Forks:
    """The process that is copied; one copy at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin: IO[str] = process.stdin
        self._stdout: IO[str] = process.stdout

    def run(self, arguments: list[str], output: Path) -> int:
        """Starts grpctap, with its standard output in a file; returns the process."""
        self._stdin.write(json.dumps((arguments, str(output))) + "\n")
        self._stdin.flush()
        return int(self._stdout.readline())

    def kill(self, pid: int) -> None:
        """Ends it with SIGKILL; it must have been alive."""
        os.kill(pid, signal.SIGKILL)
        status = int(self._stdout.readline())
        assert os.WIFSIGNALED(status)


@contextmanager
def forks() -> Iterator[Forks]:
    """Such a process."""
    environment = {**os.environ, "GRPC_ENABLE_FORK_SUPPORT": "0"}
    with subprocess.Popen(
        (sys.executable, "-c", _PROGRAM),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            yield Forks(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
