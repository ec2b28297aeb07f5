"""Publishing a log into a JetStream stream: each value once, in order, acknowledged.

A value carries an id by which the broker knows one that it has, and, while the one before it is
still on its way, that one's id, without which the broker refuses it. So whatever is lost or refused
in the middle, nothing after it is stored before it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, cast

from grpctap_server.feeds.base import FeedError
from grpctap_server.jetstream.broker import (
    Broker,
    BrokerError,
    NoStreamError,
    RefusedError,
    clean,
    connect,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nats.aio.msg import Msg

    from grpctap_server.feeds.base import Item, Log
    from grpctap_server.jetstream.address import Address

_log = logging.getLogger(__name__)

MOST_MESSAGES = 1_000_000
"""How many values a stream that is made here keeps."""

_WINDOW_VALUES = 256
_WINDOW_BYTES = 4 * 2**20
# Headers count as payload.
_HEADERS_BYTES = 1024
_ACK_S = 5.0
_RETRY_S = 0.5
_LONGEST_RETRY_S = 5.0
_RETELL_S = 60.0

_NO_SUCH_MESSAGE = 10037
_WRONG_LAST_ID = 10070
_TOO_LARGE_FOR_STREAM = 10054
# Insufficient resources, insufficient storage, and the stream's own limits.
_FULL = (10023, 10047, 10077)
_ID = "Nats-Msg-Id"


class _TooLargeError(BrokerError):
    """The value can never be stored."""


class _OutOfOrderError(BrokerError):
    """The value before it was not stored, or somebody else's came between."""


class _Sent(NamedTuple):
    item: Item
    ack: asyncio.Future[None]
    at: float


class Publisher:
    """Publishes all that a log has and gets, from its first value on.

    The stream is made when it is not there. While the broker is down or refuses (its disk is full),
    the publisher waits and tries again; what the log no longer keeps by then is dropped, counted,
    and said in the log of the process.

    Args:
        log: What to publish.
        address: The stream; its name is the subject, too.
    """

    def __init__(self, log: Log, address: Address) -> None:
        self.published = 0
        """How many values the stream has taken."""
        self.dropped = 0
        """How many values were given up."""
        self._log = log
        self._address = address
        self._stream = address.stream
        self._broker: Broker | None = None
        # Values that are not acknowledged yet, oldest first, and the last one that was read.
        self._pending: deque[Item] = deque()
        self._pending_bytes = 0
        self._read = 0
        self._trouble = ""
        self._told_at = 0.0

    @property
    def caught_up(self) -> bool:
        """Whether the stream has all that the log has."""
        return not self._pending and self._read >= self._log.bounds().newest

    async def start(self) -> None:
        """Connect, and make the stream if it is not there, before anything is served.

        Raises:
            FeedError: If that is not possible; the message is for whoever starts the server.
        """
        try:
            self._broker = await connect(self._address)
            await self._ensure_stream(self._broker)
        except BrokerError as error:
            raise FeedError(f"cannot publish to {self._address}: {error}") from None

    async def run(self) -> None:
        """Publish until the log ends, through all that the broker does; cancelled before that."""
        pause = _RETRY_S
        try:
            while True:
                before = self.published
                try:
                    broker = self._broker or await connect(self._address)
                    self._broker = broker
                    await self._ensure_stream(broker)
                    await self._publish(broker)
                    return
                except _OutOfOrderError:
                    # The first that is sent again needs no other before it.
                    continue
                except (BrokerError, FeedError) as error:
                    self._tell(str(error))
                if self._broker is not None and self._broker.lost.is_set():
                    await self._broker.close()
                    self._broker = None
                pause = _RETRY_S if self.published > before else min(2 * pause, _LONGEST_RETRY_S)
                await asyncio.sleep(pause)
        finally:
            if self._broker is not None:
                await self._broker.close()

    async def finish(self, seconds: float) -> None:
        """Wait until the stream has all that the log has, but no longer than so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.caught_up:  # noqa: ASYNC110 - at the end, once
                    await asyncio.sleep(0.02)
        if not self.caught_up:
            left = self._log.bounds().newest - self._read + len(self._pending)
            _log.warning("publish: %d values were not published before the end", left)

    async def _ensure_stream(self, broker: Broker) -> None:
        """See that the stream takes the subject, and make it if it is not there.

        Raises:
            RefusedError: If it takes other subjects, or another stream takes this one.
            BrokerError: If JetStream cannot be asked.
        """
        answer = await broker.ask("STREAM.NAMES", {"subject": self._stream})
        takers = answer.get("streams") or []
        if self._stream in takers:
            return
        if takers:
            raise RefusedError(f"another stream takes the subject {self._stream}")
        try:
            await broker.stream_info()
        except NoStreamError:
            await self._make_stream(broker)
            return
        raise RefusedError(
            f"it does not take the subject {self._stream}; add that, as with: "
            f"nats stream edit {self._stream} --subjects {self._stream}"
        )

    async def _make_stream(self, broker: Broker) -> None:
        await broker.ask(
            f"STREAM.CREATE.{self._stream}",
            {
                "name": self._stream,
                "subjects": [self._stream],
                "storage": "file",
                "retention": "limits",
                "discard": "old",
                "max_msgs": MOST_MESSAGES,
                "num_replicas": 1,
            },
        )
        _log.warning("publish: made %s, which keeps %d values", self._address, MOST_MESSAGES)

    async def _publish(self, broker: Broker) -> None:
        """Send what is pending, then what comes, until the log ends.

        Raises:
            BrokerError: If something is not acknowledged.
        """
        # What was stored without our hearing of it.
        self.published += self._forget(await self._last_stored(broker))
        acks: dict[str, asyncio.Future[None]] = {}
        inbox = broker.client.new_inbox()

        async def on_ack(message: Msg) -> None:
            ack = acks.pop(message.subject.rpartition(".")[2], None)
            if ack is not None and not ack.done():
                _settle(ack, message)

        if broker.lost.is_set():
            raise BrokerError("the connection to the NATS server was lost")
        subscription = await broker.subscribe(f"{inbox}.*", on_ack)
        on_way: deque[_Sent] = deque()
        try:
            unsent: Sequence[Item] = list(self._pending)
            while True:
                for item in unsent:
                    ack = asyncio.get_running_loop().create_future()
                    acks[str(item.sequence)] = ack
                    previous = on_way[-1].item if on_way else None
                    on_way.append(_Sent(item, ack, asyncio.get_running_loop().time()))
                    await self._send(broker, on_way[-1], previous, inbox)
                while on_way and on_way[0].ack.done():
                    self._take_ack(on_way.popleft())
                unsent = self._next_items()
                if unsent:
                    continue
                final = self._log.bounds().final
                if not on_way and final is not None and self._read >= final:
                    return
                await self._wait(broker, on_way)
        finally:
            for sent in on_way:
                # An error behind the one that ended this has no more to say.
                if not sent.ack.cancel() and not sent.ack.cancelled():
                    sent.ack.exception()
            if not broker.lost.is_set():
                with contextlib.suppress(Exception):
                    await subscription.unsubscribe()

    async def _wait(self, broker: Broker, on_way: deque[_Sent]) -> None:
        """Wait until the first ack is there, or the log has more and there is room for it."""
        loop = asyncio.get_running_loop()
        lost: asyncio.Future[object] = asyncio.ensure_future(broker.lost.wait())
        waits: list[asyncio.Future[object]] = [lost]
        seconds = None
        if on_way:
            waits.append(cast("asyncio.Future[object]", on_way[0].ack))
            seconds = max(0.0, on_way[0].at + _ACK_S - loop.time())
        news = None
        final = self._log.bounds().final
        # At the end of a log, a wait is over at once.
        if self._has_room and (final is None or self._read < final):
            news = asyncio.ensure_future(self._log.wait(self._read))
            waits.append(cast("asyncio.Future[object]", news))
        try:
            done, _ = await asyncio.wait(
                waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if news is not None and news in done:
                news.result()
        finally:
            lost.cancel()
            if news is not None:
                news.cancel()
        if broker.lost.is_set():
            raise BrokerError("the connection to the NATS server was lost")
        if not done:
            raise BrokerError(f"JetStream did not acknowledge a value within {_ACK_S:g} s")

    @property
    def _has_room(self) -> bool:
        return len(self._pending) < _WINDOW_VALUES and self._pending_bytes < _WINDOW_BYTES

    def _next_items(self) -> Sequence[Item]:
        if not self._has_room:
            return ()
        items = self._log.read(self._read, min(16, _WINDOW_VALUES - len(self._pending)))
        bounds = self._log.bounds()
        first = min(items[0].sequence if items else bounds.first, bounds.first)
        if self._read + 1 < first:
            count = first - self._read - 1
            self.dropped += count
            _log.warning(
                "publish: dropped %d values, #%d to #%d, which were no longer kept; %d in all",
                count,
                self._read + 1,
                first - 1,
                self.dropped,
            )
            self._read = first - 1
        for item in items:
            self._pending.append(item)
            self._pending_bytes += len(item.text)
            self._read = item.sequence
        return items

    async def _send(self, broker: Broker, sent: _Sent, previous: Item | None, inbox: str) -> None:
        number = sent.item.sequence
        headers = {_ID: self._id(number), "Nats-Expected-Stream": self._stream}
        if previous is not None:
            headers["Nats-Expected-Last-Msg-Id"] = self._id(previous.sequence)
        payload = sent.item.text.encode("utf-8", "replace")
        if len(payload) > broker.client.max_payload - _HEADERS_BYTES:
            sent.ack.set_exception(_TooLargeError("it is larger than the NATS server takes"))
            return
        await broker.send(self._stream, payload, reply=f"{inbox}.{number}", headers=headers)

    def _take_ack(self, sent: _Sent) -> None:
        try:
            sent.ack.result()
        except _TooLargeError as error:
            self.dropped += 1
            _log.warning(
                "publish: dropped #%d: %s; %d in all", sent.item.sequence, error, self.dropped
            )
            self._forget(sent.item.sequence)
            # What was sent after it was refused, since it was not stored.
            raise _OutOfOrderError from None
        self.published += self._forget(sent.item.sequence)
        if self._trouble:
            _log.warning("publish: publishes to %s again", self._address)
            self._trouble = ""

    def _forget(self, sequence: int) -> int:
        """Take values up to a number off those that are pending; returns how many."""
        before = len(self._pending)
        while self._pending and self._pending[0].sequence <= sequence:
            self._pending_bytes -= len(self._pending.popleft().text)
        return before - len(self._pending)

    def _id(self, sequence: int) -> str:
        return f"{self._log.stream_id}/{sequence}"

    async def _last_stored(self, broker: Broker) -> int:
        """Tell which value of this log the stream took last; 0 when that cannot be told.

        The broker remembers ids for some minutes only, and may have been down for longer.
        """
        try:
            answer = await broker.ask(
                f"STREAM.MSG.GET.{self._stream}", {"last_by_subj": self._stream}
            )
        except RefusedError as error:
            if error.code != _NO_SUCH_MESSAGE:
                raise
            return 0
        try:
            headers = base64.b64decode(answer["message"].get("hdrs", "")).decode()
            found = next(line for line in headers.splitlines() if line.startswith(f"{_ID}:"))
            log, _, sequence = found.partition(":")[2].strip().rpartition("/")
            return int(sequence) if log == self._log.stream_id else 0
        except (KeyError, AttributeError, ValueError, StopIteration):
            return 0

    def _tell(self, trouble: str) -> None:
        now = time.monotonic()
        if trouble != self._trouble or now - self._told_at > _RETELL_S:
            self._told_at = now
            _log.warning(
                "publish: cannot publish to %s: %s%s tries again, with %d values waiting",
                self._address,
                trouble,
                " It" if trouble.endswith("?") else ";",
                self._log.bounds().newest - self._read + len(self._pending),
            )
        self._trouble = trouble


def _settle(ack: asyncio.Future[None], message: Msg) -> None:
    """Give a future what the broker answered."""
    if (message.headers or {}).get("Status") == "503":
        ack.set_exception(RefusedError("no stream takes it"))
        return
    try:
        answer = json.loads(message.data)
        error = answer.get("error")
    except (ValueError, AttributeError):
        ack.set_exception(BrokerError("JetStream's answer makes no sense"))
        return
    if not isinstance(error, dict):
        ack.set_result(None)
        return
    text, code = clean(str(error.get("description", "refused"))), error.get("err_code")
    if code in _FULL:
        text += "; is its store full?"
    if code == _WRONG_LAST_ID:
        ack.set_exception(_OutOfOrderError(text))
    elif code == _TOO_LARGE_FOR_STREAM:
        ack.set_exception(_TooLargeError(text))
    else:
        ack.set_exception(RefusedError(text))
