"""A TCP proxy that breaks connections as a network does: at once, or after exactly so many bytes.

with Proxy(server.address) as proxy:
    viewer_of(proxy.address)
    proxy.arm(Cut(reset=True), after=1000)   # in the middle of whatever frame that is
    proxy.apply(BlackHole())
    proxy.apply(Heal())
"""

from __future__ import annotations

import math
import queue
import selectors
import socket
import threading
import time
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from support.relay import CHUNK, Connection, Direction, Link, Trigger, bound
from support.server import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Cut:
    """Ends a connection on both sides, by FIN or by RST; what waits in the proxy is lost."""

    reset: bool = False


@dataclass(frozen=True)
class HalfClose:
    """Ends one direction of a connection by FIN; the other one goes on."""

    direction: Direction


@dataclass(frozen=True)
class BlackHole:
    """Lets nothing through on any connection, and ends none.

    New connections are swallowed; without `accepts` they wait in the kernel's queue.
    """

    accepts: bool = True


@dataclass(frozen=True)
class Throttle:
    """Lets so many bytes a second through, in each direction of each connection."""

    rate: float


@dataclass(frozen=True)
class Delay:
    """Lets each chunk wait so many seconds; the proxy's buffer holds 128 KiB at most meanwhile."""

    seconds: float


@dataclass(frozen=True)
class Fragment:
    """Sends no more than so many bytes in one segment."""

    size: int


@dataclass(frozen=True)
class Refuse:
    """Refuses new connections, as a port that nobody listens on; the others go on."""


@dataclass(frozen=True)
class Heal:
    """Ends black hole, throttle, delay, fragments and refusing: all is as at the start."""


Fault = Cut | HalfClose | BlackHole | Throttle | Delay | Fragment | Refuse | Heal


class Proxy:
    """Forwards connections to a target, in a thread of its own, as well as its faults let it.

    A reset on one side is passed on to the other, and so is each direction's end. A connection for
    which the target cannot be reached is reset. Neither sees anything of that in a black hole.

    Args:
        target: HOST:PORT of the server; it may change at any time, for connections to come.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.accepted = 0
        """Connections that were accepted so far."""
        self._link = Link()
        self._connections: list[Connection] = []
        self._triggers: list[Trigger] = []
        self._tasks: queue.SimpleQueue[tuple[Callable[[], None], Future[None]]]
        self._tasks = queue.SimpleQueue()
        self._listener: socket.socket | None = None
        self._stopping = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="Proxy")

    @property
    def target(self) -> str:
        host, port = self._target
        return f"{host}:{port}"

    @target.setter
    def target(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._target = (host, int(port))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._selector = stack.enter_context(selectors.DefaultSelector())
            self._wake, self._woken = (stack.enter_context(end) for end in socket.socketpair())
            self._woken.setblocking(False)
            self._selector.register(self._woken, selectors.EVENT_READ)
            # It holds the port while nobody listens, so that no other program can get it.
            self._holder = stack.enter_context(bound(0))
            self.port: int = self._holder.getsockname()[1]
            self.address = f"127.0.0.1:{self.port}"
            self._listen()
            self._thread.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._wake.send(b"\0")
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        self._stack.close()
        if self._failure is not None:
            raise self._failure

    @property
    def live(self) -> int:
        """How many connections there are that have not been ended by anybody."""
        return sum(not connection.over for connection in self._connections.copy())

    def passed(self, direction: Direction = Direction.DOWN) -> int:
        """How many bytes were handed on so far, on all connections."""
        return self._link.passed[direction]

    def apply(self, fault: Fault) -> None:
        """Does it now, to all connections; it is in effect when this returns."""
        self._do(lambda: self._apply(fault, self._connections.copy()))

    def arm(
        self,
        fault: Fault,
        after: int,
        direction: Direction = Direction.DOWN,
        *,
        fresh: bool = False,
    ) -> Trigger:
        """Does it when exactly `after` more bytes of a connection have gone in the direction.

        Counted are the bytes of the newest connection, and only that is cut or half-closed; with
        `fresh`, or when there is none, those of the next one. A reset waits, two seconds at most,
        until the bytes have arrived, since it would destroy them on their way.

        Returns:
            What tells whether it happened.
        """
        trigger = Trigger(
            direction, after, lambda connection, it: self._fire(fault, connection, it)
        )

        def hand_over() -> None:
            live = [each for each in self._connections if not each.over]
            if fresh or not live:
                self._triggers.append(trigger)
            else:
                live[-1].arm(trigger)

        self._do(hand_over)
        return trigger

    def _fire(self, fault: Fault, connection: Connection, trigger: Trigger) -> None:
        if fault == Cut(reset=True):
            connection.reset_after(trigger)
            return
        # Whoever sees what the fault did must see this, too.
        trigger.fired = True
        self._apply(fault, [connection])

    def _apply(self, fault: Fault, connections: list[Connection]) -> None:
        match fault:
            case Cut(reset=True):
                for connection in connections:
                    connection.reset()
            case Cut():
                for connection in connections:
                    connection.half_close(*Direction)
            case HalfClose(direction):
                for connection in connections:
                    connection.half_close(direction)
            case BlackHole(accepts):
                self._link.hole = True
                self._link.accepts = accepts
            case Throttle(rate):
                self._link.rate = rate
            case Delay(seconds):
                self._link.delay = seconds
            case Fragment(size):
                self._link.fragment = size
            case Refuse():
                self._close_listener()
            case Heal():
                self._link.heal()
                if self._listener is None:
                    self._listen()
        self._await_clients()

    def _listen(self) -> None:
        self._listener = bound(self.port)
        self._listener.listen()
        self._listener.setblocking(False)
        self._await_clients()

    def _close_listener(self) -> None:
        if self._listener is not None:
            listener, self._listener = self._listener, None
            if listener in self._selector.get_map():
                self._selector.unregister(listener)
            listener.close()

    def _await_clients(self) -> None:
        if self._listener is None:
            return
        waits = self._listener in self._selector.get_map()
        if waits and not self._link.accepts:
            self._selector.unregister(self._listener)
        elif not waits and self._link.accepts:
            self._selector.register(self._listener, selectors.EVENT_READ)

    def _do(self, task: Callable[[], None]) -> None:
        done: Future[None] = Future()
        self._tasks.put((task, done))
        self._wake.send(b"\0")
        done.result(PATIENCE_S)

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._step()
        except BaseException as error:  # the test's thread raises it
            self._failure = error
        finally:
            self._close_listener()
            for connection in self._connections:
                connection.close()

    def _step(self) -> None:
        now = time.monotonic()
        wake = math.inf
        for connection in self._connections:
            wake = min(wake, connection.prepare(now, self._target))
        self._connections = [each for each in self._connections if not each.closed]
        for key, mask in self._selector.select(None if wake == math.inf else max(0.0, wake - now)):
            if isinstance(key.data, Connection):
                if not key.data.closed:
                    assert isinstance(key.fileobj, socket.socket)
                    key.data.ready(key.fileobj, mask, time.monotonic())
            elif key.fileobj is self._listener:
                self._accept()
        self._do_tasks()

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            client, _ = self._listener.accept()
        except OSError:
            # It left before we came.
            return
        connection = Connection(client, self._link, self._selector)
        self._connections.append(connection)
        self.accepted += 1
        triggers, self._triggers = self._triggers, []
        for trigger in triggers:
            connection.arm(trigger)

    def _do_tasks(self) -> None:
        try:
            self._woken.recv(CHUNK)
        except BlockingIOError:
            return
        while not self._tasks.empty():
            task, done = self._tasks.get()
            try:
                task()
            except BaseException as error:
                done.set_exception(error)
            else:
                done.set_result(None)
