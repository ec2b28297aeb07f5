"""Targets: where a server is, and how it is spoken to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import grpc
import grpc.experimental

from grpctap import __version__

MAX_MESSAGE_SIZE = 4 * 1024 * 1024
"""Largest message accepted by default, in bytes: gRPC's own default."""


class TargetError(ValueError):
    """An address that no channel can be made for; the message says what to do."""


@dataclass(frozen=True)
class Target:
    """A server's address and the settings of the channels to it.

    `address` is HOST:PORT, or any name that gRPC resolves (unix:PATH, dns:///HOST:PORT).
    `max_message_size` is in bytes.
    """

    address: str
    plaintext: bool = False
    max_message_size: int = MAX_MESSAGE_SIZE

    def __post_init__(self) -> None:
        if not self.address.isprintable() or " " in self.address:
            raise TargetError("the address holds a character that no address has")
        if self.scheme:
            return
        if "://" in self.address:
            raise TargetError(f"{self.address} has a scheme; give only HOST:PORT")
        host, colon, port = self.address.rpartition(":")
        if not colon or not host or not port.isascii() or not port.isdigit():
            raise TargetError(f"{self.address} is no HOST:PORT; for example 127.0.0.1:8000")
        if not 0 < int(port) < 65536:
            raise TargetError(f"port {port} is out of range; ports go from 1 to 65535")
        if ":" in host and not (host.startswith("[") and host.endswith("]")):
            raise TargetError(f"an IPv6 address needs brackets: [{host}]:{port}")

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
    def loopback(self) -> bool:
        """Whether the address is this machine itself."""
        host = self.address.rpartition(":")[0].strip("[]")
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def channel(self) -> grpc.Channel:
        """A new channel that shares nothing with any other."""
        options: list[tuple[str, int | str]] = [
            (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0),
            ("grpc.max_receive_message_length", self.max_message_size),
            ("grpc.primary_user_agent", f"grpctap/{__version__}"),
        ]
        if self.loopback:
            # A proxy from the environment cannot reach what listens on this machine only.
            options.append(("grpc.enable_http_proxy", 0))
        if self.plaintext:
            return grpc.insecure_channel(self.address, options)
        return grpc.secure_channel(self.address, grpc.ssl_channel_credentials(), options)
