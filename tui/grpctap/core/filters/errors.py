"""What is wrong with a filter, and where."""

from __future__ import annotations

from grpctap.core.text import printable

LONGEST_FILTER = 1_000
"""Characters of a filter."""
_LONGEST_ERROR = 300


class FilterError(ValueError):
    """A filter that cannot be read; the message is one printable sentence.

    The characters `start` to `stop` - 1 are what is wrong with it: at the least one, which may be
    the one after the last.
    """

    def __init__(self, reason: str, start: int, stop: int) -> None:
        super().__init__(printable(reason, _LONGEST_ERROR))
        self.start, self.stop = start, max(stop, start + 1)
