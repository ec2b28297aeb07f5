"""What is seen of a mistake of the viewer's own."""

from __future__ import annotations

from rich.text import Text
from textual.screen import Screen

from grpctap.app import ViewerApp


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
