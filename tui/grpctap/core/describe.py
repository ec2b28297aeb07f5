"""Descriptors as the source code of their protos, in the form that grpcurl gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    EnumValueDescriptor,
    FieldDescriptor,
    MethodDescriptor,
    OneofDescriptor,
    ServiceDescriptor,
)
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    ServiceDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool

from grpctap.core.comments import NO_COMMENTS, Comments, file_of, is_group, message_name, name_of
from grpctap.core.optiontext import by_name, number_text, option_texts, quoted
from grpctap.core.types import is_map, map_entry, scalar_name

_INDENT = "  "
_HIGHEST_FIELD, _HIGHEST_VALUE = 2**29 - 1, 2**31 - 1
_FLOATS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


def described(descriptor: Any, comments: Comments = NO_COMMENTS) -> str:
    """What a descriptor is, and its source code, in lines; not yet safe for a terminal.

    Elements stand in the order of their numbers or names; only comments before definitions are
    told.
    """
    kind, shown = _kind(descriptor)
    printer = _Printer(comments)
    printer.write(shown)
    text = "\n".join(printer.lines)
    name = descriptor.full_name if hasattr(descriptor, "full_name") else name_of(descriptor)
    return f"{name} is {kind}:\n{text}"


def _kind(descriptor: Any) -> tuple[str, Any]:
    """What a descriptor is called, and the one to show in its place."""
    match descriptor:
        case Descriptor():
            field = _field_of(descriptor)
            if field is None:
                return "a message", descriptor
            called = "entry type for a map field" if is_map(field) else "type of a group field"
            return f"the {called}", field
        case FieldDescriptor():
            if is_group(descriptor):
                return "a group field", descriptor
            return "an extension" if descriptor.is_extension else "a field", descriptor
        case OneofDescriptor():
            return "a one-of", descriptor
        case EnumDescriptor():
            return "an enum", descriptor
        case EnumValueDescriptor():
            return "an enum value", descriptor
        case ServiceDescriptor():
            return "a service", descriptor
        case _:
            return "a method", descriptor


def _field_of(message: Descriptor) -> FieldDescriptor | None:
    """The field that a message is made for: a map, or a group."""
    fields = [] if message.containing_type is None else message.containing_type.fields
    name = message.full_name
    return next((field for field in fields if _own(field) and message_name(field) == name), None)


def _own(field: FieldDescriptor) -> bool:
    return is_map(field) or is_group(field)


class _Printer:
    def __init__(self, comments: Comments) -> None:
        self.lines: list[str] = []
        self._comments = comments
        self._protos: dict[str, Any] = {}

    def write(self, descriptor: Any) -> None:
        """Writes one descriptor."""
        match descriptor:
            case Descriptor():
                self._message(descriptor, 0)
            case FieldDescriptor() if descriptor.is_extension:
                self._extend([descriptor], 0)
            case FieldDescriptor():
                self._field(descriptor, 0)
            case OneofDescriptor():
                self._oneof(descriptor, 0)
            case EnumDescriptor():
                self._enum(descriptor, 0)
            case EnumValueDescriptor():
                self._value(descriptor, 0)
            case ServiceDescriptor():
                self._service(descriptor, 0)
            case MethodDescriptor():
                self._method(descriptor, 0)

    def _line(self, depth: int, text: str) -> None:
        self.lines.append(_INDENT * depth + text)

    def _comment(self, descriptor: Any, depth: int) -> None:
        lines = self._comments.leading(descriptor).split("\n")
        if lines and not lines[0]:
            del lines[0]
        if lines and not lines[-1]:
            del lines[-1]
        for line in lines:
            self._line(depth, f"//{line}".rstrip(" \t"))

    def _block(self, head: str, depth: int, body: Callable[[int], None]) -> None:
        self._line(depth, f"{head} {{")
        body(depth + 1)
        self._line(depth, "}")

    def _options(self, descriptor: Any, pool: DescriptorPool, depth: int) -> None:
        for name, value in option_texts(self._proto_of(descriptor).options, pool):
            self._line(depth, f"option {name} = {value};")

    def _message(self, message: Descriptor, depth: int) -> None:
        self._comment(message, depth)
        self._block(f"message {message.name}", depth, lambda inner: self._body(message, inner))

    def _body(self, message: Descriptor, depth: int) -> None:
        proto = self._proto_of(message)
        self._options(message, message.file.pool, depth)
        written: set[str] = set()
        for field in sorted(message.fields, key=lambda field: field.number):
            oneof = self._oneof_of(field)
            if oneof is None:
                self._field(field, depth)
            elif oneof.full_name not in written:
                written.add(oneof.full_name)
                self._oneof(oneof, depth)
        # Maps and groups are written where their fields are.
        own = {
            message_name(field) for field in (*message.fields, *message.extensions) if _own(field)
        }
        for nested in sorted(message.nested_types, key=lambda nested: nested.name):
            if nested.full_name not in own:
                self._message(nested, depth)
        for enum in sorted(message.enum_types, key=lambda enum: enum.name):
            self._enum(enum, depth)
        self._extension_ranges(proto, message.file.pool, depth)
        self._extensions(message.extensions, depth)
        ranges = [(span.start, span.end - 1) for span in proto.reserved_range]
        self._reserved(ranges, _HIGHEST_FIELD, proto.reserved_name, self._syntax(message), depth)

    def _field(self, field: FieldDescriptor, depth: int) -> None:
        self._comment(field, depth)
        label, type_ = self._label(field), self._type(field)
        message = field.message_type
        if is_group(field) and message is not None:
            head = f"{label}group {message.name} = {field.number}"
            self._block(head, depth, lambda inner: self._body(message, inner))
        else:
            options = _in_brackets(self._field_options(field))
            self._line(depth, f"{label}{type_} {field.name} = {field.number}{options};")

    def _label(self, field: FieldDescriptor) -> str:
        if is_map(field):
            return ""
        if field.is_repeated:
            return "repeated "
        syntax = self._syntax(field)
        if syntax == "proto2" and field.containing_oneof is None:
            return "required " if field.is_required else "optional "
        return "optional " if syntax == "proto3" and self._is_optional(field) else ""

    def _type(self, field: FieldDescriptor) -> str:
        if field.enum_type is not None:
            return f".{field.enum_type.full_name}"
        if field.message_type is None:
            return scalar_name(field)
        if entry := map_entry(field):
            return f"map<{self._type(entry[0])}, {self._type(entry[1])}>"
        return f".{field.message_type.full_name}"

    def _field_options(self, field: FieldDescriptor) -> list[tuple[str, str]]:
        pairs = option_texts(self._proto_of(field).options, file_of(field).pool)
        if field.has_default_value:
            pairs.append(("default", _default(field)))
        if field.json_name != _json_name(field.name) and not field.is_extension:
            pairs.append(("json_name", quoted(field.json_name)))
        return sorted(pairs, key=by_name)

    def _oneof_of(self, field: FieldDescriptor) -> OneofDescriptor | None:
        """The group of fields of which one can be set, where somebody wrote it."""
        return None if self._is_optional(field) else field.containing_oneof

    def _oneof(self, oneof: OneofDescriptor, depth: int) -> None:
        def body(inner: int) -> None:
            self._options(oneof, oneof.containing_type.file.pool, inner)
            for field in sorted(oneof.fields, key=lambda field: field.number):
                self._field(field, inner)

        self._comment(oneof, depth)
        self._block(f"oneof {oneof.name}", depth, body)

    def _extensions(self, extensions: Iterable[FieldDescriptor], depth: int) -> None:
        extended: dict[str, list[FieldDescriptor]] = {}
        for field in extensions:
            extended.setdefault(_extended(field), []).append(field)
        for name in sorted(extended):
            self._extend(extended[name], depth)

    def _extend(self, fields: Sequence[FieldDescriptor], depth: int) -> None:
        def body(inner: int) -> None:
            for field in sorted(fields, key=lambda field: field.number):
                self._field(field, inner)

        self._block(f"extend .{_extended(fields[0])}", depth, body)

    def _extension_ranges(self, proto: DescriptorProto, pool: DescriptorPool, depth: int) -> None:
        groups: list[tuple[str, list[str]]] = []
        for span in sorted(proto.extension_range, key=lambda span: span.start):
            options = _in_brackets(option_texts(span.options, pool))
            text = _range(span.start, span.end - 1, _HIGHEST_FIELD)
            if groups and groups[-1][0] == options:
                groups[-1][1].append(text)
            else:
                groups.append((options, [text]))
        for options, texts in groups:
            self._line(depth, f"extensions {', '.join(texts)}{options};")

    def _reserved(
        self,
        ranges: Iterable[tuple[int, int]],
        highest: int,
        names: Iterable[str],
        syntax: str,
        depth: int,
    ) -> None:
        numbers = [_range(first, last, highest) for first, last in sorted(ranges)]
        # Since editions, a name is written as it is elsewhere.
        texts = [name if syntax == "editions" else quoted(name) for name in sorted(names)]
        for reserved in (numbers, texts):
            if reserved:
                self._line(depth, f"reserved {', '.join(reserved)};")

    def _enum(self, enum: EnumDescriptor, depth: int) -> None:
        def body(inner: int) -> None:
            self._options(enum, enum.file.pool, inner)
            for value in sorted(enum.values, key=lambda value: (value.number, value.name)):
                self._value(value, inner)
            proto = self._proto_of(enum)
            ranges = [(span.start, span.end) for span in proto.reserved_range]
            self._reserved(ranges, _HIGHEST_VALUE, proto.reserved_name, self._syntax(enum), inner)

        self._comment(enum, depth)
        self._block(f"enum {enum.name}", depth, body)

    def _value(self, value: EnumValueDescriptor, depth: int) -> None:
        self._comment(value, depth)
        options = _in_brackets(option_texts(self._proto_of(value).options, value.type.file.pool))
        self._line(depth, f"{value.name} = {value.number}{options};")

    def _service(self, service: ServiceDescriptor, depth: int) -> None:
        def body(inner: int) -> None:
            self._options(service, service.file.pool, inner)
            for method in sorted(service.methods, key=lambda method: method.name):
                self._method(method, inner)

        self._comment(service, depth)
        self._block(f"service {service.name}", depth, body)

    def _method(self, method: MethodDescriptor, depth: int) -> None:
        self._comment(method, depth)
        request, response = (
            f"{'stream ' if streams else ''}.{type_.full_name}"
            for streams, type_ in (
                (method.client_streaming, method.input_type),
                (method.server_streaming, method.output_type),
            )
        )
        head = f"rpc {method.name} ( {request} ) returns ( {response} )"
        pool = method.containing_service.file.pool
        if option_texts(self._proto_of(method).options, pool):
            self._block(head, depth, lambda inner: self._options(method, pool, inner))
        else:
            self._line(depth, f"{head};")

    def _is_optional(self, field: FieldDescriptor) -> bool:
        """Whether the field is one that proto3 calls optional, and so in a oneof that it hides."""
        if self._syntax(field) != "proto3" or not field.has_presence:
            return False
        return bool(self._proto_of(field).proto3_optional)

    def _syntax(self, descriptor: Any) -> str:
        """How the file is written: "proto2", "proto3" or "editions"."""
        return self._proto(file_of(descriptor), FileDescriptorProto).syntax or "proto2"

    def _proto_of(self, descriptor: Any) -> Any:
        """The proto that defines it: with its features, which the descriptor's options lack."""
        match descriptor:
            case Descriptor():
                return self._proto(descriptor, DescriptorProto)
            case FieldDescriptor() if not descriptor.is_extension:
                return self._proto_of(descriptor.containing_type).field[descriptor.index]
            case FieldDescriptor() if descriptor.extension_scope is not None:
                return self._proto_of(descriptor.extension_scope).extension[descriptor.index]
            case FieldDescriptor():
                file = self._proto(file_of(descriptor), FileDescriptorProto)
                return file.extension[descriptor.index]
            case OneofDescriptor():
                return self._proto_of(descriptor.containing_type).oneof_decl[descriptor.index]
            case EnumDescriptor():
                return self._proto(descriptor, EnumDescriptorProto)
            case EnumValueDescriptor():
                return self._proto_of(descriptor.type).value[descriptor.index]
            case MethodDescriptor():
                return self._proto_of(descriptor.containing_service).method[descriptor.index]
            case _:
                return self._proto(descriptor, ServiceDescriptorProto)

    def _proto(self, descriptor: Any, type_: Any) -> Any:
        key = getattr(descriptor, "full_name", None) or f"/{descriptor.name}"
        if key not in self._protos:
            self._protos[key] = type_()
            descriptor.CopyToProto(self._protos[key])
        return self._protos[key]


def _extended(extension: FieldDescriptor) -> str:
    type_: Any = extension.containing_type
    return str(type_.full_name)


def _in_brackets(options: Iterable[tuple[str, str]]) -> str:
    text = ", ".join(f"{name} = {value}" for name, value in options)
    return f" [{text}]" if text else ""


def _range(first: int, last: int, highest: int) -> str:
    if first == last:
        return str(first)
    return f"{first} to {'max' if last >= highest else last}"


def _default(field: FieldDescriptor) -> str:
    value: Any = field.default_value
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name)
    if isinstance(value, bool):
        return "true" if value else "false"
    if field.cpp_type in _FLOATS:
        return number_text(value)
    return quoted(value) if isinstance(value, str | bytes) else str(value)


def _json_name(name: str) -> str:
    """The name that a field has in JSON where nobody chose another."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
