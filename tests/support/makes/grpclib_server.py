"""The feed by grpclib, with a reflection of its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from google.protobuf import message_factory
from grpclib.const import Cardinality, Handler, Status
from grpclib.reflection.service import ServerReflection
from grpclib.server import Server

from support.makes.feed import (
    DETAILS,
    ERROR_INFO,
    INTERVAL_S,
    PROTOS,
    SERVICE,
    TRAILER,
    describe,
    event,
    say,
    say_opened,
    until_eof,
)


async def watch(stream: Any, ask: Any) -> None:
    number = 0
    while not ask.count or number < ask.count:
        number += 1
        await stream.send_message(event(ask, number))
        await asyncio.sleep(INTERVAL_S)


async def get(stream: Any, ask: Any) -> None:
    await stream.send_message(event(ask, 1))


async def fail(stream: Any, ask: Any) -> None:
    await stream.send_message(event(ask, 1))
    await stream.send_message(event(ask, 2))
    await stream.send_trailing_metadata(
        status=Status.RESOURCE_EXHAUSTED,
        status_message=DETAILS,
        status_details=[ERROR_INFO],
        metadata=dict([TRAILER]),
    )


async def hang(stream: Any, _: Any) -> None:
    await stream.send_initial_metadata()
    await asyncio.Event().wait()


class Feed:
    def __mapping__(self) -> dict[str, Handler]:
        request, response = (
            message_factory.GetMessageClass(PROTOS.descriptor(name)) for name in ("Ask", "Event")
        )
        stream, unary = Cardinality.UNARY_STREAM, Cardinality.UNARY_UNARY
        return {
            f"/{SERVICE}/{method}": Handler(told(method, handler), kind, request, response)
            for method, handler, kind in (
                ("Watch", watch, stream),
                ("Get", get, unary),
                ("Fail", fail, stream),
                ("Hang", hang, stream),
            )
        }


def told(
    method: str, handler: Callable[[Any, Any], Awaitable[None]]
) -> Callable[[Any], Awaitable[None]]:
    """The same handler, which says when it is called and when the client cancels."""

    async def serve(stream: Any) -> None:
        ask = await stream.recv_message()
        left = None if stream.deadline is None else stream.deadline.time_remaining()
        say_opened(method, stream.metadata.items(), left)
        try:
            await handler(stream, ask)
        except asyncio.CancelledError:
            say(cancelled=method)
            raise

    return serve


def security(cert: str, key: str, authority: str) -> ssl.SSLContext | None:
    if not cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["h2"])
    if authority:
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def main(cert: str = "", key: str = "", authority: str = "") -> None:
    describe()
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(ServerReflection.extend([Feed()]))
    await server.start(sock=listener, ssl=security(cert, key, authority))
    say(port=listener.getsockname()[1])
    await asyncio.to_thread(until_eof)
    server.close()
    await server.wait_closed()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
