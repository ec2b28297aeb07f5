from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.encoder import metadata_record
from grpctap.core.facts import CallFacts, Sent
from grpctap.core.secrets import MASK, is_secret, metadata_lines, shown_value


@pytest.mark.parametrize(
    "key",
    [
        "authorization",
        "Authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "x-amz-security-token",
        "client_secret",
        "db-password",
        "passwd",
        "x-credential-bin",
        "session-id",
        "x-goog-auth",
    ],
)
@pytest.mark.parametrize("value", ["hunter2", b"hunter2"])
def test_what_may_be_a_secret_is_masked(key: str, value: str | bytes) -> None:
    assert metadata_lines([(key, value)]) == [f"{key}: {MASK}"]


@pytest.mark.parametrize("value", ["Bearer hunter2", " basic aHVudGVyMg==", "eyJhbGci.eyJzdWIi.x"])
def test_a_value_that_is_a_key_is_masked_whatever_its_name(value: str) -> None:
    assert metadata_lines([("x-forwarded", value)]) == [f"x-forwarded: {MASK}"]


@pytest.mark.parametrize(
    "value",
    [b"Bearer hunter2", b" basic \xff", b"eyJhbGci.eyJzdWIi.x", "QmVhcmVyIGh1bnRlcjI"],
)
def test_so_is_one_of_bytes_and_one_in_base64(value: str | bytes) -> None:
    assert metadata_lines([("x-forwarded-bin", value)]) == [f"x-forwarded-bin: {MASK}"]
    record = metadata_record((("x-forwarded-bin", value),))
    assert [entry.value for entry in record.entry] == [MASK.encode()]


@given(
    st.sampled_from(["x-plain", "x-token", "x-raw-bin", "authorization", "X-RAW-BIN"]),
    st.text(max_size=20) | st.binary(max_size=20) | st.sampled_from([b"Bearer x", "Bearer x", "="]),
)
def test_a_file_masks_what_the_screen_masks(key: str, value: str | bytes) -> None:
    (shown,) = metadata_lines([(key, value)])
    (entry,) = metadata_record(((key, value),)).entry
    assert (shown == f"{key}: {MASK}") is (entry.value == MASK.encode())


def test_other_metadata_is_shown() -> None:
    metadata = (("x-served-by", "node-7"), ("x-trace-bin", b"\x00\xff"), ("x-served-by", "node-8"))
    assert metadata_lines(metadata) == [
        "x-served-by: node-7",
        "x-trace-bin: AP8=",
        "x-served-by: node-8",
    ]


def test_the_details_of_a_status_are_left_to_be_decoded() -> None:
    assert metadata_lines([("grpc-status-details-bin", b"\x08\x05")]) == []


def test_long_values_are_cut() -> None:
    shown = shown_value("x-blob-bin", bytes(2048), 40)
    assert shown == "A" * 39 + "… (2,048 bytes)"
    assert shown_value("x-blob-bin", bytes(30), 40) == "A" * 40
    assert shown_value("x-text", "x" * 100, 40) == "x" * 39 + "…"


def test_hostile_metadata_cannot_act_on_a_terminal() -> None:
    (line,) = metadata_lines([("x-\x1b[2J", "\x1b]0;owned\x07\u202e\n")])
    assert line.isprintable()
    assert line == "x-␛[2J: ␛]0;owned␇<U+202E>␊"


def test_metadata_is_in_no_repr() -> None:
    secret = (("authorization", "hunter2"),)
    facts = CallFacts(1, 1, 0, initial_metadata=secret, trailing_metadata=secret)
    assert "hunter2" not in repr(facts) + repr(Sent(metadata=secret))


def test_a_secret_is_known_by_its_name_or_by_itself() -> None:
    assert is_secret("x", "Bearer hunter2")
    assert is_secret("authorization")
    assert not is_secret("x", "Bearers of bad news")
