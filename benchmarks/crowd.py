"""Many viewers of ListValue in one process, so cheap that the server is what is measured.

Each viewer has a connection of its own, speaks just as much HTTP/2 as that takes, reads each
message as protobuf does, and holds it against what it had: every value once and in order. As a
program it follows a stream with some viewers until the end of its standard input or of its time,
and prints what they saw as JSON, its own processor time included:

    python benchmarks/crowd.py 127.0.0.1:8000 --viewers 100 --seconds 5
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import selectors
import socket
import stat
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.table import quantile
from google.protobuf.message import DecodeError
from hpack import Decoder, Encoder

from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse

WINDOW = 2**20
"""How many bytes the server may send ahead of what a viewer has read."""
JOIN_S = 30.0
"""How long the viewers of a run have to get their first messages, in seconds."""
AGAIN_S = 0.1
"""How soon those whose call has ended may call again, in seconds."""
DELAY_STEP_S = 1e-4
"""Delays are counted in steps of so many seconds, so that an hour of them takes little memory."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD = struct.Struct(">HBBBL")
_RECEIVED = 256 * 1024
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = (
    (0, 1, 3, 4, 6, 7, 8, 9)
)  # fmt: skip
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_STREAM = 1
_DEFAULT_WINDOW = 65_535
_INITIAL_WINDOW_SIZE = 4


@dataclass(slots=True)
class Tally:
    """What some viewers saw together.

    Attributes:
        values: How many values came.
        progress: How many signs of life without a value came.
        delays: How often a value came so many steps after its event time; of those that were not
            there before the call.
        wrong: What was not once and in order, in words; the first few.
        ends: How calls ended that nobody cancelled, by status.
    """

    values: int = 0
    progress: int = 0
    delays: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)

    def complain(self, text: str) -> None:
        """Keep what is wrong, if there is not too much of it already."""
        if len(self.wrong) < 5:
            self.wrong.append(text)


class Viewer:
    """One viewer: where it stands in the stream, and its call while it has one.

    Args:
        address: Where the server listens, as HOST:PORT.
        data: What it asks for.
        tally: Where it counts what it sees.
        progress: Whether it asks for signs of life.
        window: How many bytes the server may send ahead of it.
    """

    def __init__(
        self,
        address: str,
        data: str,
        tally: Tally,
        *,
        progress: bool = False,
        window: int = WINDOW,
    ) -> None:
        self._address = address
        self._data = data
        self._tally = tally
        self._progress = progress
        self._window = window
        self.socket: socket.socket | None = None
        self.stream_id = ""
        self.last = 0
        self.first: int | None = None
        self.token = b""
        self.messages = 0

    def open(self) -> socket.socket:
        """Connect, and call on after what was seen; the first time, from where the feed begins.

        Raises:
            OSError: If the server does not listen.
        """
        assert self.socket is None
        host, _, port = self._address.rpartition(":")
        opened = socket.create_connection((host.strip("[]"), int(port)), timeout=JOIN_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = SimpleRequest(
            data=self._data, resume_token=self.token, progress_notify=self._progress
        ).SerializeToString()
        headers = Encoder().encode(
            (
                (":method", "POST"),
                (":scheme", "http"),
                (":path", "/proto.StreamServer/ListValue"),
                (":authority", self._address),
                ("content-type", "application/grpc"),
                ("te", "trailers"),
            )
        )
        settings = struct.pack(">HL", _INITIAL_WINDOW_SIZE, self._window)
        wider = self._window - _DEFAULT_WINDOW
        opened.sendall(
            _PREFACE
            + _frame(_SETTINGS, 0, 0, settings)
            + (_frame(_WINDOW_UPDATE, 0, 0, struct.pack(">L", wider)) if wider > 0 else b"")
            + _frame(_HEADERS, _END_HEADERS, _STREAM, headers)
            + _frame(_DATA, _END_STREAM, _STREAM, b"\0" + struct.pack(">L", len(request)) + request)
        )
        opened.setblocking(False)
        self.socket = opened
        self._decoder = Decoder()
        self._buffer = bytearray()
        self._message = bytearray()
        self._block = bytearray()
        self._unread = 0
        self._called_at = time.time_ns()
        return opened

    def close(self) -> None:
        """Go away, as a viewer does that is killed: the connection ends, and with it the call."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def receive(self) -> bool:
        """Take in what came; returns whether the call goes on."""
        assert self.socket is not None
        try:
            came = self.socket.recv(_RECEIVED)
        except BlockingIOError:
            return True
        except OSError as error:
            came = b""
            self._tally.ends[f"connection lost: {error.strerror}"] += 1
        else:
            if not came:
                self._tally.ends["connection closed"] += 1
        if not came:
            self.close()
            return False
        now = time.time_ns()
        buffer = self._buffer
        buffer += came
        at, size = 0, len(buffer)
        while size - at >= 9:
            high, low, kind, flags, _ = _HEAD.unpack_from(buffer, at)
            end = at + 9 + (high << 8 | low)
            if end > size:
                break
            self._take(kind, flags, bytes(buffer[at + 9 : end]), now)
            if self.socket is None:
                return False
            at = end
        del buffer[:at]
        return True

    def _take(self, kind: int, flags: int, payload: bytes, now: int) -> None:
        assert self.socket is not None
        if kind == _DATA:
            self._read(payload, now)
        elif kind in (_HEADERS, _CONTINUATION):
            self._block += payload
            if kind == _HEADERS:
                self._ending = bool(flags & _END_STREAM)
            if flags & _END_HEADERS:
                headers = self._decoder.decode(bytes(self._block))
                self._block.clear()
                if self._ending:
                    self._end(dict(headers))
        elif kind == _SETTINGS and not flags & _ACK:
            self._send(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            self._send(_frame(_PING, _ACK, 0, payload))
        elif kind == _RESET:
            self._tally.ends[f"reset by {struct.unpack('>L', payload)[0]}"] += 1
            self.close()

    def _send(self, frame: bytes) -> None:
        assert self.socket is not None
        # So little never fills the socket, unless the server is gone, which a read will tell.
        with contextlib.suppress(OSError):
            self.socket.send(frame)

    def _read(self, payload: bytes, now: int) -> None:
        self._unread += len(payload)
        if 2 * self._unread > self._window:
            more = struct.pack(">L", self._unread)
            self._send(
                _frame(_WINDOW_UPDATE, 0, 0, more) + _frame(_WINDOW_UPDATE, 0, _STREAM, more)
            )
            self._unread = 0
        message = self._message
        message += payload
        while len(message) >= 5:
            end = 5 + int.from_bytes(message[1:5])
            if len(message) < end:
                return
            self._check(bytes(message[5:end]), now)
            del message[:end]

    def _check(self, raw: bytes, now: int) -> None:
        tally = self._tally
        self.messages += 1
        try:
            value = StreamResponse.FromString(raw)
        except DecodeError:
            tally.complain(f"no message: {raw[:100]!r}")
            return
        if value.progress:
            tally.progress += 1
            return
        sequence = value.sequence
        if self.first is None:
            self.first, self.last, self.stream_id = sequence, sequence - 1, value.stream_id
        if sequence != self.last + 1 or value.stream_id != self.stream_id:
            tally.complain(
                f"#{sequence} of {value.stream_id} after #{self.last} of {self.stream_id}"
            )
        self.last, self.token = sequence, value.resume_token
        tally.values += 1
        at = value.event_time.seconds * 1_000_000_000 + value.event_time.nanos
        # What a viewer catches up with is as old as it was away, and no fault of the server's.
        if at >= self._called_at:
            tally.delays[round((now - at) / 1e9 / DELAY_STEP_S)] += 1

    def _end(self, trailers: dict[Any, Any]) -> None:
        status = f"status {trailers.get('grpc-status')}: {trailers.get('grpc-message', '')}"
        self._tally.ends[status] += 1
        self.close()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    size = len(payload)
    return _HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


class Crowd:
    """Viewers whose connections are read as they become readable, by one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def join(self, viewer: Viewer) -> None:
        """Let a viewer make its call.

        Raises:
            OSError: If the server does not listen.
        """
        self._selector.register(viewer.open(), selectors.EVENT_READ, viewer)

    def leave(self, viewer: Viewer) -> None:
        """Let a viewer go away; one whose call has ended already may do so, too."""
        if viewer.socket is not None:
            self._selector.unregister(viewer.socket)
            viewer.close()

    def follow(self, until: float, enough: Callable[[], bool] = lambda: False) -> list[Viewer]:
        """Read until that moment (time.monotonic), or until there is enough.

        Returns:
            The viewers whose calls ended in that time.
        """
        ended: list[Viewer] = []
        while not enough() and (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(min(left, 0.1)):
                viewer: Viewer = key.data
                if not viewer.receive():
                    self._selector.unregister(key.fileobj)
                    ended.append(viewer)
        return ended


@dataclass(frozen=True, slots=True)
class Report:
    """What a crowd saw in its time.

    Attributes:
        values: How many values came.
        seconds: In how long.
        p50: Half of the values came within so many seconds of their event time.
        p99: And nearly all within so many.
        worst: The longest of these delays, in seconds.
        cpu: The crowd's own processor time, in seconds.
        fewest: How many messages, since it joined, the viewer had that had the fewest.
        wrong: What was not once and in order; the first few.
        ends: How calls ended by themselves.
    """

    values: int
    seconds: float
    p50: float
    p99: float
    worst: float
    cpu: float
    fewest: int
    wrong: list[str]
    ends: dict[str, int]


def report(tally: Tally, viewers: Iterable[Viewer], seconds: float, cpu: float) -> Report:
    """Sum up what viewers saw in so many seconds."""
    delays = [step * DELAY_STEP_S for step in tally.delays.elements()] or [float("nan")]
    return Report(
        tally.values,
        seconds,
        quantile(delays, 50),
        quantile(delays, 99),
        max(delays),
        cpu,
        min(viewer.messages for viewer in viewers),
        tally.wrong,
        dict(tally.ends),
    )


def _follow(args: argparse.Namespace) -> Report:
    tally, crowd = Tally(), Crowd()
    viewers = [
        Viewer(args.address, args.data, tally, progress=args.progress, window=args.window)
        for _ in range(args.viewers)
    ]
    for viewer in viewers:
        crowd.join(viewer)
        # Else the first ones would be read late only since others still connect.
        crowd.follow(time.monotonic() + 0.001)
    joined = time.monotonic() + JOIN_S
    crowd.follow(joined, lambda: all(viewer.messages for viewer in viewers))
    crowd.follow(time.monotonic() + args.settle)
    # What came while viewers joined says nothing of how it is with all of them.
    tally.values, tally.delays = 0, Counter()
    print("joined", file=sys.stderr, flush=True)
    began, cpu = time.monotonic(), time.process_time()
    over = _at_eof()
    until = began + args.seconds

    def enough() -> bool:
        had = args.count and min(viewer.messages for viewer in viewers) >= args.count
        return bool(had) or over()

    ended: list[Viewer] = []
    while not enough() and time.monotonic() < until:
        ended += crowd.follow(min(until, time.monotonic() + AGAIN_S), enough)
        if args.again:
            ended = [viewer for viewer in ended if not _joined(crowd, viewer)]
    return report(tally, viewers, time.monotonic() - began, time.process_time() - cpu)


def _joined(crowd: Crowd, viewer: Viewer) -> bool:
    try:
        crowd.join(viewer)
    except OSError:
        return False
    return True


def _at_eof() -> Callable[[], bool]:
    """Makes a look at whether a pipe on standard input has ended; anything else never does."""
    if not stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        return lambda: False
    return lambda: bool(select.select([sys.stdin], [], [], 0)[0]) and not os.read(0, 4096)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long it is measured")
    parser.add_argument("--settle", type=float, default=1.0, help="seconds before that")
    parser.add_argument("--count", type=int, default=0, help="end when each has so many messages")
    parser.add_argument("--again", action="store_true", help="call again, where a call has ended")
    parser.add_argument("--data", default="WTI ")
    parser.add_argument("--progress", action="store_true", help="ask for signs of life")
    parser.add_argument("--window", type=int, default=WINDOW, help="bytes a call (%(default)s)")
    print(json.dumps(asdict(_follow(parser.parse_args()))), flush=True)


if __name__ == "__main__":
    main()
