"""Which messages cannot have a word in their line, told by their bytes alone.

Letters that the line of a message shows are letters of its texts, which stand in its bytes as they
are; or they are those of a name in its type, of a number's or a time's form, or of an escape. A
word with a letter that only a text can have is looked for in the bytes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import cast

from google.protobuf.descriptor import Descriptor

from grpctap.core.filters.words import Word

Possible = Callable[[bytes], bool]

_MOST_FIELDS = 10_000
_LETTERS = re.compile(r"[A-Za-z]+", re.ASCII)
# Words that a line has by itself: of numbers, times, durations, escapes, and of what went wrong.
_FORMS = (
    *("true", "false", "null", "inf", "nan", "e", "t", "ns", "ms", "s", "m", "h", "x", "u"),
    *("the message is no", "bytes", "that cannot be shown"),
)
_HEXADECIMAL = re.compile(r"[a-fx]+", re.ASCII)
# What an escape before it may take away from the beginning of a word: \n, \u202e.
_ESCAPED = re.compile(r"u[a-f]{0,4}|[a-f]{1,4}|[nrt]|", re.ASCII)
# A K that is no K until it is made small, and a mark that no line shows.
_ODD = (b"\xe2\x84\xaa", b"\xef\xb8")


class RawText:
    """Looks for words in the bytes of one type's messages."""

    def __init__(self, root: Descriptor) -> None:
        self._names = _names(root)

    def possible(self, words: Iterable[Word]) -> Possible | None:
        """What says of a message's bytes whether its line may have all the words.

        None: nothing can be told by the bytes.
        """
        if self._names is None:
            return None
        exact: list[bytes] = []
        small: list[bytes] = []
        for word in words:
            for run in _LETTERS.findall(word.text):
                low = run.lower()
                if low in self._names or _HEXADECIMAL.fullmatch(low):
                    continue
                cut = len(cast("re.Match[str]", _ESCAPED.match(low))[0])
                if low[cut:]:
                    (small if word.any_case else exact).append(run[cut:].encode())
        if not exact and not small:
            return None

        def possible(raw: bytes) -> bool:
            if all(part in raw for part in exact):
                if not small:
                    return True
                low = raw.lower()
                if all(part in low for part in small):
                    return True
            return any(odd in raw for odd in _ODD)

        return possible


def _names(root: Descriptor) -> str | None:
    """All names in a type, in small letters; None: there may be others in its messages."""
    seen, queue = {root}, [root]
    names = [*_FORMS]
    fields = 0
    # It grows while it is gone through.
    for type_ in queue:
        names.append(type_.full_name)
        fields += len(type_.fields)
        if type_.is_extendable or type_.full_name == "google.protobuf.Any" or fields > _MOST_FIELDS:
            return None
        for field in type_.fields:
            names.append(field.name)
            if field.enum_type is not None:
                names.extend(value.name for value in field.enum_type.values)
            inner = field.message_type
            if inner is not None and inner not in seen:
                seen.add(inner)
                queue.append(inner)
    return "\n".join(names).lower()
