"""Addresses: which are accepted, and what is known of them without asking anybody."""

from __future__ import annotations

import pytest

from grpctap.transport.target import Target, TargetError


@pytest.mark.parametrize(
    ("address", "endpoints", "loopback"),
    [
        ("localhost:1", [("localhost", 1)], True),
        ("127.8.9.1:1", [("127.8.9.1", 1)], True),
        ("[::1]:1", [("::1", 1)], True),
        ("feed.example.com:1", [("feed.example.com", 1)], False),
        ("0.0.0.0:1", [("0.0.0.0", 1)], False),
        ("dns:localhost:7", [("localhost", 7)], True),
        ("dns:///localhost", [("localhost", 443)], True),
        ("dns://127.0.0.1:53/feed.example.com:7", [("feed.example.com", 7)], False),
        ("dns:53", [("dns", 53)], False),
        ("ipv4:127.0.0.1:1", [("127.0.0.1", 1)], True),
        ("ipv4:127.0.0.1:1,127.0.0.2:2", [("127.0.0.1", 1), ("127.0.0.2", 2)], True),
        ("ipv4:127.0.0.1:1,10.0.0.2:2", [("127.0.0.1", 1), ("10.0.0.2", 2)], False),
        ("ipv6:[::1]:1,[fe80::1%25lo]:2", [("::1", 1), ("fe80::1%25lo", 2)], False),
        ("ipv6:[::1]:1,[::1]:2", [("::1", 1), ("::1", 2)], True),
        ("unix:/tmp/s", [], False),
    ],
)
def test_what_an_address_says(
    address: str, endpoints: list[tuple[str, int]], loopback: bool
) -> None:
    target = Target(address)
    assert list(target.endpoints) == endpoints
    assert target.loopback is loopback


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("ipv4:127.0.0.1", "127.0.0.1 is no HOST:PORT"),
        ("ipv4:127.0.0.1:1,", "nothing is no HOST:PORT"),
        ("ipv4:,127.0.0.1:1", "nothing is no HOST:PORT"),
        ("ipv4:127.0.0.1:1,127.0.0.1:0", "port 0 is out of range"),
        ("ipv4:127.0.0.1:1,localhost:2", "localhost:2 is no IPv4 address with a port"),
        ("ipv4:127.0.0.1:1,[::1]:2", "[::1]:2 is no IPv4 address with a port"),
        ("ipv4:127.0.0.1:1, 127.0.0.1:2", "a character that no address has"),
        ("ipv6:::1:1", "an IPv6 address needs brackets: [::1]:1"),
        ("ipv6:[::1]:1,127.0.0.1:2", "127.0.0.1:2 is no IPv6 address with a port"),
        ("localhost:1,localhost:2", "several are given as ipv4:127.0.0.1:8000,127.0.0.1:8001"),
        ("[::1]", "[::1] is no HOST:PORT"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(address: str, complaint: str) -> None:
    with pytest.raises(TargetError) as refused:
        Target(address)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("address", "authority", "name"),
    [
        ("feed.example.com:443", None, "feed.example.com"),
        ("[::1]:443", None, "::1"),
        ("ipv4:127.0.0.1:1,127.0.0.2:2", None, "127.0.0.1"),
        ("127.0.0.1:1", "feed.example.com", "feed.example.com"),
        ("127.0.0.1:1", "feed.example.com:443", "feed.example.com"),
        ("127.0.0.1:1", "[::1]:443", "::1"),
        ("127.0.0.1:1", "::1", "::1"),
    ],
)
def test_the_name_that_a_certificate_must_have(
    address: str, authority: str | None, name: str
) -> None:
    assert Target(address, authority=authority).tls_name == name
    assert Target(address, servername=authority).tls_name == name
