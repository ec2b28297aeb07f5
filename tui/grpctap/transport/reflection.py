"""Server reflection: asking a server what it serves and how its messages are made.

grpcio-reflection has a client, too, but it speaks v1alpha only, sets no deadline, sends no
metadata, and takes a server's mistakes for its own (assertions).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

# Their messages are the same. v1 is what a server should have, v1alpha what most have.
_VERSIONS = ("v1", "v1alpha")
# More than any server needs, and no more than a machine can bear.
_MOST_FILES = 10_000
_MOST_BYTES = 64 * 1024 * 1024
_UNREADABLE = "gives descriptions that cannot be read"


class ReflectionError(Exception):
    """A server that answers no reflection, or not as it should; the message says which."""


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
        asked: set[str] = set()
        requests = [ServerReflectionRequest(file_containing_symbol=symbol)]
        while requests:
            for answer in self._ask(requests):
                for raw in answer.file_descriptor_response.file_descriptor_proto:
                    file = _parse(FileDescriptorProto, raw)
                    # Its proto is old, so that protobuf hands out bad UTF-8 as bytes.
                    if not all(isinstance(name, str) for name in (file.name, *file.dependency)):
                        raise ReflectionError(_UNREADABLE)
                    files.setdefault(file.name, file)
            imports = {name for file in files.values() for name in file.dependency}
            missing = sorted(imports - files.keys() - asked)
            asked.update(missing)
            if len(files) + len(missing) > _MOST_FILES:
                raise ReflectionError(f"describes itself in more than {_MOST_FILES:,} files")
            requests = [ServerReflectionRequest(file_by_filename=name) for name in missing]
        return files

    def _ask(self, requests: Sequence[ServerReflectionRequest]) -> list[ServerReflectionResponse]:
        while True:
            try:
                answers = self._call(self._versions[0], requests)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                    raise
                del self._versions[0]
                if not self._versions:
                    raise ReflectionError("answers no reflection") from error
            else:
                if len(answers) < len(requests):
                    raise ReflectionError("stops in the middle of its reflection")
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


def _parse(type_: Any, raw: bytes) -> Any:
    try:
        return type_.FromString(raw)
    except DecodeError as error:
        raise ReflectionError(_UNREADABLE) from error
