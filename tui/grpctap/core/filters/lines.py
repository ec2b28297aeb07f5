"""The lines of the log as text filters search them, many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grpctap.core.filters.quickline import QuickLine
from grpctap.core.listvalue import ListValue, read_values
from grpctap.core.message import MessageError, Schema
from grpctap.core.text import printable

Lines = Callable[[Sequence[bytes]], list[str]]
"""The printable lines of messages, one for each."""


def lines_of(schema: Schema) -> Lines:
    """What makes the lines that the log shows of a schema's messages, in their whole length."""
    cells = schema.cells
    if cells is not None:

        def table(raws: Sequence[bytes]) -> list[str]:
            return [_row(schema, raw) for raw in raws]

        return table
    if isinstance(schema, ListValue):
        return lambda raws: _values(schema, raws)
    quick = QuickLine(schema)
    return lambda raws: [quick.line(raw) for raw in raws]


def _row(schema: Schema, raw: bytes) -> str:
    cells = schema.cells
    try:
        return "  ".join(cells.read(schema.message(raw))) if cells is not None else ""
    except MessageError as error:
        return printable(str(error))


def _line(schema: Schema, raw: bytes) -> str:
    try:
        return printable(schema.line(raw))
    except MessageError as error:
        return printable(str(error))


def _values(schema: ListValue, raws: Sequence[bytes]) -> list[str]:
    values = read_values(raws)
    if values is None:
        return [_line(schema, raw) for raw in raws]
    return [printable(value.decode("utf-8", "replace")) for value in values]
