"""What a counter gains per second."""

from __future__ import annotations

from collections import deque

WINDOW_NS = 1_000_000_000
"""A rate is over so much time at least, in nanoseconds."""
# So far apart are the moments that a window can begin with, which bounds how many are kept.
_APART_NS = WINDOW_NS // 20


class CounterRate:
    """The rate of a counter: what it gained since a moment a second or more ago, per second.

    It is over the shortest stretch of at least WINDOW_NS that the counter's values give (to a
    twentieth), so that values that come in bunches make no spikes, and of a slow stream it is from
    one value to the next. A value below the one before is a counter that began anew: what it
    lost counts as nothing gained, which is neither a fall below zero nor a leap.
    """

    def __init__(self) -> None:
        self._gained = 0.0
        self._last: float | None = None
        self._moments: deque[tuple[int, float]] = deque()

    def take(self, time_ns: int, value: float) -> float | None:
        """The rate at a value, per second; None: there is not enough before it yet.

        Args:
            time_ns: When it came, in nanoseconds, not before the last one.
            value: What the counter says.
        """
        last, self._last = self._last, value
        if last is not None and value > last:
            self._gained += value - last
        moments, start_ns = self._moments, time_ns - WINDOW_NS
        while len(moments) > 1 and moments[1][0] <= start_ns:
            moments.popleft()
        if not moments or time_ns - moments[-1][0] >= _APART_NS:
            moments.append((time_ns, self._gained))
        then_ns, before = moments[0]
        if then_ns > start_ns:
            return None
        return (self._gained - before) * 1e9 / (time_ns - then_ns)
