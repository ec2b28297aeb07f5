"""What stands on the screen of an app under test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from textual._context import visible_screen_stack
from textual.app import App
from textual.pilot import Pilot

from support.server import PATIENCE_S


def lines(app: App[Any]) -> list[str]:
    """The screen as text, a string a row."""
    # Without the screens below, a box would be drawn over nothing, and stay so.
    visible_screen_stack.set(app._background_screens)
    return [strip.text for strip in app.screen._compositor.render_strips()]


def text(app: App[Any]) -> str:
    return "\n".join(lines(app))


def foot(app: App[Any]) -> str:
    """The keys at the foot of the screen, in one row or two."""
    region = app.screen.query_one("KeyBar").region
    return "\n".join(lines(app)[region.y : region.bottom])


async def until(pilot: Pilot[Any], condition: Callable[[], object], what: str) -> None:
    """Waits until a condition holds while the app runs on, and fails when it never does."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}\n{text(pilot.app)}"
        await asyncio.sleep(0.01)
    await pilot.pause()


async def shows(pilot: Pilot[Any], *words: str) -> None:
    """Waits until all the words stand on the screen."""
    for word in words:
        await until(pilot, partial(_stands, pilot, word), f"{word!r} on screen")


async def hides(pilot: Pilot[Any], *words: str) -> None:
    """Waits until none of the words stands on the screen."""
    for word in words:
        await until(pilot, partial(_is_gone, pilot, word), f"no {word!r}")


def _stands(pilot: Pilot[Any], word: str) -> bool:
    return word in text(pilot.app)


def _is_gone(pilot: Pilot[Any], word: str) -> bool:
    return word not in text(pilot.app)
