"""Bytes into lines, with a bound on what one line may hold."""

from __future__ import annotations

LONGEST_LINE = 1 << 20
"""The most bytes of one value; a longer line comes as several values."""

# The most bytes that a character of UTF-8 has after its first.
_FOLLOWERS = 3


class LineSplitter:
    r"""Collects bytes, and gives out the lines that they complete, without their "\n" or "\r\n".

    A line of more than LONGEST_LINE bytes comes in pieces of at most that size, cut between two
    characters: memory stays bounded, and nothing is lost.
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take bytes as they come; returns the lines and pieces that are complete by now."""
        first, *others = chunk.split(b"\n")
        self._rest += first
        done: list[bytes] = []
        # One byte more may stay: a "\r" that is half of the line's end.
        while len(self._rest) > LONGEST_LINE + 1:
            done.append(self._take(_cut(self._rest)))
        if not others:
            return done
        begun = self._take(len(self._rest))
        self._rest += others.pop()
        lines = [begun, *others]
        if b"\r" in chunk or begun.endswith(b"\r"):
            lines = [_without_return(line) for line in lines]
        if max(map(len, lines)) > LONGEST_LINE:
            lines = [piece for line in lines for piece in _pieces(line)]
        return done + lines

    def finish(self) -> list[bytes]:
        """Take what there is for a line, if anything, since its end will not come."""
        rest = self._take(len(self._rest))
        return _pieces(_without_return(rest)) if rest else []

    def _take(self, size: int) -> bytes:
        taken = bytes(self._rest[:size])
        del self._rest[:size]
        return taken


def _without_return(line: bytes) -> bytes:
    return line[:-1] if line.endswith(b"\r") else line


def _pieces(line: bytes) -> list[bytes]:
    pieces = []
    while len(line) > LONGEST_LINE:
        cut = _cut(line)
        pieces.append(line[:cut])
        line = line[cut:]
    return [*pieces, line]


def _cut(line: bytes | bytearray) -> int:
    """Tell where to cut what is longer than LONGEST_LINE: before a character, if there is one."""
    for cut in range(LONGEST_LINE, LONGEST_LINE - _FOLLOWERS - 1, -1):
        if line[cut] & 0xC0 != 0x80:
            return cut
    return LONGEST_LINE
