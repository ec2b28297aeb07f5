"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from grpctap.pipe import write_all


class Outfile:
    """A file that is written beside its place, and takes it in one step once it is whole.

    What is no plain file, such as a pipe or a device, is written directly.

    Args:
        path: Its place.
        replace: Whether a file that is there already may be replaced.

    Raises:
        FileExistsError: it may not; also at the end, where another program was faster.
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, *, replace: bool) -> None:
        # What a link names is written, and the link is kept.
        self._place = Path(os.path.realpath(path))
        self._replace = replace
        self._beside: Path | None = None
        found = self._place.stat() if self._place.exists() else None
        if found is not None and not stat.S_ISREG(found.st_mode):
            self._output = os.open(self._place, os.O_WRONLY)
            return
        if found is not None and not replace:
            raise FileExistsError(None, "it exists")
        # Not too long a name, whatever that of the file is.
        self._beside = self._place.with_name(f".grpctap-{secrets.token_hex(8)}.part")
        self._output = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        if found is not None:
            # What was private stays so.
            os.fchmod(self._output, stat.S_IMODE(found.st_mode))

    def write(self, raw: bytes) -> None:
        """Writes all of it.

        Raises:
            OSError: it cannot be written.
        """
        write_all(self._output, raw)

    def __enter__(self) -> Self:
        """It is open."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Puts the file in its place, or leaves nothing of it where something went wrong."""
        try:
            if kind is None and self._beside is not None:
                # A disk that is full may tell only now.
                os.fsync(self._output)
            os.close(self._output)
            if kind is None and self._beside is not None:
                self._put(self._beside)
        finally:
            if self._beside is not None:
                with suppress(OSError):
                    self._beside.unlink()

    def _put(self, beside: Path) -> None:
        if self._replace:
            beside.replace(self._place)
            return
        try:
            # Unlike a renaming, this replaces nothing that has come there meanwhile.
            self._place.hardlink_to(beside)
        except FileExistsError:
            raise
        except OSError:
            # Not every file system has links.
            if self._place.exists():
                raise FileExistsError(None, "it exists") from None
            beside.replace(self._place)
