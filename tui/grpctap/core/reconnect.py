"""Which lost calls are opened again by themselves, and after how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from grpctap.core import status as codes
from grpctap.core.status import Status

SECOND = 1_000_000_000
HEALTHY_NS = 10 * SECOND
"""A stream that was well for so long has earned its first wait again, in nanoseconds."""

# When a stream or its connection breaks, gRPC makes up a status: the code depends on what broke,
# and only the words tell it from one that the server gave.
_MADE_UP_CODES = frozenset(
    {codes.CANCELLED, codes.UNKNOWN, codes.INTERNAL, codes.RESOURCE_EXHAUSTED}
)
_MADE_UP_WORDS = ("stream removed (", "rst_stream", "no status received")
# A message that is too large will be so again.
_TOO_LARGE = "larger than max"


class When(Enum):
    """When a lost call is opened again by itself."""

    NEVER = auto()
    WITH_CURSOR = auto()
    """Only where the server gave a place to go on from, so that nothing is lost or doubled."""
    ALWAYS = auto()


@dataclass(frozen=True, slots=True)
class Reconnect:
    """How to open a lost call again.

    The n-th wait is drawn evenly from 0 to `initial_ns` doubled n - 1 times, but never above
    `maximum_ns` (full jitter, so that the clients of a restarted server do not come all at once).
    Times are in nanoseconds. `attempts` bounds the attempts in a row; None: no bound.
    """

    when: When = When.ALWAYS
    initial_ns: int = SECOND // 2
    maximum_ns: int = 20 * SECOND
    attempts: int | None = None


class Backoff:
    """Counts the attempts in a row, and draws the wait before each.

    `draw` gives a number from 0 to 1.
    """

    def __init__(self, policy: Reconnect, draw: Callable[[], float] = random.random) -> None:
        self.policy = policy
        self.attempt = 0
        """The attempt that is waited for or under way; 0: none."""
        self._draw = draw

    @property
    def spent(self) -> bool:
        """Whether no attempt is left."""
        limit = self.policy.attempts
        return limit is not None and self.attempt >= limit

    def next_ns(self) -> int:
        """Counts one more attempt; returns the wait before it, in nanoseconds."""
        self.attempt += 1
        ceiling = self.policy.initial_ns
        # No shift of a hundred bits, however long the server is away.
        for _ in range(self.attempt - 1):
            if ceiling >= self.policy.maximum_ns:
                break
            ceiling *= 2
        return round(min(ceiling, self.policy.maximum_ns) * self._draw())

    def reset(self) -> None:
        """Starts over: the stream was well, or a person took over."""
        self.attempt = 0


def is_lost(status: Status) -> bool:
    """Whether a call that ended so was cut off, rather than refused or ended by the method."""
    if status.code == codes.UNAVAILABLE:
        return True
    if status.code == codes.ABORTED:
        return status.reason == "SLOW_CONSUMER"
    details = status.details.lower()
    if status.code not in _MADE_UP_CODES or _TOO_LARGE in details:
        return False
    return any(words in details for words in _MADE_UP_WORDS)
