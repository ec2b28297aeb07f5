"""The feed by grpcio, with the standard health service and grpcio's own reflection."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

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

HEALTH = "grpc.health.v1.Health"
Handler = Callable[[Any, grpc.ServicerContext], Iterator[Message]]
# A service that is well by turns, as Health/Watch tells.
MOODY = "makes.Moody"


def watch(ask: Any, context: grpc.ServicerContext) -> Iterator[Message]:
    number = 0
    while context.is_active() and (not ask.count or number < ask.count):
        number += 1
        yield event(ask, number)
        time.sleep(INTERVAL_S)


def get(ask: Any, _: grpc.ServicerContext) -> Message:
    return event(ask, 1)


def fail(ask: Any, context: grpc.ServicerContext) -> Iterator[Message]:
    yield event(ask, 1)
    yield event(ask, 2)
    detail = AnyMessage()
    detail.Pack(ERROR_INFO)
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    status = rpc_status.to_status(
        status_pb2.Status(code=code.value[0], message=DETAILS, details=[detail])
    )
    context.set_trailing_metadata((*status.trailing_metadata, TRAILER))
    context.abort(code, DETAILS)


def hang(_: Any, context: grpc.ServicerContext) -> Iterator[Message]:
    context.send_initial_metadata(())
    over = threading.Event()
    context.add_callback(over.set)
    over.wait()
    yield from ()


def told(method: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    """The same handler, which says when it is called."""

    def serve(ask: Any, context: grpc.ServicerContext) -> Any:
        say_opened(method, context.invocation_metadata(), context.time_remaining())
        return handler(ask, context)

    return serve


def streaming(method: str, handler: Handler) -> Handler:
    """The same handler of a stream, which also says when the client cancels it."""

    def serve(ask: Any, context: grpc.ServicerContext) -> Iterator[Message]:
        finished = threading.Event()

        def ended() -> None:
            if not finished.is_set():
                say(cancelled=method)

        context.add_callback(ended)
        try:
            yield from handler(ask, context)
        finally:
            if context.is_active():
                finished.set()

    return told(method, serve)


def feed() -> grpc.GenericRpcHandler:
    types = {
        "request_deserializer": message_factory.GetMessageClass(
            PROTOS.descriptor("Ask")
        ).FromString,
        "response_serializer": lambda message: message.SerializeToString(),
    }
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        method: grpc.unary_stream_rpc_method_handler(streaming(method, handler), **types)
        for method, handler in (("Watch", watch), ("Fail", fail), ("Hang", hang))
    }
    handlers["Get"] = grpc.unary_unary_rpc_method_handler(told("Get", get), **types)
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


def change_mood(servicer: health.HealthServicer) -> None:
    status = health_pb2.HealthCheckResponse
    while True:
        for mood in (status.SERVING, status.NOT_SERVING):
            servicer.set(MOODY, mood)
            time.sleep(INTERVAL_S)


def main(cert: str = "", key: str = "", authority: str = "") -> None:
    server = grpc.server(futures.ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers([feed()])
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    threading.Thread(target=change_mood, args=(servicer,), daemon=True).start()
    describe()
    reflection.enable_server_reflection((SERVICE, HEALTH), server)
    if cert:
        clients = Path(authority).read_bytes() if authority else None
        pair = (Path(key).read_bytes(), Path(cert).read_bytes())
        secure = grpc.ssl_server_credentials([pair], clients, clients is not None)
        port = server.add_secure_port("127.0.0.1:0", secure)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    say(port=port)
    until_eof()
    server.stop(None)


if __name__ == "__main__":
    main(*sys.argv[1:])
