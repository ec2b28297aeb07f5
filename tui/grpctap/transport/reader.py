"""The reader: one thread that runs one call at a time."""

from __future__ import annotations

import threading

from grpctap.core import status as codes
from grpctap.core.status import Status
from grpctap.transport.base import Call, Sink, Transport


class Reader:
    """Runs calls one after the other on a thread of its own, and hands on what they deliver.

    `open` and `cancel` come from any thread and never wait for the network. There is never more
    than one call: a new one starts when the one before has ended.
    """

    def __init__(self, transport: Transport, sink: Sink) -> None:
        self._transport = transport
        self._sink = sink
        self._changed = threading.Condition()
        self._wanted: tuple[int, bytes] | None = None
        self._call: Call | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="grpctap-reader", daemon=True)
        self._thread.start()

    def open(self, call_id: int, request: bytes) -> None:
        """Asks for a call in place of the one that runs or waits."""
        with self._changed:
            self._replace((call_id, request))

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

    def _replace(self, wanted: tuple[int, bytes] | None) -> None:
        self._wanted = wanted
        if self._call is not None:
            self._call.cancel()
        self._changed.notify()

    def _run(self) -> None:
        while (wanted := self._next()) is not None:
            call_id, request = wanted
            try:
                status = self._read(call_id, request)
            except Exception as error:
                status = Status(codes.INTERNAL, "INTERNAL", f"{type(error).__name__}: {error}")
            self._sink.ended(call_id, status)

    def _next(self) -> tuple[int, bytes] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._wanted is not None or self._closed)
            return None if self._closed else self._wanted

    def _read(self, call_id: int, request: bytes) -> Status:
        with self._changed:
            if self._wanted != (call_id, request):
                return Status(codes.CANCELLED, "CANCELLED")
            self._wanted = None
            call = self._call = self._transport.open(request)
        try:
            received = self._sink.received
            for raw in call:
                received(call_id, raw)
        finally:
            with self._changed:
                self._call = None
            status = call.close()
        return status
