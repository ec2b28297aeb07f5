"""The server around the service: ports, reflection, health, and a graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from grpctap_protos import server_stream_pb2 as pb
from grpctap_protos import server_stream_pb2_grpc as pb_grpc
from grpctap_server import health, peers
from grpctap_server.chores import begin_chores
from grpctap_server.counters import Counters
from grpctap_server.eof import on_end_of_input
from grpctap_server.feeds.base import Feed
from grpctap_server.guard import Guard
from grpctap_server.limits import Limits, fitting
from grpctap_server.logs import log, logging_to_stderr
from grpctap_server.protection import Protection
from grpctap_server.saying import say
from grpctap_server.service import StreamServer
from grpctap_server.starting import start_server
from grpctap_server.tls import Certificate

if TYPE_CHECKING:
    from grpctap_server.jetstream.address import Address
    from grpctap_server.publish import Publisher

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["StreamServer"].full_name

# How long calls get to take in their final status, in seconds.
_GRACE_S = 2.0
# How long connections get to close after that, and then handlers to notice that they were
# cancelled, in seconds.
_LEFTOVER_S = 1.0
_STDOUT = 1
_END_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_HOST_ERRORS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class ListenError(Exception):
    """The address cannot be listened on; the message says which and why."""


class DeafError(ListenError):
    """gRPC takes no more calls, although nobody told it to stop."""


class PlaintextError(ListenError):
    """What is said there could be read on the way, and nobody allowed that."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve.

    Attributes:
        host: A name or an address, v4 or v6, without brackets.
        port: 0 to 65535; 0 takes any that is free.
        progress_interval: After how many seconds of silence progress is sent.
        until_eof: Whether the end of standard input ends the server too.
        protection: Who may call, how, and how much.
        drain: For how many seconds calls go on after the signal to end.
        log_level: The least of what is logged: debug, info, warning or error.
        log_interval: How often counts are logged, in seconds; 0: never.
        worker: Which of several processes on one port this is: the "first", which must not find
            it taken, or a "next" one; "" for a server alone. A worker says on standard output, to
            the process that started it, that it is ready.
        slow_timeout: How long a client may take nothing before its call is ended, in seconds;
            0 is for ever.
        publish: The JetStream stream into which all values go, too; None for none.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    progress_interval: float = 5.0
    until_eof: bool = False
    protection: Protection = field(default_factory=lambda: Protection(Limits()))
    drain: float = 0.0
    log_level: str = "info"
    log_interval: float = 60.0
    worker: str = ""
    slow_timeout: float = 30.0
    publish: Address | None = None


def join_address(host: str, port: int) -> str:
    """Write an address as gRPC and people do, with brackets around an IPv6 host."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def make_server(guard: Guard | None = None, *, shares_port: bool = False) -> grpc.aio.Server:
    """Make a server, without any service yet, whose port will be its own unless it shares it.

    Args:
        guard: What stands before its calls, and whose limits it keeps; None: nothing does.
        shares_port: Whether other processes may listen on the same port.
    """
    # By default a second server could take the same port, and each would get some of the calls.
    options = [("grpc.so_reuseport", int(shares_port))]
    if guard is None:
        return grpc.aio.server(options=options)
    return grpc.aio.server(options=[*options, *guard.bounds.options()], interceptors=[guard])


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
        ListenError: If the address cannot be listened on, or no longer.
    """
    with logging_to_stderr(options.log_level):
        await _serve(feed, options)


async def _serve(feed: Feed, options: ServeOptions) -> None:
    protection = options.protection
    _check_plaintext(options)
    await feed.start()
    service = StreamServer(feed, options.progress_interval, options.slow_timeout)
    guard = Guard(protection.tokens, fitting(protection.limits), Counters())
    server = make_server(guard, shares_port=bool(options.worker))
    pb_grpc.add_StreamServerServicer_to_server(service, server)
    status = health.Health((SERVICE_NAME,))
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    names = [SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME]
    if protection.channelz:
        names.append(_add_channelz(server))
    enable_reflection(names, server)

    port = _listen(
        server,
        options.host,
        options.port,
        protection.certificate,
        probe=options.worker != "next",
    )
    # It may make a stream, which a server that cannot be had must not leave behind.
    publisher = None if options.publish is None else await _start_publisher(feed, options.publish)
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _END_SIGNALS:
        loop.add_signal_handler(number, end.set)
    if options.until_eof:
        on_end_of_input(loop, end.set)

    chores = begin_chores(protection, guard, options.log_interval)
    source = asyncio.create_task(feed.run())
    work = [source] if publisher is None else [source, asyncio.create_task(publisher.run())]
    await start_server(server)
    work.append(asyncio.create_task(_await_deafness(server)))
    for task in work:
        task.add_done_callback(lambda task: _end_if_failed(task, end))
    ready = f"listening on {join_address(options.host, port)} ({feed.description})"
    if options.worker:
        # It goes to the process that started this one, which may be gone already.
        with contextlib.suppress(OSError):
            os.write(_STDOUT, f"{ready}\n".encode())
    else:
        say(ready)
    await end.wait()
    for number in _END_SIGNALS:
        # From here on a signal ends the process at once, and never with a traceback.
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
    log(logging.INFO, "ending", drain=options.drain, **guard.counters.fields())
    status.end()
    if options.drain:
        # Whoever sends calls here looks at the health now and then, and until then sends more.
        await asyncio.sleep(options.drain)
    service.drain()
    if publisher is not None:
        await publisher.finish(_GRACE_S)
    for task in (*work, *chores):
        task.cancel()
    await stop_server(server, _GRACE_S)
    log(logging.INFO, "ended", **guard.counters.fields())
    for task in work:
        if task.done() and not task.cancelled():
            task.result()


async def _start_publisher(feed: Feed, address: Address) -> Publisher:
    from grpctap_server.publish import Publisher

    log, _ = feed.open("")
    publisher = Publisher(log, address)
    await publisher.start()
    return publisher


def _add_channelz(server: grpc.aio.Server) -> str:
    from grpc_channelz.v1 import channelz, channelz_pb2

    channelz.add_channelz_servicer(server)
    name: str = channelz_pb2.DESCRIPTOR.services_by_name["Channelz"].full_name
    return name


async def stop_server(server: grpc.aio.Server, grace: float) -> None:
    """Stop a server as the last thing that its event loop does.

    Args:
        server: It takes no calls from now on.
        grace: How long its open calls get to end by themselves, in seconds.
    """
    # With a client that reads nothing gRPC cannot hang up, and would wait for it for long.
    stop = asyncio.create_task(server.stop(grace))
    await asyncio.wait((stop,), timeout=grace + _LEFTOVER_S)
    if stop.done():
        stop.result()
    # Calls that stop() cancelled may not be through yet, and gRPC complains if the loop ends first.
    if leftover := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(leftover, timeout=_LEFTOVER_S)


async def _await_deafness(server: grpc.aio.Server) -> None:
    """Fail when the server ends by itself: a process that nobody can call must not linger.

    Raises:
        DeafError: If it ended with an error of its own.
    """
    try:
        # Who no longer waits for its end must not take that from others.
        await asyncio.shield(server.wait_for_termination())
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise DeafError(f"gRPC failed and takes no more calls ({what}); start it again") from None


def _end_if_failed(task: asyncio.Task[None], end: asyncio.Event) -> None:
    if not task.cancelled() and task.exception() is not None:
        end.set()


def _listen(
    server: grpc.aio.Server,
    host: str,
    port: int,
    certificate: Certificate | None = None,
    *,
    probe: bool = True,
) -> int:
    """Bind the server to an address, which a probe must find free.

    Returns:
        The port, also when 0 asked for any.

    Raises:
        ListenError: If the address cannot be listened on.
    """
    address = join_address(host, port)
    try:
        if probe:
            _try_bind(host, port)
        if certificate is not None:
            return server.add_secure_port(address, certificate.credentials())
        return server.add_insecure_port(address)
    except (OSError, RuntimeError) as error:
        raise _cannot_listen(address, error) from None


def _cannot_listen(address: str, error: Exception) -> ListenError:
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    of_host = isinstance(error, socket.gaierror) or (
        isinstance(error, OSError) and error.errno in _HOST_ERRORS
    )
    flag = "--host" if of_host else "--port"
    return ListenError(f"cannot listen on {address}: {reason}; choose another with {flag}")


def _check_plaintext(options: ServeOptions) -> None:
    """Refuse to speak plain text to other machines, unless that is allowed.

    Raises:
        PlaintextError: If it is not.
        ListenError: If the host is unknown, or not this machine's.
    """
    host, protection = options.host, options.protection
    try:
        # A host that is not this machine's is that before all else; any port tells.
        found = _try_bind(host, 0)
    except OSError as error:
        raise _cannot_listen(join_address(host, options.port), error) from None
    loopback = all(map(peers.is_loopback, found))
    if loopback or protection.certificate is not None:
        return
    what = "values" if protection.tokens is None else "values and tokens"
    if not protection.plaintext_allowed:
        raise PlaintextError(
            f"{host} is reached from other machines, and whoever is on the way could read {what}; "
            "give --cert and --key, or say --allow-plaintext"
        )
    log(logging.WARNING, "plaintext", host=host, advice=f"{what} can be read on the way")


def _try_bind(host: str, port: int) -> list[str]:
    """Bind a plain socket to the address and let go of it, since gRPC's own error lacks the cause.

    Returns:
        The addresses of the host, as numbers.

    Raises:
        OSError: If the host is unknown or the address cannot be had.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, kind, protocol, _, address in addresses:
        with socket.socket(family, kind, protocol) as probe:
            # As gRPC does: connections of a server that just ended do not keep its port taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    return [str(address[0]) for *_, address in addresses]
