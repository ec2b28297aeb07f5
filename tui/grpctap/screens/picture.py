"""Pictures of the screen, as SVG."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.segment import Segment, Segments
from textual.app import App
from textual.geometry import Region
from textual.widget import Widget

from grpctap.core.text import printable
from grpctap.outfile import Outfile
from grpctap.recordfile import unused_name

_MOST_TRIES = 100
_LONGEST_PATH = 300
# Else librsvg, with which GNOME shows pictures, drops the blanks that a text begins with.
_KEEPS_BLANKS = '<svg xml:space="preserve" '


def take_picture(app: App[Any], method: str, widget: Widget | None = None) -> None:
    """Writes a picture into the current folder, and says where it is, or why it is not.

    Args:
        app: Whose screen it is.
        method: What the file is called after.
        widget: What to picture of it; None: the whole screen.
    """
    svg = app.export_screenshot() if widget is None else _svg(widget, app.title)
    try:
        path = _written(svg.replace("<svg ", _KEEPS_BLANKS, 1), method)
    except OSError as error:
        reason = f"The current folder cannot be written: {error.strerror}"
        app.notify(reason, title="No picture", severity="error", markup=False)
    else:
        app.notify(printable(str(path), _LONGEST_PATH), title="Picture", markup=False)


def _written(svg: str, method: str) -> Path:
    for _ in range(_MOST_TRIES):
        path = Path(unused_name(method, ".svg"))
        try:
            with Outfile(path, replace=False) as file:
                file.write(svg.encode(errors="replace"))
        except FileExistsError:
            # Another program was faster.
            continue
        return path
    raise FileExistsError(None, "each name is taken")


def _svg(widget: Widget, title: str) -> str:
    width, height = widget.size
    console = Console(
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
    )
    for strip in widget.render_lines(Region(0, 0, width, height)):
        console.print(Segments([*strip, Segment.line()]), end="")
    return console.export_svg(title=title)
