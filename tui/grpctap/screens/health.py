"""The health of a stream, followed as long as it is shown."""

from __future__ import annotations

from grpctap.core.event import event_reader
from grpctap.core.follow import Follower
from grpctap.core.health import Health, times_away
from grpctap.core.message import MessageError
from grpctap.snapshot import Snapshot
from grpctap.watched import Watched
from grpctap.widgets.health_panel import HealthPanel, Report

# Figures that change ten times a second cannot be read.
_LOOKS_PER_FIGURES = 5


class HealthSide:
    """Takes what is new of a tap, and shows the figures on its panel."""

    def __init__(self, tap: Watched) -> None:
        self._tap = tap
        self._follower = Follower(tap)
        self._health = _health(tap)
        self._looks = 0
        self._reading: range | None = None
        self.panel = HealthPanel()
        self.is_on = False

    def toggle(self) -> None:
        """Is shown or not, from now on."""
        self.is_on = not self.is_on
        if self.is_on:
            self._looks = 0
            self._begin_reading()
            self.look(self._tap.snapshot())

    def tick(self) -> None:
        """Goes on where a look did not have time for all."""
        if self.is_on and self._follower.behind:
            self._take()

    def look(self, now: Snapshot) -> None:
        """Takes what is new, and shows the figures now and then."""
        if not self.is_on:
            return
        was_reading = self._reading is not None
        self._take()
        # How far it has come, and then what it has found, is shown at once.
        if was_reading or self._looks % _LOOKS_PER_FIGURES == 0:
            now_ns = self._tap.now_ns()
            facts = self._tap.facts()
            self.panel.show(
                Report(
                    self._health,
                    now,
                    times_away(self._tap.interruptions(), now_ns),
                    0 if facts is None else facts.number,
                    self._follower.account,
                    now_ns,
                    is_behind=self._follower.behind > 0,
                    read=self._read,
                )
            )
        self._looks += 1

    def _begin_reading(self) -> None:
        """What is kept by now is the history; what comes later is the stream."""
        extent = self._tap.extent()
        self._reading = range(max(self._follower.next_row, extent.first), extent.end)

    @property
    def _read(self) -> float | None:
        """How much of the history is read, from 0 to 1; None: all of it."""
        rows = self._reading
        if rows is None:
            return None
        return min(max(self._follower.next_row - rows.start, 0) / max(len(rows), 1), 1.0)

    def _take(self) -> None:
        for taken in self._follower.look():
            if taken.anew:
                self._health = _health(self._tap)
                self._begin_reading()
            self._health.take(taken)
        # Of a recording, rows that were to be read may be taken back.
        reading, follower = self._reading, self._follower
        if reading is not None and (follower.next_row >= reading.stop or not follower.behind):
            self._reading = None


def _health(tap: Watched) -> Health:
    schema = tap.schema
    read = event_reader(schema.message(b"").DESCRIPTOR)  # type: ignore[arg-type]
    if read is None:
        return Health(None, tap.interruptions)

    def event_ns(raw: bytes) -> int | None:
        try:
            return read(schema.message(raw))
        except MessageError:
            return None

    return Health(event_ns, tap.interruptions)
