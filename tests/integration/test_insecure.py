"""-insecure: servers whose certificates nobody could trust, over real sockets."""

from __future__ import annotations

import datetime
import shlex
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from grpctap.cli import parse
from grpctap.core import status as codes
from grpctap.core.advice import advise
from grpctap.core.listvalue import METHOD
from grpctap.core.status import Status
from grpctap.transport.call import GrpcTransport
from grpctap.transport.insecure import Relay
from grpctap.transport.target import Target, TargetError
from grpctap.transport.tls import Tls
from support.commands import goes_on
from support.methods import serving
from support.peers import (
    Authority,
    chain,
    credentials,
    hang_up,
    http2,
    listening,
    openssl,
    silent,
    ssh_server,
    web_server,
)
from support.server import PATIENCE_S, eventually

NAME = "feed.example.com"
Pair = tuple[bytes, bytes]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No test leaves a relay behind."""
    yield
    eventually(lambda: not relays(), "the relays end")


def relays() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "grpctap-insecure"]


def self_signed(*names: str, starts: int = -1, ends: int = 1) -> Pair:
    """A certificate that nobody else signed, from and until so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    builder = (
        x509.CertificateBuilder(x509.Name([]), x509.Name([]), key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + starts * day)
        .not_valid_after(now + ends * day)
    )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    return (
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain),
        certificate.public_bytes(pem),
    )


def signed(leaf: trustme.LeafCert, *, whole: bool = False) -> Pair:
    """A certificate of an authority, alone or with those in between."""
    alone = leaf.cert_chain_pems[0].bytes()
    return leaf.private_key_pem.bytes(), chain(leaf) if whole else alone


CERTIFICATES: dict[str, Callable[[Authority], Pair]] = {
    "signed by itself": lambda _: self_signed(NAME),
    "for no name": lambda _: self_signed(),
    "signed by itself, expired": lambda _: self_signed(NAME, starts=-9, ends=-1),
    "of an unknown authority": lambda ours: signed(ours.issue(NAME), whole=True),
    "of an unknown authority, alone": lambda ours: signed(ours.issue(NAME)),
    "for an address": lambda ours: signed(ours.issue("192.0.2.1")),
    "for all of a domain": lambda ours: signed(ours.issue("*.example.com")),
    "expired": lambda ours: signed(ours.issue(NAME, starts=-9, ends=-1)),
    "not yet valid": lambda ours: signed(ours.issue(NAME, starts=5, ends=9)),
}


@contextmanager
def tls_server(
    how: grpc.ServerCredentials, at: str = "127.0.0.1:0", messages: int = 1
) -> Iterator[tuple[str, list[grpc.ServicerContext]]]:
    """A server of any method; gives its address, and its calls as they come."""
    contexts: list[grpc.ServicerContext] = []

    class AnyMethod(grpc.GenericRpcHandler):
        def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
            def answer(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
                contexts.append(context)
                over = threading.Event()
                context.add_callback(over.set)
                yield from [b""] * messages
                if messages > 1:
                    over.wait(PATIENCE_S)

            return grpc.unary_stream_rpc_method_handler(answer)

    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([AnyMethod()])
    port = server.add_secure_port(at, how)
    server.start()
    try:
        yield at.replace(":0", f":{port}"), contexts
    finally:
        server.stop(None).wait()


def call(target: Target, transport: GrpcTransport | None = None) -> tuple[list[bytes], Status]:
    """All messages of a call, and how it ended."""
    made = (transport or GrpcTransport(target, METHOD)).open(b"", PATIENCE_S)
    return list(made), made.close()


def told(target: Target) -> str:
    messages, status = call(target)
    assert messages == []
    assert status.code == codes.UNAVAILABLE
    assert "unix-abstract" not in status.details
    return advise(status, target.address, plaintext=False)


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_any_certificate_will_do(ours: Authority, kind: str) -> None:
    how = grpc.ssl_server_credentials([CERTIFICATES[kind](ours)])
    with tls_server(how) as (address, _):
        assert call(Target(address))[1].code == codes.UNAVAILABLE
        messages, status = call(Target(address, insecure=True))
        assert (messages, status.ok) == ([b""], True)


def test_what_the_server_hears_is_what_it_would_hear_over_tls_of_grpc(ours: Authority) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.issue(NAME).configure_cert(context)
    context.set_alpn_protocols(["h2"])
    names: list[str | None] = []
    context.sni_callback = lambda _, name, __: names.append(name)
    requests: list[dict[str, str]] = []

    def answer(request: dict[str, str]) -> list[tuple[str, str]]:
        requests.append(request)
        return [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0")]

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            http2(answer)(secure)

    with listening(serve) as server:
        for target in (
            Target(server.address, tls=Tls.read(ours.file, None, None), authority=NAME),
            Target(server.address, insecure=True, authority=NAME),
            Target(server.address, insecure=True),
        ):
            assert call(target)[1].ok
    trusting, named, unnamed = requests
    assert named == {**trusting, "grpc-timeout": named["grpc-timeout"]}
    assert (named[":scheme"], named[":authority"]) == ("https", NAME)
    assert unnamed[":authority"] == server.address
    assert names == [NAME, NAME, None]


def test_a_certificate_of_ours_is_shown_and_its_absence_is_told(ours: Authority) -> None:
    how = credentials(ours.issue(NAME), ours)
    with tls_server(how) as (address, _):
        shown = Tls.read(None, *ours.issue_files("me"))
        assert call(Target(address, tls=shown, insecure=True))[1].ok
        assert "give it with -cert and -key" in told(Target(address, insecure=True))


def test_the_certificate_may_change_from_call_to_call(ours: Authority) -> None:
    with tls_server(grpc.ssl_server_credentials([self_signed("a")])) as (address, _):
        target = Target(address, insecure=True)
        transport = GrpcTransport(target, METHOD)
        assert call(target, transport)[1].ok
    with tls_server(grpc.ssl_server_credentials([self_signed("b")]), address):
        assert call(target, transport)[1].ok


def test_the_first_of_several_that_can_be_spoken_to_is_taken(ours: Authority) -> None:
    how = credentials(ours.issue(NAME, ends=0))
    with tls_server(how) as (address, _), listening(hang_up) as rude:
        with listening(openssl(ours.issue(NAME), protocols=("http/1.1",))) as web:
            several = f"ipv4:127.0.0.1:1,{rude.address},{web.address},{address}"
            assert call(Target(several, insecure=True))[1].ok
            refused = told(Target(f"ipv4:{rude.address},127.0.0.1:1", insecure=True))
            assert refused == "Nothing listens at 127.0.0.1:1; start the server, then press space."


@pytest.mark.parametrize("scheme", ["dns:///localhost:", "localhost:", "dns:localhost:"])
def test_names_are_looked_up(ours: Authority, scheme: str) -> None:
    with tls_server(credentials(ours.issue(NAME))) as (address, _):
        target = Target(scheme + address.rpartition(":")[2], insecure=True)
        assert call(target)[1].ok


def test_addresses_of_version_6_and_sockets(ours: Authority, tmp_path: Path) -> None:
    how = credentials(ours.issue(NAME))
    with tls_server(how, "[::1]:0") as (address, _):
        assert call(Target(address, insecure=True))[1].ok
        assert call(Target(f"ipv6:{address}", insecure=True))[1].ok
    path = tmp_path / "a socket"
    with tls_server(how, f"unix:{path}"):
        words = ["-insecure", "-unix", str(path), METHOD]
        assert call(parse(words).target)[1].ok
        trusted = ["-cacert", ours.file, "-authority", NAME, "-unix", str(path), METHOD]
        assert call(parse(trusted).target)[1].ok


def test_why_there_is_no_connection_is_told_as_without_it(ours: Authority) -> None:
    address = "127.0.0.1:1"
    assert told(Target(address, insecure=True)).startswith(f"Nothing listens at {address};")
    assert "cannot be found" in told(Target("no-such-host.invalid:1", insecure=True))
    assert "There is no socket" in told(Target("unix:/no/such/socket", insecure=True))
    leaf = ours.issue(NAME)
    for serve, words in (
        (silent, "takes connections but says nothing"),
        (openssl(leaf), "takes connections but says nothing"),
        (hang_up, "The server hangs up at once"),
        (web_server, "speaks neither TLS nor HTTP/2"),
        (ssh_server, "speaks neither TLS nor HTTP/2"),
        (openssl(leaf, protocols=("http/1.1",)), "speaks TLS but no HTTP/2"),
    ):
        with listening(serve) as peer:
            assert words in told(Target(peer.address, insecure=True, connect_timeout=0.3))
    with serving() as plain:
        assert told(Target(plain, insecure=True)) == "The server speaks no TLS; give -plaintext."


def test_a_cancelled_call_ends_at_the_server(ours: Authority) -> None:
    with tls_server(credentials(ours.issue(NAME)), messages=3) as (address, contexts):
        made = GrpcTransport(Target(address, insecure=True), METHOD).open(b"")
        messages = iter(made)
        assert [next(messages) for _ in range(3)] == [b""] * 3
        assert contexts[0].is_active()
        made.cancel()
        eventually(lambda: not contexts[0].is_active(), "the call ends at the server")
        assert list(messages) == []
        # The relay is closed with the channel, and gRPC may see that first.
        assert made.close().code in (codes.CANCELLED, codes.UNAVAILABLE)


def test_a_server_that_goes_away_is_a_connection_that_is_lost(ours: Authority) -> None:
    with ExitStack() as stack:
        server = tls_server(credentials(ours.issue(NAME)), messages=2)
        address, _ = stack.enter_context(server)
        made = GrpcTransport(Target(address, insecure=True), METHOD).open(b"")
        messages = iter(made)
        assert [next(messages), next(messages)] == [b"", b""]
        stack.close()
        assert list(messages) == []
        assert made.close().code in (codes.UNAVAILABLE, codes.CANCELLED)


def test_no_other_process_gets_through(ours: Authority) -> None:
    with listening(openssl(ours.issue(NAME))) as server:
        place = "127.0.0.1", server.port
        relay = Relay([place], Tls().context(verify=False), NAME, PATIENCE_S)
        script = (
            "import socket, sys\n"
            "connection = socket.socket(socket.AF_UNIX)\n"
            "connection.connect('\\0' + sys.argv[1])\n"
            "print(connection.recv(1))\n"
        )
        name = relay.address.partition(":")[2]
        stranger = (sys.executable, "-c", script, name)
        done = subprocess.run(stranger, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.stdout == "b''\n"
        assert server.accepted == []
        with socket.socket(socket.AF_UNIX) as own:
            own.connect(f"\0{name}")
            eventually(lambda: server.accepted, "what this process connects gets through")
        relay.close()


def test_nothing_stays_open(ours: Authority) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with tls_server(credentials(ours.issue(NAME))) as (address, _):
        target = Target(address, insecure=True)
        assert call(target)[1].ok
        eventually(lambda: not relays(), "the relay ends")
        before = count()
        for _ in range(5):
            assert call(target)[1].ok
        eventually(lambda: not relays(), "the relays end")
        # gRPC itself lets go of its own a little later.
        eventually(lambda: count() <= before + 1, "what was opened is closed")


def test_it_goes_with_addresses_that_can_be_looked_up_here(ours: Authority) -> None:
    for address in ("xds:///feed", "vsock:2:1", "dns://8.8.8.8/feed:1"):
        with pytest.raises(TargetError, match="-insecure goes with HOST:PORT"):
            Target(address, insecure=True)
    with pytest.raises(TargetError, match="not with -plaintext"):
        Target("h:1", plaintext=True, insecure=True)


def test_the_command_that_goes_on_is_as_insecure() -> None:
    words = ["-insecure", "-cacert", "/none", "-user-agent", "me", "h:1", METHOD]
    again = shlex.split(goes_on(words, b""))
    assert "-insecure" in again
    assert parse(again[again.index("-insecure") :]).target == parse(words).target
