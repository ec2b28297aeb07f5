"""A gRPC server that floods: values as fast as any reader takes them, on every call.

It speaks HTTP/2 over a plain socket and writes messages in bulk, since a server that writes them
one by one would be slower than what it is to measure. It prints its port, then, for each call, how
many values it was to get, how many seconds passed from the request to the connection's end, which a
reader of one call a connection brings about when it has read everything, and when that was
(time.monotonic). The end of its standard input ends it.

    python benchmarks/flood.py --count 1000000 --size 64 --port 0
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

from grpctap.core.wire import as_varint

STREAM_ID = b"flood"
LEAST_SIZE = 56
# Four groups of seven bits number more values than anybody will wait for.
LARGEST_COUNT = 2**28 - 1
PENDING = 256 * 1024
RECEIVED = 64 * 1024
BIG_BLOCK, SMALL_BLOCK = 2**14, 2**7


def groups_of(number: int) -> bytes:
    """A number in always four bytes: protobuf takes a varint with leading zeros, too."""
    low, *middle, high = (number >> shift & 0x7F for shift in (0, 7, 14, 21))
    return bytes((low | 0x80, *(group | 0x80 for group in middle), high))


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field."""
    return as_varint(number << 3 | 2) + as_varint(len(payload)) + payload


class Flood:
    """The messages of a call, each `size` bytes long in any case, as blocks of gRPC's frames.

    The messages of a block differ in the low groups of their sequence, which a template holds once
    and for all, and agree in the high ones, which are all that has to be written for a new block.
    """

    def __init__(self, count: int, size: int) -> None:
        """Makes the template.

        Raises:
            ValueError: `count` or `size` is out of range.
        """
        if not 1 <= count <= LARGEST_COUNT or size < LEAST_SIZE:
            raise ValueError(f"count goes to {LARGEST_COUNT}, and size starts at {LEAST_SIZE}")
        self.count = count
        self._block = BIG_BLOCK if size <= 256 else SMALL_BLOCK
        self._stride = 5 + size
        chance = random.Random(1)
        template, price = bytearray(), 78.0
        for sequence in range(self._block):
            price = min(max(price + chance.gauss(0, 0.05), 60.0), 99.0)
            frame, places = _message(sequence, round(price, 2), size)
            template += frame
        self._template = bytes(template)
        self._places = places

    def blocks(self) -> Iterator[memoryview]:
        """The call's messages, in order; a block is good until the next one is asked for."""
        for start in range(0, self.count + 1, self._block):
            block = bytearray(self._template)
            groups = groups_of(start)
            for place in self._places:
                for index in range(4):
                    # The template has the groups that run through all values within a block.
                    if self._block >> 7 * (index + 1) == 0:
                        high = bytes((groups[index],))
                        block[place + index :: self._stride] = high * self._block
            # Sequences begin at 1, so the first block's first message is none.
            first = self._stride * (start == 0)
            yield memoryview(block)[first : self._stride * (self.count + 1 - start)]


def _message(sequence: int, price: float, size: int) -> tuple[bytes, tuple[int, int]]:
    """A message in gRPC's frame, and where in it the groups of the sequence stand."""
    token = field(4, b"at" + groups_of(sequence))
    number = as_varint(8 << 3 | 1) + struct.pack("<d", price)
    head = field(2, STREAM_ID) + as_varint(3 << 3)
    rest = len(head) + 4 + len(token) + len(number)
    text = f"WTI {price:.2f}".encode()
    text = text.ljust(size - rest - 2, b" ")
    # A longer length takes a byte or two more.
    while len(field(1, text)) + rest > size:
        text = text[:-1]
    value = field(1, text)
    if len(value) + rest < size:
        raise ValueError(f"no message is exactly {size} bytes long; take one more")
    before = b"\0" + struct.pack(">I", size) + value + head
    at = len(before)
    frame = before + groups_of(sequence) + token + number
    return frame, (at, at + len(token))


class Refusal(Exception):  # noqa: N818 (it is an answer, and nothing went wrong)
    """Ends a call before its first message with a gRPC status."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class _Stream:
    blocks: Iterator[memoryview]
    rest: memoryview


class Connection:
    """One client's connection, served until it ends.

    Args:
        peer: Its socket.
        answer: Makes of a call's request, a message in gRPC's frame, the blocks of its messages;
            or raises a Refusal.
    """

    def __init__(
        self, peer: socket.socket, answer: Callable[[bytes], Iterator[memoryview]]
    ) -> None:
        self._peer = peer
        self._answer = answer
        self._requests: dict[int, bytes] = {}
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._streams: dict[int, _Stream] = {}
        self._out = bytearray()

    def run(self) -> list[float]:
        """Serves; returns, for each call, the seconds from its request to the connection's end."""
        since: list[float] = []
        with self._peer, contextlib.suppress(OSError, ProtocolError):
            self._peer.setblocking(False)
            self._peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._http.initiate_connection()
            while True:
                self._fill()
                readable, writable, _ = select.select(
                    [self._peer], [self._peer] if self._out else [], []
                )
                if readable:
                    data = self._peer.recv(RECEIVED)
                    if not data:
                        break
                    for event in self._http.receive_data(data):
                        self._handle(event, since)
                if writable:
                    del self._out[: self._peer.send(self._out)]
        now = time.monotonic()
        return [now - start for start in since]

    def _handle(self, event: Event, since: list[float]) -> None:
        if isinstance(event, RequestReceived):
            since.append(time.monotonic())
            self._requests[event.stream_id] = b""
        elif isinstance(event, DataReceived):
            self._requests[event.stream_id] += event.data
            self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self._begin(event.stream_id, self._requests.pop(event.stream_id))
        elif isinstance(event, StreamReset):
            self._requests.pop(event.stream_id, None)
            self._streams.pop(event.stream_id, None)

    def _begin(self, number: int, request: bytes) -> None:
        headers = ((":status", "200"), ("content-type", "application/grpc"))
        try:
            blocks = self._answer(request)
        except Refusal as refusal:
            status = (("grpc-status", str(refusal.code)), ("grpc-message", str(refusal)))
            self._http.send_headers(number, (*headers, *status), end_stream=True)
        else:
            self._streams[number] = _Stream(blocks, memoryview(b""))
            self._http.send_headers(number, headers)

    def _fill(self) -> None:
        """Takes as much from the streams as the client's windows and our patience allow."""
        http = self._http
        for number, stream in list(self._streams.items()):
            while len(self._out) < PENDING:
                if not stream.rest:
                    following = next(stream.blocks, None)
                    if following is None:
                        http.send_headers(number, (("grpc-status", "0"),), end_stream=True)
                        del self._streams[number]
                        break
                    stream.rest = following
                window = http.local_flow_control_window(number)
                size = min(window, http.max_outbound_frame_size, len(stream.rest))
                if size <= 0:
                    break
                http.send_data(number, stream.rest[:size].tobytes())
                stream.rest = stream.rest[size:]
                self._out += http.data_to_send()
        self._out += http.data_to_send()


def _serve(peer: socket.socket, flood: Flood) -> None:
    for seconds in Connection(peer, lambda _: flood.blocks()).run():
        sys.stdout.write(f"{flood.count} {seconds:.6f} {time.monotonic():.6f}\n")
        sys.stdout.flush()


def _accept(listener: socket.socket, flood: Flood) -> None:
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=_serve, args=(peer, flood), daemon=True).start()


@dataclass(frozen=True, slots=True)
class Served:
    """A call that is over: how long it took, and when its connection ended (time.monotonic)."""

    seconds: float
    end: float


class FloodServer:
    """This file in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._output = process.stdout
        self._served: queue.Queue[Served] = queue.Queue()
        self.address = f"127.0.0.1:{int(self._output.readline())}"
        threading.Thread(target=self._listen, daemon=True).start()

    def served(self, patience: float = 30.0) -> Served:
        """Waits for the end of the next call's connection.

        Raises:
            TimeoutError: it did not come within `patience` seconds.
        """
        try:
            return self._served.get(timeout=patience)
        except queue.Empty:
            raise TimeoutError("no call has ended at the flood server") from None

    def forget(self) -> None:
        """Forgets the calls that have ended so far."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._served.get_nowait()

    def _listen(self) -> None:
        for line in self._output:
            _, seconds, end = line.split()
            self._served.put(Served(float(seconds), float(end)))


@contextmanager
def flood_server(count: int, size: int) -> Iterator[FloodServer]:
    """Runs a flood server for as long as the context."""
    flags = ("--count", str(count), "--size", str(size), "--port", "0")
    command = (sys.executable, str(Path(__file__)), *flags)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        try:
            yield FloodServer(process)
        finally:
            process.stdin.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1_000_000, help="values a call (%(default)s)")
    parser.add_argument("--size", type=int, default=64, help="bytes a message (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0 takes any that is free")
    args = parser.parse_args()
    flood = Flood(args.count, args.size)
    with socket.create_server(("127.0.0.1", args.port)) as listener:
        print(listener.getsockname()[1], flush=True)
        threading.Thread(target=_accept, args=(listener, flood), daemon=True).start()
        while os.read(sys.stdin.fileno(), 4096):
            pass


if __name__ == "__main__":
    main()
