from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as rpc

from grpctap.core.details import MOST_LINES, detail_lines
from grpctap.core.secrets import MASK
from grpctap.core.status import Status
from support.protos import Protos


def told(*details: Message | tuple[str, bytes], pool: DescriptorPool | None = None) -> list[str]:
    attached = []
    for detail in details:
        if isinstance(detail, tuple):
            attached.append(detail)
        else:
            packed = Any()
            packed.Pack(detail)
            attached.append((packed.type_url, packed.value))
    lines = detail_lines(Status(3, "INVALID_ARGUMENT", error_details=tuple(attached)), pool)
    assert all(line.isprintable() for line in lines)
    return lines


@pytest.mark.parametrize(
    ("detail", "lines"),
    [
        (
            rpc.BadRequest(
                field_violations=[
                    rpc.BadRequest.FieldViolation(field="a.b", description="must be positive"),
                    rpc.BadRequest.FieldViolation(field="c", description="empty", reason="EMPTY"),
                ]
            ),
            ["BadRequest", "  a.b: must be positive", "  c: empty (EMPTY)"],
        ),
        (
            rpc.ErrorInfo(
                reason="GONE", domain="d.example", metadata={"zone": "eu", "api_token": "hunter2"}
            ),
            [
                "ErrorInfo",
                "  reason: GONE",
                "  domain: d.example",
                f"  api_token: {MASK}",
                "  zone: eu",
            ],
        ),
        (
            rpc.RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
            ["RetryInfo", "  try again after 1.5 s"],
        ),
        (
            rpc.BadRequest(
                field_violations=[
                    rpc.BadRequest.FieldViolation(
                        field="c", localized_message=rpc.LocalizedMessage(message="leer")
                    )
                ]
            ),
            ["BadRequest", "  c: leer"],
        ),
        (
            rpc.QuotaFailure(
                violations=[
                    rpc.QuotaFailure.Violation(
                        subject="p",
                        description="used up",
                        quota_metric="reads",
                        quota_value=1000,
                        quota_dimensions={"zone": "eu"},
                    )
                ]
            ),
            [
                "QuotaFailure",
                "  p: used up",
                "    metric: reads",
                "    limit: 1,000",
                "    zone: eu",
            ],
        ),
        (
            rpc.DebugInfo(detail="first\nsecond\n"),
            ["DebugInfo", "  first", "  second"],
        ),
        (
            rpc.QuotaFailure(
                violations=[rpc.QuotaFailure.Violation(subject="project:p", description="10/day")]
            ),
            ["QuotaFailure", "  project:p: 10/day"],
        ),
        (
            rpc.DebugInfo(stack_entries=["at f", "at g"], detail="boom"),
            ["DebugInfo", "  boom", "  at f", "  at g"],
        ),
        (
            rpc.PreconditionFailure(
                violations=[
                    rpc.PreconditionFailure.Violation(
                        type="TOS", subject="you", description="not accepted"
                    )
                ]
            ),
            ["PreconditionFailure", "  TOS you: not accepted"],
        ),
        (
            rpc.RequestInfo(request_id="r-1", serving_data="node 7"),
            ["RequestInfo", "  request id: r-1", "  serving data: node 7"],
        ),
        (
            rpc.ResourceInfo(
                resource_type="bucket", resource_name="b1", owner="o", description="is sealed"
            ),
            ["ResourceInfo", "  bucket: b1", "  owner: o", "  is sealed"],
        ),
        (
            rpc.Help(links=[rpc.Help.Link(description="Quotas", url="https://example.org/q")]),
            ["Help", "  Quotas: https://example.org/q"],
        ),
        (
            rpc.LocalizedMessage(locale="de", message="Zu viel"),
            ["LocalizedMessage", "  de: Zu viel"],
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Message) else "",
)
def test_each_detail_of_google_rpc_is_told_in_lines(detail: Message, lines: list[str]) -> None:
    assert told(detail) == lines


def test_a_detail_that_the_pool_of_the_method_knows_is_json() -> None:
    protos = Protos('syntax = "proto3"; package t; message Blame { string who = 1; }')
    blame = protos.make("Blame", who="\x1b[2J").SerializeToString()
    (line,) = told(("type.googleapis.com/t.Blame", blame), pool=protos.pool)
    assert line == 't.Blame: {"who": "\\u001b[2J"}'
    assert "1 byte" in told(("type.googleapis.com/t.Blame", b"\xff"), pool=protos.pool)[0]


def test_text_that_is_no_utf8_hides_no_other() -> None:
    raw = rpc.RequestInfo(request_id="r?").SerializeToString().replace(b"?", b"\xff")
    assert told(("type.googleapis.com/google.rpc.RequestInfo", raw)) == [
        "RequestInfo",
        "  request id: r\ufffd",
    ]


def test_an_unknown_detail_is_told_by_its_type_and_bytes() -> None:
    assert told(("type.example/shop.Refund", b"\x01\x02")) == [
        "type.example/shop.Refund: 2 bytes, AQI="
    ]
    assert told(("type.example/shop.Refund", b"")) == ["type.example/shop.Refund: 0 bytes"]
    assert told(("x/y.Z", bytes(100)))[0].endswith("…")


@pytest.mark.parametrize("name", ["google.rpc.Status", "google.rpc.Nothing", "evil.ErrorInfo"])
def test_only_the_details_of_google_rpc_are_decoded(name: str) -> None:
    assert told((f"type.googleapis.com/{name}", b"a")) == [
        f"type.googleapis.com/{name}: 1 byte, YQ=="
    ]


def test_damaged_details_are_told_and_hide_no_other() -> None:
    assert told(
        ("type.googleapis.com/google.rpc.ErrorInfo", b"\xff"),
        rpc.LocalizedMessage(locale="de", message="Zu viel"),
        ("", b"\xff\xff"),
    ) == [
        "ErrorInfo that cannot be read: 1 byte, /w==",
        "LocalizedMessage",
        "  de: Zu viel",
        "details that cannot be read: 2 bytes, //8=",
    ]


def test_hostile_text_cannot_act_on_a_terminal() -> None:
    evil = "\x1b]0;owned\x07\u202e\nroot"
    lines = told(
        rpc.BadRequest(field_violations=[rpc.BadRequest.FieldViolation(field=evil)]),
        rpc.ErrorInfo(reason=evil, domain=evil, metadata={evil: evil}),
        rpc.DebugInfo(stack_entries=[evil], detail=evil),
        rpc.Help(links=[rpc.Help.Link(description=evil, url=evil)]),
        (evil, b"x"),
    )
    assert len(lines) == 13
    assert sum("␛]0;owned␇<U+202E>␊root" in line for line in lines) == 7


def test_details_without_end_are_cut() -> None:
    lines = told(rpc.DebugInfo(stack_entries=["at f"] * 1000, detail="x" * 100_000))
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == f"… and {1002 - MOST_LINES} more lines"
    assert max(map(len, lines)) < 500


def test_a_delay_that_no_calendar_has_is_told() -> None:
    assert told(rpc.RetryInfo(retry_delay=Duration(seconds=2**63 - 1, nanos=-(2**31)))) == [
        "RetryInfo",
        "  try again after 9.22337204e+18 s",
    ]
