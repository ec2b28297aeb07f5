"""Where clients are, as gRPC names them, and which addresses are this machine's own."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote

# Whoever has one IPv6 address has at least so many bits of others.
_IPV6_NETWORK_BITS = 64
_PEER = re.compile(r"ipv[46]:\[?(?P<host>[^\]]*?)\]?:\d+")


def is_loopback(address: str) -> bool:
    """Tell whether a numeric address, v4 or v6, leads to this machine only."""
    try:
        return _plain(ipaddress.ip_address(address)).is_loopback
    except ValueError:
        return False


def plain(peer: str) -> str:
    """Write a peer as people do, without the escapes of gRPC."""
    return unquote(peer)


def network(peer: str) -> str:
    """Tell from which network a peer calls: its address, of IPv6 the first 64 bits.

    Args:
        peer: As gRPC names it, such as ipv4:127.0.0.1:41234 or ipv6:%5B::1%5D:41234.
    """
    match = _PEER.fullmatch(unquote(peer))
    if match is None:
        return peer
    try:
        address = _plain(ipaddress.ip_address(match["host"].partition("%")[0]))
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_NETWORK_BITS), strict=False))


def _plain(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
