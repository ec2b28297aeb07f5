"""A JetStream stream as a log: the newest values in a ring, older ones in blocks when read."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, NamedTuple

from grpctap_server.feeds.base import Bounds, FeedError, Item, Log
from grpctap_server.feeds.lines import number_in
from grpctap_server.feeds.schedule import make_stream_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeAlias

    from grpctap_server.jetstream.broker import StreamInfo
    from grpctap_server.jetstream.consumer import Delivery

    Fetch: TypeAlias = Callable[["NatsLog", int], Awaitable["Block | None"]]

RING_VALUES = 10_000
_PRELOADED = 500
_RING_CHARACTERS = 32 * 2**20
_BLOCKS = 16
REPLICA_LAG = 1_000
"""How many values a replica of the broker may be behind that has just come to lead."""


class Block(NamedTuple):
    """All that a stream has of a range of numbers.

    Attributes:
        first: The first number.
        last: The last number, included.
        items: The values, in order; numbers whose values were deleted are left out.
    """

    first: int
    last: int
    items: list[Item]


def make_item(delivery: Delivery) -> Item:
    """Make a value of a message; bytes that are not UTF-8 are replaced."""
    text = delivery.payload.decode("utf-8", "replace")
    return Item(delivery.sequence, text, delivery.stored, number_in(text, None))


class NatsLog(Log):
    """One stream, from its creation to its deletion; all calls share it.

    Args:
        stream: The stream's name.
        info: What it holds now.
        fetch: Gives a block of this log's older values that begins with a number; None, after a
            pause, when that cannot be done now.
    """

    def __init__(self, stream: str, info: StreamInfo, fetch: Fetch) -> None:
        self._stream_id = make_stream_id("nats", stream, info.created)
        self.changed = asyncio.Event()
        """Set when the stream must be asked what it holds before readers can go on, or never."""
        self._info = info
        self._fetch = fetch
        self._failure = ""
        # Everything after `after` and up to `seen` that the stream has, is in the ring; readers
        # see it up to `shown`.
        self._ring: deque[Item] = deque()
        self._characters = 0
        self._after = max(info.first, info.last + 1 - _PRELOADED) - 1
        self._seen = self._shown = self._after
        self._showing = False
        self.doubts = 0
        """How often there was a doubt."""
        self._settled = 0
        self._news = asyncio.Event()
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self._starts: list[int] = []
        self._fetching: dict[int, asyncio.Future[None]] = {}

    @property
    def stream_id(self) -> str:
        """The name of this numbering, from the stream's name and the time of its creation."""
        return self._stream_id

    @property
    def start(self) -> int:
        """When the stream was created, in ns since the Unix epoch."""
        return self._info.created

    @property
    def next_sequence(self) -> int:
        """The number with which the tail is to go on."""
        return self._seen + 1

    @property
    def seen(self) -> int:
        """The newest value that the stream is known to have had."""
        return max(self._info.last, self._seen)

    @property
    def over(self) -> bool:
        """Whether the stream is no more."""
        return bool(self._failure)

    def bounds(self) -> Bounds:
        """Tell what the stream holds, as far as it is known."""
        newest = max(self._info.last, self._shown)
        lag = REPLICA_LAG if self._info.replicas > 1 else 0
        return Bounds(self._info.first, newest, None, newest + lag)

    def read(self, after: int, limit: int) -> Sequence[Item]:
        """Read what is in memory."""
        return self._scan(after, limit)[0]

    async def wait(self, after: int) -> None:
        """Return once `read` gives more, or the values after `after` are no longer kept.

        Raises:
            FeedError: If the stream is no more.
        """
        while True:
            if self._failure:
                raise FeedError(self._failure)
            items, missing = self._scan(after, 1)
            if items:
                return
            if not missing:
                await self._news.wait()
            elif after + 1 < self._info.first:
                return
            else:
                await self._load(missing)

    def update(self, info: StreamInfo, doubts: int) -> None:
        """Take in what the stream holds; `doubts` is how many there were when it was asked."""
        # Answers may overtake each other, but what was deleted stays so.
        if info.first >= self._info.first and info.last >= self._info.last:
            self._info = info
        self._settled = max(self._settled, doubts)
        self._show()

    def add(self, delivery: Delivery) -> None:
        """Take in the tail's next message."""
        if delivery.sequence <= self._seen:
            return
        if delivery.sequence != self._seen + 1:
            # Were those between deleted, or trimmed before they were seen? Its readers are told
            # apart by the stream's first number, which may be other by now.
            self.doubt()
        item = make_item(delivery)
        self._ring.append(item)
        self._seen = item.sequence
        self._characters += len(item.text)
        while len(self._ring) > RING_VALUES or (
            self._characters > _RING_CHARACTERS and len(self._ring) > 1
        ):
            dropped = self._ring.popleft()
            self._characters -= len(dropped.text)
            self._after = dropped.sequence
        if not self._showing:
            # Readers are woken once for all that comes at once.
            self._showing = True
            asyncio.get_running_loop().call_soon(self._show)

    def doubt(self) -> None:
        """Show readers no more of what comes before the stream is asked anew what it holds."""
        self.doubts += 1
        self.changed.set()

    def close(self) -> None:
        """Let go of what is being read."""
        for loading in list(self._fetching.values()):
            loading.cancel()

    def end(self, reason: str) -> None:
        """End all waiting: the stream is no more; `reason` is for clients."""
        self._failure = reason
        self.changed.set()
        self._wake()

    def _show(self) -> None:
        self._showing = False
        if self._settled == self.doubts and self._shown != self._seen:
            self._shown = self._seen
            self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _scan(self, after: int, limit: int) -> tuple[Sequence[Item], int]:
        """Find values after a number; returns them, and the number to fetch from (0: none)."""
        while after < self._after:
            block = self._block(after + 1)
            if block is None:
                return (), after + 1
            begin = bisect_right(block.items, after, key=_sequence)
            if items := block.items[begin : begin + limit]:
                return items, 0
            # All of the rest was deleted.
            after = block.last
        if after >= self._shown:
            return (), 0
        return self._from_ring(after, limit), 0

    def _from_ring(self, after: int, limit: int) -> Sequence[Item]:
        ring = self._ring
        # Most calls are near the end, and a deque is slow in its middle.
        nearest = max(0, len(ring) - (self._seen - after))
        begin = bisect_right(ring, after, lo=nearest, key=_sequence)
        items = [ring[at] for at in range(begin, min(begin + limit, len(ring)))]
        while items and items[-1].sequence > self._shown:
            items.pop()
        return items

    def _block(self, sequence: int) -> Block | None:
        at = bisect_right(self._starts, sequence) - 1
        if at < 0:
            return None
        block = self._blocks[self._starts[at]]
        if block.last < sequence:
            return None
        self._blocks.move_to_end(block.first)
        return block

    async def _load(self, first: int) -> None:
        """Have a block fetched that begins with a number, once for all that want it."""
        loading = self._fetching.get(first)
        if loading is None:
            loading = asyncio.ensure_future(self._fetch_block(first))
            self._fetching[first] = loading
            loading.add_done_callback(lambda _: self._fetching.pop(first, None))
        # Another call may wait for it, too.
        await asyncio.shield(loading)

    async def _fetch_block(self, first: int) -> None:
        block = await self._fetch(self, first)
        if block is None:
            return
        if block.first not in self._blocks:
            self._starts.insert(bisect_right(self._starts, block.first), block.first)
        self._blocks[block.first] = block
        self._blocks.move_to_end(block.first)
        while len(self._blocks) > _BLOCKS:
            gone, _ = self._blocks.popitem(last=False)
            self._starts.remove(gone)


def _sequence(item: Item) -> int:
    return item.sequence
