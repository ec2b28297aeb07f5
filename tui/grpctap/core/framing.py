"""Entries of received messages, many at once: as protobuf would write them, but much faster.

In a flood there is less than a microsecond for a message, in which nothing can be done for each one
in Python. An entry is therefore made of three parts: what depends on the message's length alone,
the message, and all the rest, which has the same size in every entry. The rests of a whole batch
are one template, repeated; the digits of the times and of the numbers in it are worked out for all
messages in one go, in one large integer, and put in with a step. They are varints with leading
zeros, which are as good as any in protobuf.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import groupby
from struct import Struct

from grpctap.core.recording import LENGTH_BYTES, MAX_MESSAGE
from grpctap.core.wire import BYTES, VARINT, as_varint
from grpctap_protos import recording_pb2 as pb

SECOND_NS = 1_000_000_000
_LEAST_AT_ONCE, _MOST_AT_ONCE = 4, 1024
_CUT_AT_ONCE = 64
_MOST_BYTES = 1024 * 1024
_MOST_HEADS = 4_096
# Groups of seven bits: enough for the nanoseconds of a second, and for 2**42 messages of a call.
_NANOS_GROUPS, _NUMBER_GROUPS = 5, 6
_LARGEST_NUMBER = 2 ** (7 * _NUMBER_GROUPS) - 1
# A one in each of the 64-bit lanes of an integer.
_LANES = (2 ** (64 * _MOST_AT_ONCE) - 1) // (2**64 - 1)
_MASKS = [(0x7F << 7 * group) * _LANES for group in range(max(_NANOS_GROUPS, _NUMBER_GROUPS))]
_CONTINUED = bytes(byte | 0x80 for byte in range(256))

_Entry = pb.Entry


def _tag(number: int, kind: int) -> bytes:
    return as_varint(number << 3 | kind)


class Framer:
    """Makes the entries of received messages, each with its length in front."""

    def __init__(self) -> None:
        self._heads = _Heads(0)
        self._cutter = Struct("")
        self._template: tuple[int, int] = (-1, -1)
        self._rest = b""

    def frames(
        self, call_id: int, number: int, times: Sequence[int], raws: Sequence[bytes]
    ) -> Iterator[bytes]:
        """Entries of messages of one call, in pieces of some thousand or a megabyte.

        Args:
            call_id: Of which call.
            number: The first one's sequence_id_within_call; the others follow.
            times: When each came, in nanoseconds since the epoch.
            raws: The messages.
        """
        if len(raws) < _LEAST_AT_ONCE:
            yield _one_by_one(call_id, number, times, raws)
            return
        at, sizes = 0, list(map(len, raws))
        for second, length in _seconds(times):
            stop = at + length
            while at < stop:
                count = _count(sizes, at, stop)
                part = slice(at, at + count)
                yield self._frame(
                    call_id, number + at, second, times[part], raws[part], sizes[part]
                )
                at += count

    def _frame(
        self,
        call_id: int,
        number: int,
        second: int,
        times: Sequence[int],
        raws: Sequence[bytes],
        sizes: Sequence[int],
    ) -> bytes:
        count = len(raws)
        if number + count > _LARGEST_NUMBER or max(sizes) > MAX_MESSAGE:
            return _one_by_one(call_id, number, times, raws)
        if self._template != (call_id, second):
            self._set_template(call_id, second)
        rest, width = self._rest, len(self._rest)
        rests = bytearray(rest * count)
        lanes = _LANES >> 64 * (_MOST_AT_ONCE - count)
        nanos = _integer(times) - second * SECOND_NS * lanes
        _put(rests, self._nanos_at, width, nanos, count, _NANOS_GROUPS)
        numbers = _integer(range(number, number + count))
        _put(rests, self._number_at, width, numbers, count, _NUMBER_GROUPS)
        parts = [b""] * (3 * count)
        parts[0::3] = map(self._heads.__getitem__, sizes)
        parts[1::3] = raws
        parts[2::3] = self._cut(rests)
        return b"".join(parts)

    def _cut(self, rests: bytearray) -> list[bytes]:
        """The rests, one by one."""
        cut, width = list[bytes](), len(self._rest)
        whole = len(rests) - len(rests) % (_CUT_AT_ONCE * width)
        for at in range(0, whole, _CUT_AT_ONCE * width):
            cut += self._cutter.unpack_from(rests, at)
        cut += (bytes(rests[at : at + width]) for at in range(whole, len(rests), width))
        return cut

    def _set_template(self, call_id: int, second: int) -> None:
        seconds = as_varint(second)
        stamp_size = 1 + len(seconds) + 1 + _NANOS_GROUPS
        head = (
            _tag(_Entry.CALL_ID_FIELD_NUMBER, VARINT)
            + as_varint(call_id)
            + _tag(_Entry.TYPE_FIELD_NUMBER, VARINT)
            + as_varint(_Entry.EVENT_TYPE_SERVER_MESSAGE)
            + _tag(_Entry.LOGGER_FIELD_NUMBER, VARINT)
            + as_varint(_Entry.LOGGER_CLIENT)
            + _tag(_Entry.TIMESTAMP_FIELD_NUMBER, BYTES)
            + as_varint(stamp_size)
            + _tag(1, VARINT)
            + seconds
            + _tag(2, VARINT)
        )
        middle = bytes(_NANOS_GROUPS) + _tag(_Entry.SEQUENCE_ID_WITHIN_CALL_FIELD_NUMBER, VARINT)
        self._rest = head + middle + bytes(_NUMBER_GROUPS)
        self._nanos_at = len(head)
        self._number_at = len(head) + len(middle)
        self._template = call_id, second
        if self._heads.rest != len(self._rest):
            self._heads = _Heads(len(self._rest))
            # To cut one by one takes three times as long.
            self._cutter = Struct(f"{len(self._rest)}s" * _CUT_AT_ONCE)


class _Heads(dict[int, bytes]):
    """What stands before a message of so many bytes; `rest` bytes follow it."""

    def __init__(self, rest: int) -> None:
        super().__init__()
        self.rest = rest

    def __missing__(self, size: int) -> bytes:
        if len(self) >= _MOST_HEADS:
            self.clear()
        inner = _tag(pb.Message.LENGTH_FIELD_NUMBER, VARINT) + as_varint(size)
        inner += _tag(pb.Message.DATA_FIELD_NUMBER, BYTES) + as_varint(size)
        outer = _tag(_Entry.MESSAGE_FIELD_NUMBER, BYTES) + as_varint(len(inner) + size) + inner
        whole = len(outer) + size + self.rest
        head = self[size] = whole.to_bytes(LENGTH_BYTES) + outer
        return head


def framed(entry: pb.Entry) -> bytes:
    """An entry with its length in front."""
    raw = entry.SerializeToString()
    return len(raw).to_bytes(LENGTH_BYTES) + raw


def one_frame(
    call_id: int, number: int, time_ns: int, raw: bytes, *, dropped: bool = False
) -> bytes:
    """The entry of one received message, with its length in front."""
    entry = _Entry(
        call_id=call_id,
        sequence_id_within_call=number,
        type=_Entry.EVENT_TYPE_SERVER_MESSAGE,
        logger=_Entry.LOGGER_CLIENT,
        dropped=dropped,
    )
    stamp(entry, time_ns)
    set_message(entry, raw)
    return framed(entry)


def _one_by_one(call_id: int, number: int, times: Sequence[int], raws: Sequence[bytes]) -> bytes:
    return b"".join(
        one_frame(call_id, number + index, time_ns, raw)
        for index, (time_ns, raw) in enumerate(zip(times, raws, strict=True))
    )


def set_message(entry: pb.Entry, raw: bytes) -> None:
    """Puts a message into an entry; of one that is too large, its size."""
    entry.message.length = len(raw)
    if len(raw) > MAX_MESSAGE:
        entry.payload_truncated = True
    else:
        entry.message.data = raw


def stamp(entry: pb.Entry, time_ns: int) -> None:
    """Puts a time into an entry."""
    entry.timestamp.seconds, entry.timestamp.nanos = divmod(time_ns, SECOND_NS)


def _seconds(times: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The seconds that the times are in, each with how many in a row are in it."""
    first, last = min(times) // SECOND_NS, max(times) // SECOND_NS
    if first == last:
        yield first, len(times)
        return
    for second, group in groupby(time_ns // SECOND_NS for time_ns in times):
        yield second, len(list(group))


def _count(sizes: Sequence[int], at: int, stop: int) -> int:
    """How many messages of these sizes, from `at` on, are taken together."""
    most = min(stop - at, _MOST_AT_ONCE)
    while most > 1 and sum(sizes[at : at + most]) > _MOST_BYTES:
        most //= 2
    return most


def _integer(numbers: Sequence[int]) -> int:
    """The numbers as the 64-bit lanes of one integer."""
    lanes = array("Q", numbers)
    if sys.byteorder == "big":
        lanes.byteswap()
    return int.from_bytes(lanes.tobytes(), "little")


def _put(into: bytearray, at: int, step: int, lanes: int, count: int, groups: int) -> None:
    """Writes a varint of so many groups for each lane into every `step` bytes, from `at` on."""
    spread = 0
    for group in range(groups):
        # A group moves to a byte of its own, which is one bit further for each group before it.
        spread |= (lanes & _MASKS[group]) << group
    digits = spread.to_bytes(8 * count, "little")
    for group in range(groups):
        column = digits[group::8]
        into[at + group :: step] = column if group == groups - 1 else column.translate(_CONTINUED)
