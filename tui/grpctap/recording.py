"""Recordings: files that hold a stream as it was received, and all that it takes to read it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from grpctap.core.catalog import CatalogError
from grpctap.core.listvalue import as_known
from grpctap.core.method import Method
from grpctap.core.recording import (
    FORMAT,
    LENGTH_BYTES,
    MAX_ENTRY,
    MAX_HEADER,
    Entry,
    EntryError,
    Header,
    parse_entry,
    parse_header,
)
from grpctap.core.text import printable
from grpctap.transport.pools import SchemaError, build_pool, services_in

_CHUNK = 1024 * 1024
_LONGEST_ERROR = 600
MOST_FILES = 10_000


class RecordingError(Exception):
    """A file that cannot be read as a recording; the message says why, on one printable line."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(printable(f"{os.fspath(path)} {reason}", _LONGEST_ERROR))


class Recording:
    """A recording in a file, of which only what is looked at is in memory.

    It ends at its last whole entry: a file that a crash cut off is good up to there. `header` says
    how to read the rest, `size` is that of the file in bytes when it was opened.
    """

    def __init__(self, path: Path, header: Header, start: int, size: int) -> None:
        self.path = path
        self.header = header
        self.size = size
        self._start = start

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Recording:
        """Looks at the header of a file.

        Raises:
            RecordingError: there is no such file, or it is no recording, or a newer one.
        """
        try:
            # To open a pipe is to wait for who writes into it.
            if not stat.S_ISREG(Path(path).stat().st_mode):
                raise RecordingError(path, "is no file; give that of a recording")
            with Path(path).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                head = file.read(LENGTH_BYTES)
                length = int.from_bytes(head)
                raw = (
                    file.read(length) if len(head) == LENGTH_BYTES and length <= MAX_HEADER else b""
                )
        except OSError as error:
            raise RecordingError(path, f"cannot be read: {error.strerror}") from None
        if not size:
            raise RecordingError(path, "is empty: nothing was recorded in it")
        try:
            if not raw or len(raw) != length:
                raise EntryError
            header = parse_header(raw)
        except EntryError:
            hint = "record one with --record FILE, or w in the viewer"
            raise RecordingError(path, f"is no recording of grpctap; {hint}") from None
        if header.format > FORMAT:
            by = f"grpctap {header.version[:20]}"
            raise RecordingError(path, f"was made by a newer version ({by}); update grpctap")
        return cls(Path(path), header, LENGTH_BYTES + length, size)

    @cached_property
    def method(self) -> Method:
        """The method that was recorded, with types of its own.

        Raises:
            RecordingError: the file does not describe it.
        """
        try:
            files = FileDescriptorSet.FromString(self.header.descriptors).file
            if len(files) > MOST_FILES:
                raise RecordingError(self.path, f"has more than {MOST_FILES:,} files of types")
            named = {file.name: file for file in files}
            catalog = build_pool(named).catalog(services_in(named.values()))
            return as_known(catalog.method(self.header.method))
        except (DecodeError, SchemaError, CatalogError, TypeError, ValueError) as error:
            name = self.header.method
            raise RecordingError(
                self.path, f"does not describe {name}, so it cannot be read: {error}"
            ) from None

    def entries(self) -> Iterator[Entry]:
        """All entries after the header, in the order in which they were written.

        Raises:
            RecordingError: the file cannot be read any more.
        """
        for _, entry in self.placed():
            yield entry

    def placed(self, start: int = 0) -> Iterator[tuple[int, Entry]]:
        """The entries, each with where in the file it begins, in bytes.

        `start` is such a place to begin at; 0: the first entry.

        Raises:
            RecordingError: the file cannot be read any more.
        """
        for place, raw in self._raw(start or self._start):
            try:
                entry = parse_entry(raw)
            except EntryError:
                return
            if entry is not None:
                yield place, entry

    @property
    def is_cut(self) -> bool:
        """Whether bytes at its end are no whole entry; to find out, all of it is looked through."""
        return self.cut > 0

    @cached_property
    def cut(self) -> int:
        """How many bytes at its end are no whole entry, or come after what is none."""
        end = self._start
        for place, raw in self._raw(self._start):
            try:
                parse_entry(raw)
            except EntryError:
                break
            end = place + LENGTH_BYTES + len(raw)
        return max(self.size - end, 0)

    def _raw(self, place: int) -> Iterator[tuple[int, bytes]]:
        """Whole entries and where they begin, as far as there are any."""
        try:
            with self.path.open("rb", buffering=_CHUNK) as file:
                file.seek(place)
                read = file.read
                while len(head := read(LENGTH_BYTES)) == LENGTH_BYTES:
                    length = int.from_bytes(head)
                    # Before anything is read, so that a length from nowhere takes no memory.
                    if length > min(MAX_ENTRY, self.size - place - LENGTH_BYTES):
                        return
                    raw = read(length)
                    if len(raw) != length:
                        return
                    yield place, raw
                    place += LENGTH_BYTES + length
        except OSError as error:
            raise RecordingError(self.path, f"cannot be read: {error.strerror}") from None
