"""JSON over many lines, in pieces that can be coloured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple

from grpctap.core.jsontext import escape
from grpctap.core.text import printable

MOST_TEXT = 10_000
"""Characters of one text."""
INDENT = 2


class Kind(Enum):
    """What a piece of JSON is."""

    NAME = "name"
    TEXT = "text"
    NUMBER = "number"
    WORD = "word"
    SIGN = "sign"
    MARK = "mark"
    """Not JSON, but a word about it: something was cut."""


class Piece(NamedTuple):
    """A piece of a line, printable."""

    text: str
    kind: Kind


class Line(NamedTuple):
    """A line: how many blanks it begins with, and what follows them."""

    indent: int
    pieces: list[Piece]


def pretty(value: Any, most: int = MOST_TEXT) -> list[Line]:
    """A value, as `json.loads` gives it, in lines; of each text `most` characters are shown."""
    return list(_lines(value, [], [], 0, most))


def _lines(
    value: Any, before: list[Piece], after: list[Piece], indent: int, most: int
) -> Iterator[Line]:
    if isinstance(value, (dict, list)) and value:
        first, last = "{}" if isinstance(value, dict) else "[]"
        yield Line(indent, [*before, Piece(first, Kind.SIGN)])
        entries = value.items() if isinstance(value, dict) else ((None, part) for part in value)
        end = len(value) - 1
        for index, (name, part) in enumerate(entries):
            named = [] if name is None else [*_text(name, Kind.NAME, most), Piece(": ", Kind.SIGN)]
            comma = [Piece(",", Kind.SIGN)] if index < end else []
            yield from _lines(part, named, comma, indent + INDENT, most)
        yield Line(indent, [Piece(last, Kind.SIGN), *after])
    elif isinstance(value, str):
        yield Line(indent, [*before, *_text(value, Kind.TEXT, most), *after])
    else:
        yield Line(indent, [*before, Piece(json.dumps(value), _kind(value)), *after])


def _kind(value: Any) -> Kind:
    if isinstance(value, (dict, list)):
        return Kind.SIGN
    return Kind.WORD if value is None or isinstance(value, bool) else Kind.NUMBER


def _text(text: str, kind: Kind, most: int) -> list[Piece]:
    shown = escape(json.dumps(text[:most], ensure_ascii=False))
    # No character becomes longer than an escape, or than its code point in brackets.
    pieces = [Piece(printable(shown, 12 * most), kind)]
    if len(text) > most:
        pieces.append(Piece(f" … cut: {len(text):,} characters", Kind.MARK))
    return pieces
