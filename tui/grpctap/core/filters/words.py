"""Plain text as a filter: words that must all be there."""

from __future__ import annotations

import re
from typing import NamedTuple

from grpctap.core.filters.errors import FilterError


class Word(NamedTuple):
    """A word or a phrase; `any_case` says that letters may be small or large."""

    text: str
    any_case: bool


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text, those in quotes with their blanks.

    Raises:
        FilterError: a quote is not closed.
    """
    found: list[Word] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        stop = _end(text, at)
        piece = text[at:stop]
        word = _unquoted(piece) if piece.startswith('"') else piece
        if word:
            # As many search tools do: who writes a capital letter means it.
            found.append(Word(word, any_case=word == fold(word)))
        at = stop
    return tuple(dict.fromkeys(found))


def _end(text: str, at: int) -> int:
    """Where the word ends that begins at `at`."""
    if text[at] != '"':
        stop = at
        while stop < len(text) and not text[stop].isspace() and text[stop] != '"':
            stop += 1
        return stop
    stop = at + 1
    while stop < len(text) and text[stop] != '"':
        stop += 2 if text[stop] == "\\" and text[stop + 1 : stop + 2] in ('"', "\\") else 1
    if stop >= len(text):
        raise FilterError('the text that begins here needs a " at its end', at, len(text))
    return stop + 1


def _unquoted(piece: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", piece[1:-1])


def fold(text: str) -> str:
    """The text in small letters, each of its characters in its place."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(each.lower() if len(each.lower()) == 1 else each for each in text)
