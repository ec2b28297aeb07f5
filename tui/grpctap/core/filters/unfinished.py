"""Conditions that are being written: text that begins as one does, and what it lacks.

Such text has no sign yet that tells it from words. To look for it as words would empty the log
while somebody writes `number > 78`.
"""

from __future__ import annotations

import re

from google.protobuf.descriptor import Descriptor

from grpctap.core.fields import field_named
from grpctap.core.filters.errors import FilterError
from grpctap.core.filters.grammar import parse
from grpctap.core.filters.paths import Sort, find
from grpctap.core.filters.syntax import PSEUDO_FIELDS, Has
from grpctap.core.text import listed
from grpctap.core.types import map_entry

_BEFORE = re.compile(r"(?:\(\s*|!\s*|not\s+)*", re.ASCII | re.IGNORECASE)
_PATH = re.compile(r"\.?[A-Za-z_]\w*(?:\.\w*|\[[^\]]*\]?)*|@\w*", re.ASCII)
_LINK = re.compile(r"\)*\s*(and|or)\s+", re.ASCII | re.IGNORECASE)
_MOST_NAMES = 4

_NEXT = {
    Sort.NUMBER: "= != < > or in (…)",
    Sort.SINGLE: "= != < > or in (…)",
    Sort.TEXT: "= != ~ or contains, and a text in quotes",
    Sort.BYTES: "= != ~ or contains, and a text in quotes or 0x…",
    Sort.BOOL: "= true, = false, and, or",
    Sort.ENUM: "= != ~ or in (…)",
    Sort.TIME: '= < >, and a time: "2026-01-31T12:00:00Z"',
    Sort.DURATION: '= < >, and a duration: "1.5s"',
    Sort.JSON: "= != < > or a path into it",
    Sort.MESSAGE: "a dot and one of its fields, or has(…)",
    Sort.MAP: '["key"], or has(…)',
}
_AFTER = {
    "contains": 'contains needs a text: contains "a"',
    "in": 'in needs values in parentheses: in ("a", "b")',
    "!=": "!= is for what is not equal",
}


_INDEX = 'in [ ] stands an index, or a key in quotes: tags[0], labels["a"]'
_INDICES = ("0", '"0"', '"true"')


def lacks(text: str, root: Descriptor) -> str | None:
    """What a text lacks to be a condition on messages of the type `root`, in printable words.

    None: it does not begin like one, or has a sign that makes it one. What begins like one goes to
    a field that is there, or to the first letters of one.
    """
    rest = text.lstrip()
    begun = False
    while True:
        before = _BEFORE.match(rest)
        opened = before is not None and before.end() > 0
        rest = rest[before.end() :] if before is not None else rest
        if not rest:
            return "a field is missing" if opened or begun else None
        path = _PATH.match(rest)
        if path is None:
            return None
        name, after = path[0], rest[path.end() :]
        above, bracket, index = name.rpartition("[")
        if bracket and "]" not in index:
            return _INDEX if _has_elements(above, root) else None
        sort = _sort(name, root)
        if not after:
            return _begun(name, root) if sort is None else _next(name, sort)
        tail = after.strip()
        if sort is None or not (after[0].isspace() or after[0] in "!)"):
            return None
        if not tail:
            return _next(name, sort)
        link = _LINK.match(after.lstrip())
        if link is None or sort is not Sort.BOOL:
            return _operator(tail.lower(), sort)
        rest, begun = after.lstrip()[link.end() :], True


def _operator(tail: str, sort: Sort) -> str | None:
    for operator, lacking in _AFTER.items():
        if operator.startswith(tail):
            return lacking
    if sort is Sort.BOOL and any(word.startswith(tail) for word in ("and", "or")):
        return "another condition is missing after and, or"
    return None


def _next(name: str, sort: Sort) -> str:
    return f"{name} is {sort.value}: go on with {_NEXT[sort]}"


def _sort(name: str, root: Descriptor) -> Sort | None:
    """What a field is; None: there is none of that name."""
    try:
        condition = parse(f"has({name})")
        return find(condition.path, root).sort if isinstance(condition, Has) else None
    except FilterError:
        return None


def _has_elements(name: str, root: Descriptor) -> bool:
    return any(_sort(f"{name}[{index}]", root) is not None for index in _INDICES)


def _begun(name: str, root: Descriptor) -> str | None:
    """Which fields begin with these letters; None: no field does."""
    if name.startswith("@"):
        names = [known for known in PSEUDO_FIELDS if known.startswith(name)]
    else:
        above, _, last = name.removeprefix(".").rpartition(".")
        type_ = _type_at(above, root) if above else root
        if type_ is None or "[" in last:
            return None
        names = [
            field.name
            for field in type_.fields
            if field.name.startswith(last) or field.json_name.startswith(last)
        ]
        if not above:
            names += [word for word in ("has(…)", "not") if word.startswith(last)]
    return f"a condition may begin so: {listed(names, _MOST_NAMES)}" if names else None


def _type_at(path: str, root: Descriptor) -> Descriptor | None:
    """The type of the message that a path leads to; None: it leads to none."""
    type_: Descriptor | None = root
    is_key = False
    for part in path.split("."):
        if is_key:
            is_key = False
            continue
        name, bracket, _ = part.partition("[")
        field = None if type_ is None else field_named(type_, name)
        if field is None:
            return None
        type_ = field.message_type
        entry = map_entry(field)
        if entry is not None:
            type_, is_key = entry[1].message_type, not bracket
    return type_
