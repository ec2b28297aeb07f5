"""Recent calls: the last ones that were watched, kept in a file of the user."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from platformdirs import user_state_path

MOST_CALLS = 50
LONGEST_BODY = 64 * 1024
"""In characters; a call with a longer request is not kept."""
MAX_FILE_SIZE = 16 * 1024 * 1024
_END_OF_TIME = 2.0**37
# Whoever holds the lock does so for milliseconds, unless it was suspended in the middle.
_LOCK_TRIES, _LOCK_WAIT_S = 50, 0.02


@dataclass(frozen=True, slots=True)
class RecentCall:
    """A call that was watched, without anything that lets one in.

    `flags` say how to connect; `body` is the request as JSON; `metadata` has names only; `deadline`
    is in seconds, "" for none; `time` is when it was begun, in seconds since 1970.
    """

    address: str
    method: str
    flags: tuple[str, ...] = ()
    body: str = "{}"
    metadata: tuple[str, ...] = ()
    deadline: str = ""
    time: float = 0.0

    def same(self, other: RecentCall) -> bool:
        """Whether it is the same call at another time."""
        return replace(self, time=0.0) == replace(other, time=0.0)


@dataclass(frozen=True, slots=True)
class Kept:
    """The calls, newest first, and what went wrong when they were read, on one line, or ""."""

    calls: tuple[RecentCall, ...]
    note: str = ""


class RecentCalls:
    """The file of the recent calls; several programs may use it at once.

    Args:
        folder: Where the file is; None: the user's folder for the state of programs.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or user_state_path("grpctap")
        self.path = self._folder / "recent.jsonl"

    def read(self) -> Kept:
        """The calls; what cannot be read is left out, with a note."""
        try:
            with self.path.open("rb") as file:
                raw = file.read(MAX_FILE_SIZE)
        except FileNotFoundError:
            return Kept(())
        except OSError as error:
            return Kept((), f"{self.path} cannot be read: {error.strerror}")
        calls, damaged = [], 0
        for line in raw.splitlines():
            try:
                calls.append(_call(line))
            except (ValueError, TypeError, LookupError, RecursionError):
                damaged += 1
        note = ""
        if damaged:
            lines = "1 line" if damaged == 1 else f"{damaged:,} lines"
            note = f"{lines} of {self.path} cannot be read and will be left out"
        return Kept(tuple(reversed(calls[-MOST_CALLS:])), note)

    def add(self, call: RecentCall) -> str:
        """Makes a call the newest; returns why it could not be kept, or ""."""
        if len(call.body) > LONGEST_BODY:
            return f"the call is not kept: its request has more than {LONGEST_BODY:,} characters"
        return self._change(replace(call, time=round(time.time(), 3)), add=True)

    def remove(self, call: RecentCall) -> str:
        """Forgets a call; returns why it could not, or ""."""
        return self._change(call, add=False)

    def _change(self, call: RecentCall, *, add: bool) -> str:
        try:
            with self._locked():
                # Another program may have changed it since it was shown.
                calls = [kept for kept in self.read().calls if not kept.same(call)]
                self._write([call, *calls] if add else calls)
        except OSError as error:
            return f"{self.path} cannot be written: {error.strerror}"
        return ""

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / "recent.lock", os.O_RDWR | os.O_CREAT, 0o600)
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

    def _write(self, calls: list[RecentCall]) -> None:
        # Whoever reads meanwhile finds either the old file or the new one, each of them whole.
        handle, name = tempfile.mkstemp(prefix="recent-", dir=self._folder)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                for call in reversed(calls[:MOST_CALLS]):
                    file.write(json.dumps(asdict(call)) + "\n")
            Path(name).replace(self.path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise


def _call(line: bytes) -> RecentCall:
    said = json.loads(line)
    if not isinstance(said, dict):
        raise TypeError("a call is an object")
    when = float(said["time"])
    if not 0 <= when < _END_OF_TIME:
        raise ValueError("no time that a calendar has")
    texts = {name: _text(said[name]) for name in ("address", "method", "body", "deadline")}
    lists = {name: tuple(map(_text, said[name])) for name in ("flags", "metadata")}
    return RecentCall(**texts, **lists, time=when)  # type: ignore[arg-type]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is wanted")
    return value
