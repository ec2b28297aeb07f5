"""The tutorial's server: counts for each call; prints its port, ends when standard input does."""

import argparse
import asyncio
import socket
import sys
from typing import Any

from grpclib.const import Cardinality, Handler
from grpclib.server import Server

from support.tutorial_peer import tutorial


class StreamServer:
    def __init__(self, count: int, interval: float) -> None:
        self._count = count
        self._interval = interval

    async def route(self, stream: Any) -> None:
        request = await stream.recv_message()
        await stream.send_message(tutorial.SimpleResponse(code=200, value=f"hello {request.data}"))

    async def list_value(self, stream: Any) -> None:
        request = await stream.recv_message()
        for n in range(self._count):
            await stream.send_message(tutorial.StreamResponse(stream_value=f"{request.data}{n}"))
            await asyncio.sleep(self._interval)

    def __mapping__(self) -> dict[str, Handler]:
        return {
            tutorial.ROUTE: Handler(
                self.route,
                Cardinality.UNARY_UNARY,
                tutorial.SimpleRequest,
                tutorial.SimpleResponse,
            ),
            tutorial.LIST_VALUE: Handler(
                self.list_value,
                Cardinality.UNARY_STREAM,
                tutorial.SimpleRequest,
                tutorial.StreamResponse,
            ),
        }


async def run(count: int, interval: float, port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port))
    server = Server([StreamServer(count, interval)])
    await server.start(sock=listener)
    print(listener.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()
    await server.wait_closed()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=15)
    parser.add_argument("--interval", type=float, default=1.0, help="seconds")
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    asyncio.run(run(args.count, args.interval, args.port))


if __name__ == "__main__":
    main()
