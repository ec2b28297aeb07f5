"""Filters as people write them: plain text, a regular expression, or a condition."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from grpctap.core.filters.errors import LONGEST_FILTER, FilterError
from grpctap.core.filters.lines import Lines
from grpctap.core.history import Value
from grpctap.core.message import Schema

Spans = list[tuple[int, int]]
"""Parts of a line, in characters: from, to before which."""
Select = Callable[[Sequence[Value]], list[int]]
Mark = Callable[[str], Spans]


class Kind(Enum):
    """What a filter is; the value is what it is called on the screen."""

    TEXT = "text"
    REGEX = "regex"
    CONDITION = "condition"


class Filter(NamedTuple):
    """A filter that is ready to be used.

    `select` gives the indices of the values that match, in order; `spans` what of a line shows why.
    Neither raises, whatever a server sends.
    """

    kind: Kind
    text: str
    select: Select
    spans: Mark

    def matches(self, value: Value) -> bool:
        """Whether one value matches; of many, `select` tells several times as fast."""
        return bool(self.select((value,)))


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*("|$)', re.DOTALL)
_SIGNS = re.compile(r"[=<>~]|(?<![\w.])(?:has|in)\s*\(|(?<![\w.])contains\s*$", re.ASCII)


def kind_of(text: str) -> Kind:
    """What somebody means who writes this.

    What begins with / is a regular expression. What has one of = < > ~ outside of quotes, or
    `has(`, `in (` or `contains "`, is a condition. All else is text.
    """
    text = text[: LONGEST_FILTER + 1].strip()
    if text.startswith("/"):
        return Kind.REGEX
    # Without the quoted parts, `contains` is at the end of a piece where a quote follows.
    if any(_SIGNS.search(piece) for piece in _outside(text)):
        return Kind.CONDITION
    return Kind.TEXT


def _outside(text: str) -> list[str]:
    """The pieces between quoted parts, each of which a quoted part follows; and the rest."""
    pieces, at = [], 0
    for match in _QUOTED.finditer(text):
        pieces.append(text[at : match.start()])
        at = match.end()
    rest = text[at:]
    # After the last one no quote follows.
    return [*pieces, re.sub(r"contains\s*$", "", rest)]


class Maker:
    """Makes filters for the messages of one schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._lines: Lines | None = None

    def forget(self) -> None:
        """Lets go of what is kept to be quick."""
        self._lines = None

    def lacks(self, text: str) -> str | None:
        """What the text lacks to be the condition as which it begins; None: it is none.

        `make` takes such a text for words.
        """
        if not text.strip() or len(text) > LONGEST_FILTER or kind_of(text) is not Kind.TEXT:
            return None
        # Start-up does not wait for what is not used yet.
        from grpctap.core.filters import unfinished

        return unfinished.lacks(text, self._schema.type_)

    def make(self, text: str) -> Filter | None:
        """The filter that the text is; None: it is empty.

        Raises:
            FilterError: it is not finished, or makes no sense.
        """
        if len(text) > LONGEST_FILTER:
            reason = f"a filter has {LONGEST_FILTER:,} characters at most"
            raise FilterError(reason, LONGEST_FILTER, len(text))
        if not text.strip():
            return None
        # Start-up does not wait for what is not used yet.
        from grpctap.core.filters import searches

        kind = kind_of(text)
        if kind is Kind.CONDITION:
            return Filter(kind, text, *searches.by_condition(self._schema, text))
        if self._lines is None:
            self._lines = Lines(self._schema)
        if kind is Kind.REGEX:
            return Filter(kind, text, *searches.by_pattern(self._lines, text))
        made = searches.by_words(self._lines, text)
        return None if made is None else Filter(kind, text, *made)
