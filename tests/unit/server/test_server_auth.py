"""The file of tokens, and which of them a call came with."""

from __future__ import annotations

import os
from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap_server.auth import LONGEST_TOKEN, TokenFileError, Tokens
from grpctap_server.errors import CallError

ONE, TWO = "a" * 32, "Zz9-._~+/" * 4 + "=="


def tokens_of(folder: Path, content: str | bytes) -> Tokens:
    path = folder / "tokens"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Tokens(path)


def test_comments_empty_lines_and_blanks_around_mean_nothing(tmp_path: Path) -> None:
    tokens = tokens_of(tmp_path, f"\ufeff# ours\r\n\r\n  {ONE} \r\n{TWO}\n{ONE}\n")
    assert len(tokens) == 2
    one, two = tokens.find(ONE), tokens.find(TWO)
    assert one is not None
    assert two is not None
    assert (one.line, two.line) == (3, 4)
    assert tokens.find("# ours") is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "no token"),
        ("# none\n\n", "no token"),
        (f"{ONE}\nshort\n", "line 2 has not 16 to 4096"),
        ("x" * (LONGEST_TOKEN + 1), "line 1 has not 16 to 4096"),
        (f"{ONE}\nsecret secret secret", "line 2 has a character"),
        ("geheimgeheimgeheimü", "line 1 has a character"),
        (b"\xff\xfe" + ONE.encode(), "no text in UTF-8"),
    ],
)
def test_a_file_in_error_is_refused_without_telling_what_is_in_it(
    tmp_path: Path, content: str | bytes, complaint: str
) -> None:
    with pytest.raises(TokenFileError, match=complaint) as refused:
        tokens_of(tmp_path, content)
    assert "geheim" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TokenFileError, match="no such file"):
        Tokens(tmp_path / "none")
    with pytest.raises(TokenFileError, match="no regular file"):
        Tokens(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TokenFileError, match="no regular file"):
        Tokens(tmp_path / "pipe")


def test_a_file_in_error_leaves_the_tokens_as_they_were(tmp_path: Path) -> None:
    tokens = tokens_of(tmp_path, ONE)
    before = tokens.find(ONE)
    tokens.path.write_text("")
    with pytest.raises(TokenFileError):
        tokens.load()
    assert tokens.find(ONE) == before
    assert before is not None
    assert tokens.holds(before)
    tokens.path.write_text(f"# first\n{TWO}\n")
    tokens.load()
    assert tokens.find(ONE) is None
    assert not tokens.holds(before)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return tokens_of(tmp_path_factory.mktemp("tokens"), f"{ONE}\n{TWO}\n")


def refusal(tokens: Tokens, *metadata: tuple[str, str | bytes]) -> str:
    with pytest.raises(CallError) as refused:
        tokens.check(metadata)
    assert refused.value.code is grpc.StatusCode.UNAUTHENTICATED
    return str(refused.value.info.reason)


def test_the_right_token_is_taken_whatever_stands_around_it(tokens: Tokens) -> None:
    assert tokens.check([("x", "y"), ("authorization", f"Bearer {ONE}")]).line == 1
    assert tokens.check([("authorization", f"bearer  {TWO}")]).line == 2


@pytest.mark.parametrize(
    "value",
    [
        *("", "Bearer", "Bearer ", ONE, f"Basic {ONE}", f"Bearer {ONE}a", f"Bearer {ONE[1:]}"),
        *(f"Bearer {ONE},{TWO}", f"Bearer {ONE} {TWO}", f"Bearer {ONE.upper()}", "Bearer \u0131"),
        "Bearer " + "a" * 5000,
    ],
)
def test_anything_else_is_refused(tokens: Tokens, value: str) -> None:
    assert refusal(tokens, ("authorization", value)) == "CREDENTIALS_INVALID"


def test_none_and_several_are_refused(tokens: Tokens) -> None:
    assert refusal(tokens) == "CREDENTIALS_MISSING"
    good = ("authorization", f"Bearer {ONE}")
    assert refusal(tokens, good, good) == "CREDENTIALS_INVALID"
    assert (
        refusal(tokens, ("authorization-bin", b"Bearer " + ONE.encode())) == "CREDENTIALS_MISSING"
    )


@given(st.text(max_size=100) | st.binary(max_size=100))
def test_no_other_text_is_taken(tokens: Tokens, value: str | bytes) -> None:
    assert refusal(tokens, ("authorization", value)) == "CREDENTIALS_INVALID"
