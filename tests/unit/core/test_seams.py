from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest

from grpctap.core import status as codes
from grpctap.core.advice import advise
from grpctap.core.seams import (
    Cause,
    Fault,
    How,
    Interruption,
    Irregularity,
    Outcome,
    Range,
    clock_time,
    duration,
    status_line,
)
from grpctap.core.status import Status

SECOND = 1_000_000_000
NOON = 1_800_014_400 * SECOND
PAUSED = Interruption(Cause.PAUSED, NOON, 1843)
RESUMED = replace(PAUSED, reopened_ns=NOON + 9 * SECOND, how=How.RESUMED)


@pytest.mark.parametrize(
    ("seam", "text"),
    [
        (PAUSED, "paused at #1843 12:00:00"),
        (replace(PAUSED, after=None), "paused before the first value 12:00:00"),
        (RESUMED, "paused at #1843 12:00:00 · resumed 12:00:09"),
        (
            replace(RESUMED, outcome=Outcome.EXACT),
            "paused at #1843 12:00:00 · resumed 12:00:09 · nothing missed",
        ),
        (
            replace(RESUMED, outcome=Outcome.MISSED, between=Range(1844, 2844)),
            "paused at #1843 12:00:00 · resumed 12:00:09 · 1,001 missed: #1844 to #2844",
        ),
        (
            replace(RESUMED, outcome=Outcome.CANNOT_RESUME),
            "paused at #1843 12:00:00 · reopened 12:00:09 · this server cannot resume",
        ),
        (
            replace(RESUMED, outcome=Outcome.NEW_STREAM),
            "paused at #1843 12:00:00 · reopened 12:00:09 · a new stream: not resumed",
        ),
        (
            Interruption(
                Cause.SKIPPED, NOON, 7, None, NOON, How.SKIPPED, Outcome.LEFT_OUT, Range(8, 8)
            ),
            "skipped to now 12:00:00 · 1 left out: #8",
        ),
        (
            Interruption(Cause.FAILED, NOON, 7, Status(codes.UNAVAILABLE, "UNAVAILABLE")),
            "failed with UNAVAILABLE at #7 12:00:00",
        ),
        (Interruption(Cause.FINISHED, NOON, 5, Status(codes.OK, "OK")), "finished at #5 12:00:00"),
        (Irregularity(Fault.GAP, NOON, 3, Range(5, 7)), "12:00:00 · 3 missing: #5 to #7"),
        (
            Irregularity(Fault.REPEATED, NOON, 1, Range(5, 5)),
            "12:00:00 · 1 came again, dropped: #5",
        ),
        (
            Irregularity(Fault.NEW_STREAM, NOON),
            "12:00:00 · the server changed the stream in the middle of the call",
        ),
    ],
)
def test_a_seam_in_words(seam: Interruption | Irregularity, text: str) -> None:
    assert seam.text(UTC) == text


def test_a_seam_on_the_chart() -> None:
    assert PAUSED.label == "paused"
    assert RESUMED.label == "paused 9.0 s"
    assert Interruption(Cause.SKIPPED, NOON, 7, None, NOON, How.SKIPPED).label == "skipped"


def test_times_and_durations() -> None:
    east = timezone(timedelta(hours=2))
    assert clock_time(NOON + 987_654_321, east) == "14:00:00"
    assert clock_time(NOON + 987_654_321, UTC, milliseconds=True) == "12:00:00.987"
    assert [duration(s * SECOND) for s in (-1, 0, 59, 60, 3599, 3600, 90_000)] == [
        "0.0 s",
        "0.0 s",
        "59.0 s",
        "1 min 0 s",
        "59 min 59 s",
        "1 h 0 min",
        "25 h 0 min",
    ]


def test_a_status_is_one_printable_line() -> None:
    assert status_line(Status(5, "NOT_FOUND", "no\x1b[2J\nsuch")) == "NOT_FOUND (5): no␛[2J␊such"
    assert status_line(Status(1, "CANCELLED")) == "CANCELLED (1)"


@pytest.mark.parametrize(
    ("status", "plaintext", "advice"),
    [
        (
            Status(14, "UNAVAILABLE", "Socket closed"),
            True,
            "The connection was lost or the server cannot answer; press space to go on.",
        ),
        (Status(14, "UNAVAILABLE", "bye", "SHUTTING_DOWN"), True, "The server was shut down"),
        (
            Status(11, "OUT_OF_RANGE", "", "TOKEN_EXPIRED", {"first_sequence": "100"}),
            True,
            "(#100 is the oldest)",
        ),
        (
            Status(11, "OUT_OF_RANGE", "", "TOKEN_EXPIRED", {"first_sequence": "\x1b[2J"}),
            True,
            "no longer kept: r goes on from now, s stops",
        ),
        (
            Status(11, "OUT_OF_RANGE", "", "TOKEN_EXPIRED", {"oldest_token": "AAAA"}),
            True,
            "o goes on from the oldest value, r from now, s stops",
        ),
        (
            Status(11, "OUT_OF_RANGE", "", "TOKEN_EXPIRED", {"first_sequence": "9" * 10_000}),
            True,
            "no longer kept: r goes on from now",
        ),
        (
            Status(11, "OUT_OF_RANGE", "", "TOKEN_EXPIRED", {"first_sequence": "\u0663\u00b2"}),
            True,
            "no longer kept: r goes on from now",
        ),
        (Status(8, "RESOURCE_EXHAUSTED", "quota"), True, "A limit was reached"),
        (
            Status(9, "FAILED_PRECONDITION", "", "STREAM_CHANGED"),
            True,
            "r goes on from now, s stops",
        ),
        (Status(99, "NEW"), True, "Press space to try again"),
    ],
)
def test_advice_fits_the_status(status: Status, plaintext: bool, advice: str) -> None:
    told = advise(status, "h:1", plaintext=plaintext)
    assert advice in told
    assert told.isprintable()
    assert told.endswith(".")


@pytest.mark.parametrize("code", range(1, 17))
def test_there_is_advice_for_every_code(code: int) -> None:
    assert advise(Status(code, "ANY"), "h:1", plaintext=True).endswith(".")
