"""Conditions made into functions; each field is looked up once, nothing is evaluated as code."""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable
from typing import Any, assert_never

from google.protobuf.descriptor import Descriptor

from grpctap.core.catalog import nearest
from grpctap.core.fields import field_named
from grpctap.core.filters import syntax
from grpctap.core.filters.errors import FilterError
from grpctap.core.filters.moments import duration_of, time_of
from grpctap.core.filters.paths import NUMBERS, Field, Sort, find
from grpctap.core.filters.patterns import compile_pattern
from grpctap.core.filters.syntax import Compare, Condition, Has, Holds, In, Literal, Path, Text
from grpctap.core.history import Value
from grpctap.core.text import listed

Test = Callable[[Any, Value], bool]
"""Whether a message, and the value that it came in, fulfil a condition."""

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EXACT_ONLY = (Sort.BOOL,)
_TIME_HINT = 'a time is written as "2026-01-31T12:00:00Z"'
_DURATION_HINT = 'a duration is written as "1.5s" or "2m30s"'


def compile_condition(condition: Condition, root: Descriptor) -> Test:
    """Makes a function of a condition on messages of the type `root`.

    Raises:
        FilterError: a field is not there, or cannot be compared so.
    """
    return _Compiler(root).test(condition)


class _Compiler:
    def __init__(self, root: Descriptor) -> None:
        self._root = root

    def test(self, condition: Condition) -> Test:
        match condition:
            case syntax.Any(parts):
                return _any([self.test(part) for part in parts])
            case syntax.All(parts):
                return _all([self.test(part) for part in parts])
            case syntax.Not(part):
                inner = self.test(part)
                return lambda message, value: not inner(message, value)
            case Has(path):
                return self._has(path)
            case Holds(operand):
                return self._holds(operand)
            case Compare():
                return self._compare(condition)
            case In(path, values):
                return _any([self._compare(Compare(path, "=", value)) for value in values])
        assert_never(condition)

    def _has(self, path: Path) -> Test:
        field = find(path, self._root)
        read_all = field.read_all
        if field.presence:
            return lambda message, value: any(True for _ in read_all(message, value))
        # Where nobody can tell whether it was set, what is not nothing was.
        return lambda message, value: any(found for found in read_all(message, value))

    def _holds(self, operand: Path | syntax.Truth) -> Test:
        if isinstance(operand, syntax.Truth):
            truth = operand.value
            return lambda _message, _value: truth
        field = find(operand, self._root)
        if field.sort not in (Sort.BOOL, Sort.JSON):
            reason = f"{operand} is {field.sort.value}: compare it, or ask has({operand})"
            raise FilterError(reason, operand.place.start, operand.place.stop)
        return _some(field, lambda found: found is True)

    def _compare(self, compare: Compare) -> Test:
        left = find(_path(compare.left), self._root)
        negated = compare.operator == "!="
        sign = "=" if negated else compare.operator
        right = self._as_literal(left, compare.right)
        if isinstance(right, Path):
            test = self._compare_fields(compare, left, sign)
        else:
            test = self._compare_literal(compare, left, sign, right)
        if negated:
            # Exactly the opposite, also where the field is not set.
            return lambda message, value: not test(message, value)
        return test

    def _as_literal(self, left: Field, right: syntax.Operand) -> syntax.Operand:
        """A bare name after an enum is one of its names; after a text, quotes were forgotten."""
        if not isinstance(right, Path) or len(right.steps) > 1 or right.is_pseudo:
            return right
        name, place = str(right.steps[0]), right.place
        if field_named(self._root, name) is not None:
            return right
        if left.sort is Sort.ENUM:
            return Text(name, place)
        if left.sort in (Sort.TEXT, Sort.BYTES, Sort.JSON):
            reason = f'no field {name}; a text stands in quotes: "{name}"'
            raise FilterError(reason, place.start, place.stop)
        return right

    def _compare_fields(self, compare: Compare, left: Field, sign: str) -> Test:
        path = _path(compare.right)
        right = find(path, self._root)
        alike = left.sort is right.sort or (left.sort in NUMBERS and right.sort in NUMBERS)
        if not alike or left.sort in (Sort.MESSAGE, Sort.MAP) or left.enum is not right.enum:
            reason = f"{compare.left} is {left.sort.value}, and {path} is {right.sort.value}"
            if alike:
                reason = f"{compare.left} and {path} cannot be compared"
            raise FilterError(reason, compare.place.start, compare.place.stop)
        if sign == "~":
            raise FilterError("after ~ stands a text", path.place.start, path.place.stop)
        self._check_sign(compare, left, sign)
        order = _contains if sign == "contains" else _ORDER[sign]
        if left.sort is Sort.JSON:
            order = _like_kinds(order)
        read_left, read_right = left.read_all, right.read_all
        return lambda message, value: any(
            order(one, other)
            for one in read_left(message, value)
            for other in read_right(message, value)
        )

    def _compare_literal(self, compare: Compare, field: Field, sign: str, literal: Literal) -> Test:
        if sign == "~":
            return self._matches(compare, field, literal)
        self._check_sign(compare, field, sign)
        wanted = _wanted(field, literal, str(compare.left))
        if sign == "contains":
            return _some(field, lambda found: _contains(found, wanted))
        order = _ORDER[sign]
        if field.sort is Sort.JSON:
            like = _like_kinds(order)
            return _some(field, lambda found: like(found, wanted))
        read = field.read
        if read is None:
            return _some(field, lambda found: order(found, wanted))

        def test(message: Any, value: Value) -> bool:
            found = read(message, value)
            return found is not None and order(found, wanted)

        return test

    def _check_sign(self, compare: Compare, field: Field, sign: str) -> None:
        sort, place = field.sort, compare.place
        if sort in (Sort.MESSAGE, Sort.MAP):
            what = 'by a key: name["key"]' if sort is Sort.MAP else "by one of its fields"
            reason = (
                f"{compare.left} is {sort.value}: compare it {what}, or ask has({compare.left})"
            )
            raise FilterError(reason, place.start, place.stop)
        if sign == "contains" and sort not in (Sort.TEXT, Sort.BYTES, Sort.JSON):
            reason = f"{compare.left} is {sort.value}, and contains is for texts"
            raise FilterError(reason, place.start, place.stop)
        if sign not in ("=", "contains") and sort in _EXACT_ONLY:
            reason = f"{compare.left} is {sort.value}: compare it with = or !="
            raise FilterError(reason, place.start, place.stop)

    def _matches(self, compare: Compare, field: Field, literal: Literal) -> Test:
        if not isinstance(literal, Text):
            reason = "after ~ stands a regular expression in quotes"
            raise FilterError(reason, literal.place.start, literal.place.stop)
        pattern = compile_pattern(literal.value, literal.place.start + 1, many_lines=True)
        search = pattern.search
        match field.sort:
            case Sort.TEXT:
                return _some(field, lambda found: search(found.encode("utf-8", "replace")))
            case Sort.BYTES:
                return _some(field, search)
            case Sort.ENUM if field.enum is not None:
                names = _names(field)
                return _some(field, lambda found: search(names.get(found, str(found)).encode()))
            case Sort.JSON:
                return _some(
                    field,
                    lambda found: (
                        isinstance(found, str) and search(found.encode("utf-8", "replace"))
                    ),
                )
        reason = f"{compare.left} is {field.sort.value}, and ~ is for texts"
        raise FilterError(reason, compare.place.start, compare.place.stop)


def _path(operand: syntax.Operand) -> Path:
    if not isinstance(operand, Path):
        raise FilterError("one side has to be a field", operand.place.start, operand.place.stop)
    return operand


def _some(field: Field, holds: Callable[[Any], object]) -> Test:
    """Whether it holds for some value that the field has."""
    read, read_all = field.read, field.read_all
    if read is None:
        return lambda message, value: any(holds(found) for found in read_all(message, value))

    def test(message: Any, value: Value) -> bool:
        found = read(message, value)
        return found is not None and bool(holds(found))

    return test


def _any(tests: list[Test]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda message, value: first(message, value) or second(message, value)
    return lambda message, value: any(test(message, value) for test in tests)


def _all(tests: list[Test]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda message, value: first(message, value) and second(message, value)
    return lambda message, value: all(test(message, value) for test in tests)


def _contains(found: Any, part: Any) -> bool:
    return type(found) is type(part) and isinstance(found, (str, bytes)) and part in found


def _like_kinds(order: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Compares JSON values, of which only those of one kind have an order."""

    def compare(one: Any, other: Any) -> bool:
        if isinstance(one, (int, float)) and isinstance(other, (int, float)):
            return isinstance(one, bool) == isinstance(other, bool) and order(one, other)
        return isinstance(one, str) and isinstance(other, str) and order(one, other)

    return compare


def _wanted(field: Field, literal: Literal, name: str) -> Any:
    """What a literal is where it is compared with that field.

    Raises:
        FilterError: it is of another kind.
    """
    value: Any = literal.value
    hint = f"{name} is {field.sort.value}"
    match field.sort, literal:
        case Sort.NUMBER, syntax.Number():
            return value
        case Sort.SINGLE, syntax.Number():
            return _single(value)
        case Sort.TEXT, Text():
            return value
        case Sort.TEXT, _:
            hint += f': write "{literal}" in quotes'
        case Sort.BYTES, Text():
            return value.encode("utf-8", "replace")
        case Sort.BYTES, syntax.Number() if literal.is_hex:
            digits = literal.written[2:]
            return bytes.fromhex(digits if len(digits) % 2 == 0 else f"0{digits}")
        case Sort.BYTES, _:
            hint += ": compare it with a text, or with 0x…"
        case Sort.BOOL, syntax.Truth():
            return value
        case Sort.ENUM, syntax.Number():
            return value
        case Sort.ENUM, Text():
            return _enum_number(field, literal)
        case Sort.ENUM, _:
            hint += ": compare it with a name in quotes, or a number"
        case Sort.TIME, Text():
            moment = time_of(value)
            if moment is not None:
                return moment
            hint = _TIME_HINT
        case Sort.TIME, _:
            hint = _TIME_HINT
        case Sort.DURATION, Text():
            duration = duration_of(value)
            if duration is not None:
                return duration
            hint = _DURATION_HINT
        case Sort.DURATION, _:
            hint = _DURATION_HINT
        case Sort.JSON, _:
            return value
        case _:
            hint += f", and {literal} is none"
    raise FilterError(hint, literal.place.start, literal.place.stop)


def _single(number: float) -> float:
    """The number of single precision that is nearest, as a field of that type has it."""
    try:
        return float(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _names(field: Field) -> dict[int, str]:
    """The names of an enum's numbers; of several, the one that the log shows."""
    known = {} if field.enum is None else field.enum.values_by_number
    return {number: known[number].name for number in known}


def _enum_number(field: Field, literal: Text) -> int:
    names = {} if field.enum is None else field.enum.values_by_name
    found = names.get(literal.value)
    if found is None:
        place = literal.place
        close = nearest(literal.value, list(names)) if names else listed(())
        raise FilterError(f"no {literal.value} in that enum; {close}", place.start, place.stop)
    return int(found.number)
