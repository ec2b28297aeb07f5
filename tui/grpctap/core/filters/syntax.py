"""Conditions as trees, and how they are written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

KEYWORDS = frozenset({"and", "or", "not", "has", "in", "contains", "true", "false"})
PSEUDO_FIELDS = ("@seq", "@received", "@size")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """The characters `start` to `stop` - 1 of the filter's text."""

    start: int
    stop: int


_NOWHERE = Place(0, 0)


@dataclass(frozen=True, slots=True)
class Path:
    """A field: names, after a list an index, after a map a key; or one of the pseudo-fields.

    `places` are those of the steps.
    """

    steps: tuple[str | int | Key, ...]
    place: Place = field(default=_NOWHERE, compare=False, repr=False)
    places: tuple[Place, ...] = field(default=(), compare=False, repr=False)

    @property
    def is_pseudo(self) -> bool:
        """Whether it is of the value and not of its message."""
        return isinstance(self.steps[0], str) and self.steps[0].startswith("@")

    def __str__(self) -> str:
        parts = []
        for at, step in enumerate(self.steps):
            if isinstance(step, int):
                parts.append(f"[{step}]")
            elif isinstance(step, Key):
                parts.append(f"[{quote(step.text)}]")
            else:
                parts.append(f".{step}" if at or step.lower() in KEYWORDS else step)
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class Key:
    """The key of a map, in quotes."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text, in quotes."""

    value: str
    place: Place = field(default=_NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return quote(self.value)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written: a decimal one, or bytes in hexadecimal."""

    written: str
    place: Place = field(default=_NOWHERE, compare=False, repr=False)

    @property
    def value(self) -> int | float:
        """What it is."""
        if self.is_hex:
            return int(self.written, 16)
        return int(self.written) if re.fullmatch(r"-?\d+", self.written) else float(self.written)

    @property
    def is_hex(self) -> bool:
        """Whether it has the form 0x…."""
        return self.written[:2].lower() == "0x"

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false`."""

    value: bool
    place: Place = field(default=_NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return "true" if self.value else "false"


Literal = Text | Number | Truth
Operand = Path | Literal


@dataclass(frozen=True, slots=True)
class Compare:
    """Two operands and what is between them: = != < <= > >= ~ contains."""

    left: Operand
    operator: str
    right: Operand
    place: Place = field(default=_NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


@dataclass(frozen=True, slots=True)
class In:
    """A field that has one of some values."""

    path: Path
    values: tuple[Literal, ...]
    place: Place = field(default=_NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.path} in ({', '.join(map(str, self.values))})"


@dataclass(frozen=True, slots=True)
class Has:
    """A field that is set."""

    path: Path
    place: Place = field(default=_NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"has({self.path})"


@dataclass(frozen=True, slots=True)
class Holds:
    """A field of truth values, or one that is given, on its own."""

    operand: Path | Truth
    place: Place = field(default=_NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return str(self.operand)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Condition

    def __str__(self) -> str:
        return f"not {_within(self.part, (All, Any))}"


@dataclass(frozen=True, slots=True)
class All:
    """Each of two or more."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return " and ".join(_within(part, (All, Any)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Any:
    """At least one of two or more."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return " or ".join(_within(part, (Any,)) for part in self.parts)


Condition = Compare | In | Has | Holds | Not | All | Any


def _within(part: Condition, loose: tuple[type, ...]) -> str:
    return f"({part})" if isinstance(part, loose) else str(part)


def quote(text: str) -> str:
    """A text as it stands in a condition."""
    return '"' + "".join(_ESCAPES.get(character, character) for character in text) + '"'


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
UNESCAPED = {'"': '"', "'": "'", "\\": "\\", "/": "/", "n": "\n", "t": "\t", "r": "\r"}
"""What stands for what after a backslash; before anything else, it stands for itself."""
