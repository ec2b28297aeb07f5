"""The file of a recording, read here and there, also while somebody still writes it."""

from __future__ import annotations

import os
from enum import Enum, auto

from grpctap.core.manyentries import parse_entries
from grpctap.core.message import Schema
from grpctap.core.recording import LENGTH_BYTES, MAX_ENTRY
from grpctap.core.step import Step, steps_of
from grpctap.recording import Recording, RecordingError

BLOCK = 256 * 1024
"""Bytes that are read at once, unless an entry is larger."""


class Tail(Enum):
    """What stands behind the last whole entry."""

    NOTHING = auto()
    PART = auto()
    """The beginning of an entry, of which the rest is not there, or not there yet."""
    DAMAGE = auto()
    """What is no entry."""


class Reel:
    """Reads the entries of a recording in parts; it is for one thread.

    Args:
        recording: Whose file it is.
        schema: Reads the messages.

    Raises:
        RecordingError: the file cannot be read any more.
    """

    def __init__(self, recording: Recording, schema: Schema) -> None:
        self._schema = schema
        self._path = recording.path
        self.start = recording.start
        """Where the first entry begins, in bytes."""
        self.size = recording.size
        """How long the file is, as far as is known."""
        self.tail = Tail.NOTHING
        """What there was behind the last entry, when there was none to read."""
        self._seen: tuple[int, int] | None = None
        try:
            self._file = recording.path.open("rb", buffering=0)
        except OSError as error:
            raise RecordingError(self._path, f"cannot be read: {error.strerror}") from None

    def close(self) -> None:
        """Lets the file go."""
        self._file.close()

    def read(self, offset: int, most: int) -> list[Step]:
        """The entries from a place in the file on, as many as are near, at most so many.

        None are the end of the file, or of what makes sense in it; `tail` then says which.

        Raises:
            RecordingError: the file cannot be read any more.
        """
        block = self._bytes(offset, BLOCK)
        if self._seen == (offset, self.size):
            # Nothing has come to what made no entry before, which may be large.
            return []
        head = block[:LENGTH_BYTES]
        length = int.from_bytes(head)
        if len(head) == LENGTH_BYTES and len(block) < LENGTH_BYTES + length <= MAX_ENTRY:
            block = self._bytes(offset, LENGTH_BYTES + length)
        raws: list[bytes] = []
        ends: list[int] = []
        self.tail = Tail.NOTHING
        at, end = 0, len(block)
        while at < end and len(raws) < most:
            stop = at + LENGTH_BYTES
            length = int.from_bytes(block[at:stop])
            if length > MAX_ENTRY:
                self.tail = Tail.DAMAGE
                break
            at = stop + length
            if at > end:
                self.tail = Tail.PART
                break
            raws.append(block[stop:at])
            ends.append(offset + at)
        entries = parse_entries(raws, block[: ends[-1] - offset] if ends else b"")
        if len(entries) < len(raws):
            self.tail = Tail.DAMAGE
        self._seen = None if entries else (offset, self.size)
        return steps_of(self._schema, entries, ends[: len(entries)])

    def _bytes(self, offset: int, count: int) -> bytes:
        try:
            descriptor = self._file.fileno()
            self.size = max(os.fstat(descriptor).st_size, offset)
            # Where the file is shorter than an entry says, no memory is taken for it.
            return os.pread(descriptor, min(count, self.size - offset), offset)
        except OSError as error:
            raise RecordingError(self._path, f"cannot be read: {error.strerror}") from None
