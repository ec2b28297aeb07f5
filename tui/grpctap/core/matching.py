"""Filters: which names somebody means who types a part of one."""

from __future__ import annotations

from collections.abc import Iterable

Spans = list[tuple[int, int]]
"""Where a name matches, in characters."""


def match(words: str, name: str) -> Spans | None:
    """Where each of the words stands in the name, in any case; None: one of them does not."""
    spans: Spans = []
    low = name.lower()
    for word in words.lower().split():
        at = low.find(word)
        if at < 0:
            return None
        spans.append((at, at + len(word)))
    return spans


def match_letters(words: str, name: str) -> Spans | None:
    """Where the letters of the words stand in the name, one after the other; None: they do not."""
    spans: Spans = []
    low, at = name.lower(), 0
    for letter in "".join(words.lower().split()):
        at = low.find(letter, at) + 1
        if not at:
            return None
        spans.append((at - 1, at))
    return spans


def matching(words: str, names: Iterable[str]) -> dict[str, Spans]:
    """The names that are meant: by their words, or else by their letters."""
    names = list(names)
    for matcher in (match, match_letters):
        found = {name: spans for name in names if (spans := matcher(words, name)) is not None}
        if found:
            return found
    return {}
