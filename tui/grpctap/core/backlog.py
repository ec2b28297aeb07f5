"""Which values had waited for the call: a server sends them at once when the stream goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grpctap.core.seams import How, Interruption, Seam

_GOES_ON = (How.RESUMED, How.OLDEST)
_LEAST_NS = 10_000_000_000
_LONGEST_NS = 600_000_000_000


class Backlog:
    """Tells the values that waited from those that come as they are made.

    By event time, a value waited that is older than the call. Without one, the values waited that
    come, after a resume, without half of the usual time between them. A backlog is over at the
    latest when it has taken as long as the interruption, since an event time may never change.

    Args:
        event_ns: Reads the event time of a message, or None where it has none; None: none has one.
        interruptions: Tells the newest interruptions, as far as they are known by now: a seam is
            among the rows before it is known how the stream goes on.
    """

    def __init__(
        self,
        event_ns: Callable[[bytes], int | None] | None,
        interruptions: Callable[[], Sequence[Interruption]],
    ) -> None:
        self._event_ns, self._interruptions = event_ns, interruptions
        self._seam: Interruption | None = None
        self._last: tuple[int, int | None] | None = None
        self._first_alone = 0
        self.values = 0
        """Values that waited, ever."""

    @property
    def is_on(self) -> bool:
        """Whether the next value may be one that waited."""
        return self._seam is not None

    def begin(self, seam: Seam | bytes | None) -> None:
        """The stream goes on after a seam; one that is no interruption makes nothing wait."""
        if isinstance(seam, Interruption):
            self._seam, self._last, self._first_alone = seam, None, 0

    def take(
        self,
        times: Sequence[int],
        raws: Sequence[bytes],
        *,
        usual_late_ns: int | None,
        usual_gap_ns: int,
    ) -> int:
        """How many of the next values are none of those that come as they are made.

        Args:
            times: When they came, in nanoseconds since the epoch.
            raws: Their messages, of which there is one at least.
            usual_late_ns: The usual latency, clocks' difference included; None: it is not known.
            usual_gap_ns: The usual time between two values; 0: it is not known.
        """
        seam = self._known()
        if seam is None or seam.reopened_ns is None:
            self._seam = None
            return 0
        until_ns = seam.reopened_ns + max(seam.reopened_ns - seam.start_ns, _LEAST_NS)
        if seam.how is How.OLDEST:
            # What the server keeps may be much more than was made meanwhile.
            until_ns += _LONGEST_NS
        for at, (time_ns, raw) in enumerate(zip(times, raws, strict=True)):
            event_ns = None if self._event_ns is None else self._event_ns(raw)
            if event_ns is None:
                waited = seam.how in _GOES_ON and self._follows_closely(time_ns, usual_gap_ns)
            elif usual_late_ns is None:
                waited = event_ns < seam.reopened_ns and not self._keeps_pace(time_ns, event_ns)
            else:
                waited = event_ns < seam.reopened_ns - usual_late_ns
            if not waited or time_ns > until_ns:
                self._seam = None
                return at
            if event_ns is None and self._last is None:
                # Alone, it is no sign of others that waited.
                self._first_alone = 1
            else:
                self.values += 1 + self._first_alone
                self._first_alone = 0
            self._last = time_ns, event_ns
        return len(raws)

    def _known(self) -> Interruption | None:
        """The seam, with all that is known of it by now; None: it is not known any more."""
        seam = self._seam
        if seam is None or seam.reopened_ns is not None:
            return seam
        start_ns = seam.start_ns
        found = (one for one in reversed(self._interruptions()) if one.start_ns == start_ns)
        self._seam = next(found, None)
        return self._seam

    def _follows_closely(self, time_ns: int, usual_gap_ns: int) -> bool:
        return self._last is None or time_ns - self._last[0] < usual_gap_ns / 2

    def _keeps_pace(self, time_ns: int, event_ns: int) -> bool:
        """Whether it came as long after the one before as it was made after that.

        Where clocks differ and nothing tells by how much, event times alone say nothing.
        """
        if self._last is None or self._last[1] is None:
            return False
        made_ns = event_ns - self._last[1]
        return made_ns > 0 and time_ns - self._last[0] >= made_ns / 2
