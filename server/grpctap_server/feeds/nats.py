"""A NATS JetStream stream as a feed: its numbers are the log's, so any server continues any call.

One consumer follows the end of the stream for all calls. JetStream is asked what it holds before
each call, since it answers a position that is gone, or not there yet, with silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from grpctap_server.feeds.base import Feed, FeedError
from grpctap_server.feeds.nats_log import REPLICA_LAG, Block, NatsLog, make_item
from grpctap_server.jetstream.broker import LIMITS, BrokerError, NoStreamError, connect
from grpctap_server.jetstream.consumer import Tail, fetch

if TYPE_CHECKING:
    from grpctap_server.jetstream.address import Address
    from grpctap_server.jetstream.broker import Broker

_log = logging.getLogger(__name__)

# How often the stream is asked what it holds, beside what calls ask.
_POLL_S = 1.0
_RETRY_S = 0.5
_FIRST_ATTEMPT_S = 5.0
_BLOCK_VALUES = 2_000
_FETCHES_AT_ONCE = 4


class NatsFeed(Feed):
    """Shows all callers one stream; needs nats-py.

    Args:
        address: The stream, and how to reach it.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._stream = address.stream
        self._broker: Broker | None = None
        self._log: NatsLog | None = None
        self._trouble = "its NATS server was not reached yet"
        self._tried = asyncio.Event()
        self._question: asyncio.Task[str] | None = None
        self._next_question: asyncio.Task[str] | None = None
        self._fetches = asyncio.Semaphore(_FETCHES_AT_ONCE)

    @property
    def description(self) -> str:
        """What the ready line says about the feed."""
        return f"feed nats, {self._address}"

    async def start(self) -> None:
        """Connect, and see that the stream is there, before anything is served.

        Raises:
            FeedError: If the NATS server cannot be reached, or has no such stream; the message is
                for whoever starts the server.
        """
        try:
            broker = await connect(self._address)
        except BrokerError as error:
            raise FeedError(str(error)) from None
        try:
            retention = (await broker.stream_info()).retention
        except NoStreamError:
            await broker.close()
            raise FeedError(
                f"there is no {self._address}; make it, as with: nats stream add {self._stream}"
            ) from None
        except BrokerError as error:
            await broker.close()
            raise FeedError(f"cannot read {self._address}: {error}") from None
        if retention != LIMITS:
            await broker.close()
            raise FeedError(
                f"the {self._address} has the retention {retention}, which takes values away when "
                f"they are read; it must be {LIMITS}"
            )
        self._broker = broker

    async def run(self) -> None:
        """Follow the stream, and connect again whenever the connection is lost."""
        try:
            while True:
                try:
                    broker = self._broker or await connect(self._address)
                except BrokerError as error:
                    self._down("its NATS server cannot be reached", str(error))
                else:
                    self._broker = broker
                    await self._use(broker)
                    self._broker = None
                    await broker.close()
                    self._down("its NATS server cannot be reached", "the connection was lost")
                await asyncio.sleep(_RETRY_S)
        finally:
            if self._log is not None:
                self._log.close()
            if self._broker is not None:
                await self._broker.close()

    async def refresh(self) -> None:
        """Ask JetStream what the stream holds.

        Raises:
            FeedError: If that is not possible now.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._tried.wait(), _FIRST_ATTEMPT_S)
        if self._next_question is None:
            # An answer that is on its way may be of before this call.
            self._next_question = asyncio.create_task(self._ask_after(self._question))
        if trouble := await asyncio.shield(self._next_question):
            raise self._error(trouble)

    def open(self, data: str) -> tuple[NatsLog, int]:
        """Open the stream's log, and begin with its next value.

        Raises:
            FeedError: If the stream cannot be had now.
        """
        log = self.reopen(data, 0)
        return log, log.bounds().newest

    def reopen(self, data: str, start: int) -> NatsLog:  # noqa: ARG002 - there is but one log
        """Open the stream's log; a token that names another creation is of another stream.

        Raises:
            FeedError: If the stream cannot be had now.
        """
        if self._log is None or self._log.over:
            raise self._error(self._trouble or "it was deleted")
        return self._log

    def _error(self, trouble: str) -> FeedError:
        return FeedError(f"the stream {self._stream} cannot be read now: {trouble}")

    async def _ask_after(self, earlier: asyncio.Task[str] | None) -> str:
        """Ask once more, when the question before is answered; returns what is in the way."""
        if earlier is not None:
            await asyncio.wait({earlier})
        self._question, self._next_question = self._next_question, None
        if self._broker is None or self._broker.lost.is_set():
            return self._trouble or "the connection to its NATS server was lost"
        try:
            await self._ask(self._broker)
        except BrokerError as error:
            return str(error)
        return ""

    async def _ask(self, broker: Broker) -> NatsLog:
        """Ask what the stream holds, and give the log that this makes the current one.

        Raises:
            BrokerError: If it cannot be asked, or is no more.
        """
        asked = self._log
        seen, doubts = (0, 0) if asked is None else (asked.seen, asked.doubts)
        try:
            info = await broker.stream_info()
        except NoStreamError:
            if self._log is not None:
                self._log.end(f"the stream {self._stream} was deleted")
            raise
        # Somebody else's question may have been answered since, and have changed the log.
        log = self._log
        if log is not None and not log.over:
            if info.created != log.start:
                log.end(f"the stream {self._stream} was deleted, and made again")
            elif log is asked and info.last < seen - (REPLICA_LAG if info.replicas > 1 else 0):
                log.end(f"the stream {self._stream} has lost its newest values")
        if log is None or log.over:
            self._log = log = NatsLog(self._stream, info, self._fetch)
        else:
            log.update(info, doubts if log is asked else 0)
        return log

    async def _use(self, broker: Broker) -> None:
        """Follow the stream until the connection is lost."""
        while not broker.lost.is_set():
            try:
                await self._follow(broker)
            except BrokerError as error:
                self._down(str(error), str(error))
            if not broker.lost.is_set():
                await asyncio.sleep(_RETRY_S)

    async def _follow(self, broker: Broker) -> None:
        """Take in what comes, for as long as the consumer and the stream live.

        Raises:
            BrokerError: If the stream cannot be asked, or is no more.
        """
        log = await self._ask(broker)
        # The consumer is of the stream that has the name by then, and this log's only if the
        # next answer says so.
        log.doubt()
        tail = Tail(broker, self._stream, log.add)
        try:
            await tail.start(log.next_sequence)
            while not (tail.dead or broker.lost.is_set()):
                log.changed.clear()
                if await self._ask(broker) is not log:
                    return
                self._up()
                await _first_of(_POLL_S, log.changed, tail.over, broker.lost)
        finally:
            await tail.close()

    async def _fetch(self, log: NatsLog, first: int) -> Block | None:
        """Read a block of older values; None, after a pause, when that cannot be done now."""
        broker = self._broker
        if broker is not None and not broker.lost.is_set():
            with contextlib.suppress(BrokerError):
                async with self._fetches:
                    known = log.seen
                    found, complete = await fetch(broker, self._stream, first, _BLOCK_VALUES)
                    # Only now is it known whose they are, and what was trimmed before them.
                    if await self._ask(broker) is not log:
                        return None
                last = found[-1].sequence if found else 0
                if complete:
                    last = max(last, known)
                if last >= first:
                    return Block(first, last, [make_item(delivery) for delivery in found])
        await asyncio.sleep(_RETRY_S)
        return None

    def _up(self) -> None:
        if self._trouble and self._tried.is_set():
            _log.warning("feed nats: reads %s again", self._address)
        self._trouble = ""
        self._tried.set()

    def _down(self, trouble: str, words: str) -> None:
        if not self._trouble:
            _log.warning("feed nats: cannot read %s: %s; tries again", self._address, words)
        self._trouble = trouble
        self._tried.set()


async def _first_of(seconds: float, *events: asyncio.Event) -> None:
    """Wait until one of the events is set, or so many seconds are over."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
