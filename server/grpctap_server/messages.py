"""The messages of ListValue: made once for all calls that get the same."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from grpctap_protos import server_stream_pb2 as pb
from grpctap_server import tokens
from grpctap_server.feeds.schedule import NANOSECONDS

if TYPE_CHECKING:
    from grpctap_server.feeds.base import Bounds, Item, Log

# Calls at the head of a log ask for the same value at almost the same time, so few must be kept,
_KEPT = 8
# and only short ones: what is long takes longer to send than to make.
_LONGEST_KEPT = 4096


class Messages:
    """Makes the messages of all calls for one log and the same data.

    What it returns may be on its way to several clients, and must not be changed.

    Args:
        log: Where the values come from.
        data: The request's data.
    """

    def __init__(self, log: Log, data: str) -> None:
        self._stream_id = log.stream_id
        self._start = log.start
        self._data = data
        self._stream_print = tokens.fingerprint(log.stream_id)
        self._data_print = tokens.fingerprint(data)
        self._kept: dict[tuple[int, int], pb.StreamResponse] = {}

    def value(self, item: Item, first: int) -> pb.StreamResponse:
        """Make the message of a value, while `first` is the oldest that is kept."""
        key = (item.sequence, first)
        message = self._kept.get(key)
        if message is None:
            message = self._make(item, first)
            if len(self._data) + len(item.text) <= _LONGEST_KEPT:
                if len(self._kept) >= _KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = message
        return message

    def progress(self, after: int, bounds: Bounds, interval: float) -> pb.StreamResponse:
        """Make a sign of life for a call.

        Args:
            after: The sequence of the last value that the call was given.
            bounds: What the log holds now.
            interval: After how many seconds of silence another one comes.
        """
        message = pb.StreamResponse(
            progress=True,
            stream_id=self._stream_id,
            sequence=bounds.newest,
            resume_token=self._token(after),
            first_sequence=bounds.first,
        )
        message.progress_interval.FromNanoseconds(round(interval * NANOSECONDS))
        return message

    def _make(self, item: Item, first: int) -> pb.StreamResponse:
        message = pb.StreamResponse(
            stream_value=self._data + item.text,
            stream_id=self._stream_id,
            sequence=item.sequence,
            resume_token=self._token(item.sequence),
            first_sequence=first,
            number=item.number,
        )
        seconds, nanos = divmod(item.event_time, NANOSECONDS)
        message.event_time.seconds = seconds
        message.event_time.nanos = nanos
        return message

    def _token(self, sequence: int) -> bytes:
        return tokens.encode(
            tokens.Token(self._stream_print, self._data_print, self._start, sequence)
        )


class SharedMessages:
    """The messages of each log and data that a call is open for."""

    def __init__(self) -> None:
        self._open: WeakValueDictionary[tuple[str, int, str], Messages] = WeakValueDictionary()

    def of(self, log: Log, data: str) -> Messages:
        """Give what makes the messages of such a call; the call holds it while it lasts."""
        key = (log.stream_id, log.start, data)
        messages = self._open.get(key)
        if messages is None:
            messages = self._open[key] = Messages(log, data)
        return messages
