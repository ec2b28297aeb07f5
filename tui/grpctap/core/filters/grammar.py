"""Reads conditions: `number > 78 and symbol = "WTI"`; docs/filter.md has the grammar."""

from __future__ import annotations

import re
from typing import NamedTuple

from grpctap.core.filters.errors import LONGEST_FILTER, FilterError
from grpctap.core.filters.syntax import (
    KEYWORDS,
    PSEUDO_FIELDS,
    UNESCAPED,
    All,
    Any,
    Compare,
    Condition,
    Has,
    Holds,
    In,
    Key,
    Literal,
    Not,
    Number,
    Operand,
    Path,
    Place,
    Text,
    Truth,
)
from grpctap.core.text import printable

DEEPEST = 50
"""So many parentheses and negations within each other."""
_LONGEST_SHOWN = 40
_LONGEST_NUMBER = 100

_TOKEN = re.compile(
    r"""
    (?P<blank>\s+)
    | (?P<text>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
    | (?P<open_text>["'])
    | (?P<number>(?:0[xX][0-9A-Fa-f]+|-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![A-Za-z0-9_]))
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<pseudo>@[A-Za-z_]*)
    | (?P<sign><=|>=|==|!=|<>|&&|\|\||[=<>~()\[\],.!])
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~", "contains")
_OTHER_WAYS = {"==": "=", "<>": "!=", "&&": "and", "||": "or", "!": "not"}
_SIDES = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    stop: int

    @property
    def place(self) -> Place:
        return Place(self.start, self.stop)


def parse(text: str) -> Condition:
    """Reads a condition.

    Raises:
        FilterError: it is none, or is not finished.
    """
    if len(text) > LONGEST_FILTER:
        message = f"a filter has {LONGEST_FILTER:,} characters at most"
        raise FilterError(message, LONGEST_FILTER, len(text))
    return _Parser(text).whole()


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            shown = printable(text[at])
            raise FilterError(f"{shown} means nothing here; text stands in quotes", at, at + 1)
        kind, piece = str(match.lastgroup), match[0]
        if kind == "open_text":
            raise FilterError(
                f"the text that begins here needs a {piece} at its end", at, len(text)
            )
        if kind == "number" and len(piece) > _LONGEST_NUMBER:
            raise FilterError("that number is too long", at, match.end())
        if kind != "blank":
            name = _OTHER_WAYS.get(piece, piece) if kind == "sign" else piece
            found.append(_Token(kind, name, at, match.end()))
        at = match.end()
    found.append(_Token("end", "", len(text), len(text)))
    return found


class _Parser:
    """Recursive descent, one method a rule."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        condition = self._any()
        token = self._next
        if token.kind != "end":
            reason = "this ) closes nothing" if token.text == ")" else "and or or is missing before"
            shown = "" if token.text == ")" else f" {_shown(token)}"
            raise FilterError(f"{reason}{shown}", token.start, token.stop)
        return condition

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _is(self, *words: str) -> bool:
        """Whether one of these signs or keywords comes next."""
        token = self._next
        if token.kind == "sign":
            return token.text in words
        return token.kind == "name" and token.text.lower() in words

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._is("or"):
            self._take()
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _all(self) -> Condition:
        parts = [self._not()]
        while self._is("and"):
            self._take()
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _not(self) -> Condition:
        if not self._is("not", "("):
            return self._simple()
        token = self._take()
        self._depth += 1
        if self._depth > DEEPEST:
            raise FilterError(f"this is more than {DEEPEST} deep", token.start, token.stop)
        if token.text == "(":
            condition = self._any()
            if not self._is(")"):
                self._missing(f"the ( at character {token.start + 1} needs a )")
            self._take()
        else:
            condition = Not(self._not())
        self._depth -= 1
        return condition

    def _simple(self) -> Condition:
        start = self._next.start
        if self._is("has") and self._tokens[self._at + 1].text == "(":
            return self._has(start)
        left = self._operand()
        if self._is("in"):
            return self._in(left, start)
        if not self._is(*_OPERATORS):
            if isinstance(left, (Path, Truth)):
                return Holds(left, left.place)
            self._missing("compare this with a field")
        operator = self._take().text.lower()
        right = self._operand(f"a value is missing after {operator}")
        place = Place(start, right.place.stop)
        if not isinstance(left, Path):
            if not isinstance(right, Path):
                raise FilterError("one side has to be a field", start, right.place.stop)
            if operator not in _SIDES:
                raise FilterError(f"the field stands before {operator}", start, right.place.stop)
            # Told in one way, so that it is read in one way.
            left, operator, right = right, _SIDES[operator], left
        return Compare(left, operator, right, place)

    def _has(self, start: int) -> Condition:
        self._take()
        self._take()
        path = self._path()
        if not self._is(")"):
            self._missing("has( needs a )")
        return Has(path, Place(start, self._take().stop))

    def _in(self, left: Operand, start: int) -> Condition:
        token = self._take()
        if not isinstance(left, Path):
            raise FilterError("a field stands before in", left.place.start, left.place.stop)
        if not self._is("("):
            self._missing('in needs values in parentheses: in ("a", "b")')
        self._take()
        values: list[Literal] = []
        while True:
            value = self._operand("a value is missing")
            if isinstance(value, Path):
                message = "in takes texts, numbers, true or false"
                raise FilterError(message, value.place.start, value.place.stop)
            values.append(value)
            if not self._is(","):
                break
            self._take()
        if not self._is(")"):
            self._missing(f"the in at character {token.start + 1} needs a )")
        return In(left, tuple(values), Place(start, self._take().stop))

    def _operand(self, missing: str = "a field is missing") -> Operand:
        token = self._next
        if token.kind == "text":
            self._take()
            return Text(_unquoted(token), token.place)
        if token.kind == "number":
            self._take()
            return Number(token.text, token.place)
        if self._is("true", "false"):
            self._take()
            return Truth(token.text.lower() == "true", token.place)
        return self._path(missing)

    def _path(self, missing: str = "a field is missing") -> Path:
        first = self._next
        steps: list[str | int | Key] = []
        places: list[Place] = []
        if first.kind == "pseudo":
            self._take()
            if first.text not in PSEUDO_FIELDS:
                known = ", ".join(PSEUDO_FIELDS)
                raise FilterError(f"there are {known}", first.start, first.stop)
            return Path((first.text,), first.place, (first.place,))
        if first.kind == "name" and first.text.lower() not in KEYWORDS:
            steps.append(self._take().text)
            places.append(first.place)
        elif not self._is("."):
            self._missing(missing)
        while self._is(".", "["):
            sign = self._take()
            step = self._take() if self._next.kind != "end" else self._next
            steps.append(self._step(sign, step))
            places.append(step.place)
            if sign.text == "[":
                if not self._is("]"):
                    self._missing("the [ needs a ]")
                self._take()
        return Path(
            tuple(steps), Place(first.start, self._tokens[self._at - 1].stop), tuple(places)
        )

    def _step(self, sign: _Token, step: _Token) -> str | int | Key:
        if sign.text == ".":
            if step.kind != "name":
                raise FilterError("a field's name is missing after the dot", step.start, step.stop)
            return step.text
        if step.kind == "text":
            return Key(_unquoted(step))
        if step.kind == "number" and re.fullmatch(r"-?\d{1,20}", step.text):
            return int(step.text)
        message = 'in [ ] stands an index, or a key in quotes: tags[0], labels["a"]'
        raise FilterError(message, step.start, step.stop)

    def _missing(self, reason: str) -> None:
        """What comes next is not what should.

        Raises:
            FilterError: always.
        """
        token = self._next
        before = f" before {_shown(token)}" if token.kind != "end" else ""
        raise FilterError(f"{reason}{before}", token.start, token.stop)


def _unquoted(token: _Token) -> str:
    return _ESCAPE.sub(lambda match: UNESCAPED.get(match[1], match[0]), token.text[1:-1])


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def _shown(token: _Token) -> str:
    return printable(token.text, _LONGEST_SHOWN)
