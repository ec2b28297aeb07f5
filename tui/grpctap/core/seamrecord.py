"""Seams and statuses as a recording holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import islice
from typing import TypeVar

from grpctap.core.seams import (
    Cause,
    Fault,
    How,
    Interruption,
    Irregularity,
    Outcome,
    Range,
    Seam,
)
from grpctap.core.status import Peer, Status
from grpctap_protos import recording_pb2 as pb

MOST_TEXT = 16_384
"""Characters of a text that are recorded at most."""
MOST_BYTES = 128 * 1024
"""Bytes of metadata, of details or of other parts of an entry that are recorded at most."""
MOST_PARTS = 1_000
"""How many of them there are in an entry at most."""
_MOST_NAMES = 100
_LARGEST = 2**64 - 1
_LATEST_NS = 2**63 - 1
_Kind = TypeVar("_Kind", bound=Enum)
_Part = TypeVar("_Part", str, bytes, str | bytes)


def seam_record(number: int, seam: Seam) -> pb.Seam:
    """A seam with its id as it is recorded."""
    record = pb.Seam(id=number)
    if isinstance(seam, Irregularity):
        fault = record.irregularity
        fault.fault = seam.fault.name
        fault.time_ns = seam.time_ns
        fault.count = min(seam.count, _LARGEST)
        _write_range(fault.between if seam.between else None, seam.between)
        return record
    gap = record.interruption
    gap.cause = seam.cause.name
    gap.start_ns = seam.start_ns
    gap.how = "" if seam.how is None else seam.how.name
    gap.outcome = "" if seam.outcome is None else seam.outcome.name
    if seam.after is not None:
        gap.after = min(seam.after, _LARGEST)
    if seam.reopened_ns is not None:
        gap.reopened_ns = seam.reopened_ns
    if seam.status is not None:
        gap.status.CopyFrom(status_record(seam.status))
    _write_range(gap.between if seam.between else None, seam.between)
    return record


def seam_of(record: pb.Seam) -> Seam | None:
    """The seam that was recorded; None where it is of a kind that is not known here."""
    if record.HasField("irregularity"):
        fault = record.irregularity
        kind = _named(Fault, fault.fault)
        if kind is None:
            return None
        return Irregularity(kind, _time(fault.time_ns), fault.count, _range(fault))
    gap = record.interruption
    cause = _named(Cause, gap.cause)
    if cause is None:
        return None
    return Interruption(
        cause,
        _time(gap.start_ns),
        gap.after if gap.HasField("after") else None,
        status_of(gap.status) if gap.HasField("status") else None,
        _time(gap.reopened_ns) if gap.HasField("reopened_ns") else None,
        _named(How, gap.how),
        _named(Outcome, gap.outcome),
        _range(gap),
    )


def status_record(status: Status) -> pb.Status:
    """A status as it is recorded."""
    return pb.Status(
        code=status.code,
        name=status.name,
        details=recordable(status.details),
        reason=recordable(status.reason),
        info={recordable(key): recordable(value) for key, value in fitting(status.info.items())},
        note=recordable(status.note),
        peer="" if status.peer is None else status.peer.name,
        names=[recordable(name, 250) for name in status.names[:_MOST_NAMES]],
        unreadable=status.unreadable,
        error_details=[
            pb.Status.Detail(type_url=recordable(type_url), value=value)
            for type_url, value in fitting(status.error_details)
        ],
    )


def status_of(record: pb.Status) -> Status:
    """The status that was recorded."""
    return Status(
        record.code,
        record.name,
        record.details,
        record.reason,
        dict(islice(record.info.items(), MOST_PARTS)),
        record.note,
        _named(Peer, record.peer),
        tuple(islice(record.names, MOST_PARTS)),
        record.unreadable,
        tuple((each.type_url, each.value) for each in islice(record.error_details, MOST_PARTS)),
    )


def recordable(text: str, most: int = MOST_TEXT) -> str:
    """The text without what UTF-8 cannot hold, cut to so many characters."""
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    return cut.encode("utf-8", "replace").decode()


def fitting(pairs: Iterable[tuple[str, _Part]]) -> Iterator[tuple[str, _Part]]:
    """Those of the pairs that may stand in one entry, in order: not too many, nor too large."""
    left = MOST_BYTES
    for name, value in islice(pairs, MOST_PARTS):
        left -= sum(len(each) if isinstance(each, bytes) else _size(each) for each in (name, value))
        if left < 0:
            return
        yield name, value


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _write_range(record: pb.Range | None, between: Range | None) -> None:
    if record is not None and between is not None:
        record.first = min(max(between.first, 0), _LARGEST)
        record.last = min(max(between.last, 0), _LARGEST)


def _range(record: pb.Interruption | pb.Irregularity) -> Range | None:
    if not record.HasField("between"):
        return None
    return Range(record.between.first, record.between.last)


def _named(kind: type[_Kind], name: str) -> _Kind | None:
    return kind.__members__.get(name)


def _time(time_ns: int) -> int:
    return min(max(time_ns, 0), _LATEST_NS)
