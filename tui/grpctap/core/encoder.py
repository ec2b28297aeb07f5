"""What happens to a stream, as the entries of a recording."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from grpctap.core.facts import CallFacts
from grpctap.core.framing import Framer, framed, one_frame, set_message, stamp
from grpctap.core.history import Frozen, Value
from grpctap.core.recording import (
    FORMAT,
    LENGTH_BYTES,
    MAX_HEADER,
    Commanded,
    Ended,
    Header,
    Headers,
    Opened,
    Received,
    Requested,
    SeamAt,
)
from grpctap.core.seamrecord import (
    MOST_BYTES,
    fitting,
    recordable,
    seam_record,
    status_record,
)
from grpctap.core.secrets import MASK, STATUS_DETAILS, Metadata, is_secret
from grpctap_protos import recording_pb2 as pb

_ADDRESS = re.compile(
    r"(?:ipv[46]:)?(?:\[([0-9a-fA-F:]+)\]|(\d+\.\d+\.\d+\.\d+)):(\d{1,5})", re.ASCII
)
_KEPT_AT_ONCE = 1_000


class Batch(NamedTuple):
    """Messages of one call, and when each came, in nanoseconds since the epoch."""

    call_id: int
    times: list[int]
    raws: list[bytes]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a history holds when a recording begins, and the calls in which it came, in order.

    `origins` are the ids of these calls, each with the first row that came in it; `calls` is what
    is known of the newest of them, and `requests` are those that are known, by the calls' ids.
    """

    rows: Frozen
    origins: Sequence[tuple[int, int]]
    calls: Sequence[CallFacts]
    metadata: Metadata = field(default=(), repr=False)
    requests: tuple[tuple[int, bytes], ...] = ()


Item = Batch | Kept | Opened | Requested | Headers | Received | Ended | Commanded | SeamAt


class HeaderError(ValueError):
    """A header that no recording takes; the message says why."""


class Encoder:
    """Makes the entries of one recording; what may be a secret in metadata is masked.

    It numbers the entries of each call. `header` is what the recording says first.
    """

    def __init__(self, header: Header) -> None:
        self._header = header
        self._framer = Framer()
        self._call_id = 0
        self._number = 0
        self._peer = _peer(header.target)

    def header(self) -> bytes:
        """The first entry.

        Raises:
            HeaderError: it would be too large.
        """
        said = self._header
        entry = pb.Entry(
            head=pb.Head(
                format=FORMAT,
                version=said.version,
                target=recordable(said.target),
                method=said.method,
                descriptors=said.descriptors,
                resume=said.resume,
                resume_given=said.resume_given,
                columns=recordable(said.columns),
                security=said.security,
                values_before=said.values_before,
            )
        )
        stamp(entry, said.started_ns)
        raw = framed(entry)
        if len(raw) > MAX_HEADER + LENGTH_BYTES:
            raise HeaderError(f"the types of {said.method} take more than {MAX_HEADER:,} bytes")
        return raw

    def frames(self, items: Sequence[Item]) -> Iterator[bytes]:
        """The entries of what happened, in order, in pieces."""
        newest = {item.id: item for item in items if isinstance(item, SeamAt)}
        at = 0
        while at < len(items):
            item = items[at]
            at += 1
            if isinstance(item, Batch):
                # What came one by one is written together.
                same = at
                while same < len(items) and _goes_with(items[same], item):
                    same += 1
                yield from self._batches([item, *items[at:same]])
                at = same
            elif isinstance(item, SeamAt):
                # Of a seam that was amended meanwhile, only what it has come to.
                if (seam := newest.pop(item.id, None)) is not None:
                    yield framed(pb.Entry(seam=seam_record(seam.id, seam.seam)))
            elif isinstance(item, Kept):
                yield from self._kept(item)
            else:
                yield self._one(item)

    def _batches(self, items: Sequence[Item]) -> Iterator[bytes]:
        batches = [item for item in items if isinstance(item, Batch)]
        times, raws = batches[0].times, batches[0].raws
        if len(batches) > 1:
            times = list(chain.from_iterable(batch.times for batch in batches))
            raws = list(chain.from_iterable(batch.raws for batch in batches))
        if raws:
            call_id = batches[0].call_id
            first = self._next(call_id, len(raws))
            yield from self._framer.frames(call_id, first, times, raws)

    def _kept(self, kept: Kept) -> Iterator[bytes]:
        calls, requests, held = deque(kept.calls), dict(kept.requests), Batch(0, [], [])
        origins = deque(kept.origins)
        call: CallFacts | None = None
        call_id = 0
        items: list[Item] = []
        for number, row in enumerate(kept.rows.rows, kept.rows.first):
            if not isinstance(row, Value):
                items.append(SeamAt(number, row))
                continue
            while origins and origins[0][0] <= number:
                _, call_id = origins.popleft()
            while calls and calls[0].call_id <= call_id:
                items += end_of(call)
                call = calls.popleft()
                items += _start_of(call, kept.metadata, requests.get(call.call_id))
            last = items[-1] if items else None
            if not isinstance(last, Batch) or last.call_id != call_id:
                items.append(held := Batch(call_id, [], []))
            held.times.append(row.time_ns)
            held.raws.append(row.raw)
            if len(held.raws) >= _KEPT_AT_ONCE:
                yield from self.frames(items)
                items = []
        for later in calls:
            items += end_of(call)
            call = later
            items += _start_of(call, kept.metadata, requests.get(call.call_id))
        items += end_of(call)
        yield from self.frames(items)

    def _one(self, item: Item) -> bytes:
        if isinstance(item, Commanded):
            entry = pb.Entry(command=item.command.name)
            stamp(entry, item.time_ns)
            return framed(entry)
        if isinstance(item, Received):
            number = self._next(item.call_id)
            return one_frame(item.call_id, number, item.time_ns, item.raw, dropped=item.dropped)
        if not isinstance(item, Opened | Requested | Headers | Ended):
            raise TypeError(item)
        entry = pb.Entry(
            call_id=item.call_id,
            sequence_id_within_call=self._next(item.call_id),
            logger=pb.Entry.LOGGER_CLIENT,
        )
        stamp(entry, item.time_ns)
        match item:
            case Opened():
                self._write_opened(entry, item)
            case Requested():
                entry.type = pb.Entry.EVENT_TYPE_CLIENT_MESSAGE
                set_message(entry, item.raw)
            case Headers():
                entry.type = pb.Entry.EVENT_TYPE_SERVER_HEADER
                entry.server_header.metadata.CopyFrom(metadata_record(item.metadata))
                entry.peer.CopyFrom(self._peer)
            case Ended():
                _write_ended(entry, item)
        return framed(entry)

    def _write_opened(self, entry: pb.Entry, opened: Opened) -> None:
        entry.type = pb.Entry.EVENT_TYPE_CLIENT_HEADER
        header = entry.client_header
        header.metadata.CopyFrom(metadata_record(opened.metadata))
        header.method_name = f"/{self._header.method}"
        header.authority = recordable(self._header.target)
        if opened.timeout_ns is not None:
            header.timeout.FromNanoseconds(opened.timeout_ns)

    def _next(self, call_id: int, count: int = 1) -> int:
        """The number of the call's next entry, which is the first of so many."""
        if call_id != self._call_id:
            self._call_id, self._number = call_id, 0
        first = self._number + 1
        self._number += count
        return first


def metadata_record(metadata: Metadata) -> pb.Metadata:
    """Metadata as it is recorded: without gRPC's own, and masked where it may be a secret."""
    record = pb.Metadata()
    for key, value in fitting(pair for pair in metadata if pair[0] != STATUS_DETAILS):
        shown: str | bytes = MASK if is_secret(key, value) else value
        record.entry.add(
            key=recordable(key),
            value=shown if isinstance(shown, bytes) else recordable(shown, len(shown)).encode(),
        )
    return record


def _write_ended(entry: pb.Entry, ended: Ended) -> None:
    event = pb.Entry.EVENT_TYPE_CANCEL if ended.cancelled else pb.Entry.EVENT_TYPE_SERVER_TRAILER
    entry.type = event
    entry.status.CopyFrom(status_record(ended.status))
    trailer = entry.trailer
    trailer.metadata.CopyFrom(metadata_record(ended.metadata))
    trailer.status_code = ended.status.code
    trailer.status_message = recordable(ended.status.details)
    details = dict(ended.metadata).get(STATUS_DETAILS)
    if isinstance(details, bytes) and len(details) <= MOST_BYTES:
        trailer.status_details = details


def _start_of(call: CallFacts, metadata: Metadata, request: bytes | None) -> Iterator[Item]:
    """What is known of the start of a call that was opened before the recording began."""
    yield Opened(call.opened_ns, call.call_id, metadata)
    if request is not None:
        yield Requested(call.opened_ns, call.call_id, request)
    if call.headers_ns is not None:
        yield Headers(call.headers_ns, call.call_id, call.initial_metadata)


def end_of(call: CallFacts | None) -> Iterator[Item]:
    """How it ended, if it has."""
    if call is not None and call.ended_ns is not None and call.status is not None:
        yield Ended(
            call.ended_ns, call.call_id, call.status, call.trailing_metadata, call.cancelled
        )


def _goes_with(item: Item, batch: Batch) -> bool:
    return isinstance(item, Batch) and item.call_id == batch.call_id


def _peer(target: str) -> pb.Address:
    if target.startswith("unix:"):
        return pb.Address(type=pb.Address.TYPE_UNIX, address=recordable(target[5:]))
    match = _ADDRESS.fullmatch(target)
    if match is None:
        return pb.Address()
    kind = pb.Address.TYPE_IPV6 if match[1] else pb.Address.TYPE_IPV4
    return pb.Address(type=kind, address=match[1] or match[2], ip_port=int(match[3]))
