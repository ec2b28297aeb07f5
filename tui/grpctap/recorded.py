"""Who reads the messages of a recording, whatever is then done with them."""

from __future__ import annotations

from grpctap.core.listvalue import ListValue, is_list_value
from grpctap.core.message import Schema
from grpctap.core.method import Method
from grpctap.core.recording import Header
from grpctap.core.resume import Resume, Spec
from grpctap.recording import Recording
from grpctap.schemas import cells_of, resume_of
from grpctap_protos.server_stream_pb2 import SimpleRequest


def recorded_schema(
    recording: Recording, columns: str | None = None, *, emit_defaults: bool = False
) -> Schema:
    """Who reads the messages of a recording, and refuses those that the live stream refused.

    `columns` None: those that were recorded. `emit_defaults` is for JSON: with the fields that are
    not set.

    Raises:
        RecordingError: the file does not describe them.
        ValueError: the columns are not there.
    """
    header, method = recording.header, recording.method
    try:
        cells = cells_of(columns if columns is not None else header.columns or None, method)
    except ValueError:
        if columns is not None:
            raise
        # Nobody asked for these now.
        cells = None
    resume = _resume(header, method)
    if is_list_value(method):
        return ListValue(
            SimpleRequest(),
            progress=True,
            resume=resume if header.resume_given else None,
            cells=cells,
            emit_defaults=emit_defaults,
        )
    # ListValue does without it.
    from grpctap.core.dynamic import MethodSchema

    return MethodSchema(method, method.request_class(), resume, cells, emit_defaults=emit_defaults)


def _resume(header: Header, method: Method) -> Resume | None:
    """The pair that the stream was watched with: of a message without a place, nothing is kept."""
    try:
        return resume_of(Spec.parse(header.resume), method) if header.resume else None
    except ValueError:
        # The rest of the file is good without it.
        return None
