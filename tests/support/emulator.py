"""A terminal that draws: a program under a pseudo-terminal, and the cells of its screen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pyte

from support.server import eventually
from support.terminal import BEGIN, END, Terminal


class Emulator(Terminal):
    """A terminal whose screen can be read cell by cell, as somebody would see it.

    The emulator (pyte) takes a mark without a combining class, as Thai has them, for the end of the
    text; no other terminal does.
    """

    def __init__(self, command: Sequence[str], *, columns: int = 80, rows: int = 24) -> None:
        self._guard = threading.Lock()
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._pending = b""
        self.raw = bytearray()
        """All that the program wrote."""
        super().__init__(command, columns=columns, rows=rows)

    def received(self, data: bytes) -> None:
        """Draws what is whole: an update of the screen is shown at once, as good terminals do."""
        self.raw += data
        self._pending += data
        begun = self._pending.rfind(BEGIN)
        if begun < 0 or END in self._pending[begun:]:
            self._draw()

    def _draw(self) -> None:
        # pyte shows the end of this one, which gives the keyboard back, as a letter.
        data = self._pending.replace(b"\x1b[<u", b"")
        self._pending = b""
        with self._guard:
            self._stream.feed(data)

    def wait(self) -> int:
        """Waits until the program has ended by itself, and draws its last words."""
        code = super().wait()
        self._draw()
        return code

    def resize(self, columns: int, rows: int) -> None:
        """Changes the size of the terminal and of what it shows."""
        with self._guard:
            self._screen.resize(rows, columns)
            super().resize(columns, rows)

    @property
    def cells(self) -> list[list[str]]:
        """The characters in each row, with "" behind a wide one."""
        with self._guard:
            columns, buffer = self._screen.columns, self._screen.buffer
            return [[buffer[y][x].data for x in range(columns)] for y in range(self._screen.lines)]

    @property
    def lines(self) -> list[str]:
        """The rows as text."""
        return ["".join(row) for row in self.cells]

    def shows(self, *words: str) -> None:
        """Waits until the words stand on the screen."""
        missing = list(words)

        def look() -> bool:
            picture = "\n".join(self.lines)
            missing[:] = [word for word in missing if word not in picture]
            return not missing

        eventually(look, f"{words} on the screen")

    def until(self, condition: Callable[[list[str]], object], what: str) -> None:
        """Waits until something holds of the rows on the screen."""
        eventually(lambda: condition(self.lines), what)
