"""A plain grpcio server of the tutorial's shape, to measure ours beside: threads that sleep.

Each call takes a thread of a pool, which yields a value, sleeps, and so on. It prints its port, and
ends with its standard input.

    python benchmarks/plain.py --viewers 100 --interval 0.1
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc

from grpctap_protos import server_stream_pb2 as pb
from grpctap_protos import server_stream_pb2_grpc as pb_grpc


class Plain(pb_grpc.StreamServerServicer):
    """Counts, and says when it did, which is all that the delay takes."""

    def __init__(self, interval: float) -> None:
        self._interval = interval

    def ListValue(  # noqa: N802
        self, request: pb.SimpleRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.StreamResponse]:
        number = 0
        while context.is_active():
            number += 1
            value = pb.StreamResponse(stream_value=f"{request.data}{number}", sequence=number)
            value.event_time.GetCurrentTime()
            yield value
            time.sleep(self._interval)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--viewers", type=int, required=True, help="threads, one for each call")
    parser.add_argument("--interval", type=float, default=0.1)
    args = parser.parse_args()
    server = grpc.server(ThreadPoolExecutor(args.viewers))
    pb_grpc.add_StreamServerServicer_to_server(Plain(args.interval), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while os.read(sys.stdin.fileno(), 4096):
        pass
    # Its threads sleep on, and would be waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
