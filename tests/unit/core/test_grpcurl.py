"""A call as a command line of grpcurl, and what the real one makes of it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grpctap.core.grpcurl import grpcurl_command
from grpctap.core.secrets import is_secret
from support.methods import reflecting
from support.protos import Protos
from support.server import PATIENCE_S

SECRET = "hunter2"
PROTO = """
syntax = "proto3"; package t;
message Ask { string data = 1; }
message Say { string said = 1; }
service Talk { rpc Watch(Ask) returns (stream Say); }
"""


def words(**more: object) -> list[str]:
    return shlex.split(grpcurl_command("h:1", "a.S/M", "{}", **more))  # type: ignore[arg-type]


def test_flags_that_grpcurl_has_are_kept() -> None:
    flags = ["-plaintext", "--resume", "a=b", "-cacert", "a b.pem", "-max-msg-sz=5", "--insecure"]
    assert words(flags=flags, max_time=2.5) == [
        *("grpcurl", "-plaintext", "-cacert", "a b.pem", "-max-msg-sz=5", "-insecure"),
        *("-max-time", "2.5", "-d", "{}", "h:1", "a.S/M"),
    ]


def test_secrets_become_variables_of_the_environment() -> None:
    metadata = [("authorization", f"Bearer {SECRET}"), ("x-api-key", SECRET), ("trace", "7")]
    line = grpcurl_command("h:1", "a.S/M", "{}", metadata=metadata)
    assert SECRET not in line
    assert shlex.split(line) == [
        *("grpcurl", "-expand-headers", "-H", "authorization: Bearer ${AUTHORIZATION}"),
        *("-H", "x-api-key: ${X_API_KEY}", "-H", "trace: 7", "-d", "{}", "h:1", "a.S/M"),
    ]


def test_a_value_that_grpcurl_would_expand_becomes_a_variable_too() -> None:
    assert words(metadata=[("trace", "${HOME}"), ("authorization", SECRET)])[1:6] == [
        *("-expand-headers", "-H", "trace: ${TRACE}", "-H", "authorization: ${AUTHORIZATION}")
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("h:1", ["h:1"]),
        ("dns:///h:1", ["dns:///h:1"]),
        ("ipv4:127.0.0.1:1,127.0.0.1:2", ["127.0.0.1:1"]),
        ("unix:/tmp/a b", ["-unix", "/tmp/a b"]),
        ("unix:///tmp/s", ["-unix", "/tmp/s"]),
    ],
)
def test_addresses_are_given_as_grpcurl_takes_them(address: str, expected: list[str]) -> None:
    line = shlex.split(grpcurl_command(address, "a.S/M", "{}"))
    assert line == ["grpcurl", "-d", "{}", *expected, "a.S/M"]


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("authorization", True),
        ("Proxy-Authorization", True),
        ("cookie", True),
        ("x-api-key", True),
        ("x-amz-security-token", True),
        ("password", True),
        ("key", True),
        ("trace-id", False),
        ("x-request-id", False),
    ],
)
def test_secrets_are_known_by_their_names(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


@pytest.fixture
def grpcurl() -> str:
    found = shutil.which("grpcurl", path=str(Path(sys.executable).parent)) or shutil.which(
        "grpcurl"
    )
    if found is None:
        pytest.skip("grpcurl is not installed")
    return found


@pytest.fixture
def address() -> Iterator[str]:
    protos = Protos(PROTO)

    def watch(request, context):  # type: ignore[no-untyped-def]
        sent = dict(context.invocation_metadata())
        yield protos.make("Say", said=f"{request.data}|{sent.get('authorization')}|{sent['x-bin']}")

    with reflecting(protos, {"t.Talk": {"Watch": watch}}) as address:
        yield address


def test_the_real_grpcurl_makes_the_same_call(grpcurl: str, address: str) -> None:
    line = grpcurl_command(
        address,
        "t.Talk/Watch",
        '{"data": "it\'s $HOME \\"quoted\\" é"}',
        flags=["-plaintext", "-connect-timeout", "5.0", "-keepalive-time", "60.0"],
        metadata=[("authorization", f"Bearer {SECRET}"), ("x-bin", "AQI=")],
        max_time=20.0,
    )
    assert SECRET not in line
    done = subprocess.run(
        ("sh", "-c", line.replace("grpcurl", shlex.quote(grpcurl), 1)),
        env={**os.environ, "AUTHORIZATION": SECRET},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stderr == ""
    assert f"it's $HOME \\\"quoted\\\" é|Bearer {SECRET}|b'\\\\x01\\\\x02'" in done.stdout
