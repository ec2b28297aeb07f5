"""The contract between the service and a feed: numbered logs that are read and waited on.

Reading and waiting are apart, so that a wait which times out or is cancelled loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class FeedError(Exception):
    """The feed's source cannot be read now; the message says why, in words for clients."""


class Item(NamedTuple):
    """One value of a log.

    Attributes:
        sequence: Its number in the log; 1-based and contiguous.
        text: The value as text, without the request's data in front of it.
        event_time: When it came to be, in ns since the Unix epoch.
        number: The value as a number, when it is one.
    """

    sequence: int
    text: str
    event_time: int
    number: float | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a log holds at one moment, in sequence numbers.

    Attributes:
        first: The oldest value still kept; at least 1.
        newest: The newest value; 0 when there is none yet.
        final: The last value there will ever be; None when the log has no end.
        horizon: The newest value that another replica, whose clock runs ahead within reason, may
            have handed out; -1 when not even the log's start can have been reached.
    """

    first: int
    newest: int
    final: int | None
    horizon: int


class Log(Protocol):
    """One numbered log, as a single call sees it."""

    @property
    def stream_id(self) -> str:
        """The name of this numbering: two logs share it only if equal numbers mean equal values."""

    @property
    def start(self) -> int:
        """When the log starts, in ns since the Unix epoch; a resume token carries it."""

    def bounds(self) -> Bounds:
        """Tell what the log holds now."""

    def read(self, after: int, limit: int) -> Sequence[Item]:
        """Read what is there now, without waiting.

        Args:
            after: The values start strictly after this sequence.
            limit: The most values to return.

        Returns:
            Values in order, none when there is nothing new. They start at the oldest value kept
            when `after` is older than that; a number is left out only where its value was taken
            out of the log.
        """

    async def wait(self, after: int) -> None:
        """Return once `read` may give a value after the sequence `after`, or `bounds` a final one.

        Nobody waits past the final value; a log that always knew it need not return there.

        Raises:
            FeedError: If the source fails, so that nobody can tell when there will be one.
        """


class Feed(Protocol):
    """A kind of log that the server can show; `data` of a request says which one.

    All of it happens on one event loop. A class that names this one as its base gets the parts
    that most feeds have no use for.
    """

    @property
    def description(self) -> str:
        """What the ready line says about the feed."""

    async def start(self) -> None:
        """Get ready before anything is served; called once, and before `run`.

        Raises:
            FeedError: If there is no use in serving; the message is for whoever starts the server.
        """
        return

    async def run(self) -> None:
        """Do what the feed needs done while it is served; cancelled at the end of the server.

        Raises:
            FeedError: If the source failed for good; the server ends, and says it.
        """
        return

    async def refresh(self) -> None:
        """Bring up to date what `open` and `reopen` tell; called before each of them.

        Raises:
            FeedError: If the source cannot be asked.
        """
        return

    def open(self, data: str) -> tuple[Log, int]:
        """Open a log for a fresh call.

        Returns:
            The log, and the sequence strictly after which the call starts.
        """

    def reopen(self, data: str, start: int) -> Log:
        """Open the log that a resume token names.

        Args:
            data: The request's data.
            start: The token's start, in ns since the Unix epoch; any 64-bit integer.

        Returns:
            The log that these would name; its stream_id tells whether it is the token's own.
        """
