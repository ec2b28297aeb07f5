"""Files that are read anew when they change, and again when they could not be used."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from grpctap_server import reloading
from grpctap_server.reloading import Reloader
from support.server import PATIENCE_S

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_what_cannot_be_read_is_tried_again_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reloading, "LOOK_S", 0.01)
    tries, loaded = 0, asyncio.Event()

    def load() -> None:
        nonlocal tries
        tries += 1
        # As when the file is another's, until somebody gives it to the server: that is no change
        # of its content, size or number.
        if 1 < tries < 5:
            raise ValueError("permission denied")

    file = tmp_path / "tokens"
    file.write_text("one")
    reloader = Reloader("tokens", (file,), load, loaded.set)
    file.write_text("other one")
    running = asyncio.create_task(reloader.run())
    await asyncio.wait_for(loaded.wait(), PATIENCE_S)
    running.cancel()
    assert tries == 5
    assert [vars(record)["fields"]["of"] for record in caplog.records] == ["tokens"]
