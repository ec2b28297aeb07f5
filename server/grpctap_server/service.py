"""The StreamServer service: requests in, tokens checked, values and errors out."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

import grpc

from grpctap_protos import server_stream_pb2 as pb
from grpctap_protos import server_stream_pb2_grpc as pb_grpc
from grpctap_server import tokens
from grpctap_server.errors import CallError
from grpctap_server.feeds.base import FeedError
from grpctap_server.messages import SharedMessages
from grpctap_server.patience import Context, PatientWriter, StuckError, abort_patiently
from grpctap_server.wakeups import Wakeups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpctap_server.feeds.base import Feed, Item, Log
    from grpctap_server.messages import Messages

# Read in chunks: a call that catches up must neither hold the loop nor make a million values ahead.
_CHUNK = 128
# A call whose client does not read keeps the rest of its chunk, so that must be small, too.
_CHUNK_CHARACTERS = 1 << 16


class StreamServer(pb_grpc.StreamServerServicer):
    """Serves one feed; belongs to one event loop.

    Args:
        feed: What ListValue shows.
        progress_interval: After how many seconds of silence a call that asked for progress gets
            some.
        slow_timeout: After how many seconds in which its client takes nothing a call is ended; 0
            is never.
    """

    def __init__(
        self, feed: Feed, progress_interval: float = 5.0, slow_timeout: float = 30.0
    ) -> None:
        self._feed = feed
        self._progress_interval = progress_interval
        self._slow_timeout = slow_timeout
        self._draining = asyncio.Event()
        self._wakeups = Wakeups()
        self._messages = SharedMessages()
        self._open_calls = 0
        self._calls_served = 0

    @property
    def open_calls(self) -> int:
        """How many calls of ListValue are running now."""
        return self._open_calls

    @property
    def calls_served(self) -> int:
        """How many calls of ListValue ever began."""
        return self._calls_served

    def drain(self) -> None:
        """End every open call of ListValue with UNAVAILABLE, and each one that still comes."""
        self._draining.set()
        self._wakeups.end()

    async def Route(self, request: pb.SimpleRequest, context: object) -> pb.SimpleResponse:  # noqa: ARG002, N802
        """Answer once."""
        return pb.SimpleResponse(code=200, value=f"hello {request.data}")

    async def ListValue(self, request: pb.SimpleRequest, context: Context) -> None:  # noqa: N802
        """Follow the feed until it ends, the client cancels, or the server shuts down."""
        self._open_calls += 1
        self._calls_served += 1
        try:
            await self._feed.refresh()
            log, after = self._start(request)
            call = _Call(
                self._draining,
                self._wakeups,
                log,
                after,
                self._messages.of(log, request.data),
                request,
                PatientWriter(context, self._slow_timeout),
                self._progress_interval,
            )
            await call.run()
        except FeedError as error:
            await abort_patiently(context, _source_failed(error).status())
        except CallError as error:
            await abort_patiently(context, error.status())
        finally:
            self._open_calls -= 1

    def _start(self, request: pb.SimpleRequest) -> tuple[Log, int]:
        if not request.resume_token:
            return self._feed.open(request.data)
        try:
            token = tokens.decode(request.resume_token)
        except tokens.TokenError as error:
            raise CallError(
                grpc.StatusCode.INVALID_ARGUMENT,
                "TOKEN_INVALID",
                f"the resume token is not one of this server's: {error}",
            ) from None
        if token.data != tokens.fingerprint(request.data):
            raise CallError(
                grpc.StatusCode.INVALID_ARGUMENT,
                "TOKEN_INVALID",
                "the resume token was made for other data; send it with the data of its own call",
            )
        log = self._feed.reopen(request.data, token.start)
        return log, _position(token, log)


def _position(token: tokens.Token, log: Log) -> int:
    """Tell after which sequence of the log to go on, or refuse a token that it cannot continue.

    Raises:
        CallError: If it is of another log, ahead of this one, or older than what is kept.
    """
    bounds = log.bounds()
    facts: dict[str, object] = {
        "stream_id": log.stream_id,
        "token_sequence": token.sequence,
        "first_sequence": bounds.first,
        "newest_sequence": bounds.newest,
    }
    stream = tokens.fingerprint(log.stream_id)
    # No number will do: by the time that somebody has chosen, that value is gone, too.
    oldest = tokens.encode(tokens.Token(stream, token.data, log.start, tokens.OLDEST))
    way_on = {"oldest_token": base64.b64encode(oldest).decode()}
    if token.stream != stream:
        raise CallError(
            grpc.StatusCode.FAILED_PRECONDITION,
            "STREAM_CHANGED",
            f"the resume token is of another log, and the numbering of {log.stream_id} is not its "
            "own; make a fresh call",
            **facts,
            **way_on,
        )
    if token.sequence == tokens.OLDEST and bounds.horizon >= 0:
        return bounds.first - 1
    if token.sequence > bounds.horizon:
        raise CallError(
            grpc.StatusCode.OUT_OF_RANGE,
            "TOKEN_AHEAD",
            f"the resume token stands at #{token.sequence}, but the newest value is "
            f"#{bounds.newest}; is a server's clock wrong?",
            **facts,
        )
    if token.sequence + 1 < bounds.first:
        raise CallError(
            grpc.StatusCode.OUT_OF_RANGE,
            "TOKEN_EXPIRED",
            f"the values #{token.sequence + 1} to #{bounds.first - 1} are no longer kept; "
            f"the oldest is #{bounds.first}",
            **facts,
            **way_on,
        )
    return token.sequence


class _Call:
    """One call of ListValue, at its position in a log."""

    def __init__(
        self,
        draining: asyncio.Event,
        wakeups: Wakeups,
        log: Log,
        after: int,
        messages: Messages,
        request: pb.SimpleRequest,
        writer: PatientWriter,
        progress_interval: float,
    ) -> None:
        self._draining = draining
        self._wakeups = wakeups
        self._log = log
        self._after = after
        self._messages = messages
        self._wants_progress = request.progress_notify
        self._writer = writer
        self._progress_interval = progress_interval

    async def run(self) -> None:
        """Send what is there, then what comes.

        Raises:
            CallError: If the server shuts down, or values are lost to a client that reads too
                slowly, or not at all.
        """
        try:
            async with self._writer.patience():
                await self._follow()
        except StuckError as error:
            raise self._stuck(error) from None

    async def _follow(self) -> None:
        if self._wants_progress:
            await self._writer.write(self._progress())
        while True:
            items = _short(self._log.read(self._after, _CHUNK))
            bounds = self._log.bounds()
            first = items[0].sequence if items else bounds.first
            # Values may be missing in the middle of a log, too: those were taken out, for everyone.
            if self._after + 1 < min(first, bounds.first):
                raise self._too_slow(first)
            for item in items:
                if self._draining.is_set():
                    raise _shutting_down()
                await self._writer.write(self._messages.value(item, bounds.first))
                self._after = item.sequence
            if bounds.final is not None and self._after >= bounds.final:
                return
            if not items:
                await self._wait()

    async def _wait(self) -> None:
        """Wait for the next value, and send progress in each silence."""
        timeout = self._progress_interval if self._wants_progress else None
        while not await self._wakeups.wait(self._log, self._after, timeout):
            await self._writer.write(self._progress())
        if self._draining.is_set():
            raise _shutting_down()

    def _progress(self) -> pb.StreamResponse:
        return self._messages.progress(self._after, self._log.bounds(), self._progress_interval)

    def _too_slow(self, first: int) -> CallError:
        return self._slow(
            f"the values #{self._after + 1} to #{first - 1} are no longer kept", first
        )

    def _stuck(self, error: StuckError) -> CallError:
        return self._slow(str(error), self._log.bounds().first)

    def _slow(self, why: str, first: int) -> CallError:
        return CallError(
            grpc.StatusCode.ABORTED,
            "SLOW_CONSUMER",
            f"the client reads too slowly: {why}",
            stream_id=self._log.stream_id,
            last_sequence=self._after,
            first_sequence=first,
        )


def _short(items: Sequence[Item]) -> Sequence[Item]:
    """Leave out what a call need not hold yet, if it is much."""
    size = 0
    for count, item in enumerate(items):
        size += len(item.text)
        if count and size > _CHUNK_CHARACTERS:
            return items[:count]
    return items


def _source_failed(error: FeedError) -> CallError:
    return CallError(grpc.StatusCode.UNAVAILABLE, "SOURCE_UNAVAILABLE", str(error))


def _shutting_down() -> CallError:
    return CallError(grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN", "the server is shutting down")
