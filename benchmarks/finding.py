"""A filter over a full history: how long all of it takes, and what it does to the frames."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from benchmarks.extent import Extent
from benchmarks.table import Aim, Line, Row, milliseconds, quantile, say

from grpctap.core.dynamic import MethodSchema
from grpctap.core.filters.kinds import Maker
from grpctap.core.history import History
from grpctap.core.listvalue import ListValue
from grpctap.core.matches import Matches, Still
from grpctap.core.message import Schema
from grpctap.core.method import Method
from grpctap.finder import Finder
from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse
from support.protos import Protos

VALUES = 100_000
FRAME_S = 1 / 30
PROTOS = Protos("""
syntax = "proto3";
package bench;
import "google/protobuf/timestamp.proto";
enum Side { BUY = 0; SELL = 1; }
message Tick { string symbol = 1; double price = 2; int64 size = 3; Side side = 4; }
message Venue { string name = 1; string country = 2; }
message Book {
  string symbol = 1; double bid = 2; double ask = 3; double last = 4; int64 size = 5;
  Side side = 6; uint64 id = 7; bool open = 8; Venue venue = 9; google.protobuf.Timestamp at = 10;
}
message Empty {}
""")
LIST_VALUE_FILTERS = ("78.4", "/7[0-9]\\.5/", "number > 78 and not @seq < 500")
BOOK_FILTERS = ("zanzibar", "brent", "78.4 sell", "/last=7\\d/", 'bid > 78 and symbol = "WTI"')
TICK_FILTERS = ("brent", "78.4 sell", "/price=7\\d/", 'price > 78 and symbol = "WTI"')


def filter_rows(_: Extent) -> Iterator[Line]:
    """Each kind of filter, over values of the bundled server and of another method."""
    slowest = 0.0
    for name, schema, filters, message in (
        ("ListValue", _list_value(), LIST_VALUE_FILTERS, _price),
        ("4 fields", _schema("Tick"), TICK_FILTERS, _quote),
        ("10 fields", _schema("Book"), BOOK_FILTERS, _book),
    ):
        history = History(VALUES)
        for number in range(VALUES):
            history.append(number + 1, number, message(number))
        for text in filters:
            say(f"filter: {name}, {text}")
            took_s, late, found = _find(history, schema, text)
            slowest = max(slowest, took_s)
            figure = (
                f"{milliseconds(took_s)}, a frame late by {milliseconds(quantile(late, 99))} p99"
            )
            yield Row(f"filter: {name}", figure, f"{text}   ({found:,} of {VALUES:,} match)")
    yield Aim(f"the slowest filter over {VALUES:,} values", slowest, 1, "s")


def _find(history: History, schema: Schema, text: str) -> tuple[float, Sequence[float], int]:
    made = Maker(schema).make(text)
    if made is None:
        raise ValueError(text)
    matches, finder = Matches(Still(history.newest()), made), Finder()
    late: list[float] = []
    began = time.perf_counter()
    finder.find(matches)
    while True:
        due = time.perf_counter() + FRAME_S / 4
        time.sleep(FRAME_S / 4)
        late.append(time.perf_counter() - due)
        now = matches.progress()
        if now.checked == VALUES:
            break
    took_s = time.perf_counter() - began
    finder.close()
    return took_s, late, now.found


def _list_value() -> Schema:
    return ListValue(SimpleRequest(data="WTI "), progress=True)


def _schema(kind: str) -> Schema:
    type_, empty = PROTOS.descriptor(kind), PROTOS.descriptor("Empty")
    return MethodSchema(Method("bench.S/M", empty, type_, PROTOS.pool), PROTOS.make("Empty"))


def _number(at: int) -> float:
    return 60 + at % 4_000 / 100


def _price(at: int) -> bytes:
    number = _number(at)
    return StreamResponse(
        stream_value=f"WTI {number:.2f}",
        stream_id="bench",
        sequence=at + 1,
        resume_token=b"x" * 41,
        number=number,
    ).SerializeToString()


def _quote(at: int) -> bytes:
    symbol = ("WTI", "Brent", "Gold")[at % 3]
    message = PROTOS.make("Tick", symbol=symbol, price=_number(at), size=at % 500, side=at % 2)
    return message.SerializeToString()


def _book(at: int) -> bytes:
    bid, place = _number(at), at % 3
    message = PROTOS.make(
        "Book",
        symbol=("WTI", "Brent", "Gold")[place],
        bid=bid,
        # Not one that comes again.
        ask=bid + at / 1e7,
        last=bid + at % 7 / 100,
        size=at % 500,
        side=at % 2,
        id=1_000_000 + at,
        open=at % 5 == 0,
        venue={"name": ("NYMEX", "ICE", "LME")[place], "country": ("US", "GB", "GB")[place]},
        at={"seconds": 1_750_000_000 + at // 3, "nanos": at % 1_000 * 1_000_000},
    )
    return message.SerializeToString()
