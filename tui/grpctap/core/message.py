"""What the core needs to know of a message, and whom it asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from google.protobuf.message import Message

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpctap.core.cells import Cells
    from grpctap.core.jsontext import JsonText


class Reading(NamedTuple):
    """What one message says of its place in the stream, and the number in it.

    A server without numbering leaves `stream_id` and `token` empty and `sequence` 0. In a progress
    message, which carries no value, `sequence` is the newest value of the log, and `interval_ns`
    the longest silence that the server promises, in nanoseconds (0: it promises none).
    """

    stream_id: str
    sequence: int
    token: bytes
    progress: bool
    number: float | None
    interval_ns: int = 0


class Run(NamedTuple):
    """What messages say that are values of one stream, numbered one after the other.

    `token` is that of the last one; `numbers` has one for each.
    """

    stream_id: str
    sequences: range
    token: bytes
    numbers: Sequence[float]


class MessageError(ValueError):
    """A message's bytes are not of the type that the method returns; `check` is what may be why."""

    check = "the method"


class CursorError(MessageError):
    """A message's cursor fits into no request."""

    check = "--resume"


class Schema(Protocol):
    """Reads and writes the messages of one method."""

    number_name: str
    type_: Descriptor
    """The type of its messages."""
    json_text: JsonText
    """Writes its messages as JSON, also a part of one."""
    cells: Cells | None
    """The fields that a person chose for the log; None: nobody chose any."""

    def request(self, token: bytes) -> bytes:
        """The serialised request of a call that continues after `token`; empty: a fresh call."""

    def read(self, raw: bytes) -> Reading:
        """Reads a message's place and number.

        Raises:
            MessageError: the bytes are no such message.
        """

    def read_run(self, raws: Sequence[bytes]) -> Run | None:
        """Reads many messages at once; None when they are no run, and to be read one by one."""

    def message(self, raw: bytes) -> Message:
        """The message, with U+FFFD in its strings where bytes are no UTF-8.

        Raises:
            MessageError: the bytes are no such message.
        """

    def line(self, raw: bytes) -> str:
        """The message as text for one line of the log; not yet safe for a terminal.

        Of a long one, as much as a line can show.
        """

    def json(self, raw: bytes) -> str:
        """The message as canonical JSON on one line, safe for a terminal.

        Raises:
            MessageError: the bytes are no such message.
        """
