"""Whatever bytes a server sends for messages and for a status, the viewer keeps or refuses them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grpctap.core.history import Value
from grpctap.core.seams import status_line
from grpctap.core.state import State
from grpctap.core.text import printable
from support.hostile import raw_message
from support.server import PATIENCE_S
from support.taps import await_state, open_tap, raw_server
from support.trailers import trailing

METHOD = "proto.StreamServer/ListValue"
MESSAGES: list[bytes] = []


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with raw_server(MESSAGES, ends=True) as address:
        yield address


sequences = st.integers(0, 5) | st.integers(0, 2**64 - 1)
messages = st.binary() | st.builds(
    raw_message,
    sequences,
    st.binary() | st.text().map(str.encode),
    st.none() | st.floats(),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(messages, max_size=12))
@example([b"", b"\xff"])
@example([raw_message(2**64 - 1, b"\xff", 1e308), raw_message(1, b"\x1b[2J", -0.0)])
@example([raw_message(n, b"") for n in (5, 1, 3, 3, 2**63, 4)])
def test_any_messages_are_kept_or_refused(address: str, sent: list[bytes]) -> None:
    MESSAGES[:] = sent
    with open_tap(address) as tap:
        await_state(tap, State.FINISHED, State.FAILED)
        now = tap.snapshot()
        assert (now.state is State.FINISHED) == (now.status is not None and now.status.ok)
        assert now.status is not None
        assert status_line(now.status).isprintable()
        rows = tap.newest().rows
        values = [row for row in rows if isinstance(row, Value)]
        assert len(values) == now.values
        # What is kept came, in this order, and each but once.
        came = iter(sent)
        assert all(value.raw in came for value in values)
        for row in rows:
            if isinstance(row, Value):
                assert printable(tap.schema.line(row.raw)).isprintable()
                assert tap.schema.json(row.raw).isprintable()
            else:
                assert row.text().isprintable()
        tap.gaps()
        with tap.chart_frame() as frame:
            assert len(frame.lines[0].series) <= now.values


@settings(deadline=None)
@given(
    st.binary(max_size=8) | st.integers(-3, 99).map(lambda code: b"%d" % code),
    st.binary(max_size=40) | st.sampled_from([b"%FF%1B[2J", b"%E2%80%AE", b"%", b"\x1b]0;x\x07"]),
    st.binary(max_size=40),
)
@example(b"5", b"a%FF%1B%5B2J", b"")
@example(b"999", b"\xff\x1b[2J", b"!!!")
@example(b"\x1b[2J", b"x", b"")
@example(b"9" * 50, b"", b"CAc")
@example(b"0", b"\x1b%1b", b"")
def test_any_trailers_are_a_status(code: bytes, message: bytes, details: bytes) -> None:
    trailers = [(b"grpc-status", code), (b"grpc-message", message)]
    if details:
        trailers.append((b"grpc-status-details-bin", details))
    with trailing(trailers) as address, open_tap(address) as tap:
        await_state(tap, State.FINISHED, State.FAILED)
        status = tap.snapshot().status
        assert status is not None
        assert status_line(status).isprintable()


@pytest.mark.parametrize(
    ("trailers", "said"),
    [
        (
            [(b"grpc-status", b"5"), (b"grpc-message", b"a%FF%1B%5B2J")],
            "NOT_FOUND (5): a\u00ff␛[2J",
        ),
        ([(b"grpc-status", b"5"), (b"grpc-message", b"\x1b]0;x\x07")], "NOT_FOUND (5): ␛]0;x␇"),
        ([(b"grpc-status", b"999"), (b"grpc-message", b"x")], "UNKNOWN (2): x"),
        ([(b"grpc-status", b"\x1b[2J")], "INTERNAL (13): "),
        ([(b"grpc-status", b"5"), (b"\x1b[2J", b"\x1b[2J")], "Illegal header key: ␛[2J"),
        ([(b"grpc-status", b"5"), (b"grpc-message", b"y" * 7_000)], "NOT_FOUND (5): yyy"),
        ([(b"no", b"status")], "UNKNOWN (2): "),
    ],
)
def test_hostile_trailers_are_one_line(trailers: list[tuple[bytes, bytes]], said: str) -> None:
    with trailing(trailers) as address:
        done = subprocess.run(
            (sys.executable, "-m", "grpctap", "-plaintext", address, METHOD),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    assert done.returncode > 64
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr[:-1].isprintable()
    assert len(done.stderr) < 2_100
