"""Foreign text made harmless for a terminal, and as wide there as it is here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

# Far more than any terminal is wide, and small enough to go through at every frame.
MAX_LINE = 2_000
MARKS_PER_CHARACTER = 2
# A letter with three marks can be one character, and two more can stand upon it.
_MOST_JOINED = 8

# Terminals agree that these marks stand upon the character before them (Latin, Greek, Cyrillic,
# Hebrew, Arabic, Thai, Lao). Others take a cell of their own in some terminals, or join letters.
_MARKS = (
    "\u0300-\u034e\u0350-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    "\u0e31\u0e34-\u0e39\u0e47-\u0e4e\u0eb1\u0eb4-\u0eb9\u0ebb\u0ebc\u0ec8-\u0ecd"
)
# These join what is before them in one way or another: vowels and ends of Hangul syllables, the
# voice of Kana, the choice between text and picture.
_JOINING = "\u1160-\u11ff\u3099\u309a\ufe0e\ufe0f"
# Of these one terminal makes more cells than another: jamo left alone, fillers, hexagrams, dashes
# of two and three, circled numbers, halves of flags, colours of skin, letters that take in the
# next one, and what is wide or known at all only since Unicode 12.
_DISPUTED = re.compile(
    "[\u0d4e\u1100-\u11ff\u2630-\u2637\u268a-\u268f\u2e3a\u2e3b\u3164\u31bb-\u31bf\u3248-\u324f"
    "\u4dc0-\u4dff\ua960-\ua97f\ud7b0-\ud7ff\uffa0\U000111c2\U000111c3\U0001193f\U00011941"
    "\U00011a3a\U00011a84-\U00011a89\U00011d46\U00011f02\U00018af3-\U00018d7f"
    "\U0001aff0-\U0001b16f\U0001d300-\U0001d37f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff"
    "\U0001f6d6-\U0001f6df\U0001f6fb-\U0001f6ff\U0001f7f0-\U0001f7ff\U0001f90c\U0001f93b"
    "\U0001f946\U0001f972\U0001f977-\U0001f979\U0001f9a3\U0001f9a4\U0001f9ab-\U0001f9ad"
    "\U0001f9cb\U0001f9cc\U0001fa70-\U0001faff]"
)
# Nothing in these can be disputed, and most texts hold nothing else.
_PLAIN = (
    "\x20-\x7e\xa1-\xac\xae-\u024f\u0400-\u0482\u048a-\u052f\u3041-\u3096\u30a1-\u30fa"
    "\u4e00-\u9fa5\uac00-\ud7a3\U0001f300-\U0001f3fa\U0001f400-\U0001f64f"
)
_MARK = re.compile(f"[{_MARKS}]")
_ODD = re.compile(f".?[{_MARKS}{_JOINING}]+|[^{_PLAIN}]", re.DOTALL)
# What looks the same and is as wide everywhere; the first two are a mark and a letter in one.
_TWINS = {
    "\u0e33": "\u0e4d\u0e32",
    "\u0eb3": "\u0ecd\u0eb2",
    "\uff9e": "\u309b",
    "\uff9f": "\u309c",
}
_UNPRINTABLE = re.compile(r"[^\t\x20-\x7e]")
_TWIN = re.compile("[" + "".join(_TWINS) + "]")


def printable(text: str, limit: int = MAX_LINE) -> str:
    """Returns `text` with every character that could act on a terminal shown as a visible sign.

    C0 controls become their control pictures (ESC: ␛). Every other unprintable character (C1
    controls, bidi overrides, joiners, line separators, lone surrogates, private use) becomes its
    code point, as in <U+202E>, and so does a character that some terminals make wider than others:
    what is to the right of the text must stand in its column in all of them.

    The result has at most `limit` characters, and ends in "…" where something was cut; a character
    is one cell wide or two, and has at most two marks upon it. Only as much of `text` is looked at.
    """
    head = text[:limit]
    if head.isascii() and head.isprintable():
        return head if head == text else head[:-1] + "…"
    scanned = _TWIN.sub(lambda match: _TWINS[match[0]], text[: _MOST_JOINED * limit])
    parts: list[str] = []
    at = size = 0
    for match in _ODD.finditer(scanned):
        found = match[0]
        sign = _sign(found) if len(found) == 1 else _stacked(found)
        parts += (scanned[at : match.start()], sign)
        size += match.start() - at + len(sign)
        at = match.end()
        if size > limit:
            break
    shown = "".join((*parts, scanned[at : at + limit + 1]))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def harmless(line: str) -> str:
    """A line of any length in which only what could act on a terminal is shown as a sign.

    Nothing may have to stand in its column to the right of it: unlike `printable`, this leaves
    tabs, and what is wider in some terminals.
    """
    return _UNPRINTABLE.sub(_harmless, line)


def text_of(value: str | bytes) -> str:
    """A string of a message, which protobuf hands out as bytes where nobody checked its UTF-8."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def listed(names: Sequence[str], most: int = 6) -> str:
    """The first of the names, and how many more there are: "a, b and 3 more"."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _harmless(match: re.Match[str]) -> str:
    return match[0] if match[0].isprintable() else printable(match[0])


def _stacked(text: str) -> str:
    """A character with what joins it, or a run of marks upon nothing, as it is shown."""
    if text[1] in "\ufe0e\ufe0f":
        # Only the look is chosen by it, and there are terminals that make the picture wider.
        text = text[0] + text[2:]
    # More than so many cannot become one, and to sort thousands of marks takes long.
    text = unicodedata.normalize("NFC", text[:_MOST_JOINED]) + text[_MOST_JOINED:]
    first, rest = text[0], text[1:]
    sign = _sign(first)
    marks = 0
    if sign == first:
        while marks < min(len(rest), MARKS_PER_CHARACTER) and _MARK.match(rest[marks]):
            marks += 1
    return sign + rest[:marks] + "".join(map(_sign, rest[marks:]))


@lru_cache(4096)
def _sign(character: str) -> str:
    """A character that stands by itself, or what is shown in its place."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if unicodedata.category(character) == "Zs":
        return " "
    if (
        not character.isprintable()
        or unicodedata.category(character).startswith("M")
        or _DISPUTED.match(character)
    ):
        return f"<U+{code:04X}>"
    return character
