"""One connection through the proxy: two sockets, and a bounded pipe in each direction."""

from __future__ import annotations

import fcntl
import math
import socket
import struct
import termios
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 64 * 1024
"""The most that is read at once, in bytes."""

BUFFER = 128 * 1024
"""The most that waits in one direction of a connection, in bytes, the kernel's buffers excepted."""

PIECES = 16
"""The most that is written at once, in chunks or fragments."""

BURST_S = 0.02
"""A throttle lets pass at once what is due in so many seconds."""

HANDOVER_S = 2.0
"""How long a reset waits for the bytes before it to arrive, in seconds."""


def bound(port: int) -> socket.socket:
    """A socket on a port of this machine, which others of this kind may share; 0: any free one.

    While none of them listens the port refuses connections, and no other program can get it.
    """
    socket_ = socket.socket()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        socket_.setsockopt(socket.SOL_SOCKET, option, 1)
    socket_.bind(("127.0.0.1", port))
    return socket_


class Direction(Enum):
    """Which way bytes go."""

    DOWN = "server to client"
    UP = "client to server"


@dataclass
class Link:
    """How well bytes get through at present, on all connections."""

    hole: bool = False
    accepts: bool = True
    rate: float = math.inf
    """Bytes a second, in each direction of each connection."""
    delay: float = 0.0
    """Seconds that each chunk waits."""
    fragment: int = CHUNK
    """Bytes that go out at once at most."""
    passed: dict[Direction, int] = field(default_factory=lambda: dict.fromkeys(Direction, 0))
    """Bytes that were handed on."""

    def heal(self) -> None:
        """Ends all that is wrong with it."""
        whole = Link()
        self.hole, self.accepts = whole.hole, whole.accepts
        self.rate, self.delay, self.fragment = whole.rate, whole.delay, whole.fragment


class Trigger:
    """What is to happen when so many further bytes have gone one way.

    Attributes:
        left: Bytes until then.
        fired: Whether it happened.
        dropped: Whether it never will, since the connection ended before.
    """

    def __init__(
        self, direction: Direction, left: int, deed: Callable[[Connection, Trigger], None]
    ) -> None:
        self.direction = direction
        self.left = left
        self.fired = False
        self.dropped = False
        self.deed = deed


class Pipe:
    """One direction of a connection: reads no more than `BUFFER` ahead of what it wrote."""

    def __init__(
        self, source: socket.socket, sink: socket.socket, direction: Direction, link: Link
    ) -> None:
        self.source = source
        self.sink = sink
        self.triggers: list[Trigger] = []
        self.ended = False
        """The source sends no more."""
        self.shut = False
        """The sink was told that nothing more comes; what does come is thrown away."""
        self._direction = direction
        self._link = link
        # An empty chunk stands for the end.
        self._queue: deque[tuple[float, memoryview]] = deque()
        self._waiting = 0
        self._allowance = 0.0
        self._since = 0.0

    @property
    def reads(self) -> bool:
        """Whether it takes more from its source now."""
        return not self.ended and (self.shut or (not self._link.hole and self._waiting < BUFFER))

    def read(self, now: float) -> None:
        """Takes what has come.

        Raises:
            OSError: The source was reset.
        """
        data = self.source.recv(CHUNK)
        self.ended = not data
        if not self.shut:
            self._queue.append((now + self._link.delay, memoryview(data)))
            self._waiting += len(data)

    def due(self, now: float) -> float:
        """When it can write next (time.monotonic), infinite while it has nothing to write."""
        link = self._link
        if not self._queue or link.hole:
            return math.inf
        at, chunk = self._queue[0]
        if at > now or link.rate == math.inf:
            return at
        burst = max(1.0, link.rate * BURST_S)
        self._allowance = min(burst, self._allowance + (now - self._since) * link.rate)
        self._since = now
        lacking = min(burst, len(chunk), link.fragment) - self._allowance
        return now + max(0.0, lacking / link.rate)

    def write(self, now: float) -> list[Trigger]:
        """Hands some pieces on; returns the triggers that this sets off.

        Raises:
            OSError: The sink was reset.
        """
        for _ in range(PIECES):
            if self.due(now) > now or not self._write_piece():
                break
            due = [trigger for trigger in self.triggers if not trigger.left]
            if due:
                self.triggers = [trigger for trigger in self.triggers if trigger.left]
                return due
        return []

    def _write_piece(self) -> int:
        link = self._link
        at, chunk = self._queue.popleft()
        if not chunk:
            self.shut_sink()
            return 0
        size = min(len(chunk), link.fragment, *(trigger.left for trigger in self.triggers))
        if link.rate != math.inf:
            size = min(size, max(1, int(self._allowance)))
        sent = 0
        with suppress(BlockingIOError):
            sent = self.sink.send(chunk[:size])
        if sent < len(chunk):
            self._queue.appendleft((at, chunk[sent:]))
        self._waiting -= sent
        self._allowance -= sent
        link.passed[self._direction] += sent
        for trigger in self.triggers:
            trigger.left -= sent
        return sent

    def shut_sink(self) -> None:
        """Tells the sink by FIN that nothing more comes, and throws away what waits."""
        self.shut = True
        self._queue.clear()
        self._waiting = 0
        self.disarm()
        with suppress(OSError):
            self.sink.shutdown(socket.SHUT_WR)

    def disarm(self) -> None:
        """Drops the triggers that nothing can set off any more."""
        for trigger in self.triggers:
            trigger.dropped = True
        self.triggers.clear()

    @property
    def unconfirmed(self) -> int:
        """Bytes that were written and have not arrived."""
        answer = fcntl.ioctl(self.sink, termios.TIOCOUTQ, b"\0\0\0\0")
        return int(struct.unpack("i", answer)[0])


class Connection:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, client: socket.socket, link: Link, selector: BaseSelector) -> None:
        self.client = client
        self.server = socket.socket()
        self.closed = False
        self.over = False
        """Whether it was ended, though a side may not have taken that in yet."""
        self._link = link
        self._selector = selector
        self._connecting = self._connected = False
        self._reset_by: tuple[float, Trigger] | None = None
        for end in (client, self.server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                end.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        self._pipes = {
            Direction.DOWN: Pipe(self.server, client, Direction.DOWN, link),
            Direction.UP: Pipe(client, self.server, Direction.UP, link),
        }

    def arm(self, trigger: Trigger) -> None:
        """Lets a trigger count from here on; with no bytes left it fires at once."""
        pipe = self._pipes[trigger.direction]
        if self.over or pipe.shut:
            trigger.dropped = True
        elif not trigger.left:
            trigger.deed(self, trigger)
        else:
            pipe.triggers.append(trigger)

    def prepare(self, now: float, target: tuple[str, int]) -> float:
        """Tells the selector what it waits for; returns when it will do something by itself."""
        wants = {self.client: 0, self.server: 0}
        wake = math.inf
        if self._reset_by is not None:
            wake = self._await_reset(now)
        elif self._connected or self.over:
            for pipe in self._pipes.values():
                if pipe.reads:
                    wants[pipe.source] |= EVENT_READ
                at = pipe.due(now)
                if at <= now:
                    wants[pipe.sink] |= EVENT_WRITE
                else:
                    wake = min(wake, at)
        elif self._connecting or not self._link.hole:
            if not self._connecting:
                self._connecting = True
                self.server.connect_ex(target)
            wants[self.server] = EVENT_WRITE
        if not self.closed:
            for end, mask in wants.items():
                self._select(end, mask)
        return wake

    def ready(self, end: socket.socket, mask: int, now: float) -> None:
        """Does what one of its sockets is ready for."""
        try:
            if not self._connected and not self.over:
                self._connect()
                return
            for pipe in self._pipes.values():
                if mask & EVENT_READ and pipe.source is end and pipe.reads and self._moves:
                    pipe.read(now)
                if mask & EVENT_WRITE and pipe.sink is end and self._moves:
                    for trigger in pipe.write(now):
                        self.arm(trigger)
        except BlockingIOError:
            pass
        except OSError:
            # A reset on one side is one on the other, and so is a server that cannot be reached.
            self.reset()
        if all(pipe.ended and pipe.shut for pipe in self._pipes.values()):
            self.close()

    def half_close(self, *directions: Direction) -> None:
        """Ends directions by FIN; what waits and what still comes in them is thrown away."""
        for direction in directions:
            self._pipes[direction].shut_sink()
        if all(pipe.shut for pipe in self._pipes.values()):
            self.over = True
            if not self._connected:
                # There is nobody whose answer would have to be awaited.
                self._pipes[Direction.DOWN].ended = True

    def reset(self) -> None:
        """Ends both sides by RST."""
        for end in (self.client, self.server):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def reset_after(self, trigger: Trigger) -> None:
        """Lets nothing pass any more, and resets when what had passed before has arrived."""
        self.over = True
        self._reset_by = (math.inf, trigger)

    def close(self) -> None:
        """Lets go of both sockets."""
        self.closed = self.over = True
        for pipe in self._pipes.values():
            pipe.disarm()
        for end in (self.client, self.server):
            if end.fileno() >= 0:
                self._select(end, 0)
                end.close()

    @property
    def _moves(self) -> bool:
        return not self.closed and self._reset_by is None

    def _await_reset(self, now: float) -> float:
        assert self._reset_by is not None
        deadline, trigger = self._reset_by
        self._reset_by = (min(deadline, now + HANDOVER_S), trigger)
        if now < deadline and self._connected and self._pipes[trigger.direction].unconfirmed:
            return now + 0.001
        trigger.fired = True
        self.reset()
        return math.inf

    def _connect(self) -> None:
        error = self.server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, "the server cannot be reached")
        self._connected = True

    def _select(self, end: socket.socket, mask: int) -> None:
        known = self._selector.get_map().get(end)
        if known is None:
            if mask:
                self._selector.register(end, mask, self)
        elif not mask:
            self._selector.unregister(end)
        elif known.events != mask:
            self._selector.modify(end, mask, self)
