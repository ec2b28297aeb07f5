"""Targets: where a server is, and how it is spoken to."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import grpc
import grpc.experimental

from grpctap import __version__
from grpctap.core.facts import NOT_VERIFIED
from grpctap.transport.tls import Tls

if TYPE_CHECKING:
    from grpctap.transport.insecure import Place

MAX_MESSAGE_SIZE = 4 * 1024 * 1024
"""Largest message accepted by default, in bytes: gRPC's own default."""
CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection by default: grpcurl's own default."""

MAX_METADATA_SIZE = 1024 * 1024
"""Largest metadata accepted, in bytes: what a server tells of a failure may have a stack trace."""

READ_AHEAD = 1024 * 1024
"""Bytes that a server may send ahead of what was read; one more message may come in any case.

Enough for 10 MB/s from a server that is 100 ms away.
"""

# gRPC waits so much longer than the relay of -insecure, in seconds, so that the relay says why.
_GRACE_S = 1.0
_AGENT = f"grpctap/{__version__}"
# Where dns:HOST without a port leads.
DNS_PORT = 443
# What an authority is made of (RFC 3986, section 3.2).
_AUTHORITY = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:@\[\]]+")


class TargetError(ValueError):
    """A server that no channel can be made to; the message says what to do."""


@dataclass(frozen=True)
class Target:
    """A server's address and the settings of the channels to it.

    `address` is HOST:PORT, several as ipv4:HOST:PORT,HOST:PORT (ipv6 likewise), or any name that
    gRPC resolves (unix:PATH, dns:///HOST:PORT). `max_message_size` is in bytes. `authority` is the
    name that the server is asked for, and with TLS the one that its certificate must have;
    `servername` is the same, for TLS only. Times are in seconds; `keepalive_time` is how long a
    connection may be silent before a ping is sent, and how long the answer may take. `insecure`
    believes any certificate; `user_agent` is what the server is told first of who is calling.
    """

    address: str
    plaintext: bool = False
    max_message_size: int = MAX_MESSAGE_SIZE
    tls: Tls = field(default_factory=Tls)
    authority: str | None = None
    servername: str | None = None
    connect_timeout: float = CONNECT_TIMEOUT
    keepalive_time: float | None = None
    insecure: bool = False
    user_agent: str | None = None

    def __post_init__(self) -> None:
        if not self.address.isprintable() or " " in self.address:
            raise TargetError("the address holds a character that no address has")
        if self.scheme in ("", "ipv4", "ipv6"):
            for entry in self._entries():
                _check(self.scheme, entry)
        self._check_names()
        if self.plaintext and not self.tls.is_default:
            raise TargetError("-cacert, -cert and -key go with TLS, not with -plaintext")
        if self.insecure:
            self._check_insecure()

    @property
    def scheme(self) -> str:
        """The naming scheme of the address ("unix", "dns"), or "" for a plain HOST:PORT."""
        for scheme in ("dns", "unix", "unix-abstract", "ipv4", "ipv6", "xds", "vsock"):
            rest = self.address.removeprefix(f"{scheme}:")
            # A host may be called as a scheme is: dns:53 is a host and a port.
            if rest != self.address and not rest.isdigit():
                return scheme
        return ""

    @property
    def endpoints(self) -> tuple[tuple[str, int], ...]:
        """Each host, without brackets, and its port; none where gRPC alone knows them."""
        scheme = self.scheme
        if scheme not in ("", "ipv4", "ipv6", "dns"):
            return ()
        pairs = [_host_and_port(entry) for entry in self._entries()]
        return tuple(
            (host.strip("[]"), int(port) if port else DNS_PORT)
            for host, port in pairs
            if port.isdecimal() or (scheme == "dns" and not port)
        )

    @property
    def security(self) -> str:
        """How connections to it are made, in words."""
        if self.plaintext:
            return "plaintext"
        return NOT_VERIFIED if self.insecure else "TLS"

    @property
    def loopback(self) -> bool:
        """Whether the address, or each of several, is this machine itself."""
        return bool(self.endpoints) and all(_is_loopback(host) for host, _ in self.endpoints)

    @property
    def tls_name(self) -> str:
        """The name that a certificate must have."""
        name = self.servername or self.authority or self._default_name
        with_port = re.fullmatch(r"(\[.*\]|[^:]*):\d+", name)
        return (with_port[1] if with_port else name).strip("[]")

    def channel(self, keepalive_time: float | None = None) -> grpc.Channel:
        """A new channel that shares nothing with any other.

        `keepalive_time`, in seconds, is what the target's own has become; None: no pings.
        """
        connect_ms = _milliseconds(self.connect_timeout + (_GRACE_S if self.insecure else 0))
        options: list[tuple[str, int | str]] = [
            (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0),
            ("grpc.max_receive_message_length", self.max_message_size),
            # By default gRPC refuses trailers above 8 KiB, at random, and with them the status.
            ("grpc.max_metadata_size", MAX_METADATA_SIZE),
            ("grpc.absolute_max_metadata_size", MAX_METADATA_SIZE),
            # gRPC would measure the way and take in ever more ahead: tens of megabytes in a flood,
            # and what the viewer shows would be seconds old.
            ("grpc.http2.bdp_probe", 0),
            ("grpc.http2.lookahead_bytes", READ_AHEAD),
            ("grpc.primary_user_agent", " ".join([*filter(None, [self.user_agent]), _AGENT])),
            # An attempt to connect may take the longest of these three.
            ("grpc.min_reconnect_backoff_ms", connect_ms),
            ("grpc.initial_reconnect_backoff_ms", connect_ms),
            ("grpc.max_reconnect_backoff_ms", connect_ms),
            ("grpc.dns_ares_query_timeout", connect_ms),
        ]
        if keepalive_time is not None:
            keepalive_ms = _milliseconds(keepalive_time)
            options += [
                ("grpc.keepalive_time_ms", keepalive_ms),
                ("grpc.keepalive_timeout_ms", keepalive_ms),
                # Without it, grpcio 1.85 waits a minute for the answer to any ping.
                ("grpc.http2.ping_timeout_ms", keepalive_ms),
                ("grpc.http2.max_pings_without_data", 0),
            ]
        if self.loopback:
            # A proxy from the environment cannot reach what listens on this machine only.
            options.append(("grpc.enable_http_proxy", 0))
        if self.insecure:
            from grpctap.transport.insecure import Relay, insecure_channel

            name = self.servername or self.authority or self._default_name
            context = self.tls.context(verify=False)
            relay = Relay(self._places, context, self.tls_name, self.connect_timeout)
            return insecure_channel(relay, [*options, ("grpc.default_authority", name)])
        if self.servername is not None and not self.plaintext:
            # gRPC makes it the authority, too, as grpcurl does.
            options.append(("grpc.ssl_target_name_override", self.servername))
        elif self.authority is not None:
            options.append(("grpc.default_authority", self.authority))
        elif self.scheme in ("ipv4", "ipv6"):
            # The default for several is all of them, which is the name of none.
            options.append(("grpc.default_authority", self._entries()[0]))
        if self.plaintext:
            return grpc.insecure_channel(self.address, options)
        return grpc.secure_channel(self.address, self.tls.credentials(), options)

    def _entries(self) -> list[str]:
        scheme = self.scheme
        rest = self.address.removeprefix(f"{scheme}:") if scheme else self.address
        if scheme == "dns":
            return [rest.rpartition("/")[2]]
        return rest.split(",") if scheme in ("ipv4", "ipv6") else [rest]

    @property
    def _default_name(self) -> str:
        """What a server is called, where nobody says it."""
        return "localhost" if self._socket else self._entries()[0]

    @property
    def _socket(self) -> str:
        """The Unix socket that the address is, as Python takes it; empty: it is none."""
        path = unquote(self.address.partition(":")[2])
        if self.scheme == "unix-abstract":
            return f"\0{path}"
        return path.removeprefix("//") if self.scheme == "unix" else ""

    @property
    def _places(self) -> tuple[Place, ...]:
        return (self._socket,) if self._socket else self.endpoints

    def _check_insecure(self) -> None:
        if self.plaintext:
            raise TargetError("-insecure goes with TLS, not with -plaintext")
        # Needed by few, and slow to import.
        from grpctap.transport.insecure import is_possible

        if not is_possible():
            raise TargetError("-insecure works on Linux only; give the certificate with -cacert")
        if not self._places or re.match("dns://[^/]", self.address):
            raise TargetError("-insecure goes with HOST:PORT, dns:///, ipv4:, ipv6: and unix: only")

    def _check_names(self) -> None:
        for flag, name in (("-authority", self.authority), ("-servername", self.servername)):
            if name is not None and not _AUTHORITY.fullmatch(name):
                raise TargetError(f"{flag} wants the name of a host, such as feed.example.com")
        if self.user_agent is not None and not (
            self.user_agent.isascii() and self.user_agent.isprintable()
        ):
            raise TargetError("-user-agent holds printable ASCII only")
        both = None not in (self.authority, self.servername)
        if both and self.authority != self.servername and not self.plaintext:
            raise TargetError("-authority and -servername differ; give one of them")


def socket_address(path: str) -> str:
    """The address of the Unix socket at a path, which may itself be such an address."""
    return path if path.startswith(("unix:", "unix-abstract:")) else f"unix:{quote(path)}"


def _check(scheme: str, entry: str) -> None:
    host, port = _host_and_port(entry)
    if "://" in entry:
        raise TargetError(f"{entry} has a scheme; give only HOST:PORT")
    if "," in entry:
        raise TargetError(
            f"{entry} is no HOST:PORT; several are given as ipv4:127.0.0.1:8000,127.0.0.1:8001"
        )
    if not host or not (port.isascii() and port.isdigit()):
        raise TargetError(f"{entry or 'nothing'} is no HOST:PORT; for example 127.0.0.1:8000")
    # Python refuses to read thousands of digits.
    if len(port.lstrip("0")) > 5 or not 0 < int(port) < 65536:
        raise TargetError(f"port {port} is out of range; ports go from 1 to 65535")
    bare = host.removeprefix("[").removesuffix("]")
    if ":" in bare and host != f"[{bare}]":
        raise TargetError(f"an IPv6 address needs brackets: [{host}]:{port}")
    try:
        if scheme == "ipv4":
            ipaddress.IPv4Address(host)
        elif scheme == "ipv6":
            # The name of an interface may follow a percent sign, which may itself be escaped.
            ipaddress.IPv6Address(bare.replace("%25", "%"))
    except ValueError:
        kind = scheme.replace("ip", "IP")
        raise TargetError(f"{entry} is no {kind} address with a port, as {scheme}: wants") from None


def _host_and_port(entry: str) -> tuple[str, str]:
    host, colon, port = entry.rpartition(":")
    return (host, port) if colon and not host.endswith(":") else (entry, "")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _milliseconds(seconds: float) -> int:
    # gRPC takes numbers of 32 bits.
    return min(max(round(seconds * 1000), 1), 2**31 - 1)
