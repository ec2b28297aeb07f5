"""Values written out: each a line, as NDJSON or as CSV."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from google.protobuf.descriptor import Descriptor

from grpctap.core.history import Frozen, Row, Value
from grpctap.core.message import MessageError, Schema
from grpctap.output import rfc3339, with_meta

BATCH_BYTES = 65_536
SLICE_S = 0.005
"""After so many seconds of work, whoever wants to hear of it is told how far it is."""


class Shown(Protocol):
    """Rows that a log shows: all of a history, or some."""

    @property
    def rows(self) -> Sequence[Row]:
        """The rows, in order."""

    def get(self, row: int) -> Row | None:
        """The row with that absolute number, or None when it is not among these."""


@dataclass(frozen=True)
class Excerpt:
    """The values that a person looks at: all of `shown`, or those in the rows `chosen`."""

    shown: Shown
    chosen: range | None = None

    def values(self) -> Iterator[Value]:
        """Each of them, in order, made only when it is looked at."""
        if self.chosen is None:
            rows: Iterable[Row | None] = self.shown.rows
        else:
            rows = map(self.shown.get, self.chosen)
        return (row for row in rows if isinstance(row, Value))

    @property
    def name(self) -> str:
        """What they are, in a few words: how many values, where that is quickly known."""
        selected = "" if self.chosen is None else "selected "
        if not isinstance(self.shown, Frozen):
            return f"all {selected}matches of the filter"
        first = self.shown.first if self.chosen is None else self.chosen.start
        end = self.shown.end if self.chosen is None else self.chosen.stop
        oldest, newest = self.shown.step(first - 1, 1), self.shown.step(end, -1)
        if oldest is None or newest is None or newest.row < oldest.row:
            return "no values"
        count = newest.value.ordinal - oldest.value.ordinal + 1
        return f"{count:,} {selected}value{'' if count == 1 else 's'}"

    def __len__(self) -> int:
        """How many rows it has at most, any seams among them."""
        return len(self.shown.rows if self.chosen is None else self.chosen)


class Format(Enum):
    """What the lines are; the value is how a file with them ends."""

    NDJSON = ".ndjson"
    CSV = ".csv"


class Form(Protocol):
    """Writes values as lines."""

    header: bytes
    """What comes before the first value."""

    def line(self, value: Value) -> bytes:
        """A value's line.

        Raises:
            MessageError: its bytes are no such message.
        """


class Ndjson:
    """The lines that a pipe gets from a live stream, byte for byte.

    With `meta`, each tells the number of its message and when it came, too.
    """

    header = b""

    def __init__(self, schema: Schema, *, meta: bool = False) -> None:
        self._schema, self._meta = schema, meta

    def line(self, value: Value) -> bytes:
        """A value's line."""
        text = self._schema.json(value.raw)
        if self._meta:
            text = with_meta(text, value.label, value.time_ns)
        return text.encode() + b"\n"


class Csv:
    """A line of cells a value; `columns` None: all that its type has.

    Raises:
        CellsError: a column that was chosen is not there.
    """

    def __init__(self, schema: Schema, type_: Descriptor, columns: str | None = None) -> None:
        # Needed by few.
        from grpctap.core.csvtext import CsvText

        self._schema, self._text = schema, CsvText(type_, columns)
        self.header = self._text.header

    def line(self, value: Value) -> bytes:
        """A value's line."""
        text = self._schema.json(value.raw)
        return self._text.line(value.label, rfc3339(value.time_ns), text)


@dataclass
class Written:
    """What was written so far: `values`, and `left_out`, which could not be; `bytes` of lines."""

    values: int = 0
    left_out: int = 0
    bytes: int = 0


def write_values(
    values: Iterable[Value],
    form: Form,
    write: Callable[[bytes], None],
    told: Callable[[Written], None] | None = None,
) -> Written:
    """Writes values in order, as many as there are, in the memory of a few.

    Args:
        values: What to write.
        form: How.
        write: Takes the lines, some at a time.
        told: Is told now and then how far it is; it may raise something to end it.

    Returns:
        What was written, all of it.
    """
    done = Written(bytes=len(form.header))
    lines, size = [form.header], len(form.header)
    due = time.monotonic() + SLICE_S
    for value in values:
        try:
            line = form.line(value)
        except MessageError:
            done.left_out += 1
        else:
            lines.append(line)
            size += len(line)
            done.values += 1
            done.bytes += len(line)
        if size >= BATCH_BYTES:
            write(b"".join(lines))
            lines, size = [], 0
        if told is not None and time.monotonic() >= due:
            told(done)
            due = time.monotonic() + SLICE_S
    write(b"".join(lines))
    return done
