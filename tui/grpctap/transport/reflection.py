"""Server reflection: asking a server what it serves and how its messages are made.

grpcio-reflection has a client, too, but it speaks v1alpha only, sets no deadline, sends no
metadata, and takes a server's mistakes for its own (assertions).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.reflection_pb2 import (
    ExtensionRequest,
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from grpctap.core.repair import repair
from grpctap.transport.pools import ReflectionError

# Their messages are the same. v1 is what a server should have, v1alpha what most have.
_VERSIONS = ("v1", "v1alpha")
# More than any server needs, and no more than a machine can bear.
_MOST_FILES = 10_000
_MOST_BYTES = 64 * 1024 * 1024
# The options of protos: who uses an extension of these imports it.
_OPTIONS = "google/protobuf/descriptor.proto"
_UNREADABLE = "gives descriptions that cannot be read"


class Reflection:
    """Asks one server, over one channel.

    All that is asked has `timeout_s` seconds together. Each method may raise ReflectionError, and
    grpc.RpcError where the call fails in another way.
    """

    def __init__(
        self,
        channel: grpc.Channel,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        timeout_s: float = 10.0,
    ) -> None:
        self._channel = channel
        self._metadata = tuple(metadata) or None
        self._deadline = time.monotonic() + timeout_s
        self._versions = list(_VERSIONS)
        self._answers = False
        self._bytes_left = _MOST_BYTES

    def services(self) -> list[str]:
        """The full names of what the server says that it serves."""
        (answer,) = self._ask([ServerReflectionRequest(list_services="")])
        return [service.name for service in answer.list_services_response.service]

    def files(self, symbol: str) -> dict[str, FileDescriptorProto]:
        """The file that defines a symbol and what it imports, by name; none: it is not known.

        What the server does not give of the imports is missing.
        """
        files: dict[str, FileDescriptorProto] = {}
        self._add(files, [ServerReflectionRequest(file_containing_symbol=symbol)])
        return files

    def with_extensions(
        self, files: Mapping[str, FileDescriptorProto]
    ) -> dict[str, FileDescriptorProto]:
        """The same files, and those of the extensions that the server knows of their messages."""
        known = dict(files)
        asked: set[str] = set()
        while types := sorted(set(_extendable(known.values())) - asked):
            asked.update(types)
            self._add(known, self._about_extensions(types))
        return known

    def _about_extensions(self, types: Sequence[str]) -> list[ServerReflectionRequest]:
        answers = self._ask(
            [ServerReflectionRequest(all_extension_numbers_of_type=name) for name in types]
        )
        pairs = [
            (name, number)
            for name, answer in zip(types, answers, strict=True)
            for number in answer.all_extension_numbers_response.extension_number
        ]
        return [
            ServerReflectionRequest(
                file_containing_extension=ExtensionRequest(
                    containing_type=name, extension_number=number
                )
            )
            for name, number in pairs[:_MOST_FILES]
        ]

    def _add(
        self,
        files: dict[str, FileDescriptorProto],
        requests: Sequence[ServerReflectionRequest],
    ) -> None:
        """Adds what the server answers, and all that it imports."""
        asked: set[str] = set()
        while requests:
            for answer in self._ask(requests):
                for raw in answer.file_descriptor_response.file_descriptor_proto:
                    file = _parse(FileDescriptorProto, raw)
                    # Its proto is old, so that protobuf hands out bad UTF-8 as bytes.
                    names = (file.name, file.package, *file.dependency)
                    if not all(isinstance(name, str) for name in names):
                        raise ReflectionError(_UNREADABLE)
                    self._bytes_left -= _names_size(file.message_type, len(file.package))
                    if self._bytes_left < 0:
                        raise ReflectionError("describes itself in names without end")
                    files.setdefault(file.name, file)
            imports = {name for file in files.values() for name in file.dependency}
            missing = sorted(imports - files.keys() - asked)
            asked.update(missing)
            if len(files) + len(missing) > _MOST_FILES:
                raise ReflectionError(f"describes itself in more than {_MOST_FILES:,} files")
            requests = [ServerReflectionRequest(file_by_filename=name) for name in missing]
        # Any error: what is repaired comes from a server, and may be anything.
        try:
            repair(files)
        except Exception as error:
            raise ReflectionError(_UNREADABLE) from error

    def _ask(self, requests: Sequence[ServerReflectionRequest]) -> list[ServerReflectionResponse]:
        while True:
            try:
                answers = self._call(self._versions[0], requests)
            except grpc.RpcError as error:
                if self._answers or not _has_no_such_method(error):
                    raise
                del self._versions[0]
                if not self._versions:
                    raise ReflectionError("answers no reflection") from error
            else:
                if len(answers) < len(requests):
                    raise ReflectionError("stops in the middle of its reflection")
                self._answers = True
                return answers

    def _call(
        self, version: str, requests: Iterable[ServerReflectionRequest]
    ) -> list[ServerReflectionResponse]:
        written = [request.SerializeToString() for request in requests]
        # Answers come as bytes: what cannot be read, grpcio would log with a traceback.
        method: Any = self._channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
        )
        left_s = max(self._deadline - time.monotonic(), 0)
        call = method(iter(written), timeout=left_s, metadata=self._metadata)
        answers = []
        try:
            for raw in islice(call, len(written)):
                self._bytes_left -= len(raw)
                if self._bytes_left < 0:
                    raise ReflectionError(f"describes itself in more than {_MOST_BYTES:,} bytes")
                answers.append(_parse(ServerReflectionResponse, raw))
        finally:
            call.cancel()
        return answers


def _names_size(messages: Iterable[DescriptorProto], above: int) -> int:
    """How much the full names of messages take that lie in one another: far more than is sent."""
    size = 0
    for message in messages:
        own = above + len(message.name) + 1
        size += own * (1 + len(message.field) + len(message.enum_type))
        size += _names_size(message.nested_type, own)
    return size


def _extendable(files: Iterable[FileDescriptorProto]) -> Iterator[str]:
    """The full names of messages that others may extend."""
    for file in files:
        if file.name != _OPTIONS:
            scope = (file.package,) if file.package else ()
            yield from _extendable_in(scope, file.message_type)


def _extendable_in(scope: tuple[str, ...], messages: Iterable[DescriptorProto]) -> Iterator[str]:
    for message in messages:
        # Bad UTF-8, which comes as bytes, names nothing.
        if isinstance(message.name, str):
            path = (*scope, message.name)
            if message.extension_range:
                yield ".".join(path)
            yield from _extendable_in(path, message.nested_type)


def _has_no_such_method(error: grpc.RpcError) -> bool:
    # gRPC says the same of what answers 404 in plain HTTP, and is no server of gRPC at all.
    call: Any = error
    unimplemented = call.code() is grpc.StatusCode.UNIMPLEMENTED
    return unimplemented and "http2 header with status" not in (call.details() or "")


def _parse(type_: Any, raw: bytes) -> Any:
    try:
        return type_.FromString(raw)
    except DecodeError as error:
        raise ReflectionError(_UNREADABLE) from error
