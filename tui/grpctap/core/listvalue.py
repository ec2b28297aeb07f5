"""The messages of proto.StreamServer/ListValue, known without asking the server."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Protocol, cast

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message

from grpctap.core.columns import ColumnReader
from grpctap.core.defaults import with_defaults
from grpctap.core.jsontext import JsonText, escape
from grpctap.core.mend import parse_mended
from grpctap.core.message import MessageError, Reading, Run
from grpctap.core.method import Method
from grpctap.core.resume import Resume, request_at
from grpctap.core.text import MAX_LINE
from grpctap.core.wire import find_bytes
from grpctap_protos import server_stream_pb2 as pb

if TYPE_CHECKING:
    from grpctap.core.cells import Cells

METHOD = "proto.StreamServer/ListValue"
_POOL = descriptor_pool.Default()
LIST_VALUE = Method(
    METHOD,
    _POOL.FindMessageTypeByName("proto.SimpleRequest"),
    _POOL.FindMessageTypeByName("proto.StreamResponse"),
    _POOL,
)
OWN_RESUME = Resume.find(LIST_VALUE.request, LIST_VALUE.response)
"""The pair that its messages have for the purpose."""


def as_known(method: Method) -> Method:
    """LIST_VALUE in place of what somebody describes as it, with the comments of that.

    A description of the same method may have fewer fields, as the tutorial's has; with any other
    field than ours it is another method of the same name, and stays as it is.
    """
    pairs = ((method.request, LIST_VALUE.request), (method.response, LIST_VALUE.response))
    same = (
        method.name == METHOD
        and method.kind == LIST_VALUE.kind
        and all(_is_part(described, known) for described, known in pairs)
    )
    if not same:
        return method
    return replace(LIST_VALUE, comment=method.comment, comments=method.comments)


def is_list_value(method: Method) -> bool:
    """Whether its messages are those known here, and not only its name is the same."""
    return method.pool is LIST_VALUE.pool and method.name == LIST_VALUE.name


def _is_part(described: Descriptor, known: Descriptor) -> bool:
    shapes = {_shape(field) for field in known.fields}
    return described.full_name == known.full_name and all(
        _shape(field) in shapes for field in described.fields
    )


def _shape(field: FieldDescriptor) -> tuple[str, int, int, bool, str | None]:
    message = field.message_type
    type_name = None if message is None else message.full_name
    return field.name, field.number, field.type, field.is_repeated, type_name


# Numbers stand near the end of a value, and a value can be a megabyte.
_TAIL = 256
# No character of UTF-8 has more than four bytes; the one too many tells that there is more.
_HEAD = 4 * (MAX_LINE + 1)
# To copy a value of this size, in bytes, takes longer than to find its ends.
_LARGE = 16_384
_VALUE_FIELD = pb.StreamResponse.STREAM_VALUE_FIELD_NUMBER
_NUMBER = re.compile(
    r"(?:(?<![\w.])[-+])?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?",
    re.ASCII,
)


def last_number(text: str) -> float | None:
    """The last number written in `text`, or None: 78.41 in "WTI 78.41", 23 in "2026-11-23"."""
    found = None
    for match in _NUMBER.finditer(text[-_TAIL:]):
        found = match[0]
    return _finite(float(found)) if found else None


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


class _Lenient(Protocol):
    """A StreamResponse whose strings were left as they came."""

    stream_value: bytes
    stream_id: bytes
    sequence: int
    resume_token: bytes
    progress: bool
    number: float
    progress_interval: Duration

    def HasField(self, field_name: Literal["number"]) -> bool: ...  # noqa: N802


def _lenient_response() -> type[Message]:
    """StreamResponse with bytes where the proto says string, so that invalid UTF-8 can be read."""
    file = descriptor_pb2.FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(file)
    response = next(m for m in file.message_type if m.name == "StreamResponse")
    for field in response.field:
        if field.type == field.TYPE_STRING:
            field.type = field.TYPE_BYTES
    pool = descriptor_pool.DescriptorPool()
    for dependency in pb.DESCRIPTOR.dependencies:
        copy = descriptor_pb2.FileDescriptorProto()
        dependency.CopyToProto(copy)
        pool.Add(copy)
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName(pb.StreamResponse.DESCRIPTOR.full_name)
    )


_Response = _lenient_response()
_COLUMNS = ColumnReader(cast("Descriptor", pb.StreamResponse.DESCRIPTOR), "sequence")


class ListValue:
    """The schema of ListValue; source: `server_stream.proto`.

    `progress` asks the server for its signs of life, which carry no value. `resume` names another
    place to go on from than `resume_token`. `emit_defaults` is for the JSON of a pipe: with the
    fields that are not set.
    """

    def __init__(
        self,
        request: pb.SimpleRequest,
        *,
        progress: bool,
        resume: Resume | None = None,
        cells: Cells | None = None,
        emit_defaults: bool = False,
    ) -> None:
        self.number_name = "value"
        self.type_ = LIST_VALUE.response
        self.cells = cells
        self.json_text = JsonText(LIST_VALUE.response, _POOL)
        self._request = request
        self._progress = progress
        self._resume = resume
        self._emit_defaults = emit_defaults

    def request(self, token: bytes) -> bytes:
        """The serialised request of a call that continues after `token`; empty: a fresh call."""
        request = request_at(self._request, self._resume or OWN_RESUME, token)
        request.progress_notify = self._progress
        return request.SerializeToString()

    def read(self, raw: bytes) -> Reading:
        """Reads a message's place and number.

        Raises:
            MessageError: the bytes are no StreamResponse.
        """
        message = _parse(raw)
        if message.HasField("number"):
            self.number_name = "number"
            number = _finite(message.number)
        else:
            number = last_number(_text(_value(message, raw, slice(-_TAIL, None))))
        progress = message.progress
        return Reading(
            _text(message.stream_id),
            message.sequence,
            message.resume_token if self._resume is None else _place(raw, self._resume),
            progress,
            number,
            _nanoseconds(message.progress_interval) if progress else 0,
        )

    def read_run(self, raws: Sequence[bytes]) -> Run | None:
        """Reads many messages at once; None when they are no run, and to be read one by one."""
        read = _COLUMNS.read(raws)
        if read is None:
            return None
        count, (columns, numbered) = len(raws), read
        sequences = range(numbered[0], numbered[0] + count)
        ids = cast("Sequence[bytes]", columns.stream_id[:])
        tokens = cast("Sequence[bytes]", columns.resume_token)
        numbers = cast("Sequence[float]", columns.number[:])
        if (
            len(columns.progress)
            or numbered != list(sequences)
            or ids != [ids[0] if ids else b""] * count
            or len(tokens) != count
            or len(numbers) != count
        ):
            return None
        self.number_name = "number"
        token = tokens[-1] if self._resume is None else _place(raws[-1], self._resume)
        return Run(_text(ids[0]), sequences, token, numbers)

    def line(self, raw: bytes) -> str:
        """The beginning of the value as text, more than a line holds; not yet safe for a terminal.

        Raises:
            MessageError: the bytes are no StreamResponse.
        """
        return _text(_value(None, raw, slice(_HEAD)))

    def message(self, raw: bytes) -> Message:
        """The message, with U+FFFD in its strings where bytes are no UTF-8.

        Raises:
            MessageError: the bytes are no StreamResponse.
        """
        try:
            return pb.StreamResponse.FromString(raw)
        except DecodeError:
            return parse_mended(pb.StreamResponse, raw)

    def json(self, raw: bytes) -> str:
        """The message as canonical JSON on one line, every unprintable character escaped.

        Bytes that are no UTF-8 show as U+FFFD.

        Raises:
            MessageError: the bytes are no StreamResponse.
        """
        message = self.message(raw)
        try:
            line = self._json(message)
        except json_format.SerializeToJsonError:
            # A time that no calendar has cannot be written, the rest of the message can.
            message.ClearField("event_time")
            line = self._json(message)
        return escape(line)

    def _json(self, message: Message) -> str:
        if self._emit_defaults:
            return json.dumps(with_defaults(message, _POOL), ensure_ascii=False)
        return json_format.MessageToJson(message, indent=None, ensure_ascii=False)


def read_values(raws: Sequence[bytes]) -> list[bytes] | None:
    """The values of many messages, each as far as a line can show; None: read them one by one."""
    read = _COLUMNS.read(raws)
    values = None if read is None else cast("Sequence[bytes]", read[0].stream_value)
    if values is None or len(values) != len(raws):
        return None
    return [value[:_HEAD] for value in values]


def _place(raw: bytes, resume: Resume) -> bytes:
    try:
        return resume.read(pb.StreamResponse.FromString(raw))
    except DecodeError:
        # A text that had to be mended is not the one that the server wants back.
        return b""


def _parse(raw: bytes) -> _Lenient:
    try:
        return cast("_Lenient", _Response.FromString(raw))
    except DecodeError as error:
        raise MessageError("the message is no proto.StreamResponse") from error


def _nanoseconds(duration: Duration) -> int:
    # No check of its range: a server may send any, and one beyond all sense is as good as none.
    return duration.seconds * 1_000_000_000 + duration.nanos


def _value(message: _Lenient | None, raw: bytes, part: slice) -> bytes:
    """A part of the value in the message that `raw` is."""
    place = find_bytes(raw, _VALUE_FIELD) if len(raw) > _LARGE else None
    if place is None:
        return (message or _parse(raw)).stream_value[part]
    start, stop, _ = part.indices(place.stop - place.start)
    return raw[place.start + start : place.start + stop]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
