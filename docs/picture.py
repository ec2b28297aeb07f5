"""Takes the pictures: the README's, docs/picture.svg, and those of the views in docs/pictures.

It runs the real viewer on the bundled server, without a terminal, presses the keys that a person
would press, and writes what is then on the screen. It takes about a minute.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape, unescape
from pathlib import Path

from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.state import State
from grpctap.screens.watch import WatchScreen
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest

PICTURE = Path(__file__).with_name("picture.svg")
VIEWS = PICTURE.with_name("pictures")
PORT = 8000
SIZE = (110, 32)
# Few enough values that those of the pause leave its seam in sight, and that the line is a line.
INTERVAL_S = 0.5
BEFORE_S, PAUSE_S, AFTER_S = 54.0, 4.2, 2.2
PATIENCE_S = 20.0
SETTLE_S = 1.2
# Fonts that machines have, so that none need be loaded.
FONTS = 'Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono", "Liberation Mono", monospace'

_FONT_FACE = re.compile(r"\s*@font-face\s*\{[^}]*\}")
_FONT_FAMILY = re.compile(r"font-family:\s*[^;]+;")
_TEXT = re.compile(r'<text class="([^"]+)" x="([^"]+)" y="([^"]+)"[^>]*>([^<]*)</text>')
# The grid that Rich's SVG puts the characters on: size of a cell, and of what is above a baseline.
_CELL_WIDTH, _CELL_HEIGHT, _ASCENT = 12.2, 24.4, 18.5
_BRAILLE = range(0x2800, 0x2900)
# Column and row of each bit of a braille character, counted from its left upper dot.
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
_DOT_SIZE = 3.4


class PictureError(RuntimeError):
    """The picture could not be taken; the message says why."""


@contextmanager
def server() -> Iterator[str]:
    """Runs the bundled server, numbering from now on; gives its address.

    Raises:
        PictureError: it did not start.
    """
    command = (sys.executable, "-m", "grpctap_server", "--until-eof", "--port", str(PORT))
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        (*command, "--interval", str(INTERVAL_S), "--start", f"{time.time():.1f}"),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # On leaving it closes the pipes, which ends the server, and waits for it.
    with process:
        line = process.stderr.readline() if process.stderr else ""
        if "listening on" not in line:
            raise PictureError(line.strip())
        yield f"127.0.0.1:{PORT}"


async def take(address: str) -> dict[Path, str]:
    """Watches the server at `address` for a minute; returns what it shows as SVG, by file.

    Raises:
        PictureError: the stream did not do what the picture is to show.
    """
    transport = GrpcTransport(Target(address, plaintext=True), METHOD)
    tap = Tap(transport, ListValue(SimpleRequest(data="WTI "), progress=True))
    try:
        app = ViewerApp(WatchScreen(tap, address, METHOD, plaintext=True))
        async with app.run_test(size=SIZE) as pilot:
            await _until(pilot, lambda: tap.snapshot().values > 0, "the first value")
            await pilot.pause(BEFORE_S)
            await pilot.press("space")
            before = tap.snapshot()
            if before.state is not State.PAUSED:
                raise PictureError(f"the stream is {before.state.value} where it should be PAUSED")
            await pilot.pause(PAUSE_S)
            await pilot.press("space")
            caught_up = before.values + int(PAUSE_S / INTERVAL_S)
            await _until(pilot, lambda: tap.snapshot().values >= caught_up, "catching up")
            await pilot.pause(AFTER_S)
            taken = {PICTURE: app.export_screenshot(title="grpctap")}
            with tap.chart_frame() as frame:
                numbers = sorted(frame.lines[0].series.recent(caught_up))
            middle = numbers[len(numbers) // 2]
            await pilot.press("slash", *f"number > {middle:.2f}")
            await pilot.pause(SETTLE_S)
            taken[VIEWS / "filter.svg"] = app.export_screenshot(title="grpctap")
            # The number, and how fast the values are counted up.
            await pilot.press("escape", "c", *["down"] * 6, "space", *["up"] * 4, "r")
            await pilot.pause(SETTLE_S)
            taken[VIEWS / "fields.svg"] = app.export_screenshot(title="grpctap")
            await pilot.press("escape", "tab", *["left"] * 30)
            await pilot.pause(SETTLE_S)
            taken[VIEWS / "chart.svg"] = app.export_screenshot(title="grpctap")
            await pilot.press("escape", "0", "h")
            await pilot.pause(SETTLE_S)
            taken[VIEWS / "health.svg"] = app.export_screenshot(title="grpctap")
            return taken
    finally:
        tap.close()


async def _until(pilot: Pilot[int], condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise PictureError(f"never happened: {what}")
        await pilot.pause(0.05)


def without_network(svg: str) -> str:
    """The picture with fonts of the reader's machine in place of those from elsewhere."""
    return _FONT_FAMILY.sub(f"font-family: {FONTS};", _FONT_FACE.sub("", svg))


def with_dots(svg: str) -> str:
    """The picture with dots in place of braille characters.

    Few monospaced fonts have these, and in one from another font the chart would lean.
    """
    return _TEXT.sub(_dotted, svg)


def _dotted(match: re.Match[str]) -> str:
    kind, x, y, escaped = match.groups()
    text = unescape(escaped)
    if not any(ord(character) in _BRAILLE for character in text):
        return match[0]
    others = "".join("\xa0" if ord(each) in _BRAILLE else each for each in text)
    left, top = float(x), float(y) - _ASCENT
    squares = []
    for index, character in enumerate(text):
        for bit, (column, row) in enumerate(_DOTS):
            if ord(character) in _BRAILLE and ord(character) >> bit & 1:
                dot_x = left + (index + 0.25 + column / 2) * _CELL_WIDTH - _DOT_SIZE / 2
                dot_y = top + (row + 0.5) / 4 * _CELL_HEIGHT - _DOT_SIZE / 2
                squares.append(f"M{dot_x:.1f} {dot_y:.1f}h{_DOT_SIZE}v{_DOT_SIZE}h-{_DOT_SIZE}z")
    beside = match[0].replace(escaped, escape(others)) if others.strip("\xa0 ") else ""
    return f'{beside}<path class="{kind}" d="{"".join(squares)}"/>'


def main() -> int:
    """Takes the pictures; returns the exit code."""
    try:
        with server() as address:
            taken = asyncio.run(take(address))
    except PictureError as error:
        sys.stderr.write(f"docs/picture.py: {error}\n")
        return 1
    VIEWS.mkdir(exist_ok=True)
    for path, svg in taken.items():
        path.write_text(with_dots(without_network(svg)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
