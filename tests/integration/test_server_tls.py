"""TLS and mTLS with real certificates, and the refusal to speak plain text to the world."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.client import connect
from support.peers import Authority, chain
from support.server import PATIENCE_S, ServerProcess, eventually

GRPCTAP = (sys.executable, "-m", "grpctap")
WATCH = "proto.StreamServer/ListValue"
FEED = ("--feed", "counter", "--count", "2", "--interval", "0")
NAME = ("-servername", "feed.example.com")
TOKEN = "t" * 32
QUICK = ("-connect-timeout", "20")


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", *args),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        stdin=subprocess.DEVNULL,
    )


def watch(server: ServerProcess, *args: str) -> subprocess.CompletedProcess[str]:
    return run("grpctap", *NAME, *args, "-d", '{"data": "v"}', server.address, WATCH)


def assert_received(done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["streamValue"] for line in done.stdout.splitlines()] == ["v0", "v1"]


def assert_refused(done: subprocess.CompletedProcess[str], code: int) -> None:
    assert (done.returncode, done.stdout) == (64 + code, "")
    assert done.stderr.startswith("grpctap: ")


def serial(server: ServerProcess, authority: Authority) -> int:
    """The number of the certificate that a new connection is shown."""
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as plain:
        with context.wrap_socket(plain, server_hostname="feed.example.com") as secured:
            found = secured.getpeercert()
    assert found is not None
    return int(str(found["serialNumber"]), 16)


def test_values_come_over_tls_with_a_token_and_to_nobody_without(
    ours: Authority, tmp_path: Path
) -> None:
    cert, key = ours.issue_files("feed")
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKEN)
    flags = ("--cert", cert, "--key", key, "--token-file", str(tokens), "--host", "0.0.0.0")
    with ServerProcess(*flags, *FEED) as server:
        bearer = ("-H", f"authorization: Bearer {TOKEN}")
        assert_received(watch(server, "-cacert", ours.file, *bearer))
        assert_refused(watch(server, "-cacert", ours.file), 16)
        # Whoever does not know the authority does not hand over the token.
        assert_refused(watch(server, *bearer), 14)
        plain = run("grpctap", "-plaintext", "-d", "{}", server.address, WATCH)
        assert_refused(plain, 14)
        assert "TLS" in plain.stderr
        server.terminate()
        assert server.wait() == 0
        assert TOKEN not in server.stderr


def test_with_a_client_ca_clients_need_a_certificate_of_it(
    ours: Authority, theirs: Authority
) -> None:
    cert, key = ours.issue_files("feed")
    flags = ("--cert", cert, "--key", key, "--client-ca", ours.file, "--log-level", "info")
    with ServerProcess(*flags, *FEED) as server:
        own = ours.issue_files("viewer")
        assert_received(watch(server, "-cacert", ours.file, "-cert", own[0], "-key", own[1]))
        server.await_line("event=call .*certificate=viewer.example.com .*status=OK")
        assert_refused(watch(server, "-cacert", ours.file), 14)
        strange = theirs.issue_files("viewer")
        shown = ("-cacert", ours.file, "-cert", strange[0], "-key", strange[1])
        assert_refused(watch(server, *shown), 14)


def test_certificates_are_read_anew_when_they_change_and_open_calls_go_on(
    ours: Authority, tmp_path: Path
) -> None:
    first, second = ours.issue("feed.example.com"), ours.issue("feed.example.com")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(chain(first))
    key.write_bytes(first.private_key_pem.bytes())
    flags = ("--cert", str(cert), "--key", str(key), "--log-level", "info")
    with ServerProcess(*flags, "--feed", "counter", "--interval", "0.05") as server:
        before = serial(server, ours)
        secure = grpc.ssl_channel_credentials(ours.pem)
        options = [("grpc.ssl_target_name_override", "feed.example.com")]
        with grpc.secure_channel(server.address, secure, options) as opened:
            stream: grpc.UnaryStreamMultiCallable[bytes, bytes]
            stream = opened.unary_stream(f"/{WATCH}")
            call = stream(b"", timeout=120)
            next(call)
            # A certificate without its key, as while somebody copies the two.
            cert.write_bytes(chain(second))
            server.await_line("level=error event=reload of=certificate kept=.*mismatch")
            assert serial(server, ours) == before
            key.write_bytes(second.private_key_pem.bytes())
            server.await_line("level=info event=reload of=certificate$")
            eventually(lambda: serial(server, ours) != before, "the new certificate is shown")
            assert next(call)
            call.cancel()


@pytest.mark.parametrize("flags", [("--cert",), ("--key",), ("--client-ca",)])
def test_flags_of_tls_that_lack_others_are_refused(flags: tuple[str], ours: Authority) -> None:
    done = run("grpctap_server", "--port", "0", flags[0], ours.file)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "--cert" in done.stderr


def test_files_that_are_no_certificates_are_refused(ours: Authority, tmp_path: Path) -> None:
    cert, key = ours.issue_files("feed")
    _, other = ours.issue_files("other")
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    locked = tmp_path / "locked.pem"
    # Encrypted keys begin so; what follows does not matter, since nobody is asked for a passphrase.
    make = ("openssl", "genrsa", "-aes128", "-passout", "pass:secret", "-out", str(locked), "2048")
    subprocess.run(make, check=True, capture_output=True)
    for flags, complaint in (
        ((cert, other), "mismatch"),
        ((str(junk), key), "junk.pem"),
        ((cert, str(tmp_path / "none.pem")), "no such file"),
        ((cert, str(locked)), "passphrase"),
    ):
        done = run("grpctap_server", "--port", "0", "--cert", flags[0], "--key", flags[1])
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert complaint in done.stderr.lower()
    done = run(
        *("grpctap_server", "--port", "0", "--cert", cert, "--key", key),
        *("--client-ca", str(junk)),
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "junk.pem" in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_plain_text_leaves_this_machine_only_when_somebody_says_so(
    host: str, tmp_path: Path
) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, 0), family=family).close()
    except OSError:
        pytest.skip("this machine has no such address")
    done = run("grpctap_server", "--port", "0", "--host", host)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "could read values; give --cert and --key, or say --allow-plaintext" in done.stderr
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKEN)
    done = run("grpctap_server", "--port", "0", "--host", host, "--token-file", str(tokens))
    assert done.returncode == 2
    assert "could read values and tokens;" in done.stderr
    flags = ("--allow-plaintext", "--log-level", "warning")
    with ServerProcess("--host", host, *flags) as server, connect(server.address) as client:
        assert client.route("x").value == "hello x"
        server.await_line("level=warning event=plaintext host=")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2"])
def test_this_machines_own_addresses_need_no_tls(host: str) -> None:
    with ServerProcess("--host", host) as server:
        with connect(server.address) as client:
            assert client.route("x").value == "hello x"


def test_revoked_certificates_without_their_authority_let_nobody_in(
    ours: Authority, tmp_path: Path
) -> None:
    cert, key = ours.issue_files("feed")
    now = datetime.datetime.now(datetime.UTC)
    revoked = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
        .last_update(now)
        .next_update(now + datetime.timedelta(days=1))
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    path = tmp_path / "revoked.pem"
    path.write_bytes(revoked.public_bytes(serialization.Encoding.PEM))
    done = run(
        *("grpctap_server", "--port", "0", "--cert", cert, "--key", key),
        *("--client-ca", str(path)),
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "revoked.pem: no certificate in PEM" in done.stderr
