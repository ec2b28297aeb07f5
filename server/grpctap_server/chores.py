"""What goes on while the server runs: files are read anew, and counts are logged."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from grpctap_server.logs import log
from grpctap_server.reloading import Reloader, warn_if_exposed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grpctap_server.counters import Counters
    from grpctap_server.guard import Guard
    from grpctap_server.protection import Protection


def begin_chores(
    protection: Protection, guard: Guard, log_interval: float
) -> list[asyncio.Task[None]]:
    """Begin what is to be done while the server runs; whoever begins it cancels it.

    Args:
        protection: Whose files are read anew when they change.
        guard: What is told of it, and what counts.
        log_interval: How often counts are logged, in seconds; 0: never.
    """
    chores = [reloader.run() for reloader in _reloaders(protection, guard)]
    if log_interval:
        chores.append(_log_counts(guard.counters, log_interval))
    return [asyncio.create_task(chore) for chore in chores]


def _reloaders(protection: Protection, guard: Guard) -> Iterator[Reloader]:
    tokens, certificate = protection.tokens, protection.certificate
    if tokens is not None:
        warn_if_exposed(tokens.path)

        def changed() -> None:
            ended = guard.end_withdrawn()
            log(logging.INFO, "reload", of="tokens", tokens=len(tokens), calls_ended=ended)
            warn_if_exposed(tokens.path)

        yield Reloader("tokens", (tokens.path,), tokens.load, changed)
    if certificate is not None:
        warn_if_exposed(certificate.key)
        yield Reloader(
            "certificate",
            certificate.files,
            certificate.load,
            lambda: log(logging.INFO, "reload", of="certificate"),
        )


async def _log_counts(counters: Counters, interval: float) -> None:
    before = counters.fields()
    while True:
        await asyncio.sleep(interval)
        now = counters.fields()
        # A server that nobody calls has nothing to tell.
        if now != before:
            log(logging.INFO, "counts", **now)
        before = now
