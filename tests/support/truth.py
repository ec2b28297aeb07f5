"""A feed whose truth is known, fast enough for millions of values: each follows from its number.

It serves ListValue over the HTTP/2 of the benchmarks' flood, and honours the resume token. As a
program it prints its port and ends with its standard input.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
from functools import lru_cache
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING, Self

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.flood import LARGEST_COUNT, Connection, Refusal, field, groups_of
from google.protobuf.message import DecodeError

from grpctap.core.wire import as_varint
from grpctap_protos import server_stream_pb2 as pb
from support.relay import bound
from support.server import ChildProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAM_ID = "truth"
LONGEST_DATA = 1000
"""The longest `data` of a request, in bytes."""

DIGITS = 9
BLOCK = 16_000
"""Messages that are made at once: so many that the lowest digits are the same in all blocks."""

PREFIX = 5
"""What gRPC puts in front of each message, in bytes."""

PROGRESS_INTERVAL_MS = 200
"""How long the feed says that it is silent at most, in milliseconds."""

INVALID_ARGUMENT, OUT_OF_RANGE = 3, 11


def value(sequence: int, data: str = "") -> pb.StreamResponse:
    """The value of that number, from 1, as every call of `data` gets it."""
    return pb.StreamResponse(
        stream_value=data + _digits(sequence),
        stream_id=STREAM_ID,
        sequence=sequence,
        resume_token=token(sequence),
        first_sequence=1,
    )


def token(sequence: int) -> bytes:
    """The token with which a call goes on after the value of that number; 0: from the start."""
    return b"after-" + _digits(sequence).encode()


def framed(message: bytes) -> bytes:
    """A message in gRPC's frame."""
    return b"\0" + pack(">I", len(message)) + message


def answer(request: bytes, count: int) -> Iterator[memoryview]:
    """What a call gets, in gRPC's frames: the values after its token, of a log of `count`.

    Raises:
        Refusal: The request cannot be served.
    """
    try:
        asked = pb.SimpleRequest.FromString(request[PREFIX:])
    except DecodeError:
        raise Refusal(INVALID_ARGUMENT, "this is no request") from None
    data, after = asked.data.encode(), 0
    if len(data) > LONGEST_DATA:
        raise Refusal(INVALID_ARGUMENT, f"data is longer than {LONGEST_DATA} bytes")
    if asked.resume_token:
        digits = asked.resume_token[-DIGITS:]
        if not digits.isdigit() or asked.resume_token != token(int(digits)):
            raise Refusal(INVALID_ARGUMENT, "the token is malformed")
        after = int(digits)
    if after > count:
        raise Refusal(OUT_OF_RANGE, f"the token is ahead of the log, which ends at {count}")
    return _messages(data, after, count, progress=asked.progress_notify)


def _messages(data: bytes, after: int, count: int, *, progress: bool) -> Iterator[memoryview]:
    if progress:
        sign = pb.StreamResponse(
            stream_id=STREAM_ID, sequence=count, resume_token=token(after), progress=True
        )
        # It floods, so it is never silent; a viewer finds out soon when it is stopped.
        sign.progress_interval.FromMilliseconds(PROGRESS_INTERVAL_MS)
        yield memoryview(framed(sign.SerializeToString()))
    template, changing = _template(data)
    size = len(template) // BLOCK
    for start in range(after // BLOCK * BLOCK, count + 1, BLOCK):
        block = bytearray(template)
        for column in changing:
            column.paint(block, start, size)
        # Sequences begin at 1, so the first block's first message is none.
        first = max(after + 1 - start, 0)
        yield memoryview(block)[first * size : (count + 1 - start) * size]


@lru_cache(maxsize=8)
def _template(data: bytes) -> tuple[bytes, list[_Column]]:
    """The first block, and what differs in the others."""
    frame, columns = _frame(data)
    block = bytearray(frame * BLOCK)
    for column in columns:
        column.paint(block, 0, len(frame))
    return bytes(block), [column for column in columns if BLOCK % (column.unit * column.base)]


def _frame(data: bytes) -> tuple[bytes, list[_Column]]:
    """Value 0 in gRPC's frame, and where the digits of its number stand in it."""
    digits, groups = _digits(0).encode(), groups_of(0)
    text = field(1, data + digits)
    head = text + field(2, STREAM_ID.encode()) + as_varint(3 << 3)
    middle = head + groups + field(4, token(0))
    frame = framed(middle + as_varint(6 << 3) + as_varint(1))
    columns = [
        _Column(PREFIX + end - 1 - place, 10**place, 10, ord("0"))
        for end in (len(text), len(middle))
        for place in range(DIGITS)
    ]
    columns += [
        _Column(PREFIX + len(head) + place, 128**place, 128, mark)
        for place, mark in enumerate(groups)
    ]
    return frame, columns


class _Column:
    """One byte of each message: a digit of its number, in the place that is worth `unit`."""

    def __init__(self, offset: int, unit: int, base: int, zero: int) -> None:
        self.offset = offset
        self.unit = unit
        self.base = base
        self._zero = zero

    def paint(self, block: bytearray, start: int, stride: int) -> None:
        """Writes it for a block of messages that begins with number `start`."""
        digits = bytearray()
        number, end = start, start + BLOCK
        while number < end:
            same = min(self.unit - number % self.unit, end - number)
            digits += bytes((self._zero + number // self.unit % self.base,)) * same
            number += same
        block[self.offset :: stride] = digits


def _digits(sequence: int) -> str:
    return f"{sequence:0{DIGITS}d}"


class TruthServer:
    """The feed in a child process, on a port that stays its own until the context is left.

    Args:
        count: How many values the log has.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def __enter__(self) -> Self:
        # It holds the port while the process is gone.
        self._holder = bound(0)
        self.port: int = self._holder.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        try:
            self.start()
        except BaseException:
            self._holder.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._holder.close()

    def start(self) -> None:
        """Starts the process, again after `kill`; it listens when this returns."""
        flags = ("--count", str(self.count), "--port", str(self.port))
        self._process = ChildProcess((sys.executable, "-m", "support.truth", *flags))
        self._process.await_line(rf"^{self.port}$", "stdout")

    def kill(self) -> None:
        """Ends the process with SIGKILL; the port then refuses connections."""
        self._process.kill()

    def stop(self) -> None:
        """Stops the process with SIGSTOP: the kernel goes on taking connections and bytes."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Lets the process go on after `stop`."""
        self._process.send_signal(signal.SIGCONT)

    @property
    def complaints(self) -> str:
        """What the present process wrote to its standard error: nothing, if all is well."""
        return self._process.stderr


def _accept(listener: socket.socket, count: int) -> None:
    while True:
        peer, _ = listener.accept()
        connection = Connection(peer, lambda request: answer(request, count))
        threading.Thread(target=connection.run, daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, required=True, help=f"values, up to {LARGEST_COUNT}")
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    if not 0 <= args.count <= LARGEST_COUNT:
        parser.error(f"a log has 0 to {LARGEST_COUNT} values")
    with bound(args.port) as listener:
        listener.listen()
        print(args.port, flush=True)
        threading.Thread(target=_accept, args=(listener, args.count), daemon=True).start()
        while os.read(sys.stdin.fileno(), 4096):
            pass


if __name__ == "__main__":
    main()
