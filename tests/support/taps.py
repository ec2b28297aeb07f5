"""Taps for tests: the viewer without its screen, on a real server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import grpc

from grpctap.core.facts import Sent
from grpctap.core.history import Value
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.reconnect import Backoff
from grpctap.core.seams import Interruption, Seam
from grpctap.core.state import State
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse
from support.server import eventually


@contextmanager
def raw_server(
    messages: list[bytes],
    credentials: grpc.ServerCredentials | None = None,
    options: Sequence[tuple[str, int]] = (),
    *,
    ends: bool = False,
) -> Iterator[str]:
    """A server whose ListValue sends these bytes, then ends or stays silent; gives its address."""
    over = threading.Event()

    def list_value(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from messages
        if not ends:
            over.wait()

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(list_value)
    server = grpc.server(futures.ThreadPoolExecutor(4), options=options)
    service, _, method = METHOD.rpartition("/")
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(service, {method: handler})]
    )
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        over.set()
        server.stop(None).wait()


def reader_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "grpctap-reader"]


def connections(port: int) -> int:
    """How many connections to a local port are established."""
    found = 0
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, _, remote, state, *_ = line.split()
            found += state == "01" and int(remote.rpartition(":")[2], 16) == port
    return found


def make_tap(
    address: str,
    data: str = "WTI ",
    *,
    token: bytes = b"",
    history: int = 10**6,
    backoff: Backoff | None = None,
    clock: Callable[[], int] | None = None,
) -> Tap:
    request = SimpleRequest(data=data)
    transport = GrpcTransport(Target(address, plaintext=True), METHOD)
    schema = ListValue(request, progress=True)
    return Tap(
        transport,
        schema,
        capacity=history,
        token=token,
        backoff=backoff,
        clock=clock,
        sent=Sent(request=request),
    )


@contextmanager
def open_tap(address: str, data: str = "WTI ", *, token: bytes = b"") -> Iterator[Tap]:
    """A started tap; its reader must end with it."""
    tap = make_tap(address, data, token=token)
    tap.start()
    try:
        yield tap
    finally:
        assert tap.close(), "the reader's thread did not end"


def kept(tap: Tap) -> list[StreamResponse]:
    """The messages in the history, in order."""
    rows = tap.newest().rows
    return [StreamResponse.FromString(row.raw) for row in rows if isinstance(row, Value)]


def texts(tap: Tap) -> list[str]:
    return [message.stream_value for message in kept(tap)]


def seams(tap: Tap) -> list[Seam]:
    return [row for row in tap.newest().rows if not isinstance(row, Value)]


def interruption(tap: Tap) -> Interruption:
    """The newest seam, which must be an interruption."""
    seam = seams(tap)[-1]
    assert isinstance(seam, Interruption)
    return seam


def await_values(tap: Tap, count: int) -> None:
    eventually(lambda: tap.snapshot().values >= count, f"{count} values")


def await_more(tap: Tap, count: int = 1) -> None:
    await_values(tap, tap.snapshot().values + count)


def await_state(tap: Tap, *states: State) -> None:
    eventually(lambda: tap.snapshot().state in states, f"one of {states}")
