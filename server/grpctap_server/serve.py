"""The server around the service: ports, reflection, health, and a graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from grpctap_protos import server_stream_pb2 as pb
from grpctap_protos import server_stream_pb2_grpc as pb_grpc
from grpctap_server.feeds.base import Feed
from grpctap_server.service import StreamServer

if TYPE_CHECKING:
    from grpctap_server.jetstream.address import Address
    from grpctap_server.publish import Publisher

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["StreamServer"].full_name

# How long calls get to take in their final status, in seconds.
_GRACE_S = 2.0
# How long handlers get to notice that they were cancelled after that, in seconds.
_LEFTOVER_S = 1.0
_STDIN = 0
_END_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_HOST_ERRORS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class ListenError(Exception):
    """The address cannot be listened on; the message says which and why."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve.

    Attributes:
        host: A name or an address, v4 or v6, without brackets.
        port: 0 to 65535; 0 takes any that is free.
        progress_interval: After how many seconds of silence progress is sent.
        until_eof: Whether the end of standard input ends the server too.
        slow_timeout: How long a client may take nothing before its call is ended, in seconds;
            0 is for ever.
        publish: The JetStream stream into which all values go, too; None for none.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    progress_interval: float = 5.0
    until_eof: bool = False
    slow_timeout: float = 30.0
    publish: Address | None = None


def join_address(host: str, port: int) -> str:
    """Write an address as gRPC and people do, with brackets around an IPv6 host."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def make_server() -> grpc.aio.Server:
    """Make a server, without any service yet, whose port will be its own."""
    # By default a second server could take the same port, and each would get some of the calls.
    return grpc.aio.server(options=[("grpc.so_reuseport", 0)])


def enable_reflection(names: Sequence[str], server: grpc.aio.Server) -> None:
    """Let a server describe the services of these names, by v1 and v1alpha of reflection.

    grpcio-reflection knows v1alpha alone, but v1 is what clients are to ask for. Their messages
    are the same. Only v1alpha is listed, since nothing here describes v1 itself.
    """
    reflection.enable_server_reflection(names, server)
    handler: grpc.RpcMethodHandler[
        reflection_pb2.ServerReflectionRequest, reflection_pb2.ServerReflectionResponse
    ] = grpc.stream_stream_rpc_method_handler(
        reflection.aio.ReflectionServicer(names).ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    name = "grpc.reflection.v1.ServerReflection"
    methods = {"ServerReflectionInfo": handler}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, methods)])


async def serve(feed: Feed, options: ServeOptions) -> None:
    """Serve until a signal (or, if so asked, the end of standard input), then end gracefully.

    Args:
        feed: What ListValue shows.
        options: Where and how.

    Raises:
        FeedError: If the feed cannot start, its values cannot be published, or its source failed
            for good.
        ListenError: If the address cannot be listened on.
    """
    await feed.start()
    publisher = None if options.publish is None else await _start_publisher(feed, options.publish)
    service = StreamServer(feed, options.progress_interval, options.slow_timeout)
    server = make_server()
    pb_grpc.add_StreamServerServicer_to_server(service, server)
    status = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    await status.set(SERVICE_NAME, health_pb2.HealthCheckResponse.SERVING)
    names = (SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME)
    enable_reflection(names, server)

    port = _listen(server, options.host, options.port)
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _END_SIGNALS:
        loop.add_signal_handler(number, end.set)
    if options.until_eof:
        # A thread can wait for any kind of standard input; the loop only for some.
        threading.Thread(target=_await_eof, args=(loop, end), daemon=True).start()

    source = asyncio.create_task(feed.run())
    work = [source] if publisher is None else [source, asyncio.create_task(publisher.run())]
    for task in work:
        task.add_done_callback(lambda task: _end_if_failed(task, end))
    await server.start()
    _say(f"listening on {join_address(options.host, port)} ({feed.description})")
    await end.wait()
    for number in _END_SIGNALS:
        # From here on a signal ends the process at once, and never with a traceback.
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
    await status.enter_graceful_shutdown()
    service.drain()
    if publisher is not None:
        await publisher.finish(_GRACE_S)
    for task in work:
        task.cancel()
    await stop_server(server, _GRACE_S)
    for task in work:
        if task.done() and not task.cancelled():
            task.result()


async def _start_publisher(feed: Feed, address: Address) -> Publisher:
    from grpctap_server.publish import Publisher

    log, _ = feed.open("")
    publisher = Publisher(log, address)
    await publisher.start()
    return publisher


async def stop_server(server: grpc.aio.Server, grace: float) -> None:
    """Stop a server as the last thing that its event loop does.

    Args:
        server: It takes no calls from now on.
        grace: How long its open calls get to end by themselves, in seconds.
    """
    await server.stop(grace)
    # Calls that stop() cancelled may not be through yet, and gRPC complains if the loop ends first.
    if leftover := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(leftover, timeout=_LEFTOVER_S)


def _end_if_failed(task: asyncio.Task[None], end: asyncio.Event) -> None:
    if not task.cancelled() and task.exception() is not None:
        end.set()


def _listen(server: grpc.aio.Server, host: str, port: int) -> int:
    """Bind the server to an address.

    Returns:
        The port, also when 0 asked for any.

    Raises:
        ListenError: If the address cannot be listened on.
    """
    address = join_address(host, port)
    try:
        _try_bind(host, port)
        return server.add_insecure_port(address)
    except (OSError, RuntimeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        of_host = isinstance(error, socket.gaierror) or (
            isinstance(error, OSError) and error.errno in _HOST_ERRORS
        )
        flag = "--host" if of_host else "--port"
        raise ListenError(
            f"cannot listen on {address}: {reason}; choose another with {flag}"
        ) from None


def _try_bind(host: str, port: int) -> None:
    """Bind a plain socket to the address and let go of it, since gRPC's own error lacks the cause.

    Raises:
        OSError: If the host is unknown or the address cannot be had.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, kind, protocol, _, address in addresses:
        with socket.socket(family, kind, protocol) as probe:
            # As gRPC does: connections of a server that just ended do not keep its port taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)


def _await_eof(loop: asyncio.AbstractEventLoop, end: asyncio.Event) -> None:
    # A standard input that was closed or fails is at its end, too.
    with contextlib.suppress(OSError):
        while os.read(_STDIN, 4096):
            pass
    # The loop is closed when a signal came first.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(end.set)


def _say(text: str) -> None:
    # Whoever started the server may have closed its standard error since.
    with contextlib.suppress(OSError):
        print(f"grpctap serve: {text}", file=sys.stderr, flush=True)  # noqa: T201
