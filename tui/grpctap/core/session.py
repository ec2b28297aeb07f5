"""The life of one watched stream: its states, what the keys do to them, and the cursor.

Pure code: it opens nothing and waits for nothing. Its owner makes the calls that it asks for and
tells it what came of them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from enum import Enum

from grpctap.core.cursor import Cursor, Verdict
from grpctap.core.history import History
from grpctap.core.message import Reading
from grpctap.core.seams import (
    Cause,
    Fault,
    How,
    Interruption,
    Irregularity,
    Outcome,
    Range,
)
from grpctap.core.status import Status


class State(Enum):
    """Where the stream stands; the value is its name on the screen."""

    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    CATCHING_UP = "CATCHING UP"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


class Command(Enum):
    """What a person can ask of the stream."""

    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    STOP = "stop"
    FRESH = "fresh"


OPEN = frozenset({State.CONNECTING, State.LIVE, State.CATCHING_UP})
# As many as a chart can mark, and then some.
MAX_INTERRUPTIONS = 1_000
ENDED = frozenset({State.STOPPED, State.FINISHED, State.FAILED})
ALLOWED = {
    Command.PAUSE: OPEN,
    Command.RESUME: frozenset({State.PAUSED, State.FAILED}),
    Command.SKIP: OPEN | {State.PAUSED},
    Command.STOP: OPEN | {State.PAUSED},
    Command.FRESH: ENDED,
}


class Session:
    """The state machine of one stream, and the verification of what arrives.

    Each method that takes a time takes it in nanoseconds since the epoch. After `start` and after a
    command that returned True, the owner brings the call in line: when `is_open`, it opens a call
    with `token`, tagged with `call_id`, in place of any other; otherwise it cancels the one there
    is. What a call with another tag delivers must not be passed on, since it will be sent again.
    """

    def __init__(self, history: History, token: bytes = b"") -> None:
        self.history = history
        self.state = State.CONNECTING
        self.call_id = 0
        self.token = token
        """Where the next call starts; empty: a fresh call."""
        self.status: Status | None = None
        """What the last call ended with, when it ended by itself."""
        self.newest = 0
        """The newest value of the log that the server spoke of; 0: none."""
        self.cursor = Cursor()
        self.left_out = 0
        """Values that were skipped because a person asked for it."""
        self.interruptions: deque[Interruption] = deque(maxlen=MAX_INTERRUPTIONS)
        """The newest interruptions, in order."""
        self._how = How.FRESH
        self._settled = True
        self._sent_token = False
        self._gap: tuple[int, Interruption] | None = None
        self._irregularity: tuple[int, Irregularity | None] = (-1, None)

    @property
    def is_open(self) -> bool:
        """Whether a call should be running."""
        return self.state in OPEN

    @property
    def behind(self) -> int:
        """How many values the viewer is behind the log, as far as the server told."""
        return max(self.newest - self.cursor.sequence, 0) if self.newest else 0

    @property
    def last_label(self) -> int | None:
        """The number of the last value: the server's, else ours; None before the first."""
        return self.cursor.sequence or self.history.values or None

    @property
    def place(self) -> int | None:
        """The number that a resumed call goes on after; None where it does not go on."""
        goes_on = self._settled or self._how is How.RESUMED
        return self.last_label if goes_on else None

    def allows(self, command: Command) -> bool:
        """Whether the command means anything in this state."""
        return self.state in ALLOWED[command]

    def start(self) -> None:
        """Asks for the first call."""
        self._open(How.FRESH)

    def command(self, command: Command, now_ns: int) -> bool:
        """Obeys a person; returns False, and changes nothing, when it means nothing here."""
        if not self.allows(command):
            return False
        match command:
            case Command.PAUSE:
                self._close(State.PAUSED, Cause.PAUSED, now_ns)
            case Command.STOP:
                self._close(State.STOPPED, Cause.STOPPED, now_ns)
            case Command.RESUME:
                self._reopen(self._how if not self._settled else How.RESUMED, now_ns)
            case Command.SKIP:
                self.token = b""
                self._reopen(How.SKIPPED, now_ns)
            case Command.FRESH:
                self.token = b""
                self._reopen(How.FRESH, now_ns)
        return True

    def receive(self, reading: Reading, raw: bytes, now_ns: int) -> bool:
        """Verifies a message of the running call; returns whether it went into the history."""
        if reading.progress:
            self.newest = reading.sequence
            self.token = reading.token or self.token
            # Before the first value only a resumed call's position is known: it is the cursor's.
            known = self._settled or self._how is How.RESUMED
            self._follow(known and reading.stream_id == self.cursor.stream_id)
            return False
        cursor, sequence = self.cursor, reading.sequence
        # Nearly every value is simply the next one, and a flood leaves no time for more questions.
        if (
            self._settled
            and 1 < sequence == cursor.sequence + 1
            and (reading.stream_id == cursor.stream_id != "")
        ):
            self.history.append(sequence, now_ns, raw)
            cursor.sequence = sequence
            self.token = reading.token or self.token
            self.state = State.CATCHING_UP if self.newest > sequence else State.LIVE
            return True
        accepted = self._take(reading, raw, now_ns)
        self._follow(self._settled)
        return accepted

    def ended(self, status: Status, now_ns: int) -> None:
        """The running call ended by itself."""
        if status.ok:
            self._close(State.FINISHED, Cause.FINISHED, now_ns, status)
        else:
            self._close(State.FAILED, Cause.FAILED, now_ns, status)

    def _open(self, how: How) -> None:
        self._how = how
        self._settled = False
        self.newest = 0
        self.status = None
        self.state = State.CONNECTING
        self._sent_token = bool(self.token)
        self.call_id += 1

    def _reopen(self, how: How, now_ns: int) -> None:
        if self._gap is not None:
            self._amend(how=how, reopened_ns=now_ns)
        elif self.last_label is not None:
            self._add(Interruption(Cause.SKIPPED, now_ns, self.last_label, None, now_ns, how))
        self._open(how)

    def _close(self, state: State, cause: Cause, now_ns: int, status: Status | None = None) -> None:
        self.state = state
        self.status = status
        self.call_id += 1
        # An interruption that no value has followed yet goes on as the same one.
        gap = self._gap
        last = gap is not None and gap[0] == self.history.end - 1
        if last and gap is not None and (gap[1].how is None or gap[1].cause is cause):
            self._amend(cause=cause, status=status, how=None, reopened_ns=None)
        else:
            self._add(Interruption(cause, now_ns, self.last_label, status))

    def _add(self, interruption: Interruption) -> None:
        self._gap = (self.history.add_seam(interruption), interruption)
        self.interruptions.append(interruption)

    def _amend(self, **changes: object) -> None:
        if self._gap is not None:
            row, seam = self._gap
            seam = replace(seam, **changes)  # type: ignore[arg-type]
            self.history.amend(row, seam)
            self._gap = (row, seam)
            self.interruptions[-1] = seam

    def _follow(self, position_known: bool) -> None:
        if position_known and self.cursor.sequence and self.behind:
            self.state = State.CATCHING_UP
        else:
            self.state = State.LIVE

    def _take(self, reading: Reading, raw: bytes, now_ns: int) -> bool:
        cursor = self.cursor
        verdict, between = cursor.judge(reading)
        restarted = self._how is How.FRESH and not self._settled
        if verdict is Verdict.REPEATED and not restarted:
            cursor.repeated += 1
            self._irregular(Fault.REPEATED, between, now_ns)
            return False
        if verdict is Verdict.LATE and not restarted:
            self._irregular(Fault.LATE, between, now_ns)
            self.history.append(reading.sequence, now_ns, raw)
            cursor.accept(reading, verdict)
            return True
        asked_for = not self._settled and self._how is not How.RESUMED
        if not self._settled:
            self._settle(verdict, between)
        elif verdict is Verdict.NEW_STREAM:
            self._irregular(Fault.NEW_STREAM, None, now_ns)
        elif verdict is Verdict.GAP:
            self._irregular(Fault.GAP, between, now_ns)
        self.history.append(reading.sequence, now_ns, raw)
        if asked_for:
            cursor.rebase(reading)
        else:
            cursor.accept(reading, verdict)
        # A numbered server that forgets a token can still be asked for what came after the last
        # one, since what it sends twice is dropped.
        keep = self.token if verdict in (Verdict.NEXT, Verdict.GAP) else b""
        self.token = reading.token or keep
        return True

    def _settle(self, verdict: Verdict, between: Range | None) -> None:
        outcome = Outcome.UNKNOWN
        if verdict is Verdict.NEXT:
            outcome = Outcome.EXACT
        elif self._how is How.RESUMED:
            if verdict is Verdict.GAP:
                outcome = Outcome.MISSED
            elif verdict is not Verdict.FIRST and not self._sent_token:
                outcome = Outcome.CANNOT_RESUME
            elif verdict is Verdict.NEW_STREAM:
                outcome = Outcome.NEW_STREAM
        elif verdict is Verdict.NEW_STREAM:
            outcome = Outcome.ANEW
        elif verdict is Verdict.GAP and between is not None:
            outcome = Outcome.LEFT_OUT
            self.left_out += between.count
        self._amend(outcome=outcome, between=between if verdict is Verdict.GAP else None)
        self._settled = True
        self._gap = None

    def _irregular(self, fault: Fault, between: Range | None, now_ns: int) -> None:
        row, seam = self._irregularity
        if (
            between is not None
            and seam is not None
            and row == self.history.end - 1
            and seam.fault is fault is Fault.REPEATED
            and seam.between is not None
        ):
            # One seam for a run of repeats: a server that starts over must not flood the log.
            joined = Range(
                min(seam.between.first, between.first), max(seam.between.last, between.last)
            )
            seam = replace(seam, count=seam.count + 1, between=joined)
            self.history.amend(row, seam)
        else:
            seam = Irregularity(fault, now_ns, 0 if between is None else between.count, between)
            row = self.history.add_seam(seam)
        self._irregularity = (row, seam)
