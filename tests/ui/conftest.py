from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
import textual.app
import textual.pilot
from textual._wait import wait_for_idle
from textual.pilot import Pilot

from grpctap.app import ViewerApp
from support.server import PATIENCE_S


@pytest.fixture(autouse=True)
def never_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A live viewer is never idle, and the pilot would wait a second for it after each key."""

    async def briefly(min_sleep: float = 0.02, max_sleep: float = 1) -> None:
        await wait_for_idle(min_sleep, min(max_sleep, 0.04))

    monkeypatch.setattr(textual.app, "wait_for_idle", briefly)
    monkeypatch.setattr(textual.pilot, "wait_for_idle", briefly)


@pytest.fixture(autouse=True)
def keys_are_dealt_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the pilot returns before the viewer has come to the last key."""
    press = Pilot.press

    async def dealt_with(pilot: Pilot[Any], *keys: str) -> None:
        await press(pilot, *keys)
        app, deadline = pilot.app, time.monotonic() + PATIENCE_S
        while isinstance(app, ViewerApp) and app.is_dealing and app.is_running and not app._exit:
            assert time.monotonic() < deadline, f"{keys} were never dealt with"
            await asyncio.sleep(0.005)

    monkeypatch.setattr(Pilot, "press", dealt_with)


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day on pictures are the same wherever the tests run."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()
