"""The session under any order of events: what an honest server, and what a liar, can do to it."""

from __future__ import annotations

import base64

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from grpctap.core import status as codes
from grpctap.core.history import History, Value
from grpctap.core.message import Reading
from grpctap.core.reconnect import SECOND, Backoff, Reconnect, When
from grpctap.core.seams import Cause, How, Interruption, Irregularity, Outcome
from grpctap.core.session import Session
from grpctap.core.state import ENDED, OPEN, Command, State
from grpctap.core.status import Status

OLDEST = base64.b64encode(b"oldest").decode()
STATUSES = (
    Status(codes.OK, "OK"),
    Status(codes.UNAVAILABLE, "UNAVAILABLE", "Stream removed (Socket closed)"),
    Status(codes.ABORTED, "ABORTED", "", "SLOW_CONSUMER"),
    Status(codes.INTERNAL, "INTERNAL", "Stream removed (RST_STREAM (… with error code 2))"),
    Status(codes.UNAUTHENTICATED, "UNAUTHENTICATED"),
    Status(codes.OUT_OF_RANGE, "OUT_OF_RANGE", "", "TOKEN_EXPIRED", {"oldest_token": OLDEST}),
    Status(codes.FAILED_PRECONDITION, "FAILED_PRECONDITION", "", "STREAM_CHANGED"),
    Status(codes.UNAVAILABLE, "UNAVAILABLE", "\x1b[2J\u202e", note="\x1b]0;x\x07"),
)


class Machine(RuleBasedStateMachine):
    """A session and its owner, which opens calls as it is told to."""

    when = When.ALWAYS

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000 * SECOND
        backoff = Backoff(Reconnect(self.when, attempts=5), draw=lambda: 0.5)
        self.session = Session(History(10_000), backoff=backoff)
        self.tags = [0]
        self.align(self.session.start(self.now))

    def align(self, asked: bool) -> None:
        """Checks that each call has a tag of its own, and that a call is wanted only when open."""
        if asked and self.session.is_open:
            assert self.session.call_id > self.tags[-1]
            self.tags.append(self.session.call_id)
            self.opened()

    def opened(self) -> None:
        """A call is made with the session's token."""

    @property
    def running(self) -> bool:
        return self.session.is_open and self.now >= self.session.open_at_ns

    @rule(seconds=st.sampled_from([0.001, 0.4, 3, 9, 30, 3600]))
    def time_goes_by(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)
        self.align(self.session.check(self.now))

    @rule(command=st.sampled_from(list(Command)))
    def somebody_presses_a_key(self, command: Command) -> None:
        allowed = self.session.allows(command, self.now)
        before = (self.session.state, self.session.call_id, self.session.token)
        assert self.session.command(command, self.now) is allowed
        if allowed:
            self.align(True)
        else:
            assert (self.session.state, self.session.call_id, self.session.token) == before

    @precondition(lambda self: self.running)
    @rule(status=st.sampled_from(STATUSES))
    def the_call_ends(self, status: Status) -> None:
        answered, token = self.session.answered_ns, self.session.token
        reopens = self.session.ended(status, self.now)
        assert reopens is (self.session.state is State.RECONNECTING)
        if reopens:
            assert self.session.token == token
            assert self.now <= self.session.open_at_ns <= self.now + 20 * SECOND
        elif answered and status.code == codes.UNAVAILABLE and self.when is When.ALWAYS:
            assert self.session.gave_up
        self.align(reopens)

    @invariant()
    def a_call_is_open_or_it_has_ended_or_waits_for_a_person(self) -> None:
        session = self.session
        kinds = (session.state in OPEN, session.state in ENDED, session.state is State.PAUSED)
        assert kinds.count(True) == 1
        assert (session.attempt > 0) is (session.state is State.RECONNECTING)

    @invariant()
    def there_is_always_a_key_that_leads_on(self) -> None:
        useful = [c for c in Command if self.session.allows(c, self.now)]
        assert useful

    @invariant()
    def counts_are_counts(self) -> None:
        cursor = self.session.cursor
        assert min(cursor.missed, cursor.repeated, cursor.late, self.session.left_out) >= 0
        assert self.session.behind >= 0

    @invariant()
    def seams_can_be_shown(self) -> None:
        for seam in self.session.history.newest(50).rows:
            if isinstance(seam, Interruption | Irregularity):
                assert seam.text()
                assert "\n" not in seam.text()


class Honest(Machine):
    """A server with one log; each call starts right after its token, or at the newest value."""

    def __init__(self) -> None:
        self.newest = 100
        self.position = 0
        super().__init__()

    def opened(self) -> None:
        token = self.session.token
        self.position = int(token) if token.isdigit() else self.newest

    @rule(count=st.integers(1, 5))
    def values_come_to_be(self, count: int) -> None:
        self.newest += count

    @precondition(lambda self: self.running and self.position < self.newest)
    @rule(count=st.integers(1, 10))
    def the_server_sends(self, count: int) -> None:
        for _ in range(min(count, self.newest - self.position)):
            self.position += 1
            token = b"%d" % self.position
            reading = Reading("log", self.position, token, False, None)
            assert self.session.receive(reading, token, self.now)
            assert self.session.token == token

    @precondition(lambda self: self.running)
    @rule()
    def the_server_tells_its_progress(self) -> None:
        token = b"%d" % self.position
        reading = Reading("log", self.newest, token, True, None, 5 * SECOND)
        assert not self.session.receive(reading, b"", self.now)

    @invariant()
    def every_value_is_there_once_and_in_order_but_for_what_a_person_left_out(self) -> None:
        left_out = 0
        row_before: Value | None = None
        seam: Interruption | None = None
        for row in self.session.history.newest().rows:
            if not isinstance(row, Value):
                # An honest server gives no reason for any other seam.
                assert isinstance(row, Interruption)
                seam = row
                continue
            if row_before is not None and row.sequence != row_before.sequence + 1:
                assert seam is not None
                assert seam.between is not None
                assert seam.between.first == row_before.sequence + 1
                assert seam.between.last == row.sequence - 1
                assert seam.outcome in (Outcome.LEFT_OUT, Outcome.MISSED)
                # Nobody is told that values are missing after a mere loss.
                if seam.outcome is Outcome.MISSED:
                    assert seam.how is How.OLDEST
                else:
                    left_out += seam.between.count
            elif seam is not None and row_before is not None:
                assert seam.outcome is Outcome.EXACT
            row_before, seam = row, None
        assert self.session.left_out == left_out
        assert self.session.cursor.repeated == 0
        assert self.session.cursor.late == 0


class Liar(Machine):
    """A server that says anything."""

    def opened(self) -> None:
        # Only a fresh call may begin with what the one before ended with.
        self.last = ("", 0)

    @precondition(lambda self: self.running)
    @rule(
        stream_id=st.sampled_from(["", "log", "other"]),
        sequence=st.integers(0, 12) | st.sampled_from([2**63, 2**64 - 1]),
        token=st.sampled_from([b"", b"a", b"b"]),
        progress=st.booleans(),
        interval_ns=st.sampled_from([0, -5, 1, 5 * SECOND, 2**63 - 1]),
    )
    def the_server_sends(
        self, stream_id: str, sequence: int, token: bytes, progress: bool, interval_ns: int
    ) -> None:
        reading = Reading(stream_id, sequence, token, progress, None, interval_ns)
        before = self.session.history.values
        kept = self.session.receive(reading, b"x", self.now)
        assert self.session.history.values == before + kept
        assert not (kept and progress)
        if kept and stream_id and sequence:
            assert (stream_id, sequence) != self.last
        if kept:
            self.last = (stream_id, sequence)
        assert self.session.state in (State.LIVE, State.CATCHING_UP)


class HonestPipe(Honest):
    """As a pipe does it: a loss without a place to go on from is the end."""

    when = When.WITH_CURSOR


class HonestAndNever(Honest):
    """Without reconnecting."""

    when = When.NEVER

    @invariant()
    def nothing_reconnects(self) -> None:
        assert self.session.state is not State.RECONNECTING
        assert all(seam.cause is not Cause.LOST for seam in self.session.interruptions)


FEW = settings(max_examples=60, stateful_step_count=40, deadline=None)
for machine in (Honest, HonestPipe, HonestAndNever, Liar):
    machine.TestCase.settings = FEW
TestHonest = Honest.TestCase
TestHonestPipe = HonestPipe.TestCase
TestHonestAndNever = HonestAndNever.TestCase
TestLiar = Liar.TestCase
