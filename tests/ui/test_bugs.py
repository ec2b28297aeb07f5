"""What is seen of a mistake of the viewer's own."""

from __future__ import annotations

import pytest
from rich.text import Text
from textual.command import CommandPalette
from textual.screen import Screen

from grpctap.app import ViewerApp
from support.screens import until


async def test_a_bug_ends_the_viewer_with_a_line_that_tells_no_secret() -> None:
    def parse(value: str) -> None:
        raise ValueError(f"no good: {value}")

    app = ViewerApp(Screen())
    try:
        parse("hunter2")
    except ValueError as error:
        app._exception = error
    app._fatal_error()
    (told,) = app._exit_renderables
    assert isinstance(told, Text)
    assert told.plain.startswith("grpctap: this is a bug of ours: ValueError at test_bugs.py:")
    assert "hunter2" not in told.plain


@pytest.mark.parametrize("size", [(80, 4), (6, 24)])
async def test_the_palette_needs_room(size: tuple[int, int]) -> None:
    app = ViewerApp(Screen())
    async with app.run_test(size=size) as pilot:
        await pilot.press("ctrl+p", "pagedown")
        await pilot.pause()
        assert not CommandPalette.is_open(app)


async def test_a_palette_without_room_closes_before_a_key_fails_in_it() -> None:
    app = ViewerApp(Screen())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: CommandPalette.is_open(app), "the palette is there")
        await pilot.resize_terminal(80, 4)
        await until(pilot, lambda: not CommandPalette.is_open(app), "the palette is gone")
        await pilot.press("pagedown", "pageup")
        await pilot.resize_terminal(80, 24)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: CommandPalette.is_open(app), "the palette is there again")
