"""Files of JSON lines in the user's folder for the state of programs."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from platformdirs import user_state_path

MAX_FILE_SIZE = 16 * 1024 * 1024
# Whoever holds the lock does so for milliseconds, unless it was suspended in the middle.
_LOCK_TRIES, _LOCK_WAIT_S = 50, 0.02

_Item = TypeVar("_Item")


class StateFile:
    """A file that several programs may use at once, and that nobody else can read.

    Args:
        name: What the file is called, without ".jsonl".
        folder: Where it is; None: the user's folder for the state of programs.
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._name = name
        self._folder = folder or user_state_path("grpctap")
        self.path = self._folder / f"{name}.jsonl"

    def read(self, item: Callable[[Any], _Item]) -> tuple[list[_Item], str]:
        """What is in the file, in order, and what cannot be read of it, in one sentence, or "".

        Args:
            item: Makes what a line says, as JSON, into what it means; it may raise ValueError,
                TypeError and LookupError.
        """
        try:
            with self.path.open("rb") as file:
                raw = file.read(MAX_FILE_SIZE)
        except FileNotFoundError:
            return [], ""
        except OSError as error:
            return [], f"{self.path} cannot be read: {error.strerror}"
        items, damaged = [], 0
        for line in raw.splitlines():
            try:
                items.append(item(json.loads(line)))
            except (ValueError, TypeError, LookupError, RecursionError):
                damaged += 1
        if not damaged:
            return items, ""
        lines = "1 line" if damaged == 1 else f"{damaged:,} lines"
        return items, f"{lines} of {self.path} cannot be read and will be left out"

    def change(self, make: Callable[[], Iterable[object]]) -> str:
        """Writes the file anew; returns why it could not be written, or "".

        Args:
            make: Gives what is to be in it, for JSON; meanwhile no other program changes it.
        """
        try:
            with self._locked():
                self._write(make())
        except OSError as error:
            return f"{self.path} cannot be written: {error.strerror}"
        return ""

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / f"{self._name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            for _ in range(_LOCK_TRIES):
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(_LOCK_WAIT_S)
            else:
                raise TimeoutError(None, "another program holds it")
            yield
        finally:
            os.close(lock)

    def _write(self, items: Iterable[object]) -> None:
        # Whoever reads meanwhile finds either the old file or the new one, each of them whole.
        handle, name = tempfile.mkstemp(prefix=f"{self._name}-", dir=self._folder)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                for item in items:
                    file.write(json.dumps(item) + "\n")
            Path(name).replace(self.path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise


def text(value: object) -> str:
    """A value that has to be a text.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, str):
        raise TypeError("a text is wanted")
    return value
