"""Servers of a log that is not ours, each with a cursor of another kind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import Message

from support.methods import Handler, reflecting
from support.protos import Protos

PROTOS = Protos("""
syntax = "proto3";
package test;

// The cursor is inclusive, and deep in a message.
message WatchRequest { Create create = 1; string key = 2; }
message Create { int64 start_revision = 1; }
message WatchResponse { KeyValue kv = 1; double number = 2; }
message KeyValue { string value = 1; int64 mod_revision = 2; }

// The cursor is a text.
message ListRequest { string page = 1; oneof from { string after = 2; bool oldest = 3; } }
message Item { string id = 1; string text = 2; }

// The cursor has the name that needs no flag; every third item has none.
message TailRequest { bytes resume_token = 1; string prefix = 2; bool sparse = 3; }
message Line { string text = 1; bytes resume_token = 2; }

service Log {
  rpc Watch(WatchRequest) returns (stream WatchResponse);
  rpc List(ListRequest) returns (stream Item);
  rpc Tail(TailRequest) returns (stream Line);
}
""")
SERVICE = "test.Log"
INTERVAL_S = 0.004


def revision(number: int) -> int:
    """The revision of the so-manieth value: they grow, but not one by one."""
    return number * 3 + number % 3


class Log:
    """The values "v1", "v2", … for each call from its cursor on, one every few milliseconds.

    A fresh call starts at the first. With `cut_after`, a call ends as a lost one does after so
    many values.
    """

    def __init__(self, cut_after: int | None = None) -> None:
        self.requests: list[Any] = []
        self.metadata: list[dict[str, Any]] = []
        self.open_calls = 0
        self._cut_after = cut_after
        self._lock = threading.Lock()

    def handlers(self) -> dict[str, Handler]:
        return {
            "Watch": self._serve(_watched, _watch_start),
            "List": self._serve(_item, lambda request: int(request.after.strip("<>") or 0) + 1),
            "Tail": self._serve(_line, lambda request: _number_in(request.resume_token) + 1),
        }

    def _serve(self, make: Callable[[int, Any], Message], start: Callable[[Any], int]) -> Handler:
        def serve(request: Any, context: grpc.ServicerContext) -> Iterator[Message]:
            with self._lock:
                self.requests.append(request)
                self.metadata.append(dict(context.invocation_metadata()))
                self.open_calls += 1
            try:
                number = first = start(request)
                while context.is_active():
                    if self._cut_after is not None and number == first + self._cut_after:
                        context.abort(grpc.StatusCode.UNAVAILABLE, "the load balancer went away")
                    yield make(number, request)
                    number += 1
                    time.sleep(INTERVAL_S)
            finally:
                with self._lock:
                    self.open_calls -= 1

        return serve


def _watched(number: int, _: Any) -> Message:
    kv = {"value": f"v{number}", "mod_revision": revision(number)}
    return PROTOS.make("WatchResponse", kv=kv, number=number / 2)


def _watch_start(request: Any) -> int:
    number = 1
    while revision(number) < request.create.start_revision:
        number += 1
    return number


def _item(number: int, _: Any) -> Message:
    return PROTOS.make("Item", id=f"<{number}>", text=f"v{number}")


def _line(number: int, request: Any) -> Message:
    # No UTF-8, as an opaque token may be.
    token = b"" if request.sparse and number % 3 == 0 else b"\xff%d\x00" % number
    return PROTOS.make("Line", text=f"v{number}", resume_token=token)


def _number_in(token: bytes) -> int:
    return int(token.strip(b"\xff\x00") or 0)


@contextmanager
def log_server(cut_after: int | None = None) -> Iterator[tuple[str, Log]]:
    """A server of such a log that describes itself; gives its address and the log."""
    log = Log(cut_after)
    with reflecting(PROTOS, {SERVICE: log.handlers()}) as address:
        yield address, log
