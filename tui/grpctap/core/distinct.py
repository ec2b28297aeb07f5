"""What tells streams apart: of each as much as the others have not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from grpctap.core.text import printable

if TYPE_CHECKING:
    from grpctap.core.requestparts import Part

MOST_DETAILS = 3
_LEAST_SHARED = 4
"""Characters that values begin or end with alike, before they are left out."""


@dataclass(frozen=True, slots=True)
class Told:
    """A stream, by all that may tell it from others: SERVICE/METHOD, address and request.

    Method and address are foreign text; `request` has the fields that are set.
    """

    method: str
    address: str
    request: tuple[Part, ...] = ()


class Name(NamedTuple):
    """What a stream is called: its method, and what tells it from others of that method.

    That is a `detail` of its service or request, and a `place` of its address, each "" where it
    takes none. All are printable.
    """

    method: str
    detail: str = ""
    place: str = ""

    @property
    def full(self) -> str:
        """All of it."""
        return " ".join(filter(None, self))

    @property
    def brief(self) -> str:
        """What tells it apart, without the method that others have as well."""
        return " ".join(filter(None, self[1:])) or self.method


def distinct(streams: Sequence[Told]) -> list[Name]:
    """The names of streams, in order.

    Streams of one method are told apart by what differs in their services, their requests and
    their addresses, in this order, and by no more than it takes. Nothing tells those apart in
    which all of that is the same.
    """
    methods = [short_method(stream.method) for stream in streams]
    names = list(map(Name, methods))
    for method, count in Counter(methods).items():
        if count > 1:
            group = [at for at, each in enumerate(methods) if each == method]
            told = _told_apart([streams[at] for at in group])
            for at, (detail, place) in zip(group, told, strict=True):
                names[at] = Name(method, detail, place)
    return names


def short_method(method: str) -> str:
    """The printable name of SERVICE/METHOD without its service."""
    return printable(method.rpartition("/")[2])


def _told_apart(streams: Sequence[Told]) -> list[tuple[str, str]]:
    """Detail and place of each of some streams of one method."""
    columns = [_apart([stream.method.rpartition("/")[0] for stream in streams], ".")]
    columns += _request_columns(streams)
    for column in columns:
        if len(set(column)) == len(streams):
            return [(text, "") for text in column]
    told: list[tuple[str, ...]] = [()] * len(streams)
    for column in columns:
        alike = Counter(told)
        # Who is told apart already needs no more.
        further = [
            (*parts, text) if alike[parts] > 1 and text and len(parts) < MOST_DETAILS else parts
            for parts, text in zip(told, column, strict=True)
        ]
        if len(set(further)) > len(alike):
            told = further
    details = [" ".join(parts) for parts in told]
    places = _places([stream.address for stream in streams])
    several = len(set(places)) > 1
    count = Counter(details)
    return [
        (detail, place if several and count[detail] > 1 else "")
        for detail, place in zip(details, places, strict=True)
    ]


def _request_columns(streams: Sequence[Told]) -> list[list[str]]:
    """A column for each field in which the requests differ, in their order."""
    by_path = [{part.path: part for part in stream.request} for stream in streams]
    columns: list[list[str]] = []
    for path in dict.fromkeys(path for parts in by_path for path in parts):
        found = [parts.get(path) for parts in by_path]
        values = [part.value if part is not None else "" for part in found]
        if len(set(values)) == 1:
            continue
        values = _without_shared([value.strip() for value in values])
        # Text says by itself what it is; of a number nobody knows.
        columns.append(
            [
                "" if part is None else value if part.is_text else f"{_last(path)}={value}"
                for part, value in zip(found, values, strict=True)
            ]
        )
    return columns


def _last(path: str) -> str:
    """The end of a path, which says most."""
    return path.rpartition(".")[2]


def _apart(names: Sequence[str], between: str) -> list[str]:
    """Dotted names without the parts that all of them begin with, or end with."""
    parts = [name.split(between) for name in names]
    least = min(map(len, parts)) - 1
    first = shared_length(parts, least)
    last = shared_length([each[::-1] for each in parts], least - first)
    return [printable(between.join(each[first : len(each) - last])) for each in parts]


def _places(addresses: Sequence[str]) -> list[str]:
    """Addresses without the host, or without the port, where that is the same of all."""
    pairs = [address.rpartition(":") for address in addresses]
    hosts, ports = {host for host, _, _ in pairs}, {port for _, _, port in pairs}
    if "" not in hosts and all(port.isdecimal() for port in ports):
        if len(hosts) == 1:
            return [printable(f":{port}") for _, _, port in pairs]
        if len(ports) == 1:
            return [printable(host) for host, _, _ in pairs]
    return [printable(address) for address in addresses]


def _without_shared(values: Sequence[str]) -> list[str]:
    """Values with "…" in place of what all that are not empty begin with, or end with."""
    some = [value for value in values if value]
    least = min(map(len, some), default=0)
    if len(some) < 2 or least <= 2 * _LEAST_SHARED:
        return list(values)
    first = shared_length(some, least - 1)
    last = shared_length([value[::-1] for value in some], least - 1 - first)
    start, end = (size if size > _LEAST_SHARED else 0 for size in (first, last))
    return [
        f"{'…' if start else ''}{value[start : len(value) - end]}{'…' if end else ''}"
        if value
        else ""
        for value in values
    ]


def shared_length(sequences: Sequence[Sequence[str]], most: int) -> int:
    """How many first elements are the same of all, `most` at most."""
    count = 0
    for each in zip(*sequences, strict=False):
        if count >= most or len(set(each)) > 1:
            break
        count += 1
    return count
