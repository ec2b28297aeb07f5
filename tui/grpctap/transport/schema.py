"""What a server says of its methods, asked once."""

from __future__ import annotations

from collections.abc import Sequence

from grpctap.core.catalog import Catalog
from grpctap.core.method import Method
from grpctap.transport.pools import SchemaError
from grpctap.transport.sources import ANSWER_S, Sources
from grpctap.transport.target import Target

__all__ = ["ANSWER_S", "SchemaError", "fetch_catalog", "fetch_method"]


def fetch_method(
    target: Target,
    name: str,
    metadata: Sequence[tuple[str, str | bytes]] = (),
    max_time_s: float | None = None,
) -> Method:
    """Asks a server for the types of one of its methods, named SERVICE/METHOD.

    The arguments are those of `Sources`.

    Raises:
        SchemaError: there is no answer, no such method, or it takes more than one request.
    """
    return Sources(target, metadata, max_time_s).described(name)


def fetch_catalog(
    target: Target,
    metadata: Sequence[tuple[str, str | bytes]] = (),
    max_time_s: float | None = None,
) -> Catalog:
    """Asks a server for all that it serves; the arguments are those of `Sources`.

    Raises:
        SchemaError: there is no answer, or none that makes sense.
    """
    return Sources(target, metadata, max_time_s).catalog()
