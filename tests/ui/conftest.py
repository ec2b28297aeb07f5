from __future__ import annotations

import pytest
import textual.app
import textual.pilot
from textual._wait import wait_for_idle


@pytest.fixture(autouse=True)
def never_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A live viewer is never idle, and the pilot would wait a second for it after each key."""

    async def briefly(min_sleep: float = 0.02, max_sleep: float = 1) -> None:
        await wait_for_idle(min_sleep, min(max_sleep, 0.04))

    monkeypatch.setattr(textual.app, "wait_for_idle", briefly)
    monkeypatch.setattr(textual.pilot, "wait_for_idle", briefly)
