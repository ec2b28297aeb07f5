"""Lets all calls that stand at the same place of the same log wait for its next value together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpctap_server.feeds.base import Log

_Place = tuple[str, int]
_Waiter = asyncio.Future[bool]

# So many calls are woken at once; then the loop sees to what else there is, such as new calls.
_SLICE = 64


class Wakeups:
    """The waits of a server's calls; belongs to one event loop."""

    def __init__(self) -> None:
        self._waits: dict[_Place, _SharedWait] = {}
        self._over = False

    async def wait(self, log: Log, after: int, patience: float | None) -> bool:
        """Wait until there may be a value after that sequence, or the waits are over.

        Args:
            log: Where the value is to come; another log with its stream_id may be asked instead.
            after: The sequence of the last value that the call has.
            patience: How long to wait at most, in seconds; None for no limit.

        Returns:
            Whether it may be worth looking; False when the time is over.

        Raises:
            FeedError: If the source fails.
        """
        if self._over:
            return True
        loop = asyncio.get_running_loop()
        place = (log.stream_id, after)
        shared = self._waits.get(place)
        if shared is None:
            shared = self._waits[place] = _SharedWait(log, after)
            shared.task.add_done_callback(lambda _: self._forget(place, shared))
        waiter: _Waiter = loop.create_future()
        shared.waiters[waiter] = None
        timer = None if patience is None else loop.call_later(patience, _settle, waiter, False)
        try:
            return await waiter
        finally:
            if timer is not None:
                timer.cancel()
            shared.leave(waiter)
            if not shared.waiters:
                shared.task.cancel()
                self._forget(place, shared)

    def end(self) -> None:
        """End all waits, as if each had news; one that begins after this ends at once."""
        self._over = True
        for shared in self._waits.values():
            for waiter in shared.waiters:
                _settle(waiter, True)

    def _forget(self, place: _Place, shared: _SharedWait) -> None:
        # Another wait may have taken its place since.
        if self._waits.get(place) is shared:
            del self._waits[place]


class _SharedWait:
    """One wait for a log, and the calls that it is for, in the order in which they came."""

    def __init__(self, log: Log, after: int) -> None:
        self.waiters: dict[_Waiter, None] = {}
        self.task = asyncio.create_task(log.wait(after))
        self.task.add_done_callback(self._tell)

    def leave(self, waiter: _Waiter) -> None:
        """Take out a call that has its answer, or was cancelled."""
        self.waiters.pop(waiter, None)
        # An error that came together with the cancelling is nobody's any more.
        if waiter.done() and not waiter.cancelled():
            waiter.exception()

    def _tell(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        self._tell_slice(list(self.waiters), 0, error)

    def _tell_slice(self, waiters: list[_Waiter], start: int, error: BaseException | None) -> None:
        for waiter in waiters[start : start + _SLICE]:
            if error is None:
                _settle(waiter, True)
            elif not waiter.done():
                waiter.set_exception(error)
        if start + _SLICE < len(waiters):
            loop = asyncio.get_running_loop()
            loop.call_soon(self._tell_slice, waiters, start + _SLICE, error)


def _settle(waiter: _Waiter, news: bool) -> None:
    if not waiter.done():
        waiter.set_result(news)
