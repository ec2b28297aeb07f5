"""Requests that somebody writes as JSON: what is wrong with one, and where."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from grpctap.core.catalog import nearest
from grpctap.core.fields import field_named
from grpctap.core.jsonplaces import Path, Places, Span, places
from grpctap.core.method import Method
from grpctap.core.template import WELL_KNOWN
from grpctap.core.text import printable
from grpctap.core.types import map_entry, type_text

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a request, on one printable line, and where, in characters."""

    message: str
    span: Span


class RequestError(ValueError):
    """A text that is no request; the message says why, and `fault` where."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def read_request(text: str, method: Method, *, unknown_fields: bool = False) -> Message:
    """The request that a text of JSON says; `unknown_fields` says to ignore what it has not.

    Raises:
        RequestError: it is none that the method takes.
    """
    value = _json(text)
    if not isinstance(value, dict):
        raise _error("a request is a JSON object: { … }", (0, len(text.strip())))
    found = places(text)
    if found.doubled:
        raise _error("this key is there twice", found.doubled[0])
    request = method.request_class()
    try:
        json_format.ParseDict(
            value, request, ignore_unknown_fields=unknown_fields, descriptor_pool=method.pool
        )
    except Exception as error:  # json_format trusts its input, and raises what it comes upon
        try:
            _Search(found, method.pool, unknown_fields=unknown_fields).look(
                value, method.request, ()
            )
        except RecursionError:
            raise _error("this is nested too deeply", (0, 1)) from error
        raise _error(_reason(error), (0, 1)) from error
    if not request.IsInitialized():
        missing = ", ".join(cast("Any", request).FindInitializationErrors())
        raise _error(f"{method.request.full_name} requires {missing}", (0, 1))
    return request


def _json(text: str) -> object:
    if not text.strip():
        raise _error("a request is a JSON object: {} is the empty one", (0, 0))
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        # At the end of the text is where something is missing, so what is before it is marked.
        at = min(error.pos, max(len(text.rstrip()) - 1, 0))
        line, column = position(text, error.pos)
        said = error.msg[0].lower() + error.msg[1:].removesuffix(" at")
        raise _error(f"line {line}, column {column}: {said}", (at, at + 1)) from error
    except RecursionError:
        raise _error("this is nested too deeply", (0, 1)) from None
    except ValueError as error:
        # Python refuses to read thousands of digits.
        raise _error("a number has too many digits", (0, 1)) from error


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of a place, both from 1."""
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1


class _Search:
    """Looks for the first thing that protobuf does not take, one field after the other."""

    def __init__(self, found: Places, pool: DescriptorPool, *, unknown_fields: bool) -> None:
        self._found, self._pool, self._unknown_fields = found, pool, unknown_fields

    def look(self, value: object, message: Descriptor, path: Path) -> None:
        """Raises the fault of a value that should be such a message, if it has one."""
        if message.full_name in WELL_KNOWN:
            return
        if not isinstance(value, dict):
            raise self._at_value(path, f"{message.name} is an object: {{ … }}")
        chosen: dict[str, str] = {}
        for name, inner in value.items():
            at = (*path, name)
            field = field_named(message, name)
            if field is None:
                if self._unknown_fields:
                    continue
                if not name.startswith("["):
                    known = [each.json_name for each in message.fields]
                    near = nearest(name, known)
                    text = f'{message.name} has no field "{name}"; {near}'
                    raise self._at_key(at, text)
                self._try(message, name, inner, at)
                continue
            oneof = field.containing_oneof
            if oneof is not None and inner is not None:
                if oneof.name in chosen:
                    text = f"{chosen[oneof.name]} and {name} exclude each other; make one null"
                    raise self._at_key(at, text)
                chosen[oneof.name] = name
            if inner is not None:
                self._field(message, field, name, inner, at)

    def _field(
        self, message: Descriptor, field: FieldDescriptor, name: str, value: object, at: Path
    ) -> None:
        nested = field.message_type
        if entry := map_entry(field):
            if not isinstance(value, dict):
                raise self._at_value(at, f"{name} is a map, an object: {{ … }}")
            nested = entry[1].message_type
            each: list[tuple[str | int, object]] = list(value.items())
        elif field.is_repeated:
            if not isinstance(value, list):
                raise self._at_value(at, f"{name} is repeated, an array: [ … ]")
            each = list(enumerate(value))
        else:
            each = []
            if nested is not None:
                self.look(value, nested, at)
        for step, inner in each:
            if inner is not None and nested is not None:
                self.look(inner, nested, (*at, step))
            alone = {step: inner} if isinstance(step, str) else [inner]
            self._try(message, name, alone, (*at, step))
        self._try(message, name, value, at)

    def _try(self, message: Descriptor, name: str, value: object, at: Path) -> None:
        instance = message_factory.GetMessageClass(message)()
        try:
            json_format.ParseDict(
                {name: value},
                instance,
                ignore_unknown_fields=self._unknown_fields,
                descriptor_pool=self._pool,
            )
        except Exception as error:  # as above
            field = field_named(message, name)
            reason = _reason(error) if field is None else _mistake(field, value, error)
            raise self._at_value(at, f"{name}: {reason}") from error

    def _at_key(self, path: Path, text: str) -> RequestError:
        place = self._found.by_path.get(path)
        return _error(text, (place.key or place.value) if place is not None else (0, 1))

    def _at_value(self, path: Path, text: str) -> RequestError:
        place = self._found.by_path.get(path)
        return _error(text, place.value if place is not None else (0, 1))


def _mistake(field: FieldDescriptor, value: object, error: Exception) -> str:
    """Why a field does not take a value; json_format says it as Python does."""
    for only in value if isinstance(value, list) and len(value) == 1 else ():
        value = only
    if value is None:
        return "an element cannot be null"
    if field.enum_type is not None:
        names = [each.name for each in field.enum_type.values]
        return (
            f"{field.enum_type.name} has no value {json.dumps(value)}; {nearest(str(value), names)}"
        )
    reason = _reason(error)
    if field.message_type is not None or "range" in reason:
        return reason
    return f"this is no {type_text(field, one=True)}"


def _error(text: str, span: Span) -> RequestError:
    return RequestError(Fault(printable(text, _LONGEST), span))


def _reason(error: Exception) -> str:
    """What json_format says, without the names of the fields around, which the place tells."""
    text = " ".join(str(error).split()) or type(error).__name__
    while text.startswith("Failed to parse ") and " field: " in text:
        text = text.partition(" field: ")[2].rstrip(".")
    return text.partition(' at "')[0].rsplit(" at ", 1)[0] if " at " in text else text
