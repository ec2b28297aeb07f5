"""The lines of the log as text filters search them, many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import cast

from grpctap.core.cells import Cells
from grpctap.core.filters.quickline import QuickLines
from grpctap.core.filters.rawtext import Possible, RawText
from grpctap.core.filters.words import Word
from grpctap.core.listvalue import ListValue, read_values
from grpctap.core.message import MessageError, Schema
from grpctap.core.oneline import type_of
from grpctap.core.text import printable

MOST_KEPT = 24_000_000
"""Characters of lines that are kept for the next letter that somebody types."""
# Joined, larger messages would take much memory, and are not faster read.
_MOST_JOINED = 1_000_000


class Lines:
    """Makes the lines that the log shows of a schema's messages, in their whole length."""

    def __init__(self, schema: Schema) -> None:
        self._raw_text: RawText | None = None
        cells = schema.cells
        if cells is not None:
            self._write = _each(lambda raw: _row(schema, cells, raw))
        elif isinstance(schema, ListValue):
            self._write = lambda raws: _values(schema, raws)
        else:
            self._write = _Kept(QuickLines(schema).write)
            self._raw_text = RawText(type_of(schema.message(b"")))

    def write(self, raws: Sequence[bytes]) -> list[str]:
        """The printable lines of messages, one for each."""
        return self._write(raws)

    def possible(self, words: Iterable[Word]) -> Possible | None:
        """What tells by a message's bytes whether its line may have all the words.

        None: it takes the line to tell.
        """
        return None if self._raw_text is None else self._raw_text.possible(words)


class _Kept:
    """Keeps lines: whoever types the next letter searches them again."""

    def __init__(self, write: Callable[[Sequence[bytes]], list[str]]) -> None:
        self._write = write
        self._kept: dict[bytes, str] = {}
        self._room = MOST_KEPT
        self._day = date.today()

    def __call__(self, raws: Sequence[bytes]) -> list[str]:
        if self._day != date.today():
            # A time of yesterday has the date with it.
            self._kept, self._day, self._room = {}, date.today(), MOST_KEPT
        kept = self._kept
        lines = list(map(kept.get, raws))
        if None not in lines:
            return cast("list[str]", lines)
        new = [raw for raw, line in zip(raws, lines, strict=True) if line is None]
        written = self._write(new)
        self._keep(new, written)
        if len(new) == len(raws):
            return written
        texts = iter(written)
        return [next(texts) if line is None else line for line in lines]

    def _keep(self, raws: Sequence[bytes], lines: Sequence[str]) -> None:
        self._room -= sum(map(len, lines)) + sum(map(len, raws))
        if self._room < 0:
            self._kept = {}
            self._room = MOST_KEPT
        self._kept.update(zip(raws, lines, strict=True))


def _each(line: Callable[[bytes], str]) -> Callable[[Sequence[bytes]], list[str]]:
    return lambda raws: [line(raw) for raw in raws]


def _row(schema: Schema, cells: Cells, raw: bytes) -> str:
    try:
        return "  ".join(cells.read(schema.message(raw)))
    except MessageError as error:
        return printable(str(error))


def _line(schema: Schema, raw: bytes) -> str:
    try:
        return printable(schema.line(raw))
    except MessageError as error:
        return printable(str(error))


def _values(schema: ListValue, raws: Sequence[bytes]) -> list[str]:
    values = read_values(raws) if sum(map(len, raws)) <= _MOST_JOINED else None
    if values is None:
        return [_line(schema, raw) for raw in raws]
    return [printable(value.decode("utf-8", "replace")) for value in values]
