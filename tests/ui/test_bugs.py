"""What is seen of a mistake of the viewer's own."""

from __future__ import annotations

import pytest
from rich.text import Text
from textual.command import CommandList
from textual.screen import Screen

from grpctap.app import ViewerApp
from grpctap.screens.palette import Palette
from grpctap.widgets.options import Options
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
        assert not isinstance(app.screen, Palette)


async def test_a_palette_without_room_closes_before_a_key_fails_in_it() -> None:
    app = ViewerApp(Screen())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, Palette), "the palette is there")
        await pilot.resize_terminal(80, 4)
        await until(pilot, lambda: not isinstance(app.screen, Palette), "the palette is gone")
        await pilot.press("pagedown", "pageup")
        await pilot.resize_terminal(80, 24)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, Palette), "the palette is there again")


async def test_page_keys_do_nothing_in_a_list_that_has_no_place_yet() -> None:
    app = ViewerApp(Screen())
    async with app.run_test(size=(80, 24)) as pilot:
        options = Options("one", "two")
        options.styles.height = 0
        await app.screen.mount(options)
        options.focus()
        await pilot.press("pagedown", "pageup")
        options.styles.height = 5
        await until(pilot, lambda: bool(options.scrollable_content_region), "it has a place")
        await pilot.press("pagedown")
        assert options.highlighted == 1


async def test_page_keys_do_nothing_in_a_palette_whose_list_has_no_place_yet() -> None:
    app = ViewerApp(Screen())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, Palette), "the palette is there")
        commands = app.screen.query_one(CommandList)
        await until(pilot, lambda: commands.option_count > 1, "its commands are there")
        commands.styles.height = 0
        await until(pilot, lambda: not commands.scrollable_content_region, "the list is hidden")
        await pilot.press("pagedown", "pageup")
        assert isinstance(app.screen, Palette)


async def test_the_palette_of_themes_is_the_same() -> None:
    app = ViewerApp(Screen())
    async with app.run_test(size=(80, 24)) as pilot:
        app.search_themes()
        await until(pilot, lambda: isinstance(app.screen, Palette), "the themes are there")
