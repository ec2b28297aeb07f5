"""Streams whose values have no number: a place to go on from is all that a server may give."""

from __future__ import annotations

import pytest

from grpctap.core import status as codes
from grpctap.core.history import History
from grpctap.core.message import Reading
from grpctap.core.reconnect import Backoff, Reconnect, When
from grpctap.core.seams import Interruption, Outcome, Range
from grpctap.core.session import Session
from grpctap.core.state import Command, State
from grpctap.core.status import Status

LOST = Status(codes.UNAVAILABLE, "UNAVAILABLE", "connection lost")


class Stream:
    """A session whose values have a token at most."""

    def __init__(self, token: bytes = b"", when: When = When.NEVER) -> None:
        self.session = Session(History(1000), token, Backoff(Reconnect(when)))
        self.session.start()

    def values(self, *tokens: bytes) -> None:
        for token in tokens:
            assert self.session.receive(Reading("", 0, token, False, None), b"", 0)

    def interrupt(self, then: Command = Command.RESUME) -> None:
        assert self.session.command(Command.PAUSE, 0)
        assert self.session.command(then, 0)

    @property
    def seam(self) -> Interruption:
        return self.session.interruptions[-1]


def test_it_goes_on_at_its_token_and_nothing_more_is_claimed() -> None:
    stream = Stream()
    stream.values(b"1", b"2")
    stream.interrupt()
    assert stream.session.token == b"2"
    stream.values(b"3")
    assert stream.seam.outcome is Outcome.UNKNOWN
    assert "resumed" in stream.seam.text()


def test_values_after_the_last_token_may_come_again_and_the_seam_says_which() -> None:
    stream = Stream()
    stream.values(b"1", b"", b"")
    stream.interrupt()
    assert stream.session.token == b"1"
    # A call that ends before its first value leaves what may come again as it was.
    stream.interrupt()
    stream.values(b"", b"", b"")
    assert (stream.seam.outcome, stream.seam.between) == (Outcome.MAY_REPEAT, Range(2, 3))
    assert "2 may come again: #2 to #3" in stream.seam.text()
    # This call began at the token, so only its own values may come once more.
    stream.interrupt()
    stream.values(b"4")
    assert stream.seam.between == Range(4, 6)
    stream.interrupt()
    stream.values(b"")
    assert stream.seam.outcome is Outcome.UNKNOWN
    assert stream.seam.between is None
    stream.interrupt(Command.SKIP)
    stream.values(b"")
    assert (stream.seam.outcome, stream.session.token) == (Outcome.UNKNOWN, b"")


def test_a_place_to_start_from_is_kept_until_the_server_names_one() -> None:
    stream = Stream(b"given")
    stream.values(b"", b"")
    stream.interrupt()
    assert stream.session.token == b"given"
    stream.values(b"")
    assert stream.seam.between == Range(1, 2)


def test_without_any_token_it_cannot_resume() -> None:
    stream = Stream()
    stream.values(b"", b"")
    stream.interrupt()
    stream.values(b"")
    assert stream.seam.outcome is Outcome.CANNOT_RESUME


@pytest.mark.parametrize(
    ("when", "tokens", "reopens"),
    [
        (When.WITH_CURSOR, [b"1", b"2"], True),
        (When.WITH_CURSOR, [b"1", b""], False),
        (When.ALWAYS, [b"1", b""], True),
    ],
)
def test_what_may_double_values_is_not_done_where_nothing_may(
    when: When, tokens: list[bytes], reopens: bool
) -> None:
    stream = Stream(when=when)
    stream.values(*tokens)
    assert stream.session.ended(LOST, 0) is reopens
    assert stream.session.state is (State.RECONNECTING if reopens else State.FAILED)


def test_numbers_show_what_comes_twice_so_that_any_place_will_do() -> None:
    stream = Stream(b"given", When.WITH_CURSOR)
    stream.session.receive(Reading("log", 5, b"", False, None), b"", 0)
    assert stream.session.ended(LOST, 0)
    assert stream.session.token == b"given"
