"""Which words are addresses, and which are methods."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from grpctap.words import Named, one_for_each, streams_named


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("h:1 a.B/C", [("h:1", "a.B/C")]),
        ("h a.B/C", [("h", "a.B/C")]),
        ("h:1 a.B/C a.B/D", [("h:1", "a.B/C"), ("h:1", "a.B/D")]),
        ("h:1 a.B.C h:2 /a.B/D a.B/E", [("h:1", "a.B/C"), ("h:2", "a.B/D"), ("h:2", "a.B/E")]),
        ("h:1 B/C dns:///x B/C", [("h:1", "B/C"), ("dns:///x", "B/C")]),
        ("h:1 B/C unix:x B/C", [("h:1", "B/C"), ("unix:x", "B/C")]),
        ("h:1 B/C [::1]:2 B/C", [("h:1", "B/C"), ("[::1]:2", "B/C")]),
        (
            "h:1 B/C ipv4:1.2.3.4:5,1.2.3.5:6 B/C",
            [("h:1", "B/C"), ("ipv4:1.2.3.4:5,1.2.3.5:6", "B/C")],
        ),
        # What has no port is no address where a method may stand.
        ("h:1 B/C example.com B/C", [("h:1", "B/C"), ("h:1", "example/com"), ("h:1", "B/C")]),
    ],
)
def test_addresses_and_methods_come_in_turn(line: str, named: list[tuple[str, str]]) -> None:
    assert streams_named(line.split()) == [Named(*pair) for pair in named]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("h:1", "h:1 has no SERVICE/METHOD behind it"),
        ("h:1 B/C h:2", "h:2 has no SERVICE/METHOD behind it"),
        ("h:1 h:2 B/C", "h:2 is no SERVICE/METHOD"),
        ("h:1 B/C h:2 h:3", "h:3 is no SERVICE/METHOD"),
        ("h:1 B/C localhost B/C", "localhost is neither another SERVICE/METHOD of h:1 nor a"),
        ("h:1 B/C list", "list is neither"),
        ("h:1" + " B/C" * 10, "these are 10 streams; 9 are the most"),
    ],
)
def test_what_is_neither_is_told(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        streams_named(line.split())


def test_paths_of_sockets_are_told_from_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named = streams_named(["/tmp/a", "B/C", "./b.sock", "B/C", "B/D"], sockets=True)
    assert [stream.address for stream in named] == ["/tmp/a", "./b.sock", "./b.sock"]
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("b.sock")
        with pytest.raises(ValueError, match=r"b\.sock may be a socket or a method; write unix:"):
            streams_named(["/tmp/a", "B/C", "b.sock", "B/C"], sockets=True)
        named = streams_named(["/tmp/a", "B/C", "unix:b.sock", "B/C"], sockets=True)
        assert named[1] == ("unix:b.sock", "B/C")


def test_one_request_is_for_all_and_several_are_in_order() -> None:
    assert one_for_each([], 2) == ["", ""]
    assert one_for_each(["a"], 2) == ["a", "a"]
    assert one_for_each(["a", "b"], 2) == ["a", "b"]
    assert one_for_each(["a", "b"], 1) == ["b"]
    with pytest.raises(ValueError, match="-d is given 2 times for 3 methods; once does for all"):
        one_for_each(["a", "b"], 3)
