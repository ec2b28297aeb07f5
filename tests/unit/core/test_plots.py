"""Chosen lines: filled from what is kept, they are the same as if they had been there all along."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpctap.core.event import event_reader
from grpctap.core.history import Extent, History, Slab
from grpctap.core.listvalue import ListValue
from grpctap.core.numberfield import resolve
from grpctap.core.ordered import OrderedSeries
from grpctap.core.plots import MOST_PLOTS, Choice, Choices, Plots
from grpctap.core.seams import Fault, Irregularity
from grpctap.core.series import ChartFrame, Line, Mark, Point, Series
from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse

START = 1_800_000_000_000_000_000
SECOND = 1_000_000_000
TYPE: Any = StreamResponse.DESCRIPTOR


class Rows:
    """A history that is read in slabs, as a tap's is."""

    def __init__(self, capacity: int = 10_000) -> None:
        self.history = History(capacity)
        self.count = 0

    def extent(self) -> Extent:
        return self.history.extent

    def slab(self, start: int, most: int, most_bytes: int) -> Slab:
        return self.history.slab(start, most, most_bytes)

    def add(self, number: float | None = None, event_s: float | None = None) -> None:
        self.count += 1
        message = StreamResponse(sequence=self.count, stream_value=f"WTI {self.count / 8}")
        if number is not None:
            message.number = number
        if event_s is not None:
            message.event_time.FromNanoseconds(START + round(event_s * SECOND))
        # In bunches, as they come out of an inbox.
        time_ns = START + self.count // 3 * SECOND // 10
        self.history.append(self.count, time_ns, message.SerializeToString())

    def plots(self, *choices: Choice | str, common: bool = False) -> Plots:
        schema = ListValue(SimpleRequest(), progress=False)
        plots = Plots(self, schema, self.history.capacity)
        chosen = [Choice(each) if isinstance(each, str) else each for each in choices]
        plots.choose(Choices(tuple(chosen), common))
        return plots


def fill(plots: Plots) -> None:
    # However busy the machine is, it is no flood.
    plots.pull(600)
    assert not plots.filling
    for plot in plots._plots:
        plot.settle(now=True)


def points(series: Series) -> list[Point]:
    found: list[Point] = []
    time_ns = series.first_time
    while time_ns is not None:
        first = series.after(time_ns)
        if first is None:
            break
        same = series.envelope(first.time_ns, first.time_ns + 1, 1)[0]
        assert same is not None
        found.append(Point(first.time_ns, same.low))
        found.append(Point(first.time_ns, same.high))
        time_ns = first.time_ns + 1
    return found


def lines(plots: Plots) -> dict[str, Series]:
    frame = ChartFrame(START, [Line("own", Series())], [], moving=True)
    return {line.name: line.series for line in plots.framed(frame).lines}


ALL = ("number", Choice("sequence", rate=True), "stream_value", "event_time", "progress")


@pytest.mark.parametrize("each", [1, 7, 1_000])
def test_filled_from_the_history_a_line_is_as_if_it_had_been_chosen_before(each: int) -> None:
    rows = Rows()
    live = rows.plots(*ALL)
    for n in range(3_000):
        rows.add(None if n % 11 == 0 else n % 97, n / 10 if n % 5 else None)
        if n % 100 == 50:
            rows.history.add_seam(Irregularity(Fault.GAP, START))
        if n % each == 0:
            fill(live)
    fill(live)
    filled = rows.plots(*ALL)
    fill(filled)
    ours, theirs = lines(filled), lines(live)
    assert list(ours) == ["number", "sequence/s", "stream_value", "event_time", "progress"]
    assert ours.keys() == theirs.keys()
    for name, series in ours.items():
        assert points(series) == points(theirs[name])
        assert series.recent(3_000) == theirs[name].recent(3_000)
    assert ours["number"].recent(5) == [n % 97 for n in range(2_995, 3_000)]


def test_it_is_all_that_is_kept_and_no_more() -> None:
    rows = Rows(500)
    for n in range(2_000):
        rows.add(n)
    plots = rows.plots("number")
    fill(plots)
    assert lines(plots)["number"].recent(9_999) == list(range(1_500, 2_000))


def test_a_look_takes_a_slice_and_says_how_far_it_is() -> None:
    rows = Rows()
    for n in range(5_000):
        rows.add(n)
    plots = rows.plots("number", "sequence")
    names: list[str] = []
    while not names or plots.filling:
        plots.pull(1e-9)
        names.append(next(iter(lines(plots))))
    assert len(names) > 5
    assert names[0] == "number filling 5%"
    assert names[-1] == "number"
    assert lines(plots)["number"].recent(9_999) == list(range(5_000))


def test_one_that_is_chosen_later_catches_up_with_the_others() -> None:
    rows = Rows()
    for n in range(3_000):
        rows.add(n)
    plots = rows.plots("number")
    fill(plots)
    before = lines(plots)["number"]
    plots.choose(Choices((Choice("number"), Choice("sequence")), common=True))
    plots.pull(1e-9)
    rows.add(7)
    fill(plots)
    assert lines(plots)["number"] is before
    assert before.recent(9_999) == [*range(3_000), 7]
    assert lines(plots)["sequence"].recent(9_999) == list(range(1, 3_002))
    frame = ChartFrame(START, [], [], moving=True)
    assert plots.framed(frame).common
    plots.choose(Choices((Choice("number", rate=True),)))
    fill(plots)
    assert list(lines(plots)) == ["number/s"]


def test_where_values_come_too_fast_some_of_them_are_read_and_the_line_says_so() -> None:
    rows = Rows(100_000)
    for _ in range(500):
        rows.add(0)
    plots = rows.plots("number")
    fill(plots)
    for n in range(50_000):
        rows.add(n)
    # As if they had come within a moment.
    plots._looked_s = perf_counter()
    plots.pull(0.0005)
    name, series = next(iter(lines(plots).items()))
    assert name.startswith("number ")
    assert name.endswith("% read")
    assert 500 < len(series) < 50_000
    # It comes to the newest nevertheless.
    while series.last is None or series.last.value < 49_999:
        plots._looked_s = perf_counter()
        plots.pull(0.0005)
    assert next(iter(lines(plots))).endswith("% read")
    kept = series.recent(100_000)
    assert kept == sorted(kept)


def test_who_looked_away_is_behind_for_that_reason_and_reads_all() -> None:
    rows = Rows(100_000)
    rows.add(0)
    plots = rows.plots("number")
    fill(plots)
    for n in range(20_000):
        rows.add(n)
    plots._looked_s -= 60
    plots.pull(0.0005)
    assert plots.filling
    fill(plots)
    assert lines(plots)["number"].recent(100_000) == [0, *range(20_000)]


def test_rows_that_are_taken_back_are_gone_from_the_lines() -> None:
    rows = Rows()
    for n in range(100):
        rows.add(n)
    plots = rows.plots("number")
    fill(plots)
    rows.history, rows.count = History(100), 0
    for n in range(40):
        rows.add(n)
    fill(plots)
    assert lines(plots)["number"].recent(9_999) == list(range(40))


def test_what_is_no_field_of_the_type_is_left_out_and_what_is_too_much() -> None:
    rows = Rows()
    plots = rows.plots("number", "gone", "number", "number.x", "\x1b")
    assert plots.choices.plots == (Choice("number"),)
    names = [field.name for field in TYPE.fields]
    plots.choose(Choices(tuple(Choice(name) for name in [*names, *names])))
    assert len(plots.choices.plots) == MOST_PLOTS


def test_of_no_choice_the_frame_stays_as_it_is() -> None:
    frame = ChartFrame(START, [Line("own", Series())], [Mark(1, 2, "paused")], moving=True)
    plots = Rows().plots()
    plots.pull()
    assert plots.framed(frame) is frame
    plots.choose(Choices((Choice("gone"),), common=True))
    assert plots.framed(frame) is frame


def test_a_message_that_makes_no_sense_is_passed_over() -> None:
    rows = Rows()
    rows.add(1)
    rows.history.append(2, START + SECOND, b"\xff\xff")
    rows.add(3)
    plots = rows.plots("number")
    plots.by_event = True
    plots.by_event = False
    fill(plots)
    assert lines(plots)["number"].recent(9) == [1, 3]


@pytest.mark.parametrize("choices", [(), ("number",), ("number", "sequence")])
@settings(max_examples=30)
@given(seconds=st.lists(st.none() | st.integers(-5, 5), max_size=40), each=st.integers(1, 9))
def test_by_event_time_the_points_are_in_the_order_of_their_events(
    choices: tuple[str, ...], seconds: list[int | None], each: int
) -> None:
    rows = Rows()
    live = rows.plots(*choices)
    live.by_event = True
    for n, event_s in enumerate(seconds):
        rows.add(n, event_s)
        if n % each == 0:
            fill(live)
    fill(live)
    assert live.by_event
    known = [(s, n) for n, s in enumerate(seconds) if s is not None]
    told = sorted((START + s * SECOND, n) for s, n in known)
    name, series = next(iter(lines(live).items()))
    assert name == ("number" if choices else live._schema.number_name)
    by_time: dict[int, list[int]] = {}
    for time_ns, n in told:
        by_time.setdefault(time_ns, []).append(n)
    assert points(series) == [
        Point(time_ns, value)
        for time_ns, values in by_time.items()
        for value in (min(values), max(values))
    ]
    frame = live.framed(ChartFrame(START, [], [Mark(1, 2, "paused")], moving=True))
    assert frame.axis == "event"
    assert frame.marks == ()
    assert frame.end_ns == (told[-1][0] if told else START)


@pytest.mark.parametrize("seconds", [253_402_300_799, -62_135_596_800])
def test_an_event_beyond_what_a_series_can_hold_is_left_out(seconds: int) -> None:
    rows = Rows()
    rows.add(1, 0)
    message = StreamResponse(sequence=2, number=2)
    message.event_time.seconds = seconds
    rows.history.append(2, START, message.SerializeToString())
    plots = rows.plots("number")
    plots.by_event = True
    fill(plots)
    assert lines(plots)["number"].recent(9) == [1]


def test_by_event_time_there_are_never_more_points_than_are_to_be_kept() -> None:
    ordered = OrderedSeries(100)
    for n in range(1_000):
        ordered.add(n if n % 3 else 1_000 - n, float(n))
        if n % 50 == 0:
            ordered.settle(now=True)
    ordered.settle(now=True)
    assert len(ordered.series) == 100
    assert len(ordered._points) <= 200
    assert [point.time_ns for point in points(ordered.series)] == sorted(
        point.time_ns for point in points(ordered.series)
    )


def test_a_type_without_event_time_has_none() -> None:
    rows = Rows()
    plots = rows.plots("number")
    assert plots.has_event_times
    plots._schema.type_ = SimpleRequest.DESCRIPTOR  # type: ignore[assignment]
    assert not plots.has_event_times
    plots.by_event = True
    assert not plots.by_event


def test_every_number_of_every_message_is_as_the_fields_read_it() -> None:
    rows = Rows()
    for n in range(300):
        rows.add(n * 0.5 if n % 3 else None, n if n % 4 else None)
    read: Callable[[Any], int | None] | None = event_reader(TYPE)
    assert read is not None
    messages = [StreamResponse.FromString(raw) for raw in rows.slab(0, 999, 10**6).items]  # type: ignore[arg-type]
    for field in TYPE.fields:
        if field.name in ("resume_token",):
            continue
        plots = rows.plots(field.name)
        fill(plots)
        number = resolve(field.name, TYPE)
        told = [value for value in map(number.read, messages) if value is not None]
        assert lines(plots)[field.name].recent(999) == told
