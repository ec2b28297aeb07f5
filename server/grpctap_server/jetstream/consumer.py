"""Reading a stream in order: a pull consumer that is made anew when anything is wrong with it.

Nothing is acknowledged, and the broker keeps it in memory alone: it is but a cursor.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, NamedTuple

from grpctap_server.feeds.schedule import NANOSECONDS
from grpctap_server.jetstream.broker import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from grpctap_server.jetstream.broker import Broker

_ACK_PREFIX = "$JS.ACK."
_SHORT_REPLY = 9
_LONG_REPLY = 11
_HEARTBEAT = "100"
_TOO_LARGE = "409"

# The broker forgets a consumer that nobody pulls from for so long.
_FORGOTTEN_S = 30
_HEARTBEAT_S = 1
# Three heartbeats missed, and some for a busy machine.
_DEAD_S = 4.0
_PULL_S = 30
_TAIL_BATCH = 500
_FETCH_S = 5.0
_LARGEST_FETCH_BYTES = 4 * 2**20
# Subject, headers and the reply's name are counted with the payload.
_OVERHEAD_BYTES = 2**16


class Delivery(NamedTuple):
    """A message of a stream.

    Attributes:
        sequence: Its number in the stream.
        stored: When the stream took it, in ns since the Unix epoch.
        payload: What it says.
    """

    sequence: int
    stored: int
    payload: bytes


class _Consumer:
    """A cursor in the stream, and the messages that it gives."""

    def __init__(self, broker: Broker, stream: str, deliver: Callable[[Delivery], None]) -> None:
        self.over = asyncio.Event()
        self.waiting = 0
        self.alive_at = 0.0
        self.status = ""
        self._broker = broker
        self._stream = stream
        self._deliver = deliver
        self._delivered = 0
        self._inbox = ""
        self._name = ""
        self._subscription: Subscription | None = None

    async def open(self, start: int) -> None:
        """Make it, so that it gives what the stream has from the sequence `start` on.

        Raises:
            BrokerError: If it cannot be made.
        """
        client = self._broker.client
        self._inbox = client.new_inbox()
        self._name = self._inbox.rpartition(".")[2]
        if self._broker.lost.is_set():
            raise BrokerError("the connection to the NATS server was lost")
        self._subscription = await self._broker.subscribe(self._inbox, self._take)
        config = {
            "name": self._name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": start,
            "ack_policy": "none",
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": _FORGOTTEN_S * NANOSECONDS,
        }
        await self._broker.ask(
            f"CONSUMER.CREATE.{self._stream}.{self._name}",
            {"stream_name": self._stream, "config": config},
        )
        self.alive_at = asyncio.get_running_loop().time()

    async def pull(self, batch: int, **terms: object) -> None:
        """Ask for at most so many messages."""
        self.waiting = batch
        self.status = ""
        await self._broker.send(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}",
            json.dumps({"batch": batch, **terms}).encode(),
            reply=self._inbox,
        )

    async def close(self) -> None:
        """Let the broker forget it; nothing is delivered any more."""
        if self._subscription is None or self._broker.lost.is_set():
            return
        with contextlib.suppress(Exception):
            await self._subscription.unsubscribe()
            await self._broker.send(f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._name}", b"")

    async def pulled(self) -> None:
        """Do what is to be done once all of a pull has come, or the broker says that it is over."""
        self.over.set()

    async def _take(self, message: Msg) -> None:
        self.alive_at = asyncio.get_running_loop().time()
        # A publisher may have given its message a header of the same name as the broker's own.
        if not message.reply.startswith(_ACK_PREFIX):
            await self._take_status(message.headers or {})
            return
        fields = message.reply.split(".")
        # Newer brokers put their domain and account in front.
        extra = 2 if len(fields) >= _LONG_REPLY else 0
        sequence, number, stored = (int(fields[at + extra]) for at in (5, 6, 7))
        self._delivered += 1
        if number != self._delivered:
            # One before it was lost on the way.
            self.over.set()
            return
        self.waiting -= 1
        self._deliver(Delivery(sequence, stored, message.data))
        if self.waiting == 0:
            await self.pulled()

    async def _take_status(self, headers: dict[str, str]) -> None:
        status = headers.get("Status", "")
        if status != _HEARTBEAT:
            self.status = status
            self.waiting = 0
            await self.pulled()
        elif headers.get("Nats-Last-Consumer") not in (None, str(self._delivered)):
            self.over.set()


class Tail(_Consumer):
    """The messages of a stream as they come, for as long as the consumer lives.

    Attributes:
        over: Set once it is dead, as far as it was told; a new one is to go on.
    """

    async def start(self, start: int) -> None:
        """Begin with the sequence `start`.

        Raises:
            BrokerError: If that is not possible.
        """
        await self.open(start)
        await self._pull_on()

    @property
    def dead(self) -> bool:
        """Whether it is over, or the broker has been silent for too long."""
        return self.over.is_set() or asyncio.get_running_loop().time() - self.alive_at > _DEAD_S

    async def pulled(self) -> None:
        """Pull on, unless the consumer is gone."""
        if self.status in ("", "408"):
            try:
                await self._pull_on()
            except BrokerError:
                self.over.set()
        else:
            self.over.set()

    async def _pull_on(self) -> None:
        await self.pull(
            _TAIL_BATCH,
            expires=_PULL_S * NANOSECONDS,
            idle_heartbeat=_HEARTBEAT_S * NANOSECONDS,
        )


async def fetch(broker: Broker, stream: str, start: int, limit: int) -> tuple[list[Delivery], bool]:
    """Read messages that a stream has, from the sequence `start` on.

    Args:
        broker: The connection.
        stream: The stream's name.
        start: The first sequence that may come.
        limit: The most messages; they are fewer when they are large.

    Returns:
        The messages in order, and whether these are all that there are.

    Raises:
        BrokerError: If they cannot be had.
    """
    found: list[Delivery] = []
    consumer = _Consumer(broker, stream, found.append)
    try:
        await consumer.open(start)
        most = max(_LARGEST_FETCH_BYTES, broker.client.max_payload + _OVERHEAD_BYTES)
        await consumer.pull(limit, no_wait=True, max_bytes=most)
        await _await_pull(broker, consumer)
        if consumer.status == _TOO_LARGE and not found:
            # It was stored while the broker took larger ones.
            consumer.over.clear()
            await consumer.pull(1, no_wait=True)
            await _await_pull(broker, consumer)
        if consumer.waiting:
            raise BrokerError("a message was lost on the way from the NATS server")
        if consumer.status == _TOO_LARGE and not found:
            raise BrokerError("the stream's consumer was deleted")
        return found, consumer.status in ("404", "408")
    finally:
        await consumer.close()


async def _await_pull(broker: Broker, consumer: _Consumer) -> None:
    try:
        await asyncio.wait_for(broker.unless_lost(consumer.over.wait()), _FETCH_S)
    except TimeoutError:
        raise BrokerError(f"the stream did not answer within {_FETCH_S:g} s") from None
