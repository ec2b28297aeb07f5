"""Descriptions of files as some servers give them, made into what they ought to be.

What servers in Node.js tell of themselves (with @grpc/reflection, out of protobufjs) has a file for
each package. Such a file names no imports, is always called proto3, and has each extension once
more as a field of what it extends. Protobuf refuses that, or takes the files in some orders only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

# Of the well-known types that two packages use, such a server describes those of the first alone.
_WELL_KNOWN = {
    f"google.protobuf.{type_}": f"google/protobuf/{file}.proto"
    for file, types in {
        "any": "Any",
        "duration": "Duration",
        "empty": "Empty",
        "field_mask": "FieldMask",
        "struct": "Struct Value ListValue NullValue",
        "timestamp": "Timestamp",
        "wrappers": "BoolValue BytesValue DoubleValue FloatValue Int32Value Int64Value "
        "StringValue UInt32Value UInt64Value",
    }.items()
    for type_ in types.split()
}
# Deeper and longer than any type's is, and few enough to look a name up in each.
_MOST_SCOPES, _LONGEST_SCOPE = 20, 1_000


def repair(files: Mapping[str, FileDescriptorProto]) -> None:
    """Mends files, by name, where they say too little; all others stay as they are."""
    suspects = [file for file in files.values() if not file.dependency]
    for file in suspects:
        _drop_doubles(file)
        if file.syntax == "proto3" and _is_old(file):
            file.syntax = "proto2"
    _add_imports(suspects, files)


def _drop_doubles(file: FileDescriptorProto) -> None:
    """Takes the fields out of messages that extensions are once more."""
    for _, message in _messages(file):
        fields = list(message.field)
        # Bad UTF-8 comes as bytes, here and below; protobuf refuses it later.
        kept = [f for f in fields if not (isinstance(f.name, str) and f.name.startswith("."))]
        if len(kept) < len(fields):
            del message.field[:]
            message.field.extend(kept)


def _add_imports(
    suspects: Iterable[FileDescriptorProto], files: Mapping[str, FileDescriptorProto]
) -> None:
    found: dict[str, str] | None = None
    for file in suspects:
        own = set(_defined(file))
        foreign = {named for named in _named(file) if _resolve(*named, own) is None}
        if not foreign:
            continue
        if found is None:
            found = dict(_WELL_KNOWN)
            for name, other in files.items():
                found.update(dict.fromkeys(_defined(other), name))
        resolved = {_resolve(*named, found) for named in foreign}
        homes = {found[type_] for type_ in resolved if type_ is not None}
        file.dependency.extend(sorted(homes - {file.name}))


def _resolve(scope: str, name: str, known: Iterable[str]) -> str | None:
    """The full name of a type that is named within a scope, if it is known."""
    if name.startswith("."):
        return name[1:] if name[1:] in known else None
    if len(scope) > _LONGEST_SCOPE:
        scope = ""
    for _ in range(_MOST_SCOPES):
        full = _within(scope, name)
        if full in known:
            return full
        if not scope:
            break
        scope = scope.rpartition(".")[0]
    return None


def _defined(file: FileDescriptorProto) -> Iterator[str]:
    """The full names of the types of a file."""
    for enum in file.enum_type:
        yield _within(file.package, enum.name)
    for scope, message in _messages(file):
        yield scope
        for enum in message.enum_type:
            yield _within(scope, enum.name)


def _named(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """The types that a file uses: the scope that each is named in, and its name there."""
    scoped = [(file.package, field) for field in file.extension]
    for scope, message in _messages(file):
        scoped += [(scope, field) for field in (*message.field, *message.extension)]
    for scope, field in scoped:
        for name in (field.type_name, field.extendee):
            if name and isinstance(name, str):
                yield scope, name
    for service in file.service:
        for method in service.method:
            for name in (method.input_type, method.output_type):
                if isinstance(name, str):
                    yield file.package, name


def _messages(file: FileDescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
    """All messages of a file, and those in them, each with its full name."""
    # No recursion: how deep they are is up to the server.
    stack = [(_within(file.package, message.name), message) for message in file.message_type]
    while stack:
        name, message = stack.pop()
        yield name, message
        stack += [(_within(name, nested.name), nested) for nested in message.nested_type]


def _within(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name


def _is_old(file: FileDescriptorProto) -> bool:
    """Whether a file has what only proto2 has."""
    enums: list[EnumDescriptorProto] = list(file.enum_type)
    for _, message in _messages(file):
        enums += message.enum_type
        if message.extension_range or any(map(_is_old_field, message.field)):
            return True
    return any(enum.value and enum.value[0].number for enum in enums)


def _is_old_field(field: FieldDescriptorProto) -> bool:
    return (
        field.HasField("default_value")
        or field.type == FieldDescriptorProto.TYPE_GROUP
        or field.label == FieldDescriptorProto.LABEL_REQUIRED
    )
