"""The life of one watched stream: its states, what the keys do to them, and the cursor.

Pure code: it opens nothing and waits for nothing. Its owner makes the calls that it asks for and
tells it what came of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from grpctap.core.cursor import Cursor, Verdict
from grpctap.core.history import History
from grpctap.core.liveness import Liveness
from grpctap.core.message import Reading, Run
from grpctap.core.outcome import GOING_ON, outcome_of
from grpctap.core.reconnect import HEALTHY_NS, Backoff, Reconnect, When, is_lost
from grpctap.core.refusal import oldest_token, refuses_place
from grpctap.core.seams import (
    Cause,
    Fault,
    How,
    Interruption,
    Irregularity,
    Outcome,
    Range,
    duration,
)
from grpctap.core.state import ALLOWED, OPEN, Command, State
from grpctap.core.status import UNAVAILABLE, Status

# As many as a chart can mark, and then some.
MAX_INTERRUPTIONS = 1_000


class Session:
    """The state machine of one stream, and the verification of what arrives.

    Each method that takes a time takes it in nanoseconds since the epoch. When `start`, `command`,
    `ended` or `check` returns True, the owner brings the call in line: when `is_open`, it opens a
    call with `token`, tagged with `call_id`, at `open_at_ns`, in place of any other; otherwise it
    cancels the one there is. What a call with another tag delivers must not be passed on, since it
    will be sent again.
    """

    def __init__(
        self, history: History, token: bytes = b"", backoff: Backoff | None = None
    ) -> None:
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
        self.open_at_ns = 0
        """When the newest call is to be opened."""
        self.liveness = Liveness()
        self.reconnects = 0
        """Attempts to reopen a lost call, ever."""
        self.interruptions: deque[Interruption] = deque(maxlen=MAX_INTERRUPTIONS)
        """The newest interruptions, in order."""
        self._backoff = backoff or Backoff(Reconnect(When.NEVER))
        self._ever_answered = False
        self.answered_ns = 0
        """When the newest call was first answered; 0: not yet."""
        self._how = How.FRESH
        self.settled = True
        """Whether a value of the newest call has come."""
        self._sent_token = False
        self._since_token = 0
        """Values without a number that came after the one whose token is held."""
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
        goes_on = self.settled or self._how in GOING_ON
        return self.last_label if goes_on else None

    @property
    def attempt(self) -> int:
        """Which attempt to reopen a lost call this is; 0: none."""
        return self._backoff.attempt if self.state is State.RECONNECTING else 0

    @property
    def gave_up(self) -> bool:
        """Whether it failed because no attempt was left."""
        lost = self.state is State.FAILED and self.status is not None and is_lost(self.status)
        return lost and self._backoff.attempt > 0 and self._backoff.spent

    @property
    def oldest_token(self) -> bytes:
        """With which a call starts at the oldest value; empty where no refusal told it."""
        return b"" if self.status is None else oldest_token(self.status)

    def allows(self, command: Command, now_ns: int) -> bool:
        """Whether the command means anything now."""
        if self.state not in ALLOWED[command]:
            return False
        if command is Command.OLDEST:
            return bool(self.oldest_token)
        if self.state is State.FAILED and command is Command.STOP:
            return self.status is not None and refuses_place(self.status)
        # An attempt that is under way is not cut short by the impatient.
        return self.state is not State.RECONNECTING or (
            command is not Command.RESUME or now_ns < self.open_at_ns
        )

    def start(self, now_ns: int = 0) -> bool:
        """Asks for the first call; does nothing, and returns False, when there was one."""
        if self.call_id:
            return False
        self._open(How.FRESH, now_ns)
        return True

    def command(self, command: Command, now_ns: int) -> bool:
        """Obeys a person; returns False, and changes nothing, when it means nothing here."""
        if not self.allows(command, now_ns):
            return False
        if self.state is State.RECONNECTING and command is Command.RESUME:
            self.open_at_ns = now_ns
            self.call_id += 1
            self.liveness.opened(now_ns)
            return True
        self._backoff.reset()
        match command:
            case Command.PAUSE:
                self._close(State.PAUSED, Cause.PAUSED, now_ns)
            case Command.STOP:
                self._close(State.STOPPED, Cause.STOPPED, now_ns)
            case Command.RESUME:
                self._reopen(self._how if not self.settled else How.RESUMED, now_ns)
            case Command.SKIP:
                self.token = b""
                self._reopen(How.SKIPPED, now_ns)
            case Command.FRESH:
                self.token = b""
                # Nothing of the calls before is expected of it: another server may answer, or none.
                self._ever_answered = False
                self.liveness = Liveness()
                self._reopen(How.FRESH, now_ns)
            case Command.OLDEST:
                self.token = self.oldest_token
                self._reopen(How.OLDEST, now_ns)
        return True

    def answered(self, now_ns: int) -> bool:
        """The server has answered, though with no message yet; returns whether that is news.

        It is no sign of life, and what then fails without a message was not lost.
        """
        if not self.is_open or self.answered_ns or now_ns < self.open_at_ns:
            return False
        self._answer(now_ns)
        self._follow(position_known=False)
        return True

    def receive(self, reading: Reading, raw: bytes, now_ns: int) -> bool:
        """Verifies a message of the running call; returns whether it went into the history."""
        if not self.answered_ns:
            self._answer(now_ns)
        self._ever_answered = True
        if reading.progress:
            self.liveness.progress(now_ns, reading.interval_ns)
            self.newest = reading.sequence
            self.token = reading.token or self.token
            # Before the first value only a resumed call's position is known: it is the cursor's.
            known = self.settled or self._how is How.RESUMED
            self._follow(known and reading.stream_id == self.cursor.stream_id)
            return False
        self.liveness.heard(now_ns)
        accepted = self._take(reading, raw, now_ns)
        self._follow(self.settled)
        return accepted

    def receive_run(self, run: Run, raws: Sequence[bytes], times: Sequence[int]) -> bool:
        """Takes many messages at once, as `receive` does one by one.

        Args:
            run: What they say.
            raws: The messages.
            times: When each of them came.

        Returns:
            False, and nothing was taken, when they do not simply go on from the last value.
        """
        cursor, first, last = self.cursor, run.sequences[0], run.sequences[-1]
        if not (
            self.settled
            and 1 < first == cursor.sequence + 1
            and (run.stream_id == cursor.stream_id != "")
        ):
            return False
        self.history.extend(run.sequences, times, raws)
        cursor.sequence = last
        self.token = run.token or self.token
        self.liveness.heard_ns = times[-1]
        self._follow(position_known=True)
        return True

    def ended(self, status: Status, now_ns: int) -> bool:
        """The running call ended by itself; returns whether another is to be opened."""
        if status.ok:
            self._close(State.FINISHED, Cause.FINISHED, now_ns, status)
        elif self._goes_on_after(status, now_ns):
            how = How.RESUMED if self.settled else self._how
            self._close(State.RECONNECTING, Cause.LOST, now_ns, status)
            self._amend(how=how)
            self._open(how, now_ns + self._backoff.next_ns())
            self.state, self.status = State.RECONNECTING, status
            self.reconnects += 1
            return True
        else:
            self._close(State.FAILED, Cause.FAILED, now_ns, status)
        return False

    def check(self, now_ns: int) -> bool:
        """Gives up a call whose signs of life stay away; returns whether it did."""
        waits = not self.is_open or now_ns < self.open_at_ns
        if waits or not self.liveness.is_dead(now_ns):
            return False
        silence = duration(now_ns - self.liveness.heard_ns)
        promised = duration(self.liveness.interval_ns)
        words = f"no sign of life for {silence}; this server gives one every {promised}"
        self.ended(Status(UNAVAILABLE, "UNAVAILABLE", words), now_ns)
        return True

    def _goes_on_after(self, status: Status, now_ns: int) -> bool:
        well = self.answered_ns > 0 and now_ns - self.answered_ns >= HEALTHY_NS
        if well:
            self._backoff.reset()
        when = self._backoff.policy.when
        exact = bool(self.token) and not self._since_token
        return (
            # What never answered is not lost: whoever opened it wants to know why.
            self._ever_answered
            and (when is When.ALWAYS or (when is When.WITH_CURSOR and exact))
            and is_lost(status)
            and not self._backoff.spent
        )

    def _answer(self, now_ns: int) -> None:
        self.answered_ns = now_ns
        self.status = None
        if self._gap is not None and self._gap[1].reopened_ns is None:
            self._amend(reopened_ns=now_ns)

    def _open(self, how: How, at_ns: int) -> None:
        self._how = how
        self.settled = False
        self.answered_ns = 0
        self.newest = 0
        self.status = None
        self.state = State.CONNECTING
        self.open_at_ns = at_ns
        self.liveness.opened(at_ns)
        self._sent_token = bool(self.token)
        self.call_id += 1

    def _reopen(self, how: How, now_ns: int) -> None:
        if self._gap is not None:
            self._amend(how=how, reopened_ns=now_ns)
        elif self.last_label is not None:
            self._add(Interruption(Cause.SKIPPED, now_ns, self.last_label, None, now_ns, how))
        self._open(how, now_ns)

    def _close(self, state: State, cause: Cause, now_ns: int, status: Status | None = None) -> None:
        self.state = state
        self.status = status
        self.call_id += 1
        # An interruption that no value has followed yet goes on as the same one, unless another
        # cause would hide how the call ended.
        gap = self._gap
        last = gap is not None and gap[0] == self.history.end - 1
        if last and gap is not None and (gap[1].cause is cause or _is_quiet(gap[1])):
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
        restarted = self._how is How.FRESH and not self.settled
        if verdict is Verdict.REPEATED and not restarted:
            cursor.repeated += 1
            self._irregular(Fault.REPEATED, between, now_ns)
            return False
        if verdict is Verdict.LATE and not restarted:
            self._irregular(Fault.LATE, between, now_ns)
            self.history.append(reading.sequence, now_ns, raw)
            cursor.accept(reading, verdict)
            return True
        asked_for = not self.settled and self._how not in GOING_ON
        if not self.settled:
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
        # A server that gives no token with a value can still be asked for what came after the last
        # one: what it then sends twice is dropped by its number, or the seam tells of it.
        keep = b"" if verdict is Verdict.NEW_STREAM else self.token
        self.token = reading.token or keep
        exact = reading.token or reading.sequence or not keep
        self._since_token = 0 if exact else self._since_token + 1
        return True

    def _settle(self, verdict: Verdict, between: Range | None) -> None:
        outcome = outcome_of(
            verdict, self._how, sent_token=self._sent_token, since_token=self._since_token
        )
        if outcome is Outcome.LEFT_OUT and between is not None:
            self.left_out += between.count
        if outcome is Outcome.MAY_REPEAT:
            last = self.history.values
            between = Range(last - self._since_token + 1, last)
        elif verdict is not Verdict.GAP:
            between = None
        self._amend(outcome=outcome, between=between)
        self._since_token = 0
        self.settled = True
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


def _is_quiet(gap: Interruption) -> bool:
    return gap.how is None and gap.cause in (Cause.PAUSED, Cause.STOPPED)
