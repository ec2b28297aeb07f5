"""The demo's server: the bundled one in a child process, for as long as this process lives."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

STOP_TIMEOUT_S = 5.0
_READY = re.compile(r"listening on (\S+)")


class DemoError(RuntimeError):
    """The bundled server did not start; the message says what it said."""


class DemoServer:
    """The bundled server on a free loopback port.

    It follows its standard input and ends when that does, so it is gone when this process is,
    however this process ends.
    """

    def __init__(self) -> None:
        # Numbering starts now, so that a newcomer sees #1 and not #280,000,000.
        # Without -P, modules of the folder that somebody happens to be in would come before ours.
        command = (sys.executable, "-P", "-m", "grpctap_server", "--port", "0")
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            (*command, "--until-eof", "--quiet", "--start", f"{time.time():.1f}"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C in the terminal is for the viewer, which then ends the server.
            start_new_session=True,
        )

    def address(self) -> str:
        """Waits until the server listens; returns its HOST:PORT.

        Raises:
            DemoError: it ended instead.
        """
        stderr = self._process.stderr
        line = stderr.readline() if stderr else ""
        match = _READY.search(line)
        if match is None:
            raise DemoError(
                f"the bundled server did not start: {line.strip() or 'no reason given'}"
            )
        return match[1]

    def close(self) -> None:
        """Ends the server and waits until it is gone."""
        for pipe in (self._process.stdin, self._process.stderr):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def demo_server() -> Iterator[DemoServer]:
    """Starts the server without waiting for it; ends it in any case."""
    server = DemoServer()
    try:
        yield server
    finally:
        server.close()
