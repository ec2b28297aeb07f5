"""Messages of any type with anything in them, for Hypothesis."""

from __future__ import annotations

import math
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from support.zoo.messages import PROTOS

_F = FieldDescriptor
_BITS = {_F.CPPTYPE_INT32: 32, _F.CPPTYPE_INT64: 64, _F.CPPTYPE_UINT32: 32, _F.CPPTYPE_UINT64: 64}
_UNSIGNED = (_F.CPPTYPE_UINT32, _F.CPPTYPE_UINT64)
# The least and the most seconds that JSON has a form for.
_SECONDS = {
    "google.protobuf.Timestamp": (-62_135_596_800, 253_402_300_799),
    "google.protobuf.Duration": (-315_576_000_000, 315_576_000_000),
}
# The greatest float, which protobuf writes as JSON and then does not read.
_GREATEST = (2 - 2**-23) * 2.0**127
_TEXT = st.text(max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
# Types that an Any can hold here: none with a map, whose bytes come in any order.
_HELD = ("zoo.Scalars", "zoo.Shapes", "google.protobuf.Timestamp", "google.protobuf.Duration")


@st.composite
def messages(draw: st.DrawFn, type_: Descriptor, depth: int = 2) -> Message:
    """A message that JSON has a form for; at most so many messages stand in each other."""
    message: Any = message_factory.GetMessageClass(type_)()
    name = type_.full_name
    if name in _SECONDS:
        message.seconds = draw(st.integers(*_SECONDS[name]))
        nanos = draw(st.integers(0, 999_999_999))
        is_back = name.endswith("Duration") and message.seconds < 0
        message.nanos = -nanos if is_back else nanos
    elif name == "google.protobuf.Struct":
        message.update(draw(st.dictionaries(_TEXT, _JSON, max_size=3)))
    elif name == "google.protobuf.ListValue":
        message.extend(draw(st.lists(_JSON, max_size=3)))
    elif name == "google.protobuf.Value":
        message.CopyFrom(_value(draw(_JSON)))
    elif name == "google.protobuf.FieldMask":
        message.paths.extend(
            draw(st.lists(st.from_regex(r"[a-z]+(_[a-z]+)*", fullmatch=True), max_size=3))
        )
    elif name == "google.protobuf.Any":
        held = PROTOS.pool.FindMessageTypeByName(draw(st.sampled_from(_HELD)))
        message.Pack(draw(messages(held, depth - 1)))
    else:
        fields = list(type_.fields)
        if type_.full_name == "zoo.Old":
            fields += PROTOS.pool.FindAllExtensions(type_)
        for field in fields:
            is_leaf = field.message_type is None
            if field.is_required or ((is_leaf or depth > 0) and draw(st.integers(0, 2)) == 0):
                _fill(draw, message, field, depth)
    return message  # type: ignore[no-any-return]


def _value(content: object) -> Message:
    value: Any = message_factory.GetMessageClass(
        PROTOS.pool.FindMessageTypeByName("google.protobuf.Value")
    )()
    wrapped: Any = message_factory.GetMessageClass(
        PROTOS.pool.FindMessageTypeByName("google.protobuf.ListValue")
    )()
    wrapped.append(content)
    value.CopyFrom(wrapped.values[0])
    return value  # type: ignore[no-any-return]


def _fill(draw: st.DrawFn, message: Any, field: FieldDescriptor, depth: int) -> None:
    message_type = field.message_type
    if message_type is not None and message_type.GetOptions().map_entry:
        key, value = (message_type.fields_by_name[name] for name in ("key", "value"))
        entries = getattr(message, field.name)
        for _ in range(draw(st.integers(0, 2))):
            at, what = draw(_leaf(key)), draw(_content(value, depth))
            if value.message_type is None:
                entries[at] = what
            else:
                entries[at].CopyFrom(what)
        return
    if field.is_repeated:
        # An empty extension that is touched is another one to protobuf's own JSON.
        content = draw(st.lists(_content(field, depth), min_size=1, max_size=3))
        if field.is_extension:
            message.Extensions[field].extend(content)
        else:
            getattr(message, field.name).extend(content)
        return
    content = draw(_content(field, depth))
    if message_type is not None:
        target = message.Extensions[field] if field.is_extension else getattr(message, field.name)
        target.SetInParent()
        target.CopyFrom(content)
    elif field.is_extension:
        message.Extensions[field] = content
    else:
        setattr(message, field.name, content)


def _content(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(field.message_type, depth - 1)
    return _leaf(field)


def _leaf(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    kind = field.cpp_type
    if kind in _BITS:
        bits = _BITS[kind]
        least = 0 if kind in _UNSIGNED else -(2 ** (bits - 1))
        return st.integers(least, least + 2**bits - 1)
    if kind == _F.CPPTYPE_ENUM:
        type_: Any = field.enum_type
        known = st.sampled_from([value.number for value in type_.values])
        # A null stands for all values of NullValue.
        if type_.is_closed or type_.name == "NullValue":
            return known
        return known | st.integers(-(2**31), 2**31 - 1)
    if kind == _F.CPPTYPE_BOOL:
        return st.booleans()
    if kind == _F.CPPTYPE_STRING:
        return st.binary(max_size=8) if field.type == _F.TYPE_BYTES else _TEXT
    numbers = st.floats(width=32 if kind == _F.CPPTYPE_FLOAT else 64, allow_nan=False)
    # Of the many that are none, JSON knows one.
    return numbers.filter(lambda number: abs(number) != _GREATEST) | st.just(math.nan)
