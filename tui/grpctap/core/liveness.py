"""Silent is not dead: what a stream's signs of life say about its silence."""

from __future__ import annotations

MISSED_SIGNS = 3
"""So many signs of life that did not come make a stream dead."""
LEAST_NS = 500_000_000
"""A stream is given so long in any case, in nanoseconds: a busy machine is late."""
ANSWER_NS = 15_000_000_000
"""A call that must still connect is given so long for its first sign, in nanoseconds."""


class Liveness:
    """How long one stream may be silent, learnt from its messages of progress.

    The server may say how long it is silent at most. If it does not, the longest time from one
    message of progress to the next is taken for it. Times are in nanoseconds.
    """

    def __init__(self) -> None:
        self.heard_ns = 0
        """When the last message came, or the call was opened."""
        self._told_ns = 0
        self._learnt_ns = 0
        self._progress_ns = 0
        self._answered = False
        # Whether the call before gave signs of life, as the next one will, most likely.
        self._expected = False

    @property
    def interval_ns(self) -> int:
        """The longest silence of a living stream; 0: not known."""
        return self._told_ns or self._learnt_ns

    @property
    def limit_ns(self) -> int:
        """The silence after which the stream is dead; 0: not known."""
        if not self._answered:
            return ANSWER_NS if self._expected else 0
        return max(MISSED_SIGNS * self.interval_ns, LEAST_NS) if self.interval_ns else 0

    def opened(self, now_ns: int) -> None:
        """A call is opened; it may meet another server, which promises anew or nothing."""
        self._expected = self.interval_ns > 0 or (self._expected and not self._answered)
        self.heard_ns = now_ns
        self._told_ns = self._learnt_ns = self._progress_ns = 0
        self._answered = False

    def progress(self, now_ns: int, told_ns: int) -> None:
        """A message of progress came; `told_ns`: the longest silence it tells of, 0: none."""
        if told_ns > 0:
            self._told_ns = told_ns
        elif self._progress_ns:
            self._learnt_ns = max(self._learnt_ns, now_ns - self._progress_ns)
        self._progress_ns = now_ns
        self.heard(now_ns)

    def heard(self, now_ns: int) -> None:
        """A message came."""
        self.heard_ns = now_ns
        self._answered = True

    def is_well(self, now_ns: int) -> bool:
        """Whether a sign of life came as lately as it had to."""
        signs_due = self._answered and self.interval_ns > 0
        return signs_due and now_ns - self.heard_ns <= 2 * self.interval_ns

    def is_dead(self, now_ns: int) -> bool:
        """Whether so many signs of life are missing that the stream must be dead."""
        return 0 < self.limit_ns < now_ns - self.heard_ns
