"""Where in a text of JSON each value stands, also while the text is still being written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Path = tuple[str | int, ...]
"""The way to a value: the keys of objects and the indexes of arrays."""
Span = tuple[int, int]
"""Where something begins and ends, in characters from the start of the text."""
Kind = Literal["string", "number", "word", "mark", "other"]

# A string that is not closed ends with its line.
_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\[^\n])*(?:"|(?=\n)|\\?$))'
    r"|(?P<number>-?\d[\d.eE+-]*)"
    r"|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<mark>[][{}:,])"
    r"|(?P<other>\S)"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of JSON; `text` is as it is written."""

    kind: Kind
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, and its key where it has one."""

    value: Span
    key: Span | None = None


@dataclass(slots=True)
class _Open:
    """An object or an array that is not closed yet."""

    start: int
    in_object: bool
    path: Path
    key_of: Span | None
    key: Token | None = None
    awaits_value: bool = False
    index: int = 0
    seen: set[str] = field(default_factory=set)

    def child(self) -> Path:
        """The way to the value that comes next."""
        if not self.in_object:
            return (*self.path, self.index)
        return (*self.path, unquoted(self.key.text) if self.key is not None else "")


@dataclass
class Places:
    """Where the values of a text stand.

    `doubled` are keys that their object has already; the latter of two values stands in `by_path`.
    """

    by_path: dict[Path, Place]
    doubled: list[Span]


def tokens(text: str) -> Iterator[Token]:
    """The words of JSON in the text; nothing else than white space is left out."""
    for match in _TOKEN.finditer(text):
        kind: Kind = match.lastgroup or "other"  # type: ignore[assignment]
        yield Token(kind, match.start(), match.end(), match[0])


def unquoted(text: str) -> str:
    """What a string in quotes says; as it is where it is broken."""
    try:
        return str(json.loads(text))
    except ValueError:
        return text.strip('"')


def places(text: str) -> Places:
    """Where each value of the text stands, as far as the text makes sense."""
    found = Places({}, [])
    opened: list[_Open] = []
    for token in tokens(text):
        _take(token, opened, found)
    return found


def path_at(text: str, offset: int) -> Path:
    """The way to the value, or to its key, at a place of the text.

    Where an object has no key yet, the last step is "".
    """
    found = Places({}, [])
    opened: list[_Open] = []
    for token in tokens(text):
        # Upon the first character of a word is in it; before a bracket or a comma is not yet past.
        if token.start + (token.kind == "mark") > offset:
            break
        _take(token, opened, found)
    return opened[-1].child() if opened else ()


def _take(token: Token, opened: list[_Open], found: Places) -> None:
    top = opened[-1] if opened else None
    if token.text in ("}", "]"):
        if top is not None:
            opened.pop()
            found.by_path[top.path] = Place((top.start, token.end), top.key_of)
    elif token.text == ",":
        if top is not None:
            top.key, top.awaits_value = None, False
            top.index += 1
    elif token.text == ":":
        if top is not None:
            top.awaits_value = True
    elif top is not None and top.in_object and not top.awaits_value:
        if token.kind == "string":
            name = unquoted(token.text)
            if name in top.seen:
                found.doubled.append((token.start, token.end))
            top.seen.add(name)
            top.key = token
    else:
        path = top.child() if top is not None else ()
        key = (top.key.start, top.key.end) if top is not None and top.key is not None else None
        if token.text in ("{", "["):
            opened.append(_Open(token.start, token.text == "{", path, key))
        else:
            found.by_path[path] = Place((token.start, token.end), key)
