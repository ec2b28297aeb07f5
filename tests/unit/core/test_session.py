from __future__ import annotations

import pytest

from grpctap.core import status as codes
from grpctap.core.history import History, Value
from grpctap.core.message import Reading
from grpctap.core.seams import (
    Cause,
    Fault,
    How,
    Interruption,
    Irregularity,
    Outcome,
    Range,
    Seam,
)
from grpctap.core.session import Session
from grpctap.core.state import ALLOWED, Command, State
from grpctap.core.status import Status

OK = Status(codes.OK, "OK")
LOST = Status(codes.UNAVAILABLE, "UNAVAILABLE", "connection lost")


class Stream:
    """Drives a session as its owner would, with a clock that ticks once a step."""

    def __init__(self, *, numbered: bool = True, capacity: int = 1000) -> None:
        self.session = Session(History(capacity))
        self.numbered = numbered
        self.now = 0
        self.session.start()

    def values(
        self, *sequences: int, stream_id: str = "log", token: bytes | None = None
    ) -> list[bool]:
        return [self.value(sequence, stream_id, token) for sequence in sequences]

    def value(self, sequence: int, stream_id: str = "log", token: bytes | None = None) -> bool:
        self.now += 1
        if self.numbered:
            token = b"%d" % sequence if token is None else token
            reading = Reading(stream_id, sequence, token, False, None)
        else:
            reading = Reading("", 0, b"", False, None)
        return self.session.receive(reading, b"%d" % sequence, self.now)

    def progress(self, newest: int, token: bytes, stream_id: str = "log") -> None:
        self.session.receive(Reading(stream_id, newest, token, True, None), b"", self.now)

    def press(self, *commands: Command) -> None:
        for command in commands:
            self.now += 1
            assert self.session.command(command, self.now)

    @property
    def kept(self) -> list[int]:
        rows = self.session.history.newest().rows
        return [int(row.raw) for row in rows if isinstance(row, Value)]

    @property
    def seams(self) -> list[Seam]:
        return [r for r in self.session.history.newest().rows if not isinstance(r, Value)]

    def interruption(self) -> Interruption:
        seam = self.seams[-1]
        assert isinstance(seam, Interruption)
        return seam


def test_a_stream_goes_from_connecting_to_live() -> None:
    stream = Stream()
    states = [stream.session.state]
    stream.values(5, 6, 7)
    assert [*states, stream.session.state] == [State.CONNECTING, State.LIVE]
    assert stream.kept == [5, 6, 7]
    assert stream.session.token == b"7"
    assert stream.seams == []


def test_pause_keeps_the_place_and_resume_goes_on_exactly_there() -> None:
    stream = Stream()
    stream.values(1, 2, 3)
    call_id = stream.session.call_id
    stream.press(Command.PAUSE)
    assert (stream.session.state, stream.session.is_open) == (State.PAUSED, False)
    assert stream.session.call_id != call_id
    assert stream.session.token == b"3"
    stream.press(Command.RESUME)
    assert (stream.session.state, stream.session.token) == (State.CONNECTING, b"3")
    stream.values(4)
    assert stream.kept == [1, 2, 3, 4]
    seam = stream.interruption()
    assert (seam.cause, seam.how, seam.outcome) == (Cause.PAUSED, How.RESUMED, Outcome.EXACT)
    assert (seam.start_ns, seam.after, seam.reopened_ns) == (4, 3, 5)


def test_progress_tells_how_far_behind_a_resumed_call_is() -> None:
    stream = Stream()
    stream.values(1, 2, 3)
    stream.press(Command.PAUSE, Command.RESUME)
    stream.progress(5, b"3")
    assert (stream.session.state, stream.session.behind) == (State.CATCHING_UP, 2)
    stream.values(4)
    assert (stream.session.state, stream.session.behind) == (State.CATCHING_UP, 1)
    stream.values(5)
    assert (stream.session.state, stream.session.behind) == (State.LIVE, 0)


def test_the_first_progress_message_gives_a_place_to_resume_from() -> None:
    stream = Stream()
    stream.progress(41, b"at-41")
    assert stream.session.state is State.LIVE
    assert stream.session.last_label is None
    stream.press(Command.PAUSE)
    assert stream.session.token == b"at-41"
    stream.press(Command.RESUME)
    assert stream.session.token == b"at-41"
    stream.values(42)
    assert stream.kept == [42]
    assert stream.session.cursor.missed == 0


def test_a_gap_after_a_resume_is_told_with_its_range() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.press(Command.PAUSE, Command.RESUME)
    stream.values(6)
    seam = stream.interruption()
    assert (seam.outcome, seam.between) == (Outcome.MISSED, Range(3, 5))
    assert stream.session.cursor.missed == 3


def test_a_gap_in_a_call_is_told_where_it_is() -> None:
    stream = Stream()
    assert stream.values(1, 2, 5, 6) == [True] * 4
    assert stream.seams == [Irregularity(Fault.GAP, 3, 2, Range(3, 4))]
    assert stream.session.cursor.missed == 2
    assert stream.kept == [1, 2, 5, 6]


def test_a_value_that_comes_again_is_dropped_and_counted_in_one_seam() -> None:
    stream = Stream()
    stream.values(1, 2, 3)
    assert stream.values(2, 3, 1) == [False] * 3
    stream.values(4)
    assert stream.kept == [1, 2, 3, 4]
    assert stream.seams == [Irregularity(Fault.REPEATED, 4, 3, Range(1, 3))]
    assert stream.session.cursor.repeated == 3
    assert stream.session.token == b"4"


def test_a_late_value_fills_its_hole_once() -> None:
    stream = Stream()
    assert stream.values(1, 5, 3, 3, 6) == [True, True, True, False, True]
    cursor = stream.session.cursor
    assert (cursor.missed, cursor.late, cursor.repeated) == (2, 1, 1)
    assert stream.kept == [1, 5, 3, 6]
    assert stream.session.token == b"6"
    stream.values(2, 4)
    assert (cursor.missed, cursor.late) == (0, 3)


def test_a_server_that_ignores_the_token_is_found_out() -> None:
    stream = Stream()
    stream.values(1, 2, 3)
    stream.press(Command.PAUSE, Command.RESUME)
    assert stream.values(1, 2, 3, 4) == [False, False, False, True]
    first, second = stream.seams
    assert isinstance(first, Interruption)
    assert first.outcome is Outcome.EXACT
    assert second == Irregularity(Fault.REPEATED, 6, 3, Range(1, 3))
    assert stream.kept == [1, 2, 3, 4]


def test_a_server_that_forgets_its_tokens_is_asked_from_the_last_one() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.values(3, 4, token=b"")
    stream.press(Command.PAUSE, Command.RESUME)
    assert stream.session.token == b"2"
    assert stream.values(3, 4, 5) == [False, False, True]
    assert stream.kept == [1, 2, 3, 4, 5]


def test_a_server_without_numbers_cannot_resume_and_the_seam_says_so() -> None:
    stream = Stream(numbered=False)
    stream.values(0, 1, 2)
    assert stream.session.last_label == 3
    stream.press(Command.PAUSE, Command.RESUME)
    stream.values(0, 1)
    assert stream.kept == [0, 1, 2, 0, 1]
    assert stream.interruption().outcome is Outcome.CANNOT_RESUME
    assert stream.session.cursor.repeated == 0


@pytest.mark.parametrize("stream_id", ["other", ""])
def test_a_log_that_changed_under_a_token_is_not_taken_for_the_same(stream_id: str) -> None:
    stream = Stream()
    stream.values(1, 2, 3)
    stream.press(Command.PAUSE, Command.RESUME)
    assert stream.values(1, 2, stream_id=stream_id) == [True, True]
    assert stream.interruption().outcome is Outcome.NEW_STREAM


def test_a_log_that_changes_in_the_middle_of_a_call_is_told() -> None:
    stream = Stream()
    stream.values(8, 9)
    assert stream.values(1, 2, stream_id="other") == [True, True]
    assert stream.seams == [Irregularity(Fault.NEW_STREAM, 3)]
    assert stream.session.token == b"2"


def test_skip_leaves_values_out_on_purpose() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.press(Command.SKIP)
    assert (stream.session.token, stream.session.state) == (b"", State.CONNECTING)
    stream.progress(9, b"at-9")
    assert stream.session.state is State.LIVE
    stream.values(10)
    seam = stream.interruption()
    assert (seam.cause, seam.how, seam.outcome) == (Cause.SKIPPED, How.SKIPPED, Outcome.LEFT_OUT)
    assert seam.between == Range(3, 9)
    assert stream.session.left_out == 7
    assert stream.session.cursor.missed == 0
    assert stream.values(5) == [False]


def test_a_skip_that_was_paused_before_its_first_value_stays_a_skip() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.press(Command.SKIP)
    stream.progress(9, b"at-9")
    stream.press(Command.PAUSE, Command.RESUME)
    assert stream.session.token == b"at-9"
    stream.values(10)
    assert stream.session.left_out == 7
    assert stream.session.cursor.missed == 0


def test_skip_while_paused_is_one_seam() -> None:
    stream = Stream()
    stream.values(1)
    stream.press(Command.PAUSE, Command.SKIP)
    stream.values(5)
    assert len(stream.seams) == 1
    seam = stream.interruption()
    assert (seam.cause, seam.how, seam.outcome) == (Cause.PAUSED, How.SKIPPED, Outcome.LEFT_OUT)


def test_skip_when_nothing_lies_between_leaves_nothing_out() -> None:
    stream = Stream()
    stream.values(1)
    stream.press(Command.SKIP)
    stream.values(2)
    assert stream.interruption().outcome is Outcome.EXACT


def test_a_fresh_call_after_a_stop_may_start_over() -> None:
    stream = Stream()
    stream.values(4, 5)
    stream.press(Command.STOP)
    assert stream.session.state is State.STOPPED
    stream.press(Command.FRESH)
    assert stream.session.token == b""
    assert stream.values(1, 2, 3) == [True] * 3
    assert stream.kept == [4, 5, 1, 2, 3]
    seam = stream.interruption()
    assert (seam.cause, seam.how, seam.outcome) == (Cause.STOPPED, How.FRESH, Outcome.UNKNOWN)
    assert stream.session.cursor.repeated == 0


def test_a_fresh_call_further_on_says_what_lies_between() -> None:
    stream = Stream()
    stream.values(4, 5)
    stream.press(Command.STOP, Command.FRESH)
    stream.values(9)
    seam = stream.interruption()
    assert (seam.outcome, seam.between) == (Outcome.LEFT_OUT, Range(6, 8))


def test_pauses_without_a_value_between_them_are_one_seam() -> None:
    stream = Stream()
    stream.values(1)
    stream.press(*[Command.PAUSE, Command.RESUME] * 3, Command.PAUSE, Command.STOP)
    assert len(stream.seams) == 1
    assert stream.interruption().cause is Cause.STOPPED
    assert len(stream.session.interruptions) == 1


def test_the_end_of_a_call_shows_its_status() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.session.ended(OK, 9)
    assert (stream.session.state, stream.session.status) == (State.FINISHED, OK)
    assert stream.interruption() == Interruption(Cause.FINISHED, 9, 2, OK)


def test_a_lost_call_can_be_resumed_where_it_was() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.session.ended(LOST, 9)
    assert (stream.session.state, stream.session.status) == (State.FAILED, LOST)
    stream.press(Command.RESUME)
    assert stream.session.status is None
    stream.session.ended(LOST, 10)
    stream.press(Command.RESUME)
    stream.values(3)
    assert len(stream.seams) == 1
    seam = stream.interruption()
    assert (seam.start_ns, seam.status, seam.outcome) == (9, LOST, Outcome.EXACT)


def test_a_call_tag_never_comes_back() -> None:
    stream = Stream()
    tags = [stream.session.call_id]
    for command in (Command.PAUSE, Command.RESUME, Command.SKIP, Command.STOP, Command.FRESH):
        stream.press(command)
        tags.append(stream.session.call_id)
    assert tags == sorted(set(tags))


@pytest.mark.parametrize("command", list(Command))
@pytest.mark.parametrize("state", list(State))
def test_a_command_that_means_nothing_changes_nothing(command: Command, state: State) -> None:
    stream = Stream()
    stream.values(1)
    stream.session.state = state
    before = (stream.session.call_id, stream.session.token, len(stream.seams))
    obeyed = stream.session.command(command, 99)
    # These two are a choice that only a refused place offers.
    choice = state is State.FAILED and command in (Command.STOP, Command.OLDEST)
    trying = state is State.RECONNECTING and command is Command.RESUME
    assert obeyed is (state in ALLOWED[command] and not choice and not trying)
    if not obeyed:
        assert stream.session.state is state
        assert (stream.session.call_id, stream.session.token, len(stream.seams)) == before


def test_seams_leave_with_the_history_without_harm() -> None:
    stream = Stream(capacity=2)
    stream.values(1)
    stream.press(Command.PAUSE, Command.RESUME)
    stream.values(2, 3, 4, 5)
    stream.press(Command.PAUSE)
    for first in (6, 12, 18):
        stream.press(Command.RESUME)
        stream.values(*range(first, first + 6))
        stream.press(Command.PAUSE)
    assert stream.kept == [22, 23]


def test_a_pause_after_a_late_value_has_a_seam_of_its_own() -> None:
    stream = Stream()
    stream.values(1, 5)
    stream.press(Command.PAUSE, Command.RESUME)
    stream.values(3)
    stream.press(Command.PAUSE)
    causes = [seam.cause for seam in stream.seams if isinstance(seam, Interruption)]
    assert causes == [Cause.PAUSED, Cause.PAUSED]
    assert list(stream.session.history.newest(1).rows) == [stream.interruption()]
    stream.press(Command.RESUME)
    stream.values(6)
    assert stream.interruption().outcome is Outcome.EXACT


def test_progress_of_another_log_says_nothing_of_our_place() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.press(Command.PAUSE, Command.RESUME)
    stream.progress(99, b"2", stream_id="other")
    assert stream.session.state is State.LIVE


def test_progress_without_a_token_keeps_the_place() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.progress(2, b"")
    assert stream.session.token == b"2"


def test_what_was_newest_in_an_earlier_call_is_forgotten() -> None:
    stream = Stream()
    stream.progress(50, b"0")
    stream.values(1)
    assert stream.session.state is State.CATCHING_UP
    stream.press(Command.PAUSE, Command.RESUME)
    stream.values(2)
    assert (stream.session.state, stream.session.behind) == (State.LIVE, 0)


def test_a_new_log_has_no_use_for_the_old_ones_token() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.value(1, "other", b"")
    assert stream.session.token == b""


def test_a_skip_to_a_new_stream_says_so() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.press(Command.SKIP)
    stream.value(1, "other")
    assert stream.interruption().outcome is Outcome.ANEW
    assert stream.interruption().text().endswith("a new stream")


def test_a_fresh_call_that_was_paused_before_its_first_value_has_no_place() -> None:
    stream = Stream()
    stream.values(1, 2)
    stream.press(Command.PAUSE)
    assert stream.session.place == 2
    stream.press(Command.RESUME, Command.PAUSE)
    assert stream.session.place == 2
    stream.press(Command.STOP, Command.FRESH, Command.PAUSE)
    assert stream.session.place is None
