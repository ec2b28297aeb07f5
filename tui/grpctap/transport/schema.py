"""Methods as their server describes them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from contextlib import closing

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from grpctap.core.advice import told_with_advice
from grpctap.core.catalog import Catalog, CatalogError, nearest
from grpctap.core.imports import imports_first
from grpctap.core.listvalue import METHOD
from grpctap.core.method import Method
from grpctap.core.status import DEADLINE_EXCEEDED
from grpctap.core.text import printable
from grpctap.transport.call import status_of
from grpctap.transport.diagnose import looked_at, worth_a_look
from grpctap.transport.reflection import Reflection, ReflectionError
from grpctap.transport.target import Target

ANSWER_S = 10.0
"""How long a server may take to describe a method once it is connected, in seconds."""

_LONGEST_ERROR = 1_000
_WELL_KNOWN = re.compile(r"google/protobuf/(\w+)\.proto", re.ASCII)


class SchemaError(Exception):
    """A method that cannot be watched; the message says why, on one printable line.

    `exit_code` is the program's: 64 + the code of a call that failed, else 1.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(printable(message, _LONGEST_ERROR))
        self.exit_code = exit_code


def fetch_method(
    target: Target,
    name: str,
    metadata: Sequence[tuple[str, str | bytes]] = (),
    max_time_s: float | None = None,
) -> Method:
    """Asks a server for the types of one of its methods.

    Args:
        target: The server.
        name: SERVICE/METHOD.
        metadata: What goes out with the calls that are to follow, and so with these.
        max_time_s: How long it may take at most, in seconds; None: as long as the target gives a
            connection, and ANSWER_S.

    Raises:
        SchemaError: there is no answer, no such method, or it takes more than one request.
    """
    service = name.partition("/")[0]
    timeout_s = _timeout_s(target, max_time_s)
    with closing(target.channel()) as channel:
        reflection = Reflection(channel, metadata, timeout_s)
        try:
            files = reflection.files(service)
            known = [] if files else reflection.services()
        except ReflectionError as error:
            raise _unreflecting(target, error) from error
        except grpc.RpcError as error:
            raise _failure(error, target, f"what {name} is", timeout_s) from error
    if service in known:
        raise SchemaError(f"{target.address} lists {service}, but does not describe it")
    if not files:
        raise SchemaError(f'{target.address} has no service "{service}"; {nearest(service, known)}')
    catalog = Catalog(build_pool(files), [service])
    try:
        return watchable(catalog.method(name))
    except CatalogError as error:
        raise SchemaError(str(error)) from error


def fetch_catalog(
    target: Target,
    metadata: Sequence[tuple[str, str | bytes]] = (),
    max_time_s: float | None = None,
) -> Catalog:
    """Asks a server for all that it serves; the arguments are those of `fetch_method`.

    Raises:
        SchemaError: there is no answer, or none that makes sense.
    """
    timeout_s = _timeout_s(target, max_time_s)
    files: dict[str, FileDescriptorProto] = {}
    with closing(target.channel()) as channel:
        reflection = Reflection(channel, metadata, timeout_s)
        try:
            services = reflection.services()
            for service in services:
                files.update(reflection.files(service))
        except ReflectionError as error:
            raise _unreflecting(target, error) from error
        except grpc.RpcError as error:
            raise _failure(error, target, "what it serves", timeout_s) from error
    return Catalog(build_pool(files), services)


def build_pool(files: Mapping[str, FileDescriptorProto]) -> DescriptorPool:
    """A pool of all these files, and of the well-known ones among what they import.

    Raises:
        SchemaError: they do not make sense together.
    """
    pool = DescriptorPool()
    found: dict[str, FileDescriptorProto] = {}

    def imports(name: str) -> Sequence[str]:
        file = files.get(name) or _well_known(name)
        if file is None:
            raise SchemaError(f"the description imports {name}, which is missing")
        found[name] = file
        return file.dependency

    for name in imports_first(files, imports):
        try:
            pool.Add(found[name])
        except TypeError as error:
            raise SchemaError(f"the description makes no sense: {error}") from error
    return pool


def watchable(method: Method) -> Method:
    """The same method, which takes one request, and so can be watched.

    Raises:
        SchemaError: it takes a stream of requests.
    """
    if method.client_streaming:
        raise SchemaError(
            f"{method.name} is {method.kind}: it takes a stream of requests; only methods that "
            "take one request can be watched"
        )
    return method


def _well_known(name: str) -> FileDescriptorProto | None:
    # Not every server gives these, since every client has them.
    match = _WELL_KNOWN.fullmatch(name)
    if match is None:
        return None
    try:
        module = importlib.import_module(f"google.protobuf.{match[1]}_pb2")
    except ImportError:
        return None
    file = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    return file


def _timeout_s(target: Target, max_time_s: float | None) -> float:
    timeout_s = target.connect_timeout + ANSWER_S
    return timeout_s if max_time_s is None else min(timeout_s, max_time_s)


def _unreflecting(target: Target, error: ReflectionError) -> SchemaError:
    return SchemaError(f"{target.address} {error}; without reflection only {METHOD} can be watched")


def _failure(error: grpc.RpcError, target: Target, what: str, timeout_s: float) -> SchemaError:
    status = status_of(error)
    exit_code = 64 + status.code
    if status.code == DEADLINE_EXCEEDED:
        silent = f"{target.address} does not say within {timeout_s:g} s {what}"
        return SchemaError(silent, exit_code)
    if worth_a_look(status):
        status = looked_at(target, status)
    told = told_with_advice(status, target.address, plaintext=target.plaintext)
    return SchemaError(f"asked {what}: {told}", exit_code)
