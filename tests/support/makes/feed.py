"""The feed that servers of every make serve: its messages, and how a server says what happens."""

from __future__ import annotations

import base64
import importlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.rpc import error_details_pb2

from support.protos import Protos

PROTOS = Protos((Path(__file__).parent / "feed.proto").read_text())
SERVICE = "makes.Feed"
INTERVAL_S = 0.02
DETAILS = "the quota is used up"
ERROR_INFO = error_details_pb2.ErrorInfo(
    reason="QUOTA", domain="makes.example", metadata={"limit": "2"}
)
TRAILER = ("retry-at", "noon")


def event(ask: Any, number: int) -> Message:
    """The so-manieth event, from 1."""
    return PROTOS.make(
        "Event",
        text=f"{ask.prefix}{number}",
        number=number,
        at={"seconds": 1_800_000_000 + number, "nanos": 500_000_000},
        kind=1,
        values={"half": number / 2},
        inner={"raw": bytes([255, number % 256])},
        flag=False,
        deltas=[-1, number],
    )


def say(**what: Any) -> None:
    """Tells the test something, as JSON on a line of standard output."""
    os.write(1, json.dumps(what).encode() + b"\n")


def say_opened(method: str, metadata: Iterable[tuple[str, Any]], left: float | None) -> None:
    """Tells of a call: what came with it, and how many seconds it has; None: no deadline."""
    received: dict[str, list[str]] = {}
    for name, value in metadata:
        text = value if isinstance(value, str) else base64.b64encode(value).decode()
        received.setdefault(name, []).append(text)
    say(opened=method, metadata=received, left=left)


def until_eof() -> None:
    """Returns when whoever started the server has ended, in any way."""
    sys.stdin.read()


def describe() -> None:
    """Lets reflection of the whole process tell of the feed, too."""
    # What it imports is there once its module is.
    importlib.import_module("google.protobuf.timestamp_pb2")
    descriptor_pool.Default().AddSerializedFile(PROTOS.files[-1].SerializeToString())
