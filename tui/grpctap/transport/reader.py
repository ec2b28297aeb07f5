"""The reader: one thread that runs one call at a time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from grpctap.clock import SOURCE
from grpctap.core import status as codes
from grpctap.core.secrets import Metadata
from grpctap.core.status import Status
from grpctap.transport.base import Call, Sink, Transport


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call to be made.

    `request` is serialised; `due_s` is when to make it, on the clock of `SOURCE`, in seconds;
    `timeout_s` bounds its life in seconds from then, None: nothing does.
    """

    call_id: int
    request: bytes
    due_s: float
    timeout_s: float | None


class Reader:
    """Runs calls one after the other on a thread of its own, and hands on what they deliver.

    `open` and `cancel` come from any thread and never wait for the network. There is never more
    than one call: a new one starts when the one before has ended.
    """

    def __init__(self, transport: Transport, sink: Sink) -> None:
        self._transport = transport
        self._sink = sink
        self._changed = threading.Condition()
        self._wanted: Wanted | None = None
        self._call: Call | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="grpctap-reader", daemon=True)
        self._thread.start()

    def open(
        self, call_id: int, request: bytes, *, wait_s: float = 0.0, timeout_s: float | None = None
    ) -> None:
        """Asks for a call in place of the one that runs or waits.

        Args:
            call_id: What the sink will know it by.
            request: Serialised.
            wait_s: Seconds from now until it is made.
            timeout_s: The call's deadline, in seconds from then; None: it has none.
        """
        with self._changed:
            self._replace(Wanted(call_id, request, time.clock_gettime(SOURCE) + wait_s, timeout_s))

    def cancel(self) -> None:
        """Cancels the call that runs, and forgets the one that waits."""
        with self._changed:
            self._replace(None)

    def close(self, timeout: float = 5.0) -> bool:
        """Cancels, and waits up to `timeout` seconds for the thread; returns whether it ended."""
        with self._changed:
            self._closed = True
            self._replace(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _replace(self, wanted: Wanted | None) -> None:
        self._wanted = wanted
        if self._call is not None:
            self._call.cancel()
        self._changed.notify()

    def _run(self) -> None:
        while (wanted := self._next()) is not None:
            try:
                status, metadata = self._read(wanted)
            except Exception as error:
                status = Status(codes.INTERNAL, "INTERNAL", f"{type(error).__name__}: {error}")
                metadata = ()
            self._sink.ended(wanted.call_id, status, metadata)

    def _next(self) -> Wanted | None:
        with self._changed:
            while not self._closed:
                wait_s = None
                if self._wanted is not None:
                    wait_s = self._wanted.due_s - time.clock_gettime(SOURCE)
                    if wait_s <= 0:
                        return self._wanted
                # In slices, since a condition does not count the time that a machine sleeps.
                self._changed.wait(None if wait_s is None else min(wait_s, 1.0))
            return None

    def _read(self, wanted: Wanted) -> tuple[Status, Metadata]:
        with self._changed:
            if self._wanted is not wanted:
                return Status(codes.CANCELLED, "CANCELLED"), ()
            self._wanted = None
            call = self._call = self._transport.open(wanted.request, wanted.timeout_s)
        try:
            inbox = self._sink.opened(wanted.call_id)
            self._sink.headers(wanted.call_id, call.initial_metadata())
            put, clock, batch_ns, due_ns = inbox.put, inbox.clock, inbox.batch_ns, 0
            # In a flood each step here counts, so the sink is called for many messages at once.
            for raw in call:
                now_ns = clock()
                put((now_ns, raw))
                if now_ns >= due_ns:
                    self._sink.arrived(inbox)
                    due_ns = now_ns + batch_ns
        finally:
            with self._changed:
                self._call = None
            status = call.close()
        return status, call.trailing_metadata()
