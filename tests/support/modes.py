"""The modes of a terminal, as a program's output leaves them."""

from __future__ import annotations

import re

CURSOR, WRAP, SYNCHRONIZED = 25, 7, 2026
# As a terminal begins; every other mode is off.
ON = {CURSOR, WRAP}
_CHANGES = re.compile(
    rb"\x1b\[\?([0-9;]+)([hl])|\x1b\[([<>])[0-9;]*u|(\x1b\[[0-9;]*m)|(\x1b\][012];)"
)
_LONGEST = 32


class Modes:
    """Follows the private modes, the stack of keyboard modes, and the title of the window."""

    def __init__(self) -> None:
        self.on = set(ON)
        self.keyboards = 0
        """How many keyboard modes were pushed and not popped."""
        self.titles = 0
        """How many times the title or the icon's name was set."""
        self.coloured = False
        """Whether what is written now would have a colour or another look."""
        self._rest = b""

    @property
    def clean(self) -> bool:
        """Whether the terminal is as it began: cursor, screen, mouse, paste, keyboard and look."""
        # An update of the screen that is cut short ends by itself.
        return ON <= self.on <= ON | {SYNCHRONIZED} and not self.keyboards and not self.coloured

    def feed(self, data: bytes) -> None:
        """Follows the next piece of output, wherever it was cut."""
        data = self._rest + data
        at = 0
        for match in _CHANGES.finditer(data):
            at = match.end()
            numbers, switch, stack, look, title = match.groups()
            if numbers:
                for number in map(int, numbers.split(b";")):
                    (self.on.add if switch == b"h" else self.on.discard)(number)
            elif stack:
                self.keyboards = max(self.keyboards + (1 if stack == b">" else -1), 0)
            elif title:
                self.titles += 1
            else:
                self.coloured = look not in (b"\x1b[0m", b"\x1b[m")
        rest = data[at:]
        escape = rest.rfind(b"\x1b")
        self._rest = rest[escape:] if escape >= 0 and len(rest) - escape < _LONGEST else b""
