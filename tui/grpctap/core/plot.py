"""One chosen line: what is read for it, and the series that it becomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from grpctap.core.bulk import LEAST_MESSAGES, Bulk, Numbers, is_plain
from grpctap.core.event import event_reader
from grpctap.core.message import MessageError, Schema
from grpctap.core.numberfield import NumberField
from grpctap.core.ordered import OrderedSeries
from grpctap.core.rate import CounterRate
from grpctap.core.series import Series

if TYPE_CHECKING:
    from grpctap.core.plots import Choice

# What a series can hold, in nanoseconds since the epoch.
_TIMES = range(-(2**63), 2**63)


class Plot:
    """A chosen field, and its numbers so far.

    `field` None: the number that the method has by itself.
    """

    def __init__(
        self,
        choice: Choice,
        field: NumberField | None,
        capacity: int,
        first: int,
        *,
        by_event: bool,
    ) -> None:
        self.choice = choice
        self.field = field
        name = "" if field is None else field.name
        self.name = f"{name}/s" if choice.rate else name
        """How it is called, in printable text; "": as the method's own number."""
        self.start = first
        """The row that it began with."""
        self.next = first
        """The first row that was not read for it."""
        self.filled = False
        """Whether it has all rows that were there when it was chosen."""
        self.seen = 0
        """Values that came while it was filled."""
        self.read = 0
        """Those of them that were read."""
        self._rate = CounterRate() if choice.rate else None
        self._series = Series(capacity)
        self._ordered = OrderedSeries(capacity) if by_event else None

    @property
    def series(self) -> Series:
        """Its points; another object after a point came late."""
        return self._series if self._ordered is None else self._ordered.series

    def take(self, times: Sequence[int], numbers: Numbers, events: Sequence[int | None]) -> None:
        """Takes the numbers of messages, with their receive times, and event times where wanted."""
        rate, ordered = self._rate, self._ordered
        if rate is None and ordered is None and None not in numbers:
            self._series.extend(times, numbers)  # type: ignore[arg-type]
            return
        for i, (time_ns, number) in enumerate(zip(times, numbers, strict=True)):
            if number is None:
                continue
            value = number if rate is None else rate.take(time_ns, number)
            if value is None or not math.isfinite(value):
                continue
            if ordered is None:
                self._series.append(time_ns, value)
                continue
            event_ns = events[i]
            if event_ns is not None and event_ns in _TIMES:
                ordered.add(event_ns, value)

    def settle(self, *, now: bool = False) -> None:
        """Puts points that came late in their places, now and then or `now`."""
        if self._ordered is not None:
            self._ordered.settle(now=now)


class Reader:
    """Reads numbers and event times out of messages."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._bulk: tuple[list[str], Bulk] | None = None
        self._event: Callable[[Message], int | None] | None = event_reader(schema.type_)

    def numbers(
        self, raws: Sequence[bytes], fields: Sequence[NumberField | None], *, events: bool
    ) -> tuple[list[Numbers], Sequence[int | None]]:
        """The numbers of messages, for each field, and their event times, if they are wanted.

        A field None is the number that the method has by itself.
        """
        plain = self._in_bulk(raws, fields)
        messages: list[Message | None] = []
        if events or any(field is not None and field.path not in plain for field in fields):
            messages = [self._message(raw) for raw in raws]
        columns: list[Numbers] = []
        for field in fields:
            if field is None:
                columns.append([self._own(raw) for raw in raws])
            elif field.path in plain:
                columns.append(plain[field.path])
            else:
                read = field.read
                columns.append([None if each is None else read(each) for each in messages])
        times: list[int | None] = []
        if events and (event := self._event) is not None:
            times = [None if each is None else event(each) for each in messages]
        return columns, times

    def _in_bulk(
        self, raws: Sequence[bytes], fields: Sequence[NumberField | None]
    ) -> dict[str, Numbers]:
        """The numbers of the fields that can be read so, by their paths."""
        plain = {field.path: field for field in fields if field is not None and is_plain(field)}
        if not plain or len(raws) < LEAST_MESSAGES:
            return {}
        if self._bulk is None or self._bulk[0] != list(plain):
            self._bulk = list(plain), Bulk(list(plain.values()))
        columns = self._bulk[1].read(raws)
        return {} if columns is None else dict(zip(plain, columns, strict=True))

    def event_time(self, raw: bytes) -> int | None:
        """The event time of a message, in nanoseconds since the epoch; None: it has none."""
        message = self._message(raw)
        return None if message is None or self._event is None else self._event(message)

    def _message(self, raw: bytes) -> Message | None:
        try:
            return self._schema.message(raw)
        except MessageError:
            return None

    def _own(self, raw: bytes) -> float | None:
        try:
            return self._schema.read(raw).number
        except MessageError:
            return None
