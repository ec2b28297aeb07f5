"""The board: the latest message of each key, and what became of it since the one before."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from math import inf, isfinite, nan
from operator import itemgetter

from grpctap.core.board_order import Column, Ordering
from grpctap.core.follow import Taken
from grpctap.core.history import Located, Slab, Value
from grpctap.core.keys import Key

MOST_KEYS = 10_000
MOST_BYTES = 64 * 1024 * 1024
"""Bytes of messages and keys that are kept; a key that is larger is kept all the same."""
MOST_REMEMBERED = 200_000
"""Keys that have left and are still known by their hash."""

Numbers = Callable[[bytes], float | None]
"""Reads the number of a message; None: it has none."""
# Numbers are read when somebody looks, so this stands for one that was not read yet.
_UNREAD: float | None = nan


class Entry:
    """A key, and the newest of its messages; `count` are those that were seen.

    `came_back` says that it may have been seen before it left once, and was not counted on since
    then. `gone` says that it has left. `time_ns` is when the newest message came, `raw` what it is.
    """

    __slots__ = (
        *("came_back", "count", "decimals", "gone", "key", "raw", "size", "time_ns"),
        *("_first", "_first_raw", "_number", "_ordinal", "_previous", "_previous_number"),
        *("_row", "_sequence"),
    )

    def __init__(self, key: Key, first: bytes, came_back: bool) -> None:
        self.key = key
        self.came_back = came_back
        self.gone = False
        self.count = 0
        self.time_ns = 0
        self.raw = b""
        self.size = 0
        """Bytes that it keeps."""
        self.decimals = 0
        """With how many its numbers were shown, so that they do not become fewer."""
        self._row = self._sequence = self._ordinal = 0
        self._previous: bytes | None = None
        self._first_raw = first
        self._first = self._number = self._previous_number = _UNREAD

    def update(
        self, slab: Slab, offset: int, nth: int, raw: bytes, previous: bytes | None, count: int
    ) -> None:
        """Takes so many more messages.

        Args:
            slab: The rows among which they are.
            offset: Where the newest is among the rows.
            nth: Where it is among the values.
            raw: The newest.
            previous: The one before it, where it is new as well.
            count: How many they are.
        """
        if previous is not None:
            self._previous, self._previous_number = previous, _UNREAD
        elif self.count:
            self._previous, self._previous_number = self.raw, self._number
        self.raw, self._number = raw, _UNREAD
        self.time_ns = slab.times[offset]
        self._row, self._sequence = slab.first + offset, slab.sequences[offset]
        self._ordinal = slab.before + nth + 1
        self.count += count
        key = self.key
        self.size = len(raw) + len(self._previous or b"") + len(self._first_raw)
        self.size += len(key) if isinstance(key, (str, bytes)) else 0

    def forget(self) -> None:
        """Lets go of its messages: it may stand among the rows for a while yet."""
        self.raw, self._previous, self._first_raw = b"", None, b""
        self._first = self._number = self._previous_number = None

    @property
    def latest(self) -> Located:
        """The newest message."""
        value = Value(self._sequence, self._ordinal, self.time_ns, self.raw)
        return Located(self._row, value)

    def number(self, read: Numbers) -> float | None:
        """The number of its newest message."""
        if self._number is _UNREAD:
            self._number = _finite(read(self.raw))
        return self._number

    def change(self, read: Numbers, *, since_first: bool) -> tuple[float, float | None] | None:
        """How the number has changed, and that in percent of the one before.

        Args:
            read: As of the board.
            since_first: Since its first message, and not since the one before the newest.

        Returns:
            None where there are no two numbers; None for the percentage of zero.
        """
        if self.count < 2:
            return None
        before = self._number_of_first(read) if since_first else self._number_before(read)
        now = self.number(read)
        if now is None or before is None:
            return None
        less = _finite(now - before)
        if less is None:
            return None
        return less, (_finite(less / abs(before) * 100) if before else None)

    def renumber(self) -> None:
        """Forgets its numbers, since others are to be read; the newest message is the first now."""
        self._first_raw, self.decimals = self.raw, 0
        self._first = self._number = self._previous_number = _UNREAD

    def _number_of_first(self, read: Numbers) -> float | None:
        if self._first is _UNREAD:
            self._first = _finite(read(self._first_raw))
            self._first_raw = b""
        return self._first

    def _number_before(self, read: Numbers) -> float | None:
        if self._previous_number is _UNREAD:
            self._previous_number = _finite(read(self._previous or b""))
        return self._previous_number


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
        self.since_first = False
        """Whether changes are those since the first message of a key."""
        self.clear()

    def clear(self) -> None:
        """Forgets all messages."""
        self.rows: list[Entry] = []
        """The keys in the order of the last `arrange`, and then those that are new since."""
        self.distinct = 0
        """Different keys ever seen, at least."""
        self.distinct_is_exact = True
        self.taken = 0
        """Values that were counted."""
        # The least recently seen come first.
        self._entries: dict[Key, Entry] = {}
        self._left: set[int] = set()
        self._bytes = 0
        self._ordering: Ordering[Entry] | None = None
        self._in_order: set[Entry] = set()

    def __len__(self) -> int:
        """How many keys are kept."""
        return len(self._entries)

    def get(self, key: Key) -> Entry | None:
        """The entry of a key; None: there is none."""
        return self._entries.get(key)

    def take(self, taken: Taken, chosen: Sequence[int] | None = None) -> None:
        """Takes some rows, which come in order.

        Args:
            taken: The rows.
            chosen: The offsets of the values among them that count; None: all do.
        """
        slab = taken.slab
        offsets, raws = slab.messages()
        nths: Sequence[int] = range(len(raws))
        if chosen is not None:
            offsets, nths, raws = _only(slab, chosen)
        self.taken += len(raws)
        if not raws:
            return
        keys = self._keys(raws)
        counts = Counter(keys)
        last = dict(zip(keys, range(len(keys)), strict=True))
        # The last but one of each key: what comes later in the list replaces what came before.
        previous = {key: at for at, key in enumerate(keys) if last[key] != at}
        firsts: dict[Key, int] | None = None
        for key, at in sorted(last.items(), key=itemgetter(1)):
            entry = self._entries.pop(key, None)
            if entry is None:
                if firsts is None:
                    backwards = range(len(keys) - 1, -1, -1)
                    firsts = dict(zip(reversed(keys), backwards, strict=True))
                entry = self._new(key, raws[firsts[key]])
            before = previous.get(key)
            self._bytes -= entry.size
            entry.update(
                *(slab, offsets[at], nths[at], raws[at]),
                None if before is None else raws[before],
                counts[key],
            )
            self._bytes += entry.size
            self._entries[key] = entry
        self._let_go()

    def arrange(self, by: Column, *, descending: bool) -> None:
        """Sorts the rows; what is equal keeps its order, and what is not there comes last."""
        self.begin_order(by, descending=descending)
        self.order_on(inf)

    def begin_order(self, by: Column, *, descending: bool) -> None:
        """Lets `order_on` sort the rows this way, in the place of any other."""
        if by is Column.SEEN:
            # The entries are in this order anyway.
            self._ordering, self._in_order = None, set()
            entries = self._entries.values()
            self.rows = list(reversed(entries) if descending else entries)
            return
        rows = [entry for entry in self.rows if not entry.gone]
        self._ordering = Ordering(rows, partial(self._rank, by), descending=descending)
        self._in_order = set(rows)

    def order_on(self, limit_s: float) -> bool:
        """Sorts for about so many seconds; the rows change when all is done, and it returns True.

        Rows that are new meanwhile stay the last ones.
        """
        if self._ordering is None:
            return True
        ordered = self._ordering.work(limit_s)
        if ordered is None:
            return False
        ordered += [entry for entry in self.rows if entry not in self._in_order]
        self.rows = [entry for entry in ordered if not entry.gone]
        self._ordering, self._in_order = None, set()
        return True

    @property
    def is_ordering(self) -> bool:
        """Whether `order_on` has more to do."""
        return self._ordering is not None

    def renumber(self, read: Numbers) -> None:
        """Reads other numbers from now on; changes since the first begin with the newest."""
        self.read, self.has_numbers = read, False
        self._ordering, self._in_order = None, set()
        for entry in self._entries.values():
            entry.renumber()

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
        entry = Entry(key, first, came_back)
        self.rows.append(entry)
        return entry

    def _let_go(self) -> None:
        entries = self._entries
        while len(entries) > self._most_keys or (
            self._bytes > self._most_bytes and len(entries) > 1
        ):
            entry = entries.pop(next(iter(entries)))
            entry.gone = True
            self._bytes -= entry.size
            entry.forget()
            if len(self._left) < self._most_remembered:
                self._left.add(_trace(entry.key))
            elif _trace(entry.key) not in self._left:
                self.distinct_is_exact = False
        # Nobody may have sorted for long, and those that are gone would become ever more.
        if len(self.rows) > 2 * self._most_keys:
            self.rows = [entry for entry in self.rows if not entry.gone]

    def _rank(self, by: Column, entry: Entry) -> object:
        match by:
            case Column.KEY:
                key = entry.key
                return key if not isinstance(key, str) else f"{key.casefold()}\0{key}"
            case Column.VALUE:
                return self.number(entry)
            case Column.COUNT:
                return entry.count
            case Column.SEEN:
                return entry.time_ns
        change = self.change(entry)
        if change is None:
            return None
        return change[0] if by is Column.CHANGE else change[1]


def _only(slab: Slab, chosen: Sequence[int]) -> tuple[Sequence[int], Sequence[int], list[bytes]]:
    """The values of a slab at these offsets: where each is among its rows, among its values, it."""
    found = [
        (at, at - bisect_left(slab.seams, at), raw)
        for at in chosen
        if isinstance(raw := slab.items[at], bytes)
    ]
    return [at for at, _, _ in found], [nth for _, nth, _ in found], [raw for _, _, raw in found]


def _trace(key: Key) -> int:
    # The hash of a whole number is not its own alone.
    return key if isinstance(key, int) else hash(key)


def _finite(number: float | None) -> float | None:
    return number if number is not None and isfinite(number) else None
