"""A stream of many keys: a real server that sends what a test tells it, and a tap on it."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import Message

from grpctap.clock import WallClock
from grpctap.core.cells import Cells
from grpctap.core.dynamic import MethodSchema
from grpctap.core.method import Method
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from support.methods import reflecting
from support.protos import Protos
from support.puppet import SteppedClock

PROTOS = Protos("""
syntax = "proto3";
package ticks;
import "google/protobuf/timestamp.proto";
enum Side { SIDE_UNSPECIFIED = 0; BUY = 1; SELL = 2; }
message Venue { string id = 1; int32 desk = 2; }
message Request {}
message Tick {
  string symbol = 1;
  double price = 2;
  uint64 volume = 3;
  Side side = 4;
  Venue venue = 5;
  google.protobuf.Timestamp event_time = 6;
  repeated string tags = 7;
  int64 trade = 8;
}
service Ticks { rpc Watch(Request) returns (stream Tick); }
""")
METHOD = "ticks.Ticks/Watch"
TICKS = Method(METHOD, PROTOS.descriptor("Request"), PROTOS.descriptor("Tick"), PROTOS.pool)
PRICES = {"AUDUSD": 0.6612, "BRENT": 82.13, "EURUSD": 1.0843, "GOLD": 2034.5, "WTI": 78.41}


def tick(symbol: str, price: float, **fields: Any) -> Message:
    return PROTOS.make("Tick", symbol=symbol, price=price, **fields)


def rounds(first: int, last: int) -> list[Message]:
    """A tick of each symbol a round, with prices that go up and down."""
    return [
        tick(
            symbol,
            round(base * (1 + ((number * 7 + at * 3) % 11 - 5) / 1000), 4),
            volume=100 * number + at,
            side=1 + number % 2,
            venue={"id": f"X{at % 2}", "desk": at},
            trade=number * len(PRICES) + at,
        )
        for number in range(first, last + 1)
        for at, (symbol, base) in enumerate(PRICES.items())
    ]


class Tickers:
    """Serves Watch by hand."""

    def __init__(self) -> None:
        self.address = ""
        self._queue: queue.Queue[Message | None] = queue.Queue()

    def send(self, *messages: Message) -> None:
        """Sends messages on the call that is open, or on the next."""
        for message in messages:
            self._queue.put(message)

    def watch(self, _: Message, context: grpc.ServicerContext) -> Iterator[Message]:
        context.add_callback(lambda: self._queue.put(None))
        while (message := self._queue.get()) is not None:
            yield message


@contextmanager
def serving() -> Iterator[Tickers]:
    tickers = Tickers()
    with reflecting(PROTOS, {"ticks.Ticks": {"Watch": tickers.watch}}) as tickers.address:
        yield tickers


def make_tap(
    tickers: Tickers,
    *,
    columns: str | None = None,
    history: int = 100_000,
    clock: SteppedClock | None = None,
) -> Tap:
    cells = None if columns is None else Cells(columns, TICKS.response, TICKS.pool)
    schema = MethodSchema(TICKS, PROTOS.make("Request"), cells=cells)
    transport = GrpcTransport(Target(tickers.address, plaintext=True), METHOD)
    tap = Tap(transport, schema, capacity=history, clock=clock)
    if clock is not None:
        clock.tap = tap
    return tap


def now_fields(late_ms: int = 0) -> dict[str, Any]:
    """An event time that was so many milliseconds ago."""
    time_ns = WallClock()() - late_ms * 1_000_000
    seconds, nanos = divmod(time_ns, 1_000_000_000)
    return {"event_time": {"seconds": seconds, "nanos": nanos}}
