"""Places for calls, and whose call one is."""

from __future__ import annotations

from contextlib import ExitStack

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap_server.errors import CallError
from grpctap_server.limits import Slots
from grpctap_server.peers import is_loopback, network


def take(slots: Slots, client: str) -> ExitStack:
    stack = ExitStack()
    stack.enter_context(slots.take(client))
    return stack


def refusal(slots: Slots, client: str) -> str:
    with pytest.raises(CallError) as refused:
        take(slots, client)
    assert refused.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    return str(refused.value.info.reason)


def test_each_client_has_its_share_and_all_have_theirs() -> None:
    slots = Slots(total=3, per_client=2)
    one, other = take(slots, "a"), take(slots, "a")
    assert refusal(slots, "a") == "CLIENT_CALLS"
    third = take(slots, "b")
    assert refusal(slots, "c") == "TOTAL_CALLS"
    one.close()
    take(slots, "c").close()
    other.close()
    third.close()
    take(slots, "a")


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), max_size=60))
def test_what_is_held_is_what_was_taken_and_not_given_back(steps: list[tuple[bool, str]]) -> None:
    slots = Slots(total=4, per_client=2)
    held: dict[str, list[ExitStack]] = {"a": [], "b": [], "c": []}
    for takes, client in steps:
        mine = held[client]
        if not takes:
            if mine:
                mine.pop().close()
        elif len(mine) == 2:
            assert refusal(slots, client) == "CLIENT_CALLS"
        elif sum(map(len, held.values())) == 4:
            assert refusal(slots, client) == "TOTAL_CALLS"
        else:
            mine.append(take(slots, client))


@pytest.mark.parametrize(
    ("peer", "whose"),
    [
        ("ipv4:192.0.2.7:41234", "192.0.2.7"),
        ("ipv6:%5B::1%5D:41234", "::/64"),
        ("ipv6:[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1:2::/64"),
        ("ipv6:%5B2001:db8:1:2:ffff::1%5D:1", "2001:db8:1:2::/64"),
        ("ipv6:%5Bfe80::1%25eth0%5D:1", "fe80::/64"),
        ("ipv6:%5B::ffff:192.0.2.7%5D:1", "192.0.2.7"),
        ("unix:/tmp/socket", "unix:/tmp/socket"),
        ("", ""),
    ],
)
def test_a_client_is_its_network(peer: str, whose: str) -> None:
    assert network(peer) == whose


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        *((a, True) for a in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1")),
        *(
            (a, False)
            for a in ("0.0.0.0", "::", "192.0.2.1", "fe80::1%eth0", "::ffff:10.0.0.1", "x")
        ),
    ],
)
def test_loopback_is_told_from_all_else(address: str, is_own: bool) -> None:
    assert is_loopback(address) is is_own
