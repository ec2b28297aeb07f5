"""The board: the latest message of each key, and what became of it since the one before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum
from math import isfinite, nan
from operator import itemgetter

from grpctap.core.follow import Taken
from grpctap.core.history import Located
from grpctap.core.keys import Key

MOST_KEYS = 10_000
MOST_BYTES = 64 * 1024 * 1024
"""Bytes of messages and keys that are kept; a key that is larger is kept all the same."""
MOST_REMEMBERED = 200_000
"""Keys that have left and are still known by their hash."""

Numbers = Callable[[bytes], float | None]
"""Reads the number of a message; None: it has none."""
# Numbers are read when somebody looks, so this stands for one that was not read yet.
_UNREAD = nan


class Entry:
    """A key, and the newest of its messages; `count` are those that were seen.

    `came_back` says that it may have been seen before it left once, and was not counted on since
    then. `gone` says that it has left.
    """

    __slots__ = (
        *("came_back", "count", "first", "gone", "key", "latest", "previous"),
        *("_number", "_previous_number"),
    )

    def __init__(self, key: Key, first: float | None, came_back: bool) -> None:
        self.key = key
        self.first = first
        """The number of the first of its messages; None: it has none."""
        self.came_back = came_back
        self.gone = False
        self.count = 0
        self.latest: Located
        self.previous: bytes | None = None
        self._number: float | None = _UNREAD
        self._previous_number: float | None = None

    def update(self, latest: Located, previous: bytes | None, count: int) -> None:
        """Takes so many more messages: the newest, and of several the one before it."""
        if self.count and previous is None:
            self.previous, self._previous_number = self.latest.value.raw, self._number
        elif previous is not None:
            self.previous, self._previous_number = previous, _UNREAD
        self.latest, self._number = latest, _UNREAD
        self.count += count

    @property
    def size(self) -> int:
        """Bytes that it keeps."""
        key = len(self.key) if isinstance(self.key, (str, bytes)) else 0
        return key + len(self.latest.value.raw) + len(self.previous or b"")

    def number(self, read: Numbers) -> float | None:
        """The number of its newest message."""
        if self._number is not None and self._number != self._number:
            self._number = _finite(read(self.latest.value.raw))
        return self._number

    def change(self, read: Numbers, *, since_first: bool) -> tuple[float, float | None] | None:
        """How the number has changed, and that in percent of the one before.

        Args:
            read: As of the board.
            since_first: Since its first message, and not since the one before the newest.

        Returns:
            None where there are no two numbers; None for the percentage of zero.
        """
        before = self.first if since_first else self._before(read)
        now = self.number(read)
        if now is None or before is None or (since_first and self.count == 1):
            return None
        less = _finite(now - before)
        if less is None:
            return None
        return less, (_finite(less / abs(before) * 100) if before else None)

    def renumber(self, first: float | None) -> None:
        """Forgets its numbers, since others are to be read; the first of them is given."""
        self.first = first
        self._number = _UNREAD
        self._previous_number = None if self.previous is None else _UNREAD

    def _before(self, read: Numbers) -> float | None:
        number = self._previous_number
        if number is not None and number != number:
            number = self._previous_number = _finite(read(self.previous or b""))
        return number


class Column(Enum):
    """By what a board is sorted; the value is what stands above the column."""

    KEY = "key"
    VALUE = "value"
    CHANGE = "change"
    PERCENT = "%"
    COUNT = "count"
    SEEN = "seen"


class Board:
    """Keeps the newest message of each key, of so many keys; the least recently seen leave.

    Args:
        keys: Reads the keys of messages.
        read: Reads the number of a message.
        most_keys: How many keys are kept after each slice of rows.
        most_bytes: How many bytes of messages and keys are kept, at least one key's.
        most_remembered: How many keys that have left are known if they come again.
    """

    def __init__(
        self,
        keys: Callable[[Sequence[bytes]], list[Key]],
        read: Numbers,
        *,
        most_keys: int = MOST_KEYS,
        most_bytes: int = MOST_BYTES,
        most_remembered: int = MOST_REMEMBERED,
    ) -> None:
        self._keys = keys
        self.read = read
        self.has_numbers = False
        """Whether any number was found yet."""
        self._most_keys, self._most_bytes = most_keys, most_bytes
        self._most_remembered = most_remembered
        self.rows: list[Entry] = []
        """The keys in the order of the last `arrange`, and then those that are new since."""
        self.distinct = 0
        """Different keys ever seen, at least."""
        self.distinct_is_exact = True
        self.since_first = False
        """Whether changes are those since the first message of a key."""
        # The least recently seen come first.
        self._entries: dict[Key, Entry] = {}
        self._left: set[int] = set()
        self._bytes = 0

    def __len__(self) -> int:
        """How many keys are kept."""
        return len(self._entries)

    def get(self, key: Key) -> Entry | None:
        """The entry of a key; None: there is none."""
        return self._entries.get(key)

    def take(self, taken: Taken) -> None:
        """Takes some rows, which come in order."""
        slab = taken.slab
        offsets, raws = slab.messages()
        if not raws:
            return
        keys = self._keys(raws)
        counts = Counter(keys)
        last = dict(zip(keys, range(len(keys)), strict=True))
        # The last but one of each key: what comes later in the list replaces what came before.
        before = {key: at for at, key in enumerate(keys) if last[key] != at}
        first: dict[Key, int] | None = None
        for key, at in sorted(last.items(), key=itemgetter(1)):
            entry = self._entries.pop(key, None)
            if entry is None:
                if first is None:
                    backwards = range(len(keys) - 1, -1, -1)
                    first = dict(zip(reversed(keys), backwards, strict=True))
                entry = self._new(key, raws[first[key]])
            else:
                self._bytes -= entry.size
            nth = before.get(key)
            entry.update(
                slab.value(offsets[at], at), None if nth is None else raws[nth], counts[key]
            )
            self._entries[key] = entry
            self._bytes += entry.size
        self._let_go()

    def arrange(self, by: Column, *, descending: bool) -> None:
        """Sorts the rows; what is equal keeps its order, and what is not there comes last."""
        self.rows = [entry for entry in self.rows if not entry.gone]
        ranked = [(self._rank(entry, by), entry) for entry in self.rows]
        present = [pair for pair in ranked if pair[0] is not None]
        present.sort(key=itemgetter(0), reverse=descending)
        self.rows = [entry for _, entry in present]
        self.rows += [entry for rank, entry in ranked if rank is None]

    def renumber(self, read: Numbers) -> None:
        """Reads other numbers from now on; changes since the first begin with the newest."""
        self.read, self.has_numbers = read, False
        for entry in self._entries.values():
            entry.renumber(self._first(entry.latest.value.raw))

    def number(self, entry: Entry) -> float | None:
        """The number of an entry's newest message."""
        number = entry.number(self.read)
        self.has_numbers = self.has_numbers or number is not None
        return number

    def change(self, entry: Entry) -> tuple[float, float | None] | None:
        """How the number of an entry has changed, and that in percent, as they are shown."""
        return entry.change(self.read, since_first=self.since_first)

    def _new(self, key: Key, first: bytes) -> Entry:
        came_back = not self.distinct_is_exact or _trace(key) in self._left
        if not came_back:
            self.distinct += 1
        entry = Entry(key, self._first(first), came_back)
        self.rows.append(entry)
        return entry

    def _first(self, raw: bytes) -> float | None:
        number = _finite(self.read(raw))
        self.has_numbers = self.has_numbers or number is not None
        return number

    def _let_go(self) -> None:
        entries = self._entries
        while len(entries) > self._most_keys or (
            self._bytes > self._most_bytes and len(entries) > 1
        ):
            entry = entries.pop(next(iter(entries)))
            entry.gone = True
            self._bytes -= entry.size
            if len(self._left) < self._most_remembered:
                self._left.add(_trace(entry.key))
            elif _trace(entry.key) not in self._left:
                self.distinct_is_exact = False
        # Nobody may have sorted for long, and those that are gone would become ever more.
        if len(self.rows) > 2 * self._most_keys:
            self.rows = [entry for entry in self.rows if not entry.gone]

    def _rank(self, entry: Entry, by: Column) -> object:
        match by:
            case Column.KEY:
                key = entry.key
                return key if not isinstance(key, str) else (key.casefold(), key)
            case Column.VALUE:
                return self.number(entry)
            case Column.COUNT:
                return entry.count
            case Column.SEEN:
                return entry.latest.value.time_ns
        change = self.change(entry)
        if change is None:
            return None
        return change[0] if by is Column.CHANGE else change[1]


def _trace(key: Key) -> int:
    # The hash of a whole number is not its own alone.
    return key if isinstance(key, int) else hash(key)


def _finite(number: float | None) -> float | None:
    return number if number is not None and isfinite(number) else None
