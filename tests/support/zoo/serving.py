"""A server that shows the zoo: a method for each kind of message, which sends all of that kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import grpc
from google.protobuf.message import Message

from support.methods import Handler, reflecting
from support.zoo.messages import MESSAGES, PROTOS, messages, method

UNORDERED = ("Maps", "WellKnown")
"""Kinds with maps, whose entries come in no order, in no two programs."""


def zoo_server() -> AbstractContextManager[str]:
    """The server, with reflection; gives its address."""
    services: dict[str, dict[str, Handler]] = {}
    for kind in MESSAGES:
        service, _, name = method(kind).partition("/")
        services.setdefault(service, {})[name] = _shows(kind)
    return reflecting(PROTOS, services)


def _shows(kind: str) -> Handler:
    def show(_: Any, context: grpc.ServicerContext) -> Iterator[Message]:
        yield from messages(kind)

    return show
