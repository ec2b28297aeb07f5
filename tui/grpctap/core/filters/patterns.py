"""Regular expressions that cannot be slow: RE2 looks at each byte once, whatever the pattern."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, Protocol, cast

from grpctap.core.filters.errors import FilterError

# What a pattern may need, in bytes; of a larger one RE2 says that it is too large.
_MEMORY = 1 << 20
# These look at the ends of all that is searched, and many lines are searched at once.
_OWN_ENDS = re.compile(r"\\[Az]|\(\?[a-zA-Z]*-[a-zA-Z]*m")


class Pattern(Protocol):
    """A compiled pattern; searches bytes in UTF-8."""

    def search(self, text: bytes) -> Any | None:
        """The first match; None: there is none."""

    def finditer(self, text: bytes) -> Iterable[Any]:
        """All matches, in order."""


def compile_pattern(
    pattern: str, start: int, *, any_case: bool = False, many_lines: bool = False
) -> Pattern:
    """Compiles a pattern in RE2's syntax; `start` is where it stands in the filter.

    `many_lines`: a match may go over the end of a line.

    Raises:
        FilterError: it is none.
    """
    # Start-up does not wait for what is not used yet.
    import re2

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.never_nl = not many_lines
    options.case_sensitive = not any_case
    options.max_mem = _MEMORY
    try:
        return cast("Pattern", re2.compile(b"(?m)" + pattern.encode(), options))
    except UnicodeEncodeError:
        raise FilterError("this cannot be written in UTF-8", start, start + len(pattern)) from None
    except re2.error as error:
        raise _explained(error, pattern, start) from None


def _explained(error: Exception, pattern: str, start: int) -> FilterError:
    told = error.args[0] if error.args else ""
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    reason, _, piece = text.partition(": ")
    if piece.startswith("(?m)"):
        piece = piece.removeprefix("(?m)")
    at = pattern.find(piece) if piece else -1
    place = (start + at, start + at + len(piece)) if at >= 0 else (start, start + len(pattern))
    shown = f" in {piece}" if piece and piece != pattern else ""
    return FilterError(f"no regular expression of RE2: {reason}{shown}", *place)


def line_searcher(pattern: str, compiled: Pattern) -> Callable[[Sequence[str]], list[int]]:
    """Says which of many printable lines match.

    RE2 lets go of Python's lock for each search, and has to wait for it behind all other threads;
    so lines are searched together.
    """
    if _OWN_ENDS.search(pattern):
        return lambda lines: [at for at, line in enumerate(lines) if compiled.search(line.encode())]
    return lambda lines: _search_joined(compiled, lines)


def _search_joined(compiled: Any, lines: Sequence[str]) -> list[int]:
    text = "\n".join(lines)
    sizes = map(len, lines) if text.isascii() else (len(line.encode()) for line in lines)
    joined, ends = text.encode(), list(accumulate(size + 1 for size in sizes))
    found: list[int] = []
    at = line = 0
    while line < len(lines) and (match := compiled.search(joined, at)) is not None:
        line = bisect_right(ends, match.start(), line)
        found.append(line)
        at = ends[line]
        line += 1
    return found
