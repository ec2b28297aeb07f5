"""The lines that a pipe gets: a message each, alone or with what is known of it."""

from __future__ import annotations

import time

from grpctap.core.message import Reading, Schema


class Lines:
    """Makes the lines of one stream; with `meta`, each tells its message's number and time, too.

    The number is the server's sequence; where it gives none, messages are counted.
    """

    def __init__(self, schema: Schema, *, meta: bool) -> None:
        self._schema = schema
        self._meta = meta
        self._count = 0

    def line(self, reading: Reading, raw: bytes, received_ns: int) -> bytes:
        """The message as one line of JSON; `received_ns` is in nanoseconds since the epoch.

        Raises:
            MessageError: the bytes are no such message.
        """
        self._count += 1
        text = self._schema.json(raw)
        if self._meta:
            text = with_meta(text, reading.sequence or self._count, received_ns)
        # JSON is UTF-8, whatever the locale says.
        return text.encode() + b"\n"


def with_meta(text: str, number: int, received_ns: int) -> str:
    """A message's JSON with its number and with when it came, in nanoseconds since the epoch."""
    return f'{{"seq": {number}, "received": "{rfc3339(received_ns)}", "message": {text}}}'


def rfc3339(ns: int) -> str:
    """A time in UTC, to the nanosecond; `ns` is in nanoseconds since the epoch."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"
