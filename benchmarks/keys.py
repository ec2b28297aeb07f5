"""How long a key takes to what it does, while little happens."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from benchmarks.extent import PATIENCE_S, VALUE, Extent, watch
from benchmarks.table import Row, quantiles, say

from grpctap_protos import server_stream_pb2 as pb
from grpctap_protos import server_stream_pb2_grpc as pb_grpc
from support.terminal import Terminal


class Recorder(pb_grpc.StreamServerServicer):
    """Sends ten values a second, and records when each call began and when it ended."""

    def __init__(self) -> None:
        self.began: queue.Queue[float] = queue.Queue()
        self.ended: queue.Queue[float] = queue.Queue()

    async def ListValue(self, request: pb.SimpleRequest, context: Any) -> None:  # noqa: N802
        self.began.put(time.monotonic())
        sequence = int(request.resume_token or b"0")
        try:
            while True:
                sequence += 1
                await context.write(
                    pb.StreamResponse(
                        stream_value=f"WTI {sequence % 100}",
                        stream_id="recorder",
                        sequence=sequence,
                        resume_token=str(sequence).encode(),
                        number=sequence % 100,
                    )
                )
                await asyncio.sleep(0.1)
        finally:
            self.ended.put(time.monotonic())


@contextmanager
def serving(servicer: pb_grpc.StreamServerServicer) -> Iterator[str]:
    """Serves in a thread of this process; gives the address."""
    addresses: queue.Queue[str] = queue.Queue()
    loop = asyncio.new_event_loop()
    end = asyncio.Event()

    async def serve() -> None:
        server = grpc.aio.server()
        pb_grpc.add_StreamServerServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        addresses.put(f"127.0.0.1:{port}")
        await end.wait()
        await server.stop(0)
        # What was cancelled is not through yet, and gRPC complains when the loop ends first.
        await asyncio.sleep(0.5)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield addresses.get(timeout=PATIENCE_S)
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(PATIENCE_S)


def key_rows(extent: Extent) -> Iterator[Row]:
    """From space to the end of the call, and to the start of the next one."""
    say("keys")
    recorder = Recorder()
    pauses, resumes = [], []
    with serving(recorder) as address, Terminal(watch(address)) as terminal:
        recorder.began.get(timeout=PATIENCE_S)
        terminal.wait_for(VALUE)
        for turn in range(extent.keys):
            # Keys come at any moment between two frames and between two values.
            time.sleep(0.15 + turn % 17 / 170)
            pressed = terminal.write(b" ")
            pauses.append(recorder.ended.get(timeout=PATIENCE_S) - pressed)
            time.sleep(0.1 + turn % 13 / 130)
            pressed = terminal.write(b" ")
            resumes.append(recorder.began.get(timeout=PATIENCE_S) - pressed)
    for name, times in (("the call's end", pauses), ("the next call's start", resumes)):
        how = f"space to the moment at the server, 10 values/s, {len(times)} times"
        yield Row(f"key: {name}", quantiles(times), how)
