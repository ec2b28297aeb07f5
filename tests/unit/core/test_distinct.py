"""What streams are called, so that one can tell them apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.distinct import Told, distinct
from grpctap.core.requestparts import Part

WATCH = "pkg.Prices/Watch"
streams = st.builds(
    Told,
    st.sampled_from([WATCH, "pkg.v1.Prices/Watch", "pkg.v2.Prices/Watch", "pkg.Prices/Follow"]),
    st.sampled_from(["h:1", "h:2", "g:1", "unix:/run/a"]),
    st.lists(
        st.builds(Part, st.sampled_from(["a", "b", "c.d"]), st.sampled_from("xyz"), st.just(True)),
        max_size=3,
        unique_by=lambda part: part.path,
    ).map(tuple),
)


def told(*values: tuple[str, str], method: str = WATCH, address: str = "h:1") -> Told:
    parts = (Part(path, value, not value.isdecimal()) for path, value in values)
    return Told(method, address, tuple(parts))


def full(*streams: Told) -> list[str]:
    return [name.full for name in distinct(streams)]


def test_a_stream_alone_or_of_its_own_method_is_called_by_it() -> None:
    assert full(told(("symbol", "WTI"))) == ["Watch"]
    assert full(told(), told(method="pkg.Prices/Follow", address="h:2")) == ["Watch", "Follow"]


def test_of_the_request_only_what_differs_is_told() -> None:
    both = ("market", "NYMEX")
    assert full(told(both, ("symbol", "WTI")), told(both, ("symbol", "BRN"))) == [
        "Watch WTI",
        "Watch BRN",
    ]
    assert full(told(("depth", "5")), told(("depth", "10")), told()) == [
        "Watch depth=5",
        "Watch depth=10",
        "Watch",
    ]


def test_a_field_that_tells_all_apart_is_told_alone() -> None:
    made = [told(("kind", "abc"[n // 2]), ("id", str(n))) for n in range(4)]
    assert full(*made) == [f"Watch id={n}" for n in range(4)]


def test_several_fields_are_told_where_it_takes_them_and_of_whom_it_takes_them() -> None:
    made = [
        told(("symbol", s), ("depth", d)) for s, d in (("WTI", "1"), ("WTI", "2"), ("BRN", "1"))
    ]
    assert full(*made) == ["Watch WTI depth=1", "Watch WTI depth=2", "Watch BRN"]


def test_what_values_have_in_common_is_left_out() -> None:
    made = [told(("name", f"projects/oil/streams/{end}/live")) for end in ("wti", "brent")]
    assert full(*made) == ["Watch …wti…", "Watch …brent…"]


def test_services_and_addresses_are_told_by_where_they_differ() -> None:
    made = [told(method=f"acme.{version}.Prices/Watch") for version in ("v1", "v2")]
    assert full(*made) == ["Watch v1", "Watch v2"]
    assert full(told(), told(address="h:2")) == ["Watch :1", "Watch :2"]
    assert full(told(), told(address="g:1")) == ["Watch h", "Watch g"]
    assert full(told(), told(address="unix:/run/a")) == ["Watch h:1", "Watch unix:/run/a"]
    made = [
        told(("symbol", s), address=a) for s, a in (("WTI", "h:1"), ("WTI", "h:2"), ("B", "h:1"))
    ]
    assert full(*made) == ["Watch WTI :1", "Watch WTI :2", "Watch B"]


def test_names_act_on_no_terminal() -> None:
    names = full(told(method="a\x1b[2J/\x1b]0;x\x07"), told(method="b\x1b[2J/\x1b]0;x\x07"))
    names += full(told(address="\x1b[2J:1"), told(address="\u202e:1"))
    assert all(name.isprintable() for name in names)


@given(streams, streams)
def test_two_streams_that_differ_are_not_called_the_same(one: Told, other: Told) -> None:
    first, second = distinct([one, other])
    assert (first == second) is (one == other)


@given(st.lists(streams, min_size=1, max_size=9))
def test_who_is_told_apart_already_is_told_by_no_address(made: list[Told]) -> None:
    names = distinct(made)
    for name in names:
        if name.place:
            assert [(each.method, each.detail) for each in names].count(name[:2]) > 1
