"""What choosing and writing a call looks like: pytest --snapshot-update after a wanted change."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.core.catalog import Catalog
from grpctap.opening import CannotOpenError, Opening
from grpctap.recent import RecentCall, RecentCalls
from grpctap.screens.pick import PickScreen
from grpctap.screens.recent import RecentScreen
from support.openings import opening, starter, type_text
from support.protos import Protos
from support.screens import shows

SIZES = [(80, 24), (120, 40), (200, 60)]
PROTO = """
syntax = "proto3"; package feed.v1;
import "google/protobuf/timestamp.proto";
enum Side { SIDE_UNSPECIFIED = 0; SIDE_BUY = 1; SIDE_SELL = 2; }
message Range { google.protobuf.Timestamp from = 1; google.protobuf.Timestamp until = 2; }
message QuotesRequest {
  repeated string symbols = 1; Side side = 2; Range range = 3; int64 after_sequence = 4;
  map<string, string> labels = 5; optional double least_change = 6;
  oneof pace { uint32 per_second = 7; bool every_change = 8; }
}
message Quote { string symbol = 1; double price = 2; }
message Done { }
service Quotes {
  rpc Upload(stream Quote) returns (Done);
  rpc Last(QuotesRequest) returns (Quote);
  rpc Negotiate(stream QuotesRequest) returns (stream Quote);
  rpc Watch(QuotesRequest) returns (stream Quote);
  rpc WatchTrades(QuotesRequest) returns (stream Quote);
}
service Admin { rpc Drain(Done) returns (Done); }
service Uploads { rpc Put(stream Quote) returns (Done); }
"""
Steps = Callable[[Pilot[Any]], Awaitable[None]]


class Offline(Opening):
    """A server whose types are known, so that no picture depends on a port."""

    def catalog(self) -> Catalog:
        protos = Protos(PROTO)
        return Catalog(protos.pool, ["feed.v1.Quotes", "feed.v1.Admin", "feed.v1.Uploads"])


class Unreachable(Opening):
    def catalog(self) -> Catalog:
        raise CannotOpenError(
            "asked what it serves: UNAVAILABLE (14): failed to connect to all addresses; last "
            "error: UNKNOWN: ipv4:127.0.0.1:8000: Failed to connect to remote host: Connection "
            "refused. Nothing listens at 127.0.0.1:8000; start the server, then try again."
        )


def start(kind: type[Opening] = Offline) -> Opening:
    made = opening("127.0.0.1:8000", "-H", "authorization: Bearer hunter2", "-max-time", "600")
    made.__class__ = kind
    return made


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def picking(pilot: Pilot[Any]) -> None:
    await shows(pilot, "feed.v1.Quotes/Watch (")


async def filtering(pilot: Pilot[Any]) -> None:
    await picking(pilot)
    await type_text(pilot, "up")
    await shows(pilot, "takes a stream of requests")


async def failing(pilot: Pilot[Any]) -> None:
    await shows(pilot, "Nothing listens")


async def writing(pilot: Pilot[Any]) -> None:
    await picking(pilot)
    await pilot.press("enter")
    await shows(pilot, "^s Start")
    await pilot.press("down", "down", "ctrl+o", "ctrl+o")
    await shows(pilot, "2026-01-01T00:00:00Z")
    blink_off(pilot)


async def mistaken(pilot: Pilot[Any]) -> None:
    await writing(pilot)
    await pilot.press("up", "up", "x")
    await shows(pilot, "✗")
    blink_off(pilot)


def blink_off(pilot: Pilot[Any]) -> None:
    from textual.widgets import TextArea

    pilot.app.screen.query_one(TextArea).cursor_blink = False


async def remembering(pilot: Pilot[Any]) -> None:
    await shows(pilot, "/Watch")


async def naming(pilot: Pilot[Any]) -> None:
    await remembering(pilot)
    await type_text(pilot, "127")
    await shows(pilot, "→ 127")


async def beginning(pilot: Pilot[Any]) -> None:
    await shows(pilot, "There are no recent calls yet")


def remember(monkeypatch: pytest.MonkeyPatch) -> None:
    recent = RecentCalls()
    for minute, (method, body, names) in enumerate(
        [
            ("feed.v1.Quotes/WatchTrades", '{"symbols": ["WTI", "BRENT"]}', ("authorization",)),
            ("grpc.health.v1.Health/Watch", "{}", ()),
            ("feed.v1.Quotes/Watch", '{\n  "side": "SIDE_BUY",\n  "range": null\n}', ("x-id",)),
        ]
    ):
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda minute=minute: 1_790_000_000 + 60 * minute)
            recent.add(RecentCall("127.0.0.1:8000", method, ("-plaintext",), body, names))


def picture(snap_compare: Any, app: ViewerApp, steps: Steps, size: tuple[int, int]) -> bool:
    return bool(snap_compare(app, terminal_size=size, run_before=steps))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", [picking, writing])
def test_the_way_to_a_stream(snap_compare: Any, steps: Steps, size: tuple[int, int]) -> None:
    assert picture(snap_compare, ViewerApp(PickScreen(start())), steps, size)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_recent_calls(
    snap_compare: Any, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    remember(monkeypatch)
    app = ViewerApp(RecentScreen(starter()))
    assert picture(snap_compare, app, remembering, size)


@pytest.mark.parametrize("steps", [filtering, mistaken])
def test_rarer_steps(snap_compare: Any, steps: Steps) -> None:
    assert picture(snap_compare, ViewerApp(PickScreen(start())), steps, (80, 24))


def test_a_server_that_does_not_answer(snap_compare: Any) -> None:
    app = ViewerApp(PickScreen(start(Unreachable)))
    assert picture(snap_compare, app, failing, (80, 24))


def test_no_recent_calls(snap_compare: Any) -> None:
    assert picture(snap_compare, ViewerApp(RecentScreen(starter())), beginning, (80, 24))


def test_a_name_that_is_typed(snap_compare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(monkeypatch)
    assert picture(snap_compare, ViewerApp(RecentScreen(starter())), naming, (80, 24))


@pytest.mark.parametrize("steps", [picking, mistaken])
def test_a_light_theme(snap_compare: Any, steps: Steps) -> None:
    app = ViewerApp(PickScreen(start()))
    app.theme = "textual-light"
    assert picture(snap_compare, app, steps, (120, 40))
