"""What a tap is at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from grpctap.core.state import State
from grpctap.core.stats import Rate
from grpctap.core.status import Status


@dataclass(frozen=True, slots=True)
class RecordingState:
    """How the recording of a stream into the file `path` stands: `bytes` were written to it.

    `error` is what ended it, where a person did not, "" for nothing; `is_on` says that it goes on.
    """

    path: str
    bytes: int
    error: str = ""
    is_on: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a tap is at one moment; times in nanoseconds.

    `silent_ns` is how long no value came on an open call, and `alive` whether a sign of life shows
    that the server is there all the same. `attempt` counts the attempts to
    reopen a lost call (0: none is needed), and `retry_ns` is the wait before it (0: it is made).
    `limit` is what stopped the stream without anybody's key, such as "--count 10". `recording` is
    the newest recording of it; None: there was none. `reconnects` is how many attempts there ever
    were.
    """

    state: State
    status: Status | None
    elapsed_ns: int
    last_label: int | None
    place: int | None
    behind: int
    values: int
    kept: int
    evicted: int
    missed: int
    repeated: int
    late: int
    left_out: int
    rate: Rate
    silent_ns: int
    alive: bool
    attempt: int
    retry_ns: int
    gave_up: bool
    limit: str = ""
    recording: RecordingState | None = None
    reconnects: int = 0

    @property
    def count(self) -> str:
        """How many values came, in words: "1,844 values"."""
        return f"{self.values:,} value" + ("" if self.values == 1 else "s")
