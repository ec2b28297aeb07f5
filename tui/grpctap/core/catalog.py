"""Catalogs: which services, methods and types there are, and how they are called."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from grpctap.core.comments import Comments
from grpctap.core.method import Method
from grpctap.core.text import listed, printable

_LONGEST_NAME = 100
_SYMBOL = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


class CatalogError(ValueError):
    """A name that the catalog does not have; the message says which may have been meant."""


class Catalog:
    """The services of one server or of files, and all types that they are made of.

    `services` are the full names of those that are served, in alphabetical order; `pool` knows
    their types, and nothing of any other catalog. `comments` are those of `files`, which the pool
    is made of. `undescribed` tells of services whose types are not known why that is so.
    """

    def __init__(
        self,
        pool: DescriptorPool,
        services: Iterable[str],
        files: Iterable[FileDescriptorProto] = (),
        undescribed: Mapping[str, str] | None = None,
    ) -> None:
        self.pool = pool
        self.services = tuple(sorted(set(services)))
        self.undescribed = undescribed or {}
        self._files = tuple(files)
        self.comments = Comments(self._files)

    def service(self, name: str) -> ServiceDescriptor:
        """The service of this full name.

        Raises:
            CatalogError: it is not served, or not described.
        """
        if name not in self.services:
            raise CatalogError(f'there is no service "{name}"; {nearest(name, self.services)}')
        if name in self.undescribed:
            raise CatalogError(f"{name} is listed, but not described: {self.undescribed[name]}")
        try:
            return self.pool.FindServiceByName(name)
        except KeyError as error:
            raise CatalogError(f"{name} is no service in its description") from error

    def methods(self, service: str) -> list[Method]:
        """All methods of a service, in the order of its proto.

        Raises:
            CatalogError: it is not served, or not described.
        """
        return [self._method(method) for method in self.service(service).methods]

    def method(self, name: str) -> Method:
        """The method of this name; `name` is SERVICE/METHOD.

        Raises:
            CatalogError: there is no such service, or it has no such method.
        """
        service_name, _, method_name = name.partition("/")
        service = self.service(service_name)
        method = service.methods_by_name.get(method_name)
        if method is None:
            near = nearest(method_name, list(service.methods_by_name))
            raise CatalogError(f'{service_name} has no method "{method_name}"; {near}')
        return self._method(method)

    def symbol(self, name: str) -> Any:
        """The descriptor of this full name, whatever it is of.

        A value of an enum is named below its enum; a method may also be named SERVICE/METHOD.

        Raises:
            CatalogError: there is none.
        """
        found = self.find(name)
        if found is None:
            near = nearest(name.replace("/", "."), sorted(set(self._names())))
            raise CatalogError(f'there is no symbol "{printable(name, _LONGEST_NAME)}"; {near}')
        return found

    def find(self, name: str) -> Any | None:
        """The descriptor of this full name, as `symbol` gives it; None: there is none."""
        name = name.removeprefix(".").replace("/", ".")
        if not is_symbol(name):
            return None
        for look_up in (
            self.pool.FindMessageTypeByName,
            self.pool.FindEnumTypeByName,
            self.pool.FindServiceByName,
            self.pool.FindMethodByName,
            self.pool.FindFieldByName,
            self.pool.FindExtensionByName,
            self.pool.FindOneofByName,
        ):
            try:
                return look_up(name)
            except KeyError:
                continue
        try:
            enum, _, value = name.rpartition(".")
            return self.pool.FindEnumTypeByName(enum).values_by_name[value]
        except KeyError:
            return None

    def _names(self) -> Iterator[str]:
        """The full names of what may be asked for, but for what is in a message."""
        for file in self._files:
            package = (file.package,) if file.package else ()
            yield from _names_in(package, file)

    def _method(self, method: MethodDescriptor) -> Method:
        return Method(
            f"{method.containing_service.full_name}/{method.name}",
            method.input_type,
            method.output_type,
            self.pool,
            method.client_streaming,
            method.server_streaming,
            self.comments.of(method),
            self.comments,
            self._files,
        )


def is_symbol(name: str) -> bool:
    """Whether something can have this full name."""
    return _SYMBOL.fullmatch(name) is not None


def nearest(name: str, names: Sequence[str]) -> str:
    """Which of the names may have been meant, else which there are; in words."""
    if not names:
        return "it has none"
    by_lower_case = {known.lower(): known for known in names}
    wanted = name.lower()[:_LONGEST_NAME]
    # Written in another case, or without the package.
    meant = [known for known in names if f".{known.lower()}".endswith(f".{wanted}")]
    if not meant:
        close = difflib.get_close_matches(wanted, by_lower_case, n=3, cutoff=0.6)
        meant = [by_lower_case[lower] for lower in close]
    if meant:
        return f"did you mean {' or '.join(_short(known) for known in meant[:3])}?"
    return f"it has {listed([_short(known) for known in sorted(names)])}"


def _names_in(scope: tuple[str, ...], element: Any) -> Iterator[str]:
    """The names of what a proto of descriptors defines, and of what that defines itself."""
    for kind in ("service", "method", "message_type", "nested_type", "enum_type", "extension"):
        for inner in getattr(element, kind, ()):
            # The proto of protos is old, so that protobuf hands out bad UTF-8 as bytes.
            if isinstance(inner.name, str):
                path = (*scope, inner.name)
                yield ".".join(path)
                yield from _names_in(path, inner)


def _short(name: str) -> str:
    return printable(name, _LONGEST_NAME)
