"""Bearer tokens: a file of them, and who may call with which.

Only fingerprints are kept in memory, and each call is compared with all of them, so that the time
that it takes tells nothing of any.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import grpc

from grpctap_server.errors import CallError
from grpctap_server.reloading import read_file

SHORTEST_TOKEN = 16
"""Fewer characters can be guessed."""
LONGEST_TOKEN = 4096
"""In characters."""

_MOST_TOKENS = 10_000
_LONGEST_FILE = 16 * 1024 * 1024
# RFC 6750, section 2.1.
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_KEY = "authorization"
_SCHEME = "bearer"


class TokenFileError(ValueError):
    """A file of tokens that cannot be used; the message says why, and never has a token."""


class Token(NamedTuple):
    """A token that may call.

    Attributes:
        digest: By which it is known.
        line: The line of the file that it stands in, from 1.
    """

    digest: bytes
    line: int


class Tokens:
    """The tokens of a file.

    Args:
        path: One token a line; empty lines and those that begin with # mean nothing.

    Raises:
        TokenFileError: If the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tokens: tuple[Token, ...] = ()
        self._digests: frozenset[bytes] = frozenset()
        self.load()

    def __len__(self) -> int:
        return len(self._tokens)

    def load(self) -> None:
        """Read the file anew; one that cannot be used leaves the tokens as they are.

        Raises:
            TokenFileError: If it cannot be used.
        """
        try:
            raw = read_file(self.path, _LONGEST_FILE)
        except ValueError as error:
            raise TokenFileError(str(error)) from None
        self._tokens = _parse(raw)
        self._digests = frozenset(token.digest for token in self._tokens)

    def find(self, given: str) -> Token | None:
        """Look for a token, in a time that does not depend on where or whether it is found."""
        digest = _digest(given)
        found = None
        for token in self._tokens:
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found

    def holds(self, token: Token) -> bool:
        """Tell whether a token may still call, in whichever line."""
        # Each open call asks, but no stranger: what it takes tells nobody anything.
        return token.digest in self._digests

    def check(self, metadata: Sequence[tuple[str, str | bytes]]) -> Token:
        """Find the token that a call came with.

        Args:
            metadata: What the client sent.

        Raises:
            CallError: UNAUTHENTICATED, if there is none, or none that may call.
        """
        given = [value for key, value in metadata if key == _KEY]
        if not given:
            raise _refusal("CREDENTIALS_MISSING", "the server wants a bearer token")
        # Which one of several holds, others on the way may see differently.
        if len(given) > 1:
            raise _refusal("CREDENTIALS_INVALID", "more than one authorization was sent")
        scheme, _, credentials = str(given[0]).partition(" ")
        token = credentials.strip(" ")
        if scheme.lower() != _SCHEME or len(token) > LONGEST_TOKEN or not _TOKEN.fullmatch(token):
            raise _refusal("CREDENTIALS_INVALID", "the authorization is no bearer token")
        found = self.find(token)
        if found is None:
            raise _refusal("CREDENTIALS_INVALID", "the server does not know the token")
        return found


def withdrawn() -> CallError:
    """How a call ends whose token was taken out of the file."""
    return _refusal("CREDENTIALS_WITHDRAWN", "the token of this call was withdrawn")


def _refusal(reason: str, message: str) -> CallError:
    return CallError(grpc.StatusCode.UNAUTHENTICATED, reason, message)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _parse(raw: bytes) -> tuple[Token, ...]:
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise TokenFileError("it is no text in UTF-8") from None
    tokens: dict[bytes, Token] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if not _TOKEN.fullmatch(text):
            raise TokenFileError(f"line {number} has a character that no token has")
        if not SHORTEST_TOKEN <= len(text) <= LONGEST_TOKEN:
            raise TokenFileError(
                f"the token in line {number} has not {SHORTEST_TOKEN} to {LONGEST_TOKEN} "
                "characters; make one with: openssl rand -hex 32"
            )
        digest = _digest(text)
        tokens.setdefault(digest, Token(digest, number))
    if not tokens:
        raise TokenFileError("it has no token; write one a line")
    if len(tokens) > _MOST_TOKENS:
        raise TokenFileError(f"it has more than {_MOST_TOKENS} tokens")
    return tuple(tokens.values())
