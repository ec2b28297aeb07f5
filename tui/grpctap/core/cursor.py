"""The cursor: how far the stream was received, checked against what the server says."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

from grpctap.core.message import Reading
from grpctap.core.seams import Range

# More holes than this in one stream are remembered by their number only.
MAX_HOLES = 1_000


class Verdict(Enum):
    """What a value's place is, compared with the value before it."""

    FIRST = auto()
    NEXT = auto()
    GAP = auto()
    REPEATED = auto()
    LATE = auto()
    NEW_STREAM = auto()
    UNNUMBERED = auto()


class Cursor:
    """Where the stream stands: the last value that was accepted, and the holes before it.

    It trusts no server: `judge` compares a value with what came before, `accept` moves on to it
    once it is in the history.
    """

    def __init__(self) -> None:
        self.started = False
        self.stream_id = ""
        self.sequence = 0
        """The highest sequence accepted in this stream; 0: none, or the server numbers nothing."""
        self.missed = 0
        """Values that the server left out."""
        self.repeated = 0
        """Values that came again."""
        self.late = 0
        """Values that filled a hole afterwards."""
        self._holes: deque[Range] = deque(maxlen=MAX_HOLES)

    def judge(self, reading: Reading) -> tuple[Verdict, Range | None]:
        """The verdict on a value, and the sequences that it concerns (GAP, REPEATED, LATE)."""
        sequence = reading.sequence
        if reading.stream_id != self.stream_id:
            return (Verdict.NEW_STREAM if self.started else Verdict.FIRST), None
        if not self.started:
            return Verdict.FIRST, None
        if not sequence or not reading.stream_id or not self.sequence:
            return Verdict.UNNUMBERED, None
        last = self.sequence
        if sequence == last + 1:
            return Verdict.NEXT, None
        if sequence > last:
            return Verdict.GAP, Range(last + 1, sequence - 1)
        late = any(hole.first <= sequence <= hole.last for hole in self._holes)
        return (Verdict.LATE if late else Verdict.REPEATED), Range(sequence, sequence)

    def accept(self, reading: Reading, verdict: Verdict) -> None:
        """Moves on to a value; a gap before it counts as missed."""
        if verdict is Verdict.GAP:
            self._holes.append(Range(self.sequence + 1, reading.sequence - 1))
            self.missed += reading.sequence - 1 - self.sequence
        elif verdict is Verdict.LATE:
            self._fill(reading.sequence)
            return
        self.rebase(reading)

    def rebase(self, reading: Reading) -> None:
        """Moves to a value wherever it is: what lies between was not asked for."""
        if reading.stream_id != self.stream_id or reading.sequence < self.sequence:
            self._holes.clear()
        self.started = True
        self.stream_id = reading.stream_id
        self.sequence = reading.sequence

    def _fill(self, sequence: int) -> None:
        self.missed -= 1
        self.late += 1
        index = next(i for i, hole in enumerate(self._holes) if hole.first <= sequence <= hole.last)
        hole = self._holes[index]
        del self._holes[index]
        for part in (Range(hole.first, sequence - 1), Range(sequence + 1, hole.last)):
            if part.first <= part.last and len(self._holes) < MAX_HOLES:
                self._holes.append(part)
