"""The details of a status, google.rpc's and others, as lines to read."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool

from grpctap.core.jsontext import JsonText, escape, shorten
from grpctap.core.mend import parse_mended
from grpctap.core.message import MessageError
from grpctap.core.secrets import shown_value
from grpctap.core.status import Status
from grpctap.core.text import printable

# A status fits into a few kilobytes, and nobody reads more.
MOST_LINES = 60
LONGEST_VALUE = 400
_BYTES = 48
_INDENT = "  "


def detail_lines(status: Status, pool: DescriptorPool | None = None) -> list[str]:
    """All details of the status as printable lines; what is in a detail is indented.

    Those of a type that only `pool` knows are told as JSON, and what nobody knows, or cannot be
    decoded, as its type and its bytes.
    """
    lines = [
        line
        for type_url, value in status.error_details
        for line in _detail_lines(type_url, value, pool)
    ]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"… and {len(lines) - MOST_LINES:,} more lines"]
    return lines


def _detail_lines(type_url: str, value: bytes, pool: DescriptorPool | None) -> list[str]:
    if not type_url:
        return [f"details that cannot be read: {_shown_bytes(value)}"]
    name = type_url.rpartition("/")[2]
    package, _, short = name.rpartition(".")
    if package == "google.rpc" and short in _READERS:
        # Needed at a failure only, and slow to import.
        from google.rpc import error_details_pb2

        try:
            message = parse_mended(getattr(error_details_pb2, short), value)
        except MessageError:
            return [f"{short} that cannot be read: {_shown_bytes(value)}"]
        body = _READERS[short](message)
        return [short, *(_INDENT + printable(line, LONGEST_VALUE) for line in body)]
    if pool is not None and (told := _as_json(name, value, pool)):
        return [told]
    return [f"{printable(type_url, LONGEST_VALUE)}: {_shown_bytes(value)}"]


def _as_json(name: str, value: bytes, pool: DescriptorPool) -> str:
    """The detail as JSON on one line, or "" where the pool cannot read it."""
    try:
        type_ = pool.FindMessageTypeByName(name)
        message = parse_mended(message_factory.GetMessageClass(type_), value)
        shorten(message)
        text = escape(JsonText(type_, pool).write(message))
    except (KeyError, MessageError):
        return ""
    return f"{printable(name, LONGEST_VALUE)}: {printable(text, LONGEST_VALUE)}"


def _shown_bytes(value: bytes) -> str:
    size = f"{len(value):,} byte{'' if len(value) == 1 else 's'}"
    if not value:
        return size
    cut = "…" if len(value) > _BYTES else ""
    return f"{size}, {base64.b64encode(value[:_BYTES]).decode()}{cut}"


def _bad_request(message: Any) -> Iterator[str]:
    for violation in message.field_violations:
        reason = f" ({violation.reason})" if violation.reason else ""
        told = violation.description or violation.localized_message.message
        yield f"{violation.field}: {told}{reason}"


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
        facts = {
            "service": violation.api_service,
            "metric": violation.quota_metric,
            "quota": violation.quota_id,
            "limit": f"{violation.quota_value:,}" if violation.quota_value else "",
            **violation.quota_dimensions,
        }
        for name, fact in facts.items():
            if fact:
                # A quota's name is no key, whatever Google calls it.
                yield f"{_INDENT}{name}: {shown_value(name, fact, LONGEST_VALUE)}"


def _debug_info(message: Any) -> Iterator[str]:
    # Often a trace of the server's own, with its line breaks.
    yield from (line for line in message.detail.split("\n") if line.strip())
    yield from message.stack_entries


def _precondition_failure(message: Any) -> Iterator[str]:
    for violation in message.violations:
        yield f"{violation.type} {violation.subject}: {violation.description}"


def _request_info(message: Any) -> Iterator[str]:
    yield f"request id: {message.request_id}"
    if message.serving_data:
        yield f"serving data: {shown_value('', message.serving_data, LONGEST_VALUE)}"


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
