"""How far a server may run ahead of the viewer."""

from __future__ import annotations

import threading

from benchmarks.flood import LARGEST_COUNT

from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.message import Reading
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import READ_AHEAD, Target
from grpctap_protos.server_stream_pb2 import SimpleRequest
from support.proxy import Proxy
from support.server import PATIENCE_S, eventually
from support.truth import TruthServer

# With less, gRPC's own probing has not begun to open its window.
VALUES = 100_000
# What gRPC and HTTP/2 put around a message is less than this, in bytes.
FRAMING = 16
# What the proxy holds, the sockets included, and what gRPC allows beyond its word.
SLACK = 1024 * 1024


def test_a_server_faster_than_the_viewer_is_held_back() -> None:
    read = 0
    full, go_on = threading.Event(), threading.Event()

    def deliver(reading: Reading, raw: bytes, accepted: bool) -> bool:
        nonlocal read
        read += len(raw) + FRAMING
        if reading.sequence == VALUES:
            full.set()
            assert go_on.wait(PATIENCE_S)
        return True

    with TruthServer(LARGEST_COUNT) as server, Proxy(server.address) as proxy:
        tap = Tap(
            GrpcTransport(Target(proxy.address, plaintext=True), METHOD),
            ListValue(SimpleRequest(data="WTI "), progress=False),
            deliver=deliver,
        )
        tap.start()
        try:
            assert full.wait(PATIENCE_S)
            passed = -1

            def rests() -> bool:
                nonlocal passed
                before, passed = passed, proxy.passed()
                return passed == before

            eventually(rests, "that the server is held back")
            assert passed < read + READ_AHEAD + SLACK
        finally:
            go_on.set()
            assert tap.close()
