from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from grpctap.core import status as codes
from grpctap.core.history import History
from grpctap.core.liveness import ANSWER_NS, LEAST_NS, Liveness
from grpctap.core.message import Reading
from grpctap.core.reconnect import HEALTHY_NS, SECOND, Backoff, Reconnect, When, is_lost
from grpctap.core.seams import Cause, How, Interruption, Outcome, Range
from grpctap.core.session import Session
from grpctap.core.state import Command, State
from grpctap.core.status import Status

LOST = Status(codes.UNAVAILABLE, "UNAVAILABLE", "Stream removed (Socket closed)")
REFUSED = Status(codes.UNAUTHENTICATED, "UNAUTHENTICATED", "who are you?")
TOKEN = base64.b64encode(b"oldest").decode()
EXPIRED = Status(
    codes.OUT_OF_RANGE, "OUT_OF_RANGE", "gone", "TOKEN_EXPIRED", {"oldest_token": TOKEN}
)


class Stream:
    """A session with a backoff whose jitter is none, and a clock that the test sets."""

    def __init__(self, policy: Reconnect | None = None) -> None:
        backoff = Backoff(policy or Reconnect(), draw=lambda: 1.0)
        self.session = Session(History(1000), backoff=backoff)
        self.now = 1_000 * SECOND
        self.session.start(self.now)

    def values(self, *sequences: int, stream_id: str = "log") -> None:
        for sequence in sequences:
            reading = Reading(stream_id, sequence, b"%d" % sequence, False, None)
            self.session.receive(reading, b"%d" % sequence, self.now)

    def unnumbered(self, count: int) -> None:
        for _ in range(count):
            self.session.receive(Reading("", 0, b"", False, None), b"", self.now)

    def progress(self, newest: int, position: int, interval_ns: int = 0) -> None:
        reading = Reading("log", newest, b"%d" % position, True, None, interval_ns)
        self.session.receive(reading, b"", self.now)

    def lose(self, after_s: float = 0.0, status: Status = LOST) -> bool:
        self.now += round(after_s * SECOND)
        return self.session.ended(status, self.now)

    @property
    def wait_s(self) -> float:
        return (self.session.open_at_ns - self.now) / SECOND

    @property
    def seams(self) -> list[Interruption]:
        rows = self.session.history.newest().rows
        return [row for row in rows if isinstance(row, Interruption)]


def test_a_lost_call_is_opened_again_at_its_place() -> None:
    stream = Stream()
    stream.values(1, 2, 3)
    call_id = stream.session.call_id
    assert stream.lose()
    session = stream.session
    assert (session.state, session.attempt, session.status) == (State.RECONNECTING, 1, LOST)
    assert session.is_open
    assert session.token == b"3"
    assert session.call_id > call_id
    assert stream.seams[0].text().startswith("lost with UNAVAILABLE at #3 ")
    stream.now += 8 * SECOND
    stream.values(4)
    assert (session.state, session.attempt, session.status) == (State.LIVE, 0, None)
    (seam,) = stream.seams
    assert (seam.cause, seam.how, seam.outcome) == (Cause.LOST, How.RESUMED, Outcome.EXACT)
    assert seam.reopened_ns == seam.start_ns + 8 * SECOND
    assert seam.text().startswith("lost at #3 ")
    assert seam.text().endswith(" · resumed after 8.0 s · nothing missed")
    assert seam.label == "lost 8.0 s"


def test_the_wait_doubles_up_to_its_bound_and_the_losses_are_one_seam() -> None:
    stream = Stream()
    stream.values(1)
    waits = []
    for _ in range(9):
        assert stream.lose(0.1)
        waits.append(stream.wait_s)
    assert waits == [0.5, 1, 2, 4, 8, 16, 20, 20, 20]
    assert len(stream.seams) == 1
    assert len(stream.session.interruptions) == 1


@pytest.mark.parametrize(("well_s", "wait_s"), [(9.9, 2.0), (10.0, 0.5)])
def test_a_stream_that_was_well_for_a_while_waits_as_at_first(well_s: float, wait_s: float) -> None:
    stream = Stream()
    stream.values(1)
    stream.lose()
    stream.lose()
    stream.values(2)
    stream.lose(well_s)
    assert stream.wait_s == wait_s
    assert HEALTHY_NS == 10 * SECOND


def test_the_jitter_is_full() -> None:
    draws = iter([0.0, 0.25, 1.0])
    backoff = Backoff(Reconnect(), draw=lambda: next(draws))
    assert [backoff.next_ns() / SECOND for _ in range(3)] == [0.0, 0.25, 2.0]
    drawn = [Backoff(Reconnect()).next_ns() / SECOND for _ in range(200)]
    assert 0 <= min(drawn) < 0.1
    assert 0.4 < max(drawn) <= 0.5


def test_a_thousand_attempts_are_as_cheap_as_one() -> None:
    backoff = Backoff(Reconnect(), draw=lambda: 1.0)
    assert {backoff.next_ns() for _ in range(10_000)} >= {20 * SECOND}
    assert backoff.attempt == 10_000


def test_what_never_answered_fails_at_once() -> None:
    stream = Stream()
    assert not stream.lose()
    assert stream.session.state is State.FAILED
    stream.session.command(Command.RESUME, stream.now)
    assert not stream.lose()
    assert stream.session.state is State.FAILED
    assert not stream.session.gave_up


def test_a_stream_that_answered_once_is_tried_again_also_after_a_pause() -> None:
    stream = Stream()
    stream.values(1)
    for command in (Command.PAUSE, Command.RESUME):
        assert stream.session.command(command, stream.now)
    assert stream.lose()
    assert [seam.cause for seam in stream.seams] == [Cause.PAUSED, Cause.LOST]


def test_a_refusal_ends_the_attempts() -> None:
    stream = Stream()
    stream.values(1)
    stream.lose()
    assert not stream.lose(status=REFUSED)
    assert (stream.session.state, stream.session.status) == (State.FAILED, REFUSED)
    assert not stream.session.gave_up
    # How it was lost stays to be read.
    assert [seam.cause for seam in stream.seams] == [Cause.LOST, Cause.FAILED]


def test_the_attempts_may_be_bounded() -> None:
    stream = Stream(Reconnect(attempts=2))
    stream.values(1)
    assert [stream.lose() for _ in range(3)] == [True, True, False]
    assert stream.session.state is State.FAILED
    assert stream.session.gave_up
    # A person's try gives the attempts back.
    stream.session.command(Command.RESUME, stream.now)
    assert [stream.lose() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("when", "numbered", "reopens"),
    [
        (When.ALWAYS, True, True),
        (When.ALWAYS, False, True),
        (When.WITH_CURSOR, True, True),
        (When.WITH_CURSOR, False, False),
        (When.NEVER, True, False),
    ],
)
def test_when_a_lost_call_is_opened_again(when: When, numbered: bool, reopens: bool) -> None:
    stream = Stream(Reconnect(when))
    if numbered:
        stream.values(1, 2)
    else:
        stream.unnumbered(2)
    assert stream.lose() is reopens
    assert stream.session.state is (State.RECONNECTING if reopens else State.FAILED)


def test_a_server_without_a_cursor_is_reopened_from_its_start_and_the_seam_says_so() -> None:
    stream = Stream()
    stream.unnumbered(3)
    stream.lose()
    stream.unnumbered(1)
    (seam,) = stream.seams
    assert seam.outcome is Outcome.CANNOT_RESUME
    assert "reopened" in seam.text()


def test_what_is_missing_after_a_loss_is_told_exactly() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.lose()
    stream.values(7)
    (seam,) = stream.seams
    assert (seam.outcome, seam.between) == (Outcome.MISSED, Range(3, 6))
    assert stream.session.cursor.missed == 4


def test_a_skip_that_is_lost_before_its_first_value_stays_a_skip() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.session.command(Command.SKIP, stream.now)
    stream.lose()
    assert stream.session.token == b""
    stream.values(9)
    assert stream.session.left_out == 6
    assert stream.session.cursor.missed == 0


def test_space_tries_now_but_does_not_cut_an_attempt_short() -> None:
    stream = Stream()
    stream.values(1)
    stream.lose()
    session = stream.session
    call_id = session.call_id
    assert not session.allows(Command.PAUSE, stream.now)
    assert session.command(Command.RESUME, stream.now)
    assert (session.state, session.attempt, stream.wait_s) == (State.RECONNECTING, 1, 0)
    assert session.call_id > call_id
    assert not session.command(Command.RESUME, stream.now)
    stream.lose()
    assert (session.attempt, stream.wait_s) == (2, 1.0)
    stream.now += SECOND
    assert not session.allows(Command.RESUME, stream.now)


def test_s_gives_up_and_the_loss_stays_to_be_read() -> None:
    stream = Stream()
    stream.values(1)
    stream.lose()
    assert stream.session.command(Command.STOP, stream.now)
    assert stream.session.state is State.STOPPED
    assert [seam.cause for seam in stream.seams] == [Cause.LOST, Cause.STOPPED]


def test_an_expired_token_offers_the_oldest_value_now_or_the_end() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.lose(status=EXPIRED)
    session = stream.session
    offered = {c for c in Command if session.allows(c, stream.now)}
    assert offered >= {Command.OLDEST, Command.FRESH, Command.STOP}
    assert session.command(Command.OLDEST, stream.now)
    assert session.token == b"oldest"
    stream.values(9)
    (seam,) = stream.seams
    assert (seam.how, seam.outcome, seam.between) == (How.OLDEST, Outcome.MISSED, Range(3, 8))
    assert session.cursor.missed == 6


def test_the_oldest_value_of_another_log_is_told_as_such() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.lose(status=replace(EXPIRED, reason="STREAM_CHANGED"))
    stream.session.command(Command.OLDEST, stream.now)
    stream.values(1, stream_id="other")
    assert stream.seams[-1].outcome is Outcome.ANEW
    assert stream.session.cursor.missed == 0


@pytest.mark.parametrize("info", [{}, {"oldest_token": "no base64!"}, {"oldest_token": "\u0161"}])
def test_without_the_oldest_ones_token_it_is_not_offered(info: dict[str, str]) -> None:
    stream = Stream()
    stream.values(1)
    stream.lose(status=replace(EXPIRED, info=info))
    assert not stream.session.allows(Command.OLDEST, stream.now)
    assert stream.session.allows(Command.STOP, stream.now)


def test_other_failures_offer_no_choice() -> None:
    stream = Stream()
    stream.values(1)
    stream.lose(status=replace(REFUSED, info={"oldest_token": TOKEN}))
    assert not stream.session.allows(Command.OLDEST, stream.now)
    assert not stream.session.allows(Command.STOP, stream.now)


@pytest.mark.parametrize(
    ("status", "lost"),
    [
        (Status(14, "UNAVAILABLE"), True),
        (Status(10, "ABORTED", "", "SLOW_CONSUMER"), True),
        (Status(10, "ABORTED", "conflict"), False),
        (Status(13, "INTERNAL", "Stream removed (RST_STREAM (… with error code 2))"), True),
        (Status(1, "CANCELLED", "Stream removed (RST_STREAM (… with error code 8))"), True),
        (Status(8, "RESOURCE_EXHAUSTED", "Stream removed (RST_STREAM (… code 11))"), True),
        (Status(2, "UNKNOWN", "Stream removed (Data frame with END_STREAM flag …)"), True),
        (Status(2, "UNKNOWN", "No status received"), True),
        (Status(13, "INTERNAL", "Received RST_STREAM with error code 2"), True),
        (Status(7, "PERMISSION_DENIED", "Stream removed (RST_STREAM (… code 12))"), False),
        (Status(4, "DEADLINE_EXCEEDED", "Stream removed (Deadline Exceeded)"), False),
        (Status(13, "INTERNAL", "a bug"), False),
        (Status(2, "UNKNOWN", "a bug"), False),
        (Status(1, "CANCELLED", "by the handler"), False),
        (Status(8, "RESOURCE_EXHAUSTED", "quota"), False),
        (Status(8, "RESOURCE_EXHAUSTED", "Stream removed (CLIENT: … larger than max (…))"), False),
        *((Status(code, "NEVER", "…"), False) for code in (3, 5, 6, 7, 9, 11, 12, 15, 16)),
    ],
)
def test_what_counts_as_lost(status: Status, lost: bool) -> None:
    assert is_lost(status) is lost


def test_three_missing_signs_of_life_are_death() -> None:
    stream = Stream()
    stream.progress(2, 0, interval_ns=5 * SECOND)
    stream.values(1, 2)
    stream.now += 15 * SECOND
    assert not stream.session.check(stream.now)
    stream.now += 1
    assert stream.session.check(stream.now)
    assert stream.session.state is State.RECONNECTING
    assert stream.session.status is not None
    assert stream.session.status.details == (
        "no sign of life for 15.0 s; this server gives one every 5.0 s"
    )
    assert stream.session.token == b"2"


def test_a_server_without_signs_of_life_may_be_silent_for_ever() -> None:
    stream = Stream()
    stream.values(1)
    stream.now += 10**6 * SECOND
    assert not stream.session.check(stream.now)


def test_nothing_is_missed_while_paused_waiting_or_ended() -> None:
    stream = Stream()
    stream.progress(0, 0, interval_ns=SECOND)
    stream.session.command(Command.PAUSE, stream.now)
    stream.now += 100 * SECOND
    assert not stream.session.check(stream.now)
    stream.session.command(Command.RESUME, stream.now)
    assert not stream.session.check(stream.now)
    stream.lose()
    assert not stream.session.check(stream.now)


def test_an_attempt_without_an_answer_is_given_up_too() -> None:
    stream = Stream()
    stream.progress(0, 0, interval_ns=SECOND)
    stream.lose()
    stream.now += stream.session.open_at_ns - stream.now + ANSWER_NS
    assert not stream.session.check(stream.now)
    stream.now += 1
    assert stream.session.check(stream.now)
    assert stream.session.attempt == 2


def test_the_interval_of_the_signs_is_learnt_where_it_is_not_told() -> None:
    liveness = Liveness()
    liveness.opened(0)
    liveness.progress(3 * SECOND, 0)
    assert liveness.interval_ns == 0
    assert not liveness.is_dead(10**6 * SECOND)
    # A sign that follows upon a value says nothing of how long a silence may be.
    liveness.heard(5 * SECOND - 1)
    liveness.progress(5 * SECOND, 0)
    assert liveness.interval_ns == 2 * SECOND
    assert liveness.is_well(9 * SECOND)
    assert not liveness.is_well(9 * SECOND + 1)
    assert not liveness.is_dead(11 * SECOND)
    assert liveness.is_dead(11 * SECOND + 1)
    liveness.progress(6 * SECOND, 9 * SECOND)
    assert liveness.interval_ns == 9 * SECOND


def test_a_promise_ends_with_the_server_that_gave_it() -> None:
    liveness = Liveness()
    liveness.progress(0, SECOND)
    liveness.opened(10 * SECOND)
    # Until it answers, the next one is given a while.
    assert liveness.limit_ns == ANSWER_NS
    liveness.heard(11 * SECOND)
    assert not liveness.is_dead(10**6 * SECOND)


def test_a_fresh_call_owes_nothing_to_those_before() -> None:
    stream = Stream()
    stream.progress(1, 0, interval_ns=SECOND)
    stream.values(1)
    for command in (Command.STOP, Command.FRESH):
        assert stream.session.command(command, stream.now)
    stream.now += 10**6 * SECOND
    assert not stream.session.check(stream.now)
    # It is told at once that nobody is there.
    assert not stream.lose()
    assert stream.session.state is State.FAILED


def test_a_busy_machine_is_given_time_however_short_the_interval() -> None:
    liveness = Liveness()
    liveness.progress(0, 1)
    assert liveness.limit_ns == LEAST_NS


@pytest.mark.parametrize("told_ns", [0, -1, -(2**63)])
def test_a_senseless_interval_is_no_promise(told_ns: int) -> None:
    liveness = Liveness()
    liveness.progress(0, told_ns)
    assert liveness.interval_ns == 0


def test_headers_answer_a_call_and_are_no_sign_of_life() -> None:
    stream = Stream()
    stream.values(1)
    stream.progress(1, 1, SECOND)
    stream.lose()
    session = stream.session
    assert not session.answered(stream.now)
    stream.now = session.open_at_ns
    assert session.answered(stream.now)
    assert not session.answered(stream.now)
    assert (session.state, session.status) == (State.LIVE, None)
    assert not session.check(stream.now + ANSWER_NS)
    assert session.check(stream.now + ANSWER_NS + 1)
    assert session.state is State.RECONNECTING


def test_a_server_that_promises_no_sign_of_life_is_never_called_alive() -> None:
    liveness = Liveness()
    liveness.opened(SECOND)
    liveness.heard(2 * SECOND)
    assert not liveness.is_well(2 * SECOND)
