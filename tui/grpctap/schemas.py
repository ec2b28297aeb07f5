"""Which method is watched: its name, its messages, and where a call of it starts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from google.protobuf import json_format
from google.protobuf.message import Message

from grpctap.config import Config
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.message import Schema
from grpctap.core.method import Method
from grpctap.core.resume import Resume, Spec
from grpctap_protos.server_stream_pb2 import SimpleRequest

if TYPE_CHECKING:
    from grpctap.core.cells import Cells

_NAME = r"[A-Za-z_]\w*"
_METHOD = re.compile(rf"/?({_NAME}(?:\.{_NAME})*)[/.]({_NAME})", re.ASCII)


def method_name(text: str) -> str:
    """SERVICE/METHOD, also where it is written as /SERVICE/METHOD or SERVICE.METHOD.

    Raises:
        ValueError: it is none of these.
    """
    match = _METHOD.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} is no SERVICE/METHOD; for example {METHOD}")
    return f"{match[1]}/{match[2]}"


def is_method(text: str) -> bool:
    """Whether the text is a SERVICE/METHOD, in any of the ways in which it is written."""
    return _METHOD.fullmatch(text) is not None


def json_object(text: str) -> str:
    """The text, which begins as a JSON object does; none at all is an empty one, as in grpcurl.

    Raises:
        ValueError: it does not.
    """
    if not text.strip():
        return "{}"
    if not text.lstrip().startswith("{"):
        raise ValueError('-d is no JSON object; for example -d \'{"data": "WTI "}\'')
    return text


def parse_request(text: str, method: Method, *, unknown_fields: bool = False) -> Message:
    """The request that a person wrote as JSON; `unknown_fields` says to ignore what it has not.

    Raises:
        ValueError: it is none that the method takes.
    """
    request = method.request_class()
    try:
        json_format.Parse(
            text, request, ignore_unknown_fields=unknown_fields, descriptor_pool=method.pool
        )
    except json_format.ParseError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"-d is no JSON of {method.request.full_name}: {reason}") from error
    if not request.IsInitialized():
        missing = ", ".join(cast("Any", request).FindInitializationErrors())
        raise ValueError(f"-d lacks what {method.request.full_name} requires: {missing}")
    return request


def request_json(config: Config, indent: int | None = None) -> str:
    """The request as JSON, with the names of its proto."""
    return json_format.MessageToJson(
        config.request,
        indent=indent,
        preserving_proto_field_name=True,
        descriptor_pool=config.method.pool,
    )


def resume_of(spec: Spec | None, method: Method) -> Resume | None:
    """The pair that gives the method a cursor: the one that was asked for, or what finds itself.

    Raises:
        ResumeError: what was asked for cannot work.
    """
    if spec is None:
        return Resume.find(method.request, method.response)
    return Resume(spec, method.request, method.response)


def cells_of(columns: str | None, method: Method) -> Cells | None:
    """The fields that a person chose for the log; None: nobody chose any.

    Raises:
        CellsError: they are not there.
    """
    if columns is None:
        return None
    # Needed by few, and slow to import.
    from grpctap.core.cells import Cells

    return Cells(columns, method.response, method.pool)


def schema_of(config: Config, *, progress: bool) -> Schema:
    """Who reads and writes the messages; `progress` asks for signs of life where there are any."""
    request, resume = config.request, config.resume
    if isinstance(request, SimpleRequest) and config.method.name == METHOD:
        given = resume if resume is not None and resume.given else None
        return ListValue(
            request,
            progress=progress,
            resume=given,
            cells=config.cells,
            emit_defaults=config.emit_defaults,
        )
    # ListValue, which is to be seen soon, does without it.
    from grpctap.core.dynamic import MethodSchema

    return MethodSchema(
        config.method, request, resume, config.cells, emit_defaults=config.emit_defaults
    )


def wants_progress(config: Config) -> bool:
    """Whether the request itself asks for signs of life."""
    return isinstance(config.request, SimpleRequest) and config.request.progress_notify


def first_token(config: Config) -> bytes:
    """Where the request asks to start; empty: it asks for no place."""
    return b"" if config.resume is None else config.resume.start(config.request)
