"""Where the types of methods come from: the server itself, files, or both."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from grpctap.core.advice import told_with_advice
from grpctap.core.catalog import Catalog, CatalogError, is_symbol, nearest
from grpctap.core.listvalue import LIST_VALUE, METHOD, as_known
from grpctap.core.method import Method
from grpctap.core.status import DEADLINE_EXCEEDED, UNAVAILABLE
from grpctap.core.text import printable
from grpctap.transport.call import status_of
from grpctap.transport.diagnose import looked_at, worth_a_look
from grpctap.transport.pools import (
    Files,
    Pool,
    ReflectionError,
    SchemaError,
    build_pool,
    services_in,
)
from grpctap.transport.target import Target

if TYPE_CHECKING:
    from grpctap.transport.reflection import Reflection

ANSWER_S = 10.0
"""How long a server may take to describe a method once it is connected, in seconds."""


class Sources:
    """Tells what a server has, asking it anew each time unless files tell it.

    Args:
        target: The server; None: there are only files.
        metadata: What goes out with the questions to it.
        max_time_s: How long an answer may take at most, in seconds; None: as long as the target
            gives a connection, and ANSWER_S.
        given: What files describe, by their names.
        reflects: Whether the server is asked at all; None: if there are no files. Where it is,
            files tell what it does not.
    """

    def __init__(
        self,
        target: Target | None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        max_time_s: float | None = None,
        given: Files | None = None,
        reflects: bool | None = None,
    ) -> None:
        self._target = target
        self._metadata = metadata
        self._given = given or {}
        self.reflects = not self._given if reflects is None else reflects
        self._max_time_s = max_time_s
        self._timeout_s = 0.0 if target is None else target.connect_timeout + ANSWER_S
        if max_time_s is not None:
            self._timeout_s = min(self._timeout_s, max_time_s)

    def of(self, target: Target) -> Sources:
        """The same for another server."""
        return Sources(target, self._metadata, self._max_time_s, self._given, self.reflects)

    def services(self) -> list[str]:
        """The full names of all services, in alphabetical order.

        Raises:
            SchemaError: there is no answer, or none that makes sense.
        """
        if self.reflects:
            with closing(self._channel()) as channel:
                try:
                    return sorted(set(self._asked(channel).services()))
                except ReflectionError as error:
                    self._unreflecting(error)
                except grpc.RpcError as error:
                    raise self._failure(error, "what it serves") from error
        return services_in(self._given.values())

    def catalog(self) -> Catalog:
        """All that there is. A service that nobody describes hides no other.

        Raises:
            SchemaError: there is no answer, or none that makes sense.
        """
        if self.reflects:
            with closing(self._channel()) as channel:
                reflection = self._asked(channel)
                try:
                    services = reflection.services()
                    files, reasons = self._all_files(reflection, services)
                except ReflectionError as error:
                    self._unreflecting(error)
                except grpc.RpcError as error:
                    raise self._failure(error, "what it serves") from error
                else:
                    pool = Pool()
                    pool.add(files, self._given)
                    pool.add(self._given, spare=True)
                    return pool.catalog(services, reasons)
        return self._of_files()

    def method(self, name: str) -> Method:
        """The types of one method, named SERVICE/METHOD; only its service is asked for.

        ListValue is known without asking, unless files tell of another method of its name.

        Raises:
            SchemaError: there is no answer, no such method, or it takes more than one request.
        """
        if name != METHOD:
            return self.described(name)
        service = name.partition("/")[0]
        if service not in services_in(self._given.values()):
            return LIST_VALUE
        try:
            return _watchable(as_known(self._of_files().method(name)))
        except CatalogError as error:
            raise SchemaError(str(error)) from error

    def described(self, name: str) -> Method:
        """The same as `method`, by nothing but what the sources say."""
        service = name.partition("/")[0]
        catalog = self._service(service, f"what {name} is") if self.reflects else self._of_files()
        try:
            return _watchable(catalog.method(name))
        except CatalogError as error:
            raise SchemaError(str(error)) from error

    def service(self, name: str) -> Catalog:
        """A catalog of the service of this full name; it may turn out to be none.

        Raises:
            SchemaError: there is no answer, or no such service.
        """
        if not self.reflects:
            return self._of_files()
        return self._service(name, f"what {name} is") if is_symbol(name) else self.catalog()

    def symbol(self, name: str) -> Catalog:
        """A catalog that has what is called so, and what that is made of.

        Raises:
            SchemaError: there is no answer, or nothing is called so.
        """
        name = name.removeprefix(".").replace("/", ".")
        catalog = self._of_files()
        if self.reflects:
            described = self._around(name) if is_symbol(name) else None
            if described is not None and described.find(name) is not None:
                return described
            if catalog.find(name) is None:
                catalog = self.catalog()
        try:
            catalog.symbol(name)
        except CatalogError as error:
            raise SchemaError(str(error)) from error
        return catalog

    def _of_files(self) -> Catalog:
        files = self._given
        return build_pool(files).catalog(services_in(files.values()))

    def _service(self, service: str, what: str) -> Catalog:
        """What a server, or else the files, say of one service."""
        target = self._the_target
        with closing(self._channel()) as channel:
            reflection = self._asked(channel)
            try:
                files = reflection.files(service)
                if files:
                    return self._pool(reflection, files).catalog([service])
                known = reflection.services()
            except ReflectionError as error:
                self._unreflecting(error)
                return self._of_files()
            except grpc.RpcError as error:
                raise self._failure(error, what) from error
        in_files = services_in(self._given.values())
        if service in in_files:
            return self._of_files()
        if service in known:
            raise SchemaError(f"{target.address} lists {service}, but does not describe it")
        near = nearest(service, sorted({*known, *in_files}))
        named = printable(service, 100)
        raise SchemaError(f'{target.address} has no service "{named}"; {near}')

    def _around(self, symbol: str) -> Catalog | None:
        """What the server says of a symbol; None: nothing."""
        with closing(self._channel()) as channel:
            reflection = self._asked(channel)
            try:
                # Not every server knows where a field is, or a value of an enum.
                for name in (symbol, symbol.rpartition(".")[0]):
                    files = reflection.files(name) if name else {}
                    if files:
                        pool = self._pool(reflection, files)
                        return pool.catalog(services_in(files.values()))
            except ReflectionError as error:
                self._unreflecting(error)
            except grpc.RpcError as error:
                raise self._failure(error, f"what {symbol} is") from error
        return None

    def _pool(self, reflection: Reflection, files: Files) -> Pool:
        """A pool of what the server says, of the extensions of it, and of what files add."""
        others = dict(self._given)
        pool = build_pool(files, others)
        try:
            pool.add(reflection.with_extensions(files), others)
        except (ReflectionError, grpc.RpcError):
            # Not every server knows its extensions, and without them the rest can be read.
            return pool
        return pool

    def _all_files(
        self, reflection: Reflection, services: Sequence[str]
    ) -> tuple[dict[str, FileDescriptorProto], dict[str, str]]:
        """The files of all services, and of those that are not described why they are not."""
        files: dict[str, FileDescriptorProto] = {}
        reasons: dict[str, str] = {}
        for service in services:
            try:
                found = reflection.files(service)
            except ReflectionError as error:
                reasons[service] = f"the server {error}"
            except grpc.RpcError as error:
                status = status_of(error)
                if status.code in (DEADLINE_EXCEEDED, UNAVAILABLE):
                    raise
                reasons[service] = f"{status.name}: {status.details}"
            else:
                if not found:
                    reasons[service] = "the server does not describe it"
                files = found | files
        try:
            return reflection.with_extensions(files), reasons
        except (ReflectionError, grpc.RpcError):
            return files, reasons

    @property
    def _the_target(self) -> Target:
        if self._target is None:
            raise SchemaError("there is no server to ask; give HOST:PORT")
        return self._target

    def _channel(self) -> grpc.Channel:
        return self._the_target.channel()

    def _asked(self, channel: grpc.Channel) -> Reflection:
        # ListValue needs no question, and is to be seen soon.
        from grpctap.transport.reflection import Reflection

        return Reflection(channel, self._metadata, self._timeout_s)

    def _unreflecting(self, error: ReflectionError) -> None:
        """Says how to do without, unless there are files to do it with."""
        if not self._given:
            raise SchemaError(
                f"{self._the_target.address} {error}; describe its methods with -proto FILE or "
                f"-protoset FILE (without them only {METHOD} can be watched)"
            ) from error

    def _failure(self, error: grpc.RpcError, what: str) -> SchemaError:
        target = self._the_target
        status = status_of(error)
        exit_code = 64 + status.code
        if status.code == DEADLINE_EXCEEDED:
            silent = f"{target.address} does not say within {self._timeout_s:g} s {what}"
            return SchemaError(silent, exit_code)
        if worth_a_look(status):
            status = looked_at(target, status)
        told = told_with_advice(status, target.address, plaintext=target.plaintext)
        return SchemaError(f"asked {what}: {told}", exit_code)


def _watchable(method: Method) -> Method:
    if method.client_streaming:
        raise SchemaError(
            f"{method.name} is {method.kind}: it takes a stream of requests; only methods that "
            "take one request can be watched"
        )
    return method
