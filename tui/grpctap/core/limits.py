"""When a stream is to be stopped without anybody's key."""

from __future__ import annotations

# More values than anybody will see.
_NEVER = 2**63


class Limits:
    """How many values a stream may bring, and how long it may take; None: as many, as long.

    What is reached counts no more: whoever opens another call then wants it without an end. Times
    are in nanoseconds since the epoch.
    """

    def __init__(self, count: int | None = None, duration_s: float | None = None) -> None:
        self._last = _NEVER if count is None else count
        self._duration_s = duration_s
        self._end_ns: int | None = None

    def start(self, now_ns: int) -> None:
        """The stream begins."""
        if self._duration_s is not None:
            self._end_ns = now_ns + round(self._duration_s * 1e9)

    def room(self, values: int) -> int:
        """How many values may still come, when there were so many."""
        return self._last - values

    def left_s(self, now_ns: int) -> float | None:
        """The seconds until the time is over; None: it never is."""
        return None if self._end_ns is None else max(self._end_ns - now_ns, 0) / 1e9

    def reached(self, values: int, now_ns: int) -> str:
        """Which of them is reached, as a person gave it, which is said once; else ""."""
        if self._end_ns is not None and now_ns >= self._end_ns:
            self._end_ns = None
            return f"--duration {self._duration_s:g}"
        if values >= self._last:
            last, self._last = self._last, _NEVER
            return f"--count {last}"
        return ""
