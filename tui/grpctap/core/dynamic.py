"""The messages of any method, by the types that its server tells."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from grpctap.core.cells import Cells
from grpctap.core.defaults import with_defaults
from grpctap.core.jsontext import JsonText, escape
from grpctap.core.listvalue import last_number
from grpctap.core.mend import parse_mended, refuses_bad_text
from grpctap.core.message import MessageError, Reading, Run
from grpctap.core.method import Method
from grpctap.core.oneline import OneLine
from grpctap.core.resume import Resume, request_at
from grpctap.core.text import text_of

_NUMBERS = {
    FieldDescriptor.CPPTYPE_DOUBLE,
    FieldDescriptor.CPPTYPE_FLOAT,
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}


class MethodSchema:
    """The schema of any method: nothing is known of its messages but their types.

    `emit_defaults` is for the JSON of a pipe: with the fields that are not set.
    A stream of it has no numbering; where there is a resume pair, it has a cursor. The number of a
    message is its first numeric field that is not the cursor, else the last number in the text of
    its first string.
    """

    def __init__(
        self,
        method: Method,
        request: Message,
        resume: Resume | None = None,
        cells: Cells | None = None,
        *,
        emit_defaults: bool = False,
    ) -> None:
        self.number_name = "value"
        self.type_ = method.response
        self.cells = cells
        self._method = method
        self._request = request
        self._resume = resume
        # Looked up once: a flood leaves no time for it.
        self._response = method.response_class
        self._parse = self._response.FromString
        self._cursor: Callable[[Message], bytes] = _no_cursor if resume is None else resume.read
        self._number = self._find_number()
        self._unchecked = not refuses_bad_text(method.response)
        self.json_text = JsonText(method.response, method.pool)
        as_dict = with_defaults if emit_defaults else None
        self._output = JsonText(method.response, method.pool, as_dict)
        self._one_line = OneLine(method.pool)
        only = method.response.fields[0] if len(method.response.fields) == 1 else None
        self._only_text = attrgetter(only.name) if only is not None and _is_text(only) else None

    def request(self, token: bytes) -> bytes:
        """The serialised request of a call that continues after `token`; empty: a fresh call."""
        request = request_at(self._request, self._resume, token)
        # What it lacks is for the server to say.
        return type(request).SerializePartialToString(request)

    def read(self, raw: bytes) -> Reading:
        """Reads a message's cursor and number.

        Raises:
            MessageError: the bytes are no such message, or its cursor fits into no request.
        """
        try:
            message = self._parse(raw)
        except DecodeError:
            message = parse_mended(self._response, raw)
            # A text that had to be mended is not the one that the server wants back.
            if self._resume is not None and self._resume.is_text:
                return Reading("", 0, b"", False, self._number(message))
        return Reading("", 0, self._cursor(message), False, self._number(message))

    def read_run(self, raws: Sequence[bytes]) -> Run | None:  # noqa: ARG002
        """None: without numbering no messages are a run."""
        return None

    def line(self, raw: bytes) -> str:
        """The fields that fit, or the text where it is one string; not yet safe for a terminal."""
        try:
            message = self.message(raw)
            if self._only_text is not None:
                return text_of(self._only_text(message))
            return self._one_line.write(message)
        except MessageError as error:
            return f"{error} ({len(raw):,} bytes)"

    def json(self, raw: bytes) -> str:
        """The message as canonical JSON on one line, every unprintable character escaped.

        Bytes that are no UTF-8 show as U+FFFD.

        Raises:
            MessageError: the bytes are no such message.
        """
        return escape(self._output.write(self.message(raw)))

    def message(self, raw: bytes) -> Message:
        """The message, with U+FFFD in its strings where bytes are no UTF-8.

        Raises:
            MessageError: the bytes are no such message.
        """
        if self._unchecked:
            return parse_mended(self._response, raw)
        try:
            return self._parse(raw)
        except DecodeError:
            return parse_mended(self._response, raw)

    def _find_number(self) -> Callable[[Any], float | None]:
        cursor = None if self._resume is None else self._resume.spec.response
        fields = [
            field
            for field in self._method.response.fields
            if not field.is_repeated and field.name != cursor
        ]
        for field in fields:
            if field.cpp_type in _NUMBERS:
                self.number_name = field.name
                return _number_reader(field)
        for field in fields:
            if _is_text(field):
                self.number_name = field.name
                text = attrgetter(field.name)
                return lambda message: last_number(text_of(text(message)))
        return _no_number


def _number_reader(field: FieldDescriptor) -> Callable[[Any], float | None]:
    name, has_presence = field.name, field.has_presence

    def read(message: Any) -> float | None:
        number = float(getattr(message, name))
        # Of the class: a field of the message may have the method's name.
        unset = has_presence and not type(message).HasField(message, name)
        if unset or not math.isfinite(number):
            return None
        return number

    return read


def _is_text(field: FieldDescriptor) -> bool:
    return field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated


def _no_cursor(_: Message) -> bytes:
    return b""


def _no_number(_: Message) -> None:
    return None
