"""TLS and mTLS with servers that others made, each with certificates made here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from grpctap.core import status as codes
from support.makes.feed import SERVICE
from support.makes.running import MAKES, Make
from support.peers import Authority
from support.server import PATIENCE_S
from support.terminal import Terminal

GRPCTAP = (sys.executable, "-m", "grpctap")
NAME = "feed.example.com"
WATCH = f"{SERVICE}/Watch"
COUNT = ("-d", '{"count": 2}')


@pytest.fixture(scope="module", params=MAKES)
def server(request: pytest.FixtureRequest, ours: Authority) -> Iterator[Make]:
    """One with TLS and a certificate for NAME, not for its address."""
    with Make(request.param, *ours.issue_files("feed")) as running:
        yield running


@pytest.fixture(scope="module", params=MAKES)
def strict(request: pytest.FixtureRequest, ours: Authority) -> Iterator[Make]:
    """One that wants certificates of our authority, too."""
    with Make(request.param, *ours.issue_files("feed"), ours.file) as running:
        yield running


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*GRPCTAP, *args),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
    )


def assert_received(done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["number"] for line in done.stdout.splitlines()] == ["1", "2"]


def assert_refused(done: subprocess.CompletedProcess[str], advice: str) -> None:
    assert (done.returncode, done.stdout) == (64 + codes.UNAVAILABLE, "")
    assert done.stderr.startswith("grpctap: ")
    assert done.stderr.count("\n") == 1
    assert advice in done.stderr


@pytest.mark.parametrize("flag", ["-authority", "-servername"])
def test_values_come_over_tls(server: Make, ours: Authority, flag: str) -> None:
    assert_received(run("-cacert", ours.file, flag, NAME, *COUNT, server.address, WATCH))


def test_the_viewer_shows_values_that_come_over_tls(server: Make, ours: Authority) -> None:
    before = len(server.calls("cancelled", "Watch"))
    flags = ("-cacert", ours.file, "-authority", NAME, "-d", '{"prefix": "v"}')
    with Terminal((*GRPCTAP, *flags, server.address, WATCH)) as terminal:
        terminal.wait_for("v3")
        terminal.write(b"q")
        assert terminal.wait() == 0
    server.await_call("cancelled", "Watch", before)


def test_who_is_not_trusted_or_has_another_name_is_refused_with_what_to_do(
    server: Make, ours: Authority, theirs: Authority
) -> None:
    for flags in ((), ("-cacert", theirs.file)):
        assert_refused(run(*flags, "-authority", NAME, server.address, WATCH), "with -cacert.")
    assert_refused(
        run("-cacert", ours.file, server.address, WATCH),
        f"The server's certificate is for {NAME} only; if it is the right server, give "
        f"-authority {NAME}.",
    )
    assert_refused(run("-plaintext", server.address, WATCH), "leave -plaintext out.")


def test_a_server_that_wants_certificates_takes_those_of_its_authority_alone(
    strict: Make, ours: Authority, theirs: Authority
) -> None:
    flags = ("-cacert", ours.file, "-authority", NAME)
    method = (strict.address, WATCH)
    cert, key = ours.issue_files("friend")
    assert_received(run(*flags, "-cert", cert, "-key", key, *COUNT, *method))
    assert_refused(run(*flags, *method), "-cert and -key")
    cert, key = theirs.issue_files("stranger")
    assert_refused(
        run(*flags, "-cert", cert, "-key", key, *method), "does not accept the certificate of -cert"
    )
