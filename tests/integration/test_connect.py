"""The first connection: each way that it fails, over real sockets, and what makes it succeed."""

from __future__ import annotations

import shlex
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from grpctap.cli import parse
from grpctap.core import status as codes
from grpctap.core.advice import advise
from grpctap.core.listvalue import METHOD
from grpctap.core.state import Command, State
from grpctap.core.status import Peer, Status
from grpctap.transport.call import GrpcTransport
from grpctap.transport.diagnose import look, worth_a_look
from grpctap.transport.target import Target
from grpctap.transport.tls import Tls
from grpctap_protos.server_stream_pb2 import SimpleRequest
from support.commands import goes_on
from support.peers import (
    Authority,
    Headers,
    Hole,
    credentials,
    hang_up,
    http2,
    listening,
    openssl,
    silent,
    ssh_server,
    web_server,
)
from support.puppet import Puppet, price_message
from support.server import PATIENCE_S, ChildProcess, RunningServer, ServerProcess, eventually
from support.taps import await_more, await_state, await_values, kept, open_tap, raw_server
from support.terminal import Terminal

GRPCTAP = (sys.executable, "-m", "grpctap")
OPEN = [(":status", "200"), ("content-type", "application/grpc")]
GREETING = price_message(1).SerializeToString()
NAME = "feed.example.com"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def first(target: Target) -> bytes:
    """The first message of a call, which is then cancelled."""
    call = GrpcTransport(target, METHOD).open(b"", PATIENCE_S)
    try:
        return next(iter(call), b"")
    finally:
        call.cancel()
        list(call)
        call.close()


def end(
    target: Target, transport: GrpcTransport | None = None, deadline: float = PATIENCE_S
) -> Status:
    """How a call ends that gets no message, before its deadline in seconds."""
    call = (transport or GrpcTransport(target, METHOD)).open(b"", deadline)
    assert list(call) == []
    return call.close()


def told(target: Target) -> str:
    return advise(end(target), target.address, plaintext=target.plaintext)


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return f"127.0.0.1:{gone.getsockname()[1]}"


def trusting(authority: Authority, client: tuple[str, str] | None = None) -> Tls:
    cert, key = client or (None, None)
    return Tls.read(authority.file, cert, key)


# What is at the other end, how it is spoken to, and what is said about it.


def test_nothing_listens() -> None:
    address = free_address()
    for target in (Target(address, plaintext=True), Target(address)):
        status = end(target)
        assert status.code == codes.UNAVAILABLE
        assert status.peer is None
        assert told(target) == f"Nothing listens at {address}; start the server, then press space."


def test_there_is_no_socket_of_that_name(tmp_path: Path) -> None:
    assert "There is no socket unix:" in told(Target(f"unix:{tmp_path}/none", plaintext=True))


def test_the_name_is_not_known() -> None:
    # Without a network there is no name server either.
    assert "the name in no-such-host.invalid:1" in told(Target("no-such-host.invalid:1")).replace(
        "The", "the"
    )


def test_a_name_server_that_does_not_answer_is_given_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{mute.getsockname()[1]}"
        target = Target(f"dns://{server}/feed.example:1", plaintext=True, connect_timeout=0.2)
        # Left alone, gRPC asks for 14 seconds.
        status = end(target, deadline=6)
    assert "No name server answers" in advise(status, target.address, plaintext=True)


@pytest.mark.parametrize("plaintext", [True, False])
def test_who_says_nothing_is_given_up_after_the_connect_timeout(plaintext: bool) -> None:
    with listening(silent) as hole:
        status = end(Target(hole.address, plaintext, connect_timeout=0.2))
    advice = advise(status, "h:1", plaintext=plaintext)
    assert advice.startswith("h:1 takes connections but says nothing")
    # A second look would take as long again.
    assert not worth_a_look(status)


@pytest.mark.parametrize("implementation", ["grpc", "openssl"])
def test_plaintext_to_a_server_that_speaks_tls(
    implementation: str, ours: Authority, stack: ExitStack
) -> None:
    leaf = ours.issue("127.0.0.1")
    if implementation == "grpc":
        address = stack.enter_context(raw_server([], credentials(leaf)))
    else:
        address = stack.enter_context(listening(openssl(leaf))).address
    text = told(Target(address, plaintext=True))
    assert text == "The server speaks TLS; leave -plaintext out."


@pytest.mark.parametrize(
    ("serve", "plaintext", "advice"),
    [
        (web_server, True, "speaks HTTP/1, so it is no gRPC server; check the port."),
        (web_server, False, "speaks neither TLS nor HTTP/2"),
        (ssh_server, True, "speaks no HTTP/2, so it is no gRPC server; check the port."),
        (ssh_server, False, "speaks neither TLS nor HTTP/2"),
        (hang_up, True, "hangs up at once; if it speaks TLS, leave -plaintext out."),
        (hang_up, False, "hangs up at once; it may want -plaintext"),
    ],
)
def test_what_is_no_grpc_server(
    serve: Callable[[socket.socket], None], plaintext: bool, advice: str
) -> None:
    with listening(serve) as other:
        assert advice in told(Target(other.address, plaintext))


def test_tls_to_a_server_that_speaks_none() -> None:
    with raw_server([GREETING]) as address:
        assert told(Target(address)) == "The server speaks no TLS; give -plaintext."
        assert first(Target(address, plaintext=True)) == GREETING


def test_an_authority_that_is_not_trusted_and_cacert(ours: Authority, theirs: Authority) -> None:
    with raw_server([GREETING], credentials(ours.issue("127.0.0.1"))) as address:
        for tls in (Tls(), trusting(theirs)):
            assert told(Target(address, tls=tls)).endswith("the one that did with -cacert.")
        assert first(Target(address, tls=trusting(ours))) == GREETING


@pytest.mark.parametrize(
    ("starts", "ends", "advice"), [(-3, -1, "has expired"), (1, 3, "is not valid yet")]
)
def test_a_certificate_out_of_its_time(
    starts: int, ends: int, advice: str, ours: Authority
) -> None:
    leaf = ours.issue("127.0.0.1", starts=starts, ends=ends)
    with raw_server([], credentials(leaf)) as address:
        assert f"The server's certificate {advice}" in told(Target(address, tls=trusting(ours)))


@pytest.mark.parametrize("flag", ["authority", "servername"])
def test_a_certificate_for_another_name_and_how_to_give_it(flag: str, ours: Authority) -> None:
    with raw_server([GREETING], credentials(ours.issue("*.x.org", NAME))) as address:

        def target(name: str | None) -> Target:
            flags = [] if name is None else [f"-{flag}", name]
            return parse(["-cacert", ours.file, *flags, address, METHOD]).target

        assert told(target(None)) == (
            f"The server's certificate is for *.x.org, {NAME} only; "
            f"if it is the right server, give -authority {NAME}."
        )
        assert end(target("other.example.com")).names == ("*.x.org", NAME)
        for right in (NAME, "a.x.org", f"{NAME}:443"):
            assert first(target(right)) == GREETING


@pytest.mark.parametrize(
    ("implementation", "found"),
    [
        ("grpc", Peer.WANTS_CERTIFICATE),
        ("TLSv1_3", Peer.WANTS_CERTIFICATE),
        ("TLSv1_2", None),
    ],
)
def test_a_server_that_wants_certificates(
    implementation: str,
    found: Peer | None,
    ours: Authority,
    theirs: Authority,
    stack: ExitStack,
) -> None:
    leaf = ours.issue("127.0.0.1")
    if implementation == "grpc":
        address = stack.enter_context(raw_server([GREETING], credentials(leaf, ours)))
    else:
        server = openssl(leaf, clients=ours, version=ssl.TLSVersion[implementation])
        address = stack.enter_context(listening(server)).address
    nobody = Target(address, tls=trusting(ours))
    assert end(nobody).peer is found
    assert "-cert and -key" in told(nobody)
    stranger = Target(address, tls=trusting(ours, theirs.issue_files("stranger")))
    assert end(stranger).peer is Peer.REFUSES_CERTIFICATE
    assert "does not accept the certificate of -cert" in told(stranger)
    if implementation == "grpc":
        friend = Target(address, tls=trusting(ours, ours.issue_files("friend")))
        assert first(friend) == GREETING


def test_tls_without_http2(ours: Authority) -> None:
    with listening(openssl(ours.issue("127.0.0.1"), protocols=("http/1.1",))) as server:
        assert "speaks TLS but no HTTP/2" in told(Target(server.address, tls=trusting(ours)))


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        ("404", codes.UNIMPLEMENTED, "check -authority and port."),
        ("502", codes.UNAVAILABLE, "The proxy at "),
        ("503", codes.UNAVAILABLE, "The proxy at "),
        ("415", codes.UNKNOWN, "answers as a web server and not in gRPC"),
    ],
)
def test_http2_that_is_no_grpc(status: str, code: int, advice: str) -> None:
    with listening(http2(lambda _: [(":status", status), ("content-type", "text/html")])) as web:
        target = Target(web.address, plaintext=True)
        assert end(target).code == code
        assert advice in told(target)


@pytest.mark.parametrize("address", ["{}", "ipv4:{},127.0.0.1:1", "ipv4:{}"])
def test_a_proxy_that_does_not_know_the_name(address: str) -> None:
    asked: list[str] = []

    def answer(request: dict[str, str]) -> Headers:
        asked.append(request[":authority"])
        if asked[-1] != NAME:
            return [(":status", "404"), ("content-type", "text/plain")]
        return [*OPEN, ("grpc-status", "0")]

    with listening(http2(answer)) as proxy:
        target = Target(address.format(proxy.address), plaintext=True)
        assert "has no such method for the name it is asked for; check -authority" in told(target)
        # Of several addresses, one is a name, and all of them together are none.
        assert asked == [proxy.address]
        assert end(Target(target.address, plaintext=True, authority=NAME)).ok


# The second look.


def test_a_server_is_looked_at_once() -> None:
    with listening(hang_up) as closed:
        target = Target(closed.address, plaintext=True)
        transport = GrpcTransport(target, METHOD)
        for count in (2, 3, 4):
            end(target, transport)
            eventually(lambda n=count: len(closed.accepted) == n, f"{count} connections")  # type: ignore[misc]


def test_what_a_look_showed_is_remembered(ours: Authority) -> None:
    with listening(openssl(ours.issue("127.0.0.1"))) as server:
        target = Target(server.address, plaintext=True)
        transport = GrpcTransport(target, METHOD)
        assert [end(target, transport).peer for _ in range(3)] == [Peer.TLS] * 3
        assert len(server.accepted) == 4


def test_what_a_look_showed_is_not_said_of_another_failure(ours: Authority) -> None:
    with listening(openssl(ours.issue("127.0.0.1"))) as server:
        target = Target(server.address, plaintext=True)
        transport = GrpcTransport(target, METHOD)
        assert end(target, transport).peer is Peer.TLS
    status = end(target, transport)
    assert "Connection refused" in status.details
    assert status.peer is None


def test_nobody_looks_at_a_server_that_has_worked() -> None:
    def answer_once(connection: socket.socket) -> None:
        if len(server.accepted) == 1:
            http2(lambda _: [*OPEN, ("grpc-status", "5")])(connection)

    with listening(answer_once) as server:
        target = Target(server.address, plaintext=True)
        transport = GrpcTransport(target, METHOD)
        assert end(target, transport).code == codes.NOT_FOUND
        assert "failed to connect" in end(target, transport).details
        assert len(server.accepted) == 2


def test_nobody_looks_past_a_proxy(monkeypatch: pytest.MonkeyPatch, ours: Authority) -> None:
    with listening(openssl(ours.issue("127.0.0.1"))) as server:
        # A spelling of 127.0.0.1 that does not tell that it is this machine.
        target = Target(f"127.1:{server.port}", plaintext=True)
        lost = Status(codes.UNAVAILABLE, "UNAVAILABLE", "failed to connect to all addresses")
        assert look(target, lost) == (Peer.TLS, ())
        monkeypatch.setenv("http_proxy", "http://proxy.example.com:3128")
        assert look(target, lost) == (None, ())
        assert len(server.accepted) == 1


def test_a_look_takes_a_second_at_most_and_names_only_what_is_sure() -> None:
    lost = Status(codes.UNAVAILABLE, "UNAVAILABLE", "failed to connect to all addresses")
    with listening(silent) as hole:
        for plaintext in (True, False):
            assert look(Target(hole.address, plaintext), lost) == (None, ())
    assert look(Target(free_address()), lost) == (None, ())
    assert look(Target("unix:/tmp/s"), lost) == (None, ())


# Keepalive.


def test_a_black_hole_is_found_by_pings_and_by_nothing_else(stack: ExitStack) -> None:
    hole = Hole(stack.enter_context(raw_server([GREETING])))
    relay = stack.enter_context(listening(hole.serve))
    pinging = Target(relay.address, plaintext=True, keepalive_time=0.3)
    patient = Target(relay.address, plaintext=True)
    # The deadline is there for the test to end.
    calls = [GrpcTransport(target, METHOD).open(b"", 4) for target in (pinging, patient)]
    for call in calls:
        assert next(iter(call)) == GREETING
    hole.open()
    assert [list(call) for call in calls] == [[], []]
    dead, alive = (call.close() for call in calls)
    assert (dead.code, alive.code) == (codes.UNAVAILABLE, codes.DEADLINE_EXCEEDED)
    assert "a keepalive ping got no answer" in advise(dead, relay.address, plaintext=True)


def test_a_server_that_is_strict_about_pings_gets_fewer() -> None:
    strict = [
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 300_000),
        ("grpc.http2.max_ping_strikes", 1),
    ]
    with raw_server([GREETING], options=strict) as address:
        target = Target(address, plaintext=True, keepalive_time=0.1)
        transport = GrpcTransport(target, METHOD)
        for seconds in ("0.2", "0.4"):
            call = transport.open(b"", PATIENCE_S)
            assert list(call) == [GREETING]
            status = call.close()
            assert (status.code, status.details) == (codes.UNAVAILABLE, "Too many pings")
            assert status.note == (
                f"the server asked for fewer keepalive pings: now one every {seconds} s"
            )


def test_fewer_pings_are_sent_after_the_server_hung_up_on_them(stack: ExitStack) -> None:
    hole = Hole(stack.enter_context(raw_server([GREETING])))

    def serve(connection: socket.socket) -> None:
        if len(server.accepted) <= 6:
            http2(lambda _: OPEN, b"too_many_pings")(connection)
        else:
            hole.serve(connection)

    server = stack.enter_context(listening(serve))
    target = Target(server.address, plaintext=True, keepalive_time=0.5)
    transport = GrpcTransport(target, METHOD)
    notes = [end(target, transport).note for _ in range(6)]
    assert notes[-1].endswith("now one every 32 s")
    call = transport.open(b"", 2.5)
    assert next(iter(call)) == GREETING
    hole.open()
    # No ping ends this call before its deadline does.
    assert list(call) == []
    assert call.close().code == codes.DEADLINE_EXCEEDED


def test_without_keepalive_nothing_is_said_of_pings() -> None:
    words = [("grpc-status", "14"), ("grpc-message", "too_many_pings")]
    with listening(http2(lambda _: [*OPEN, *words])) as server:
        assert end(Target(server.address, plaintext=True)).note == ""


# Several addresses.


def both(*addresses: str) -> Target:
    return Target("ipv4:" + ",".join(addresses), plaintext=True)


def test_the_first_of_several_addresses_that_works_is_used() -> None:
    with raw_server([b"one"]) as one, raw_server([b"two"]) as two:
        assert first(both(one, two)) == b"one"
        assert first(both(two, one)) == b"two"
        assert first(both(free_address(), free_address(), two)) == b"two"
        with listening(silent) as hole:
            assert first(both(hole.address, two)) == b"two"


def test_with_tls_several_addresses_go_by_the_first_ones_name(ours: Authority) -> None:
    with raw_server([GREETING], credentials(ours.issue("127.0.0.1"))) as address:
        for addresses in (f"ipv4:{address},127.0.0.1:1", f"ipv4:127.0.0.1:1,{address}"):
            assert first(Target(addresses, tls=trusting(ours))) == GREETING


def test_a_stream_goes_on_at_the_next_address_when_its_server_is_killed() -> None:
    flags = ("--interval", "0.01")
    with ServerProcess(*flags) as one, ServerProcess(*flags) as two:
        with open_tap(f"ipv4:{one.address},{two.address}") as tap:
            await_values(tap, 5)
            one.kill()
            await_state(tap, State.FAILED)
            assert tap.command(Command.RESUME)
            await_more(tap, 5)
            sequences = [message.sequence for message in kept(tap)]
            assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
            assert tap.snapshot().missed == 0


# The command line.


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["-cacert", "{folder}/none.pem"], "none.pem: No such file or directory"),
        (["-cacert", "{folder}"], ": Is a directory"),
        (["-cacert", "{folder}/friend.key"], "friend.key holds no certificate in PEM form"),
        (["-cacert", "{folder}/empty"], "empty holds no certificate in PEM form"),
        (["-cacert", "/dev/zero"], "-cacert /dev/zero holds no certificate in PEM form"),
        (["-cert", "{folder}/friend.pem"], "-cert and -key go together; give both"),
        (["-key", "{folder}/friend.key"], "-cert and -key go together; give both"),
        (
            ["-cert", "{folder}/friend.key", "-key", "{folder}/friend.key"],
            "friend.key holds no certificate in PEM form",
        ),
        (
            ["-cert", "{folder}/friend.pem", "-key", "{folder}/friend.pem"],
            "friend.pem holds no private key in PEM form",
        ),
        (
            ["-cert", "{folder}/friend.pem", "-key", "{folder}/other.key"],
            "other.key is not the key of the certificate in -cert",
        ),
        (
            ["-cert", "{folder}/friend.pem", "-key", "{folder}/locked.key"],
            "locked.key is locked with a passphrase; unlock it with openssl pkey",
        ),
        (
            ["-plaintext", "-cacert", "{folder}/authority.pem"],
            "-cacert, -cert and -key go with TLS, not with -plaintext",
        ),
        (
            ["-plaintext", "-cert", "{folder}/friend.pem", "-key", "{folder}/friend.key"],
            "-cacert, -cert and -key go with TLS, not with -plaintext",
        ),
        (["-authority", "a", "-servername", "b"], "-authority and -servername differ"),
        (["-authority", "a b"], "-authority wants the name of a host"),
        (["-servername", ""], "-servername wants the name of a host"),
        (["-connect-timeout", "-1"], "'-1' is no number of seconds above 0"),
        (["-keepalive-time", "soon"], "'soon' is no number of seconds above 0"),
    ],
)
def test_flags_that_make_no_sense_are_one_line_and_exit_2(
    flags: list[str], complaint: str, ours: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    _, key = ours.issue_files("friend")
    ours.issue_files("other")
    locked = serialization.load_pem_private_key(Path(key).read_bytes(), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (ours.folder / "locked.key").write_bytes(locked)
    (ours.folder / "empty").touch()
    with pytest.raises(SystemExit) as leave:
        parse([*(flag.format(folder=ours.folder) for flag in flags), "h:1", METHOD])
    assert leave.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err
    assert err.count("\n") == 1
    assert "PRIVATE KEY" not in err


def test_a_file_may_be_a_pipe(ours: Authority) -> None:
    cert, key = ours.issue_files("friend")
    with raw_server([GREETING], credentials(ours.issue(NAME), ours)) as address:
        script = (
            f'exec "$0" -m grpctap -cacert <(cat {ours.file}) -cert <(cat {cert}) '
            f"-key <(cat {key}) -servername {NAME} {address} {METHOD}"
        )
        with ChildProcess(("bash", "-c", script, sys.executable)) as child:
            child.await_line('"sequence": "1"', "stdout")
            child.send_signal(signal.SIGINT)
            assert child.wait() == 130
            assert child.stderr == ""


def test_a_servername_means_nothing_without_tls() -> None:
    asked: list[str] = []

    def answer(request: dict[str, str]) -> Headers:
        asked.append(request[":authority"])
        return [*OPEN, ("grpc-status", "0")]

    with listening(http2(answer)) as server:
        for flags in (["-servername", "b"], ["-servername", "b", "-authority", "a"]):
            assert end(parse(["-plaintext", *flags, server.address, METHOD]).target).ok
        assert asked == [server.address, "a"]


def test_the_command_that_goes_on_repeats_what_it_takes_to_connect(ours: Authority) -> None:
    cert, key = ours.issue_files("friend")
    flags = [
        *("-cacert", ours.file, "-cert", cert, "-key", key, "-authority", NAME),
        *("-servername", NAME, "-connect-timeout", "2.5", "-keepalive-time", "30"),
        *("-max-msg-sz", "1000"),
    ]
    words = [*flags, "ipv4:127.0.0.1:1,127.0.0.1:2", METHOD]
    config, line = parse(words), goes_on(words, b"token")
    assert "PRIVATE KEY" not in line
    assert "PRIVATE KEY" not in repr(config)
    words = shlex.split(line)
    again = parse(words[words.index("-cacert") :])
    assert again.target == config.target
    assert isinstance(again.request, SimpleRequest)
    assert again.request.resume_token == b"token"
    plain = goes_on(["-plaintext", "-authority", NAME, "h:1", METHOD], b"token")
    assert "-connect-timeout" not in plain
    assert "-keepalive-time" not in plain


def test_the_viewer_says_in_its_notice_what_to_do(ours: Authority) -> None:
    with raw_server([], credentials(ours.issue("127.0.0.1"))) as address:
        with Terminal((*GRPCTAP, "-plaintext", address, METHOD)) as terminal:
            terminal.wait_for("The server speaks TLS; leave -plaintext out.")
            terminal.write(b"q")
            assert terminal.wait() == 64 + codes.UNAVAILABLE


def test_a_message_over_the_limit_fails_with_the_limit_to_give() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server:
        with Terminal(
            (*GRPCTAP, "-plaintext", "-max-msg-sz", "1000", server.address, METHOD)
        ) as terminal:
            puppet.await_call(1)
            puppet.send(price_message(1), price_message(2, "x" * 2000))
            terminal.wait_for(r"is over the limit; raise it with -max-msg-sz 20\d\d\.")
            terminal.write(b"q")
            assert terminal.wait() == 64 + codes.RESOURCE_EXHAUSTED
