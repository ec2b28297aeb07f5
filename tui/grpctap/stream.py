"""Streams that are watched, from their configuration to how they stood at the end."""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from grpctap.config import Config
from grpctap.core.limits import Limits
from grpctap.core.reconnect import Backoff, When
from grpctap.recent import RecentCall
from grpctap.recordfile import header_of
from grpctap.schemas import first_token, request_json, schema_of
from grpctap.snapshot import Snapshot
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport

if TYPE_CHECKING:
    from grpctap.choices import ChoiceFile


class Stream:
    """A stream that is watched or was, and what it was when it was left.

    `flags` are the words of a command line that say how to connect.
    """

    def __init__(self, config: Config, flags: Sequence[str] = ()) -> None:
        self.config = config
        self.flags = flags
        self.tap = Tap(
            GrpcTransport(
                config.target,
                config.method.name,
                config.metadata,
                unary=not config.method.server_streaming,
            ),
            schema_of(config, progress=True),
            capacity=config.history,
            max_bytes=config.history_bytes,
            token=first_token(config),
            backoff=Backoff(config.reconnecting(When.ALWAYS)),
            max_time_s=config.max_time,
            limits=Limits(config.count, config.duration),
            sent=config.sent,
            header=partial(header_of, config),
        )
        self.choices = _choices() if config.keeps else None
        """Where what is chosen for the chart is kept; None: it is not."""
        self._last: Snapshot | None = None
        self._lock = threading.Lock()

    def close(self) -> Snapshot:
        """Cancels the call and ends the threads; says how the stream stood before."""
        with self._lock:
            if self._last is None:
                self._last = self.tap.snapshot()
                self.tap.close()
            return self._last

    @property
    def is_closed(self) -> bool:
        """Whether it was left."""
        return self._last is not None


def _choices() -> ChoiceFile:
    # Who keeps nothing needs none of it.
    from grpctap.choices import ChoiceFile

    return ChoiceFile()


def grpcurl_line(config: Config, flags: Sequence[str]) -> str:
    """A call as a command line of grpcurl, without secrets; `flags` say how to connect."""
    # Copied now and then, and not worth a later start.
    from grpctap.core.grpcurl import grpcurl_command

    return grpcurl_command(
        config.target.address,
        config.method.name,
        request_json(config),
        flags=flags,
        metadata=[metadata_row(name, value) for name, value in config.metadata],
        max_time=config.max_time,
    )


def recent_call(config: Config, flags: Sequence[str]) -> RecentCall:
    """A call as it is kept among the recent ones."""
    return RecentCall(
        config.target.address,
        config.method.name,
        tuple(flags),
        request_json(config, 2),
        tuple(name for name, _ in config.metadata),
        "" if config.max_time is None else f"{config.max_time:g}",
    )


def metadata_row(name: str, value: str | bytes) -> tuple[str, str]:
    """Metadata as a person writes it."""
    return name, base64.b64encode(value).decode() if isinstance(value, bytes) else value
