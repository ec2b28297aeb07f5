"""Where a stream is: nats://HOST:PORT,HOST:PORT/STREAM, and the credentials that open it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PORT = 4222
SCHEMES = ("nats://", "tls://")
_EXAMPLE = "nats://HOST:4222/STREAM"
# JetStream makes a folder of the name, and a part of subjects.
_NOT_IN_NAMES = frozenset(".*>/\\")
_LONGEST_NAME = 255
# The client looks for them until it finds them, and never finds the end of the file.
_CREDS_MARKS = ("BEGIN NATS USER JWT-----\n", "BEGIN USER NKEY SEED-----\n")


class AddressError(ValueError):
    """What was given names no stream; the message says why, and repeats no secret."""


@dataclass(frozen=True, slots=True)
class Address:
    """A stream, and the servers that have it.

    Attributes:
        servers: URLs of the servers, without credentials; at least one.
        stream: The stream's name.
        user: The user's name; empty for none.
        password: That user's.
        token: In place of a user; empty for none.
        creds: Path of a credentials file; empty for none.
    """

    servers: tuple[str, ...]
    stream: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    creds: str = field(default="", repr=False)

    def __str__(self) -> str:
        """Say it as in "stream ORDERS at a:4222, b:4222"."""
        return f"stream {self.stream} at {self.hosts}"

    @property
    def hosts(self) -> str:
        """The servers as people write them, without schemes."""
        return ", ".join(server.partition("://")[2] for server in self.servers)


def parse_address(text: str) -> Address:
    """Read nats://[USER:PASSWORD@|TOKEN@]HOST[:PORT][,HOST[:PORT]…]/STREAM, or tls://….

    Raises:
        AddressError: If it is not of that form.
    """
    scheme = next((scheme for scheme in SCHEMES if text.startswith(scheme)), None)
    if scheme is None:
        raise AddressError(f"it does not begin with nats:// or tls://, as in {_EXAMPLE}")
    where, _, stream = text.removeprefix(scheme).partition("/")
    # Only after the last @ can there be no secret.
    secret, _, hosts = where.rpartition("@")
    if not stream:
        raise AddressError(f"it names no stream; write {_EXAMPLE}")
    if (
        not stream.isprintable()
        or len(stream) > _LONGEST_NAME
        or any(c in _NOT_IN_NAMES or c.isspace() for c in stream)
    ):
        raise AddressError("a stream's name has no dots, slashes, spaces, * or >")
    servers = tuple(_server(scheme, host) for host in hosts.split(","))
    user, colon, password = secret.partition(":")
    if colon:
        return Address(servers, stream, user=unquote(user), password=unquote(password))
    return Address(servers, stream, token=unquote(user))


def with_credentials(address: Address, creds: str, environment: Mapping[str, str]) -> Address:
    """Add the credentials that the URL lacks.

    Args:
        address: As it was given.
        creds: Path of a credentials file, from a flag; empty for none.
        environment: NATS_CREDS, NATS_TOKEN, or NATS_USER and NATS_PASSWORD, as the nats command
            has them; asked when there are no others.
    """
    if creds:
        return replace(address, creds=creds)
    if address.user or address.token:
        return address
    return replace(
        address,
        user=environment.get("NATS_USER", ""),
        password=environment.get("NATS_PASSWORD", ""),
        token=environment.get("NATS_TOKEN", ""),
        creds=environment.get("NATS_CREDS", ""),
    )


def read_creds(path: str) -> str:
    """Read a credentials file.

    Raises:
        AddressError: If it cannot be read, or is none.
    """
    try:
        text = Path(path).read_text()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise AddressError(f"cannot read {path!r}: {reason.lower()}") from None
    if any(mark not in text for mark in _CREDS_MARKS):
        raise AddressError(f"{path!r} is no credentials file, as nsc makes them")
    return text


def _server(scheme: str, text: str) -> str:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not text.isprintable() or any(c.isspace() or c in "?#" for c in text):
        raise AddressError(f"HOST:PORT is not right in it; write {_EXAMPLE}")
    if ":" in host:
        host = f"[{host}]"
    return f"{scheme}{host}:{DEFAULT_PORT if port is None else port}"
