"""A server of the lines that a test writes, as a process of its own with a pipe."""

from __future__ import annotations

import sys

from support.server import ChildProcess


class LinesServer(ChildProcess):
    """`python -m grpctap_server --feed lines` as a child, ready when the constructor returns.

    Args:
        args: More flags; --port excepted.
    """

    def __init__(self, *args: str) -> None:
        flags = ("--feed", "lines", "--port", "0", "--log-level", "error", *args)
        command = (sys.executable, "-m", "grpctap_server", *flags)
        super().__init__(command)
        self.address = self.await_line(r"listening on (\S+)")[1]

    def end_input(self) -> int:
        """End its standard input; returns how many lines it says it had."""
        self.close_stdin()
        return int(self.await_line(r"the input has ended after (\d+) lines")[1])
