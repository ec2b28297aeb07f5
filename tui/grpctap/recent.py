"""Recent calls: the last ones that were watched, kept in a file of the user."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from grpctap.statefile import StateFile, text

MOST_CALLS = 50
LONGEST_BODY = 64 * 1024
"""In characters; a call with a longer request is not kept."""
_END_OF_TIME = 2.0**37


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
        self._file = StateFile("recent", folder)
        self.path = self._file.path

    def read(self) -> Kept:
        """The calls; what cannot be read is left out, with a note."""
        calls, note = self._file.read(_call)
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
        def make() -> list[object]:
            # Another program may have changed it since it was shown.
            calls = [kept for kept in self.read().calls if not kept.same(call)]
            if add:
                calls.insert(0, call)
            return [asdict(kept) for kept in reversed(calls[:MOST_CALLS])]

        return self._file.change(make)


def _call(said: object) -> RecentCall:
    if not isinstance(said, dict):
        raise TypeError("a call is an object")
    when = float(said["time"])
    if not 0 <= when < _END_OF_TIME:
        raise ValueError("no time that a calendar has")
    texts = {name: text(said[name]) for name in ("address", "method", "body", "deadline")}
    lists = {name: tuple(map(text, said[name])) for name in ("flags", "metadata")}
    return RecentCall(**texts, **lists, time=when)  # type: ignore[arg-type]
