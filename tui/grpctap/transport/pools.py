"""Pools: descriptions of files made into types, and what is wrong with those that are not."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from grpctap.core.catalog import Catalog
from grpctap.core.imports import imports_first
from grpctap.core.text import printable

_LONGEST_ERROR = 1_000
_WELL_KNOWN = re.compile(r"google/protobuf/(\w+)\.proto", re.ASCII)
# An Any may hold one of these, though nothing else of its file's imports does.
_IN_ANY = ("any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers")

Files = Mapping[str, FileDescriptorProto]


class SchemaError(Exception):
    """Types that are not to be had; the message says why, on one printable line.

    `lines` are the same where there is more to say: each printable, the first one first.
    `exit_code` is the program's: 64 + the code of a call that failed, else 1.
    """

    def __init__(self, message: str, exit_code: int = 1, more: Sequence[str] = ()) -> None:
        super().__init__(printable(message, _LONGEST_ERROR))
        self.exit_code = exit_code
        self.lines = (str(self), *(printable(line, _LONGEST_ERROR) for line in more))


class ReflectionError(Exception):
    """A server that answers no reflection, or not as it should; the message says which."""


class Pool:
    """A pool that grows by files, and remembers those that make no sense.

    `files` are those in it, and `broken` tells of the others why they are not, both by name.
    """

    def __init__(self) -> None:
        self.types = DescriptorPool()
        self.files: dict[str, FileDescriptorProto] = {}
        self.broken: dict[str, str] = {}
        self._undescribed: dict[str, str] = {}
        self._instead: dict[str, list[str]] = {}

    def add(self, files: Files, others: Files | None = None, *, spare: bool = False) -> None:
        """Adds files with all that they import: of themselves, of `others`, or well-known.

        Of a `spare` file that defines only what is known by another file's name, that one counts.
        """
        found: dict[str, FileDescriptorProto | None] = {}

        def imports(name: str) -> Sequence[str]:
            found[name] = files.get(name) or (others or {}).get(name) or _well_known(name)
            file = found[name]
            return () if file is None else file.dependency

        for name in imports_first(files, imports):
            if not any(name in known for known in (self.files, self.broken, self._instead)):
                self._add(name, found[name], spare=spare)

    def _add(self, name: str, file: FileDescriptorProto | None, *, spare: bool) -> None:
        if file is None:
            self.broken[name] = f"the description imports {name}, which is missing"
            return
        cause = next((self.broken[used] for used in file.dependency if used in self.broken), None)
        if cause is None:
            file = self._redirected(file)
            try:
                self.types.Add(file)
            except TypeError as error:
                cause = f"the description makes no sense: {error}"
                if spare and (known := self._who_else(file)):
                    self._instead[name] = known
                    return
        if cause is None:
            self.files[name] = file
        else:
            self.broken[name] = cause
            self._undescribed.update(dict.fromkeys(services_in([file]), cause))

    def _redirected(self, file: FileDescriptorProto) -> FileDescriptorProto:
        """The same file, importing those that are there instead of the ones that it names."""
        if not any(name in self._instead for name in file.dependency):
            return file
        names = [other for name in file.dependency for other in self._instead.get(name, [name])]
        redirected = FileDescriptorProto()
        redirected.CopyFrom(file)
        for field in ("dependency", "public_dependency", "weak_dependency"):
            redirected.ClearField(field)
        redirected.dependency.extend(dict.fromkeys(names))
        return redirected

    def _who_else(self, file: FileDescriptorProto) -> list[str]:
        """The files that define all that this one does; none: not all of it is known."""
        prefix = f"{file.package}." if file.package else ""
        defined: Iterable[Any] = chain(
            file.message_type, file.enum_type, file.service, file.extension
        )
        try:
            owners = [self.types.FindFileContainingSymbol(f"{prefix}{one.name}") for one in defined]
        except KeyError:
            return []
        return sorted({owner.name for owner in owners})

    def catalog(self, services: Iterable[str], reasons: Mapping[str, str] | None = None) -> Catalog:
        """What there is of these services, by their full names.

        `reasons` tells of services that nobody describes why that is so.
        """
        files = list(self.files.values())
        self.add({f"google/protobuf/{name}.proto": _well_known_file(name) for name in _IN_ANY})
        told = {
            name: printable(why, _LONGEST_ERROR)
            for name, why in (self._undescribed | dict(reasons or {})).items()
            if not self._has_service(name)
        }
        return Catalog(self.types, services, files, told)

    def _has_service(self, name: str) -> bool:
        try:
            return self.types.FindServiceByName(name) is not None
        except KeyError:
            return False


def build_pool(needed: Files, others: Files | None = None) -> Pool:
    """A pool of all the needed files, and of as many of the others as fit to them.

    Raises:
        SchemaError: the needed files do not make sense together.
    """
    pool = Pool()
    pool.add(needed, others)
    for reason in pool.broken.values():
        raise SchemaError(reason)
    pool.add(others or {}, spare=True)
    return pool


def services_in(files: Iterable[FileDescriptorProto]) -> list[str]:
    """The full names of the services that files define, in alphabetical order."""
    return sorted(
        f"{file.package}.{service.name}" if file.package else str(service.name)
        for file in files
        for service in file.service
    )


def _well_known(name: str) -> FileDescriptorProto | None:
    # Not every server gives these, since every client has them.
    match = _WELL_KNOWN.fullmatch(name)
    if match is None:
        return None
    try:
        return _well_known_file(match[1])
    except ImportError:
        return None


def _well_known_file(name: str) -> FileDescriptorProto:
    module: Any = importlib.import_module(f"google.protobuf.{name}_pb2")
    file = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    return file
