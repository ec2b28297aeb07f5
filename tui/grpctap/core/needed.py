"""Which files of types it takes to read the messages of a method."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from grpctap.core.imports import imports_first
from grpctap.core.method import Method

_ANY = "google.protobuf.Any"


def needed_files(method: Method) -> FileDescriptorSet:
    """The files of the method's service and types, imports before what imports them.

    With them those of known extensions of these types; and where an Any is among these, all files
    that there are, since it may hold any type of them.
    """
    service = method.pool.FindServiceByName(method.name.partition("/")[0])
    found: dict[str, FileDescriptor] = {}
    _add(found, [service.file, method.request.file, method.response.file])
    waiting, seen = [method.request, method.response], set[str]()
    while waiting:
        type_ = waiting.pop()
        if type_.full_name in seen:
            continue
        seen.add(type_.full_name)
        fields = list(type_.fields)
        if type_.is_extendable:
            extensions: list[Any] = method.pool.FindAllExtensions(type_)
            _add(found, [field.file for field in extensions])
            fields += extensions
        waiting += [field.message_type for field in fields if field.message_type is not None]
    if _ANY in seen:
        _add(found, _all_files(method))
    files = FileDescriptorSet()
    for name in imports_first(found, lambda name: _imports(found, name)):
        found[name].CopyToProto(files.file.add())
    return files


def _add(found: dict[str, FileDescriptor], files: Iterable[FileDescriptor]) -> None:
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file.name not in found:
            found[file.name] = file
            waiting += file.dependencies


def _all_files(method: Method) -> list[FileDescriptor]:
    return [method.pool.FindFileByName(file.name) for file in method.files]


def _imports(found: dict[str, FileDescriptor], name: str) -> Sequence[str]:
    return [file.name for file in found[name].dependencies]
