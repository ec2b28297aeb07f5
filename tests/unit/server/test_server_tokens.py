import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap_server import tokens
from grpctap_server.tokens import TOKEN_BYTES, Token, TokenError, decode, encode, fingerprint

some_tokens = st.builds(
    Token,
    stream=st.binary(min_size=8, max_size=8),
    data=st.text().map(fingerprint),
    start=st.integers(-(2**63), 2**63 - 1),
    sequence=st.integers(0, 2**64 - 1),
)


@given(some_tokens)
def test_what_is_encoded_is_decoded(token: Token) -> None:
    raw = encode(token)
    assert len(raw) == TOKEN_BYTES
    assert decode(raw) == token


@given(some_tokens, st.integers(0, TOKEN_BYTES - 1))
def test_a_truncated_token_is_refused(token: Token, length: int) -> None:
    with pytest.raises(TokenError, match="bytes"):
        decode(encode(token)[:length])


@given(some_tokens, st.integers(0, TOKEN_BYTES * 8 - 1))
def test_a_token_with_any_bit_flipped_is_refused(token: Token, bit: int) -> None:
    raw = bytearray(encode(token))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(TokenError, match=r"checksum|version"):
        decode(bytes(raw))


@given(st.binary() | st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES))
def test_random_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(TokenError):
        decode(raw)


def test_a_huge_token_is_refused_by_its_length_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_hashing(_: bytes) -> bytes:
        raise AssertionError("hashed")

    monkeypatch.setattr(tokens, "_checksum", no_hashing)
    with pytest.raises(TokenError, match="1048576 bytes"):
        decode(bytes(1 << 20))


def test_another_version_is_told_apart_from_damage() -> None:
    raw = encode(Token(bytes(8), bytes(8), 0, 0))
    with pytest.raises(TokenError, match="version 2"):
        decode(b"\x02" + raw[1:])


@given(st.text(), st.text())
def test_fingerprints_differ_where_texts_do(one: str, other: str) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (one == other)


def test_tokens_stay_readable_across_releases() -> None:
    token = Token(fingerprint("counter-1"), fingerprint("WTI "), 1_767_225_600_000_000_000, 41)
    assert encode(token).hex() == (
        "017757ed2d48744145742919ceb23e3bca18867251edfa00000000000000000029df71d77351d839af"
    )
