"""The details of a status, google.rpc's and others, as lines to read."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError

from grpctap.core.secrets import shown_value
from grpctap.core.status import Status
from grpctap.core.text import printable

# A status fits into a few kilobytes, and nobody reads more.
MOST_LINES = 60
LONGEST_VALUE = 400
_BYTES = 48
_INDENT = "  "


def detail_lines(status: Status) -> list[str]:
    """All details of the status as printable lines; what is in a detail is indented.

    What nobody knows, or cannot be decoded, is told as its type and its bytes.
    """
    lines = [
        line for type_url, value in status.error_details for line in _detail_lines(type_url, value)
    ]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"… and {len(lines) - MOST_LINES:,} more lines"]
    return lines


def _detail_lines(type_url: str, value: bytes) -> list[str]:
    if not type_url:
        return [f"details that cannot be read: {_shown_bytes(value)}"]
    name = type_url.rpartition("/")[2]
    package, _, short = name.rpartition(".")
    if package == "google.rpc" and short in _READERS:
        # Needed at a failure only, and slow to import.
        from google.rpc import error_details_pb2

        message = getattr(error_details_pb2, short)()
        try:
            message.ParseFromString(value)
        except DecodeError:
            return [f"{short} that cannot be read: {_shown_bytes(value)}"]
        body = _READERS[short](message)
        return [short, *(_INDENT + printable(line, LONGEST_VALUE) for line in body)]
    return [f"{printable(type_url, LONGEST_VALUE)}: {_shown_bytes(value)}"]


def _shown_bytes(value: bytes) -> str:
    size = f"{len(value):,} byte{'' if len(value) == 1 else 's'}"
    if not value:
        return size
    cut = "…" if len(value) > _BYTES else ""
    return f"{size}, {base64.b64encode(value[:_BYTES]).decode()}{cut}"


def _bad_request(message: Any) -> Iterator[str]:
    for violation in message.field_violations:
        reason = f" ({violation.reason})" if violation.reason else ""
        yield f"{violation.field}: {violation.description}{reason}"


def _error_info(message: Any) -> Iterator[str]:
    yield f"reason: {message.reason}"
    if message.domain:
        yield f"domain: {message.domain}"
    for key in sorted(message.metadata):
        yield f"{key}: {shown_value(key, message.metadata[key], LONGEST_VALUE)}"


def _retry_info(message: Any) -> Iterator[str]:
    delay = message.retry_delay
    yield f"try again after {delay.seconds + delay.nanos / 1e9:.9g} s"


def _quota_failure(message: Any) -> Iterator[str]:
    for violation in message.violations:
        yield f"{violation.subject}: {violation.description}"


def _debug_info(message: Any) -> Iterator[str]:
    if message.detail:
        yield message.detail
    yield from message.stack_entries


def _precondition_failure(message: Any) -> Iterator[str]:
    for violation in message.violations:
        yield f"{violation.type} {violation.subject}: {violation.description}"


def _request_info(message: Any) -> Iterator[str]:
    yield f"request id: {message.request_id}"
    if message.serving_data:
        yield f"serving data: {message.serving_data}"


def _resource_info(message: Any) -> Iterator[str]:
    yield f"{message.resource_type}: {message.resource_name}"
    if message.owner:
        yield f"owner: {message.owner}"
    if message.description:
        yield message.description


def _help(message: Any) -> Iterator[str]:
    for link in message.links:
        yield f"{link.description}: {link.url}"


def _localized_message(message: Any) -> Iterator[str]:
    yield f"{message.locale}: {message.message}" if message.locale else message.message


_READERS = {
    "BadRequest": _bad_request,
    "ErrorInfo": _error_info,
    "RetryInfo": _retry_info,
    "QuotaFailure": _quota_failure,
    "DebugInfo": _debug_info,
    "PreconditionFailure": _precondition_failure,
    "RequestInfo": _request_info,
    "ResourceInfo": _resource_info,
    "Help": _help,
    "LocalizedMessage": _localized_message,
}
