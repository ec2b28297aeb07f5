"""Which field is the key of a board and which its number, guessed and chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from google.protobuf.message import Message

from grpctap.core.board import Board, Numbers
from grpctap.core.history import Row, Value
from grpctap.core.keys import ENOUGH, Candidate, FieldPath, candidates, field_paths, key_reader
from grpctap.core.listvalue import last_number
from grpctap.core.message import MessageError, Schema

SAMPLE = 1_000
"""A key is guessed from so many of the newest messages."""
_SAMPLE_BYTES = 1_000_000
_FEW = 50


class Keying:
    """Chooses the fields for the board of one method's messages.

    `path` is the key (None: no field can be it), and `value` the field that was chosen for the
    number (None: the number is that of the chart, unless that is the key).
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._paths = field_paths(schema.message(b"").DESCRIPTOR)  # type: ignore[arg-type]
        self._sampled = 0
        self._settled = False
        self.path: FieldPath | None = None
        self.value: FieldPath | None = None

    @property
    def numbers(self) -> list[FieldPath]:
        """The fields that can be the number."""
        return [path for path in self._paths if path.is_number]

    @property
    def guesses(self) -> bool:
        """Whether more messages can still change the key."""
        return not self._settled

    def candidates(self, rows: Iterable[Row]) -> list[Candidate]:
        """The fields that can be the key, the likeliest first, by a sample of the rows."""
        return candidates(self._paths, self._messages(rows))

    def guess(self, rows: Sequence[Row]) -> bool:
        """Guesses the key as long as few messages were seen; returns whether it is another now."""
        if self._settled:
            return False
        messages = self._messages(rows)
        if self.path is not None and len(messages) <= self._sampled:
            return False
        self._sampled = len(messages)
        self._settled = self._sampled >= ENOUGH
        found = candidates(self._paths, messages)
        keys = [candidate.path for candidate in found]
        path = next((path for path in keys if not self._is_value(path, rows)), None)
        path = path or (keys[0] if keys else None)
        if path is self.path:
            return False
        self.path = path
        return True

    def choose(self, path: FieldPath) -> None:
        """Takes a key that somebody chose, and guesses no more."""
        self.path, self._settled = path, True

    def board(self) -> Board | None:
        """A new board; None: no field can be the key."""
        if self.path is None:
            return None
        return Board(key_reader(self.path, self._schema.message), self.read)

    @property
    def read(self) -> Numbers:
        """Reads the number of a message."""
        value = self.value or self._instead
        schema = self._schema
        if value is None:
            return lambda raw: schema.read(raw).number

        def read(raw: bytes) -> float | None:
            try:
                return value.number(schema.message(raw))
            except MessageError:
                return None

        return read

    @property
    def _instead(self) -> FieldPath | None:
        """Another number, where that of the chart is the key, which never changes."""
        if self.path is None or self._schema.number_name != self.path.name:
            return None
        return next((path for path in self.numbers if path is not self.path), None)

    def _is_value(self, path: FieldPath, rows: Sequence[Row]) -> bool:
        """Whether a text is only the number written out, as in "WTI 78.41", and so no key."""
        if path.name == self._schema.number_name:
            return False
        raws = [row.raw for row in rows if isinstance(row, Value)][-_FEW:]
        raws = [raw for raw in raws if len(raw) <= _SAMPLE_BYTES // _FEW]
        numbers: set[float] = set()
        for raw in raws:
            try:
                key = path.key(self._schema.message(raw))
                number = self._schema.read(raw).number
            except MessageError:
                return False
            if number is None or not isinstance(key, str) or last_number(key) != number:
                return False
            numbers.add(number)
        return len(numbers) > 1

    def _messages(self, rows: Iterable[Row]) -> list[Message]:
        messages, size = [], 0
        for row in rows:
            if isinstance(row, Value) and size + len(row.raw) <= _SAMPLE_BYTES:
                size += len(row.raw)
                try:
                    messages.append(self._schema.message(row.raw))
                except MessageError:
                    continue
        return messages
