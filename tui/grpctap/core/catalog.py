"""Catalogs: which services, methods and types there are, and how they are called."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from grpctap.core.method import Method
from grpctap.core.text import listed, printable

_LONGEST_NAME = 100


class CatalogError(ValueError):
    """A name that the catalog does not have; the message says which may have been meant."""


class Catalog:
    """The services of one server or of files, and all types that they are made of.

    `services` are the full names of those that are served, in alphabetical order; `pool` knows
    their types, and nothing of any other catalog.
    """

    def __init__(self, pool: DescriptorPool, services: Iterable[str]) -> None:
        self.pool = pool
        self.services = tuple(sorted(set(services)))

    def service(self, name: str) -> ServiceDescriptor:
        """The service of this full name.

        Raises:
            CatalogError: it is not served, or not described.
        """
        if name not in self.services:
            raise CatalogError(f'there is no service "{name}"; {nearest(name, self.services)}')
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

    def _method(self, method: MethodDescriptor) -> Method:
        return Method(
            f"{method.containing_service.full_name}/{method.name}",
            method.input_type,
            method.output_type,
            self.pool,
            method.client_streaming,
            method.server_streaming,
        )


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


def _short(name: str) -> str:
    return printable(name, _LONGEST_NAME)
