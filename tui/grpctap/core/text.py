"""Foreign text made harmless for a terminal."""

from __future__ import annotations

import re

# Far more than any terminal is wide, and small enough to go through at every frame.
MAX_LINE = 2_000

_UNSAFE = re.compile(r"[^\x20-\x7e]")


def printable(text: str, limit: int = MAX_LINE) -> str:
    """Returns `text` with every character that could act on a terminal shown as a visible sign.

    C0 controls become their control pictures (ESC: ␛), every other unprintable character (C1
    controls, bidi overrides, zero-width and line separators, lone surrogates, private use)
    becomes its code point, as in <U+202E>. Text beyond `limit` characters is cut, ending in "…".
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isprintable():
        return text
    return _UNSAFE.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if character.isspace() and code not in (0x85, 0x2028, 0x2029):
        return " "
    return f"<U+{code:04X}>"
