"""Advice for each way that a call fails, from gRPC's own words: grpcio 1.85 says them like this."""

from __future__ import annotations

import pytest

from grpctap.core import status as codes
from grpctap.core.advice import BY_CODE, BY_REASON, advise
from grpctap.core.connecting import is_unconnected
from grpctap.core.status import Peer, Status

NAMES = {
    codes.UNKNOWN: "UNKNOWN",
    codes.RESOURCE_EXHAUSTED: "RESOURCE_EXHAUSTED",
    codes.UNIMPLEMENTED: "UNIMPLEMENTED",
    codes.INTERNAL: "INTERNAL",
    codes.UNAVAILABLE: "UNAVAILABLE",
    codes.UNAUTHENTICATED: "UNAUTHENTICATED",
}
FAILED = "failed to connect to all addresses; last error: "
HANDSHAKE = "Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:"


def unavailable(
    details: str, peer: Peer | None = None, names: tuple[str, ...] = (), note: str = ""
) -> Status:
    return Status(14, "UNAVAILABLE", details, peer=peer, names=names, note=note)


def told(status: Status, *, plaintext: bool = True, keys: bool = True, at: str = "h:1") -> str:
    text = advise(status, at, plaintext=plaintext, keys=keys)
    assert text.isprintable()
    assert text.endswith(".")
    return text


@pytest.mark.parametrize(
    ("details", "advice"),
    [
        (
            "UNKNOWN: ipv4:127.0.0.1:35983: Failed to connect to remote host: Connection refused",
            "Nothing listens at h:1; start the server, then press space.",
        ),
        (
            "FAILED_PRECONDITION: ipv4:192.0.2.1:1: connect failed: addr: ipv4:192.0.2.1:1 error: "
            "Network is unreachable",
            "There is no way to h:1 from here; check the address and the network.",
        ),
        (
            "UNKNOWN: ipv6:%5B2001:db8::1%5D:1: Failed to connect to remote host: "
            "getsockopt(SO_ERROR): No route to host",
            "There is no way to h:1 from here; check the address and the network.",
        ),
        (
            "INTERNAL: ipv6:%5B2001:db8::1%5D:1: socket: Address family not supported by protocol"
            "\n\0\0\1\0\0\0\0 \1\r¸\0\0\0\0",
            "This machine speaks no IPv6",
        ),
        (
            "FAILED_PRECONDITION: unix:/tmp/s: connect failed: addr: unix:/tmp/s error: "
            "No such file or directory",
            "There is no socket h:1; start the server, then press space.",
        ),
        (
            "UNKNOWN: ipv4:127.0.0.1:47715: tcp handshaker shutdown",
            "h:1 does not answer; check the address and the firewall, or raise -connect-timeout.",
        ),
        (
            "UNKNOWN: ipv4:127.0.0.1:42365: connection attempt timed out before receiving SETTINGS "
            "frame",
            "h:1 takes connections but says nothing; check the port, or raise -connect-timeout.",
        ),
        (
            "UNKNOWN: ipv4:127.0.0.1:43147: HTTP proxy returned response code 403",
            "The proxy of http_proxy or https_proxy does not connect",
        ),
        (
            "INTERNAL: ipv4:127.0.0.1:43473: Failed parsing HTTP/2 (Expected SETTINGS frame as the "
            "first frame, got frame type 80) (Trying to connect an http1.x server (HTTP status "
            "400))",
            "h:1 speaks HTTP/1, so it is no gRPC server; check the port.",
        ),
        (
            "UNAVAILABLE: ipv4:127.0.0.1:36441: Failed parsing HTTP/2 (Expected SETTINGS frame as "
            "the first frame, got frame type 45)",
            "h:1 speaks no HTTP/2, so it is no gRPC server; check the port.",
        ),
        ("UNAVAILABLE: ipv4:127.0.0.1:36363: Socket closed", "leave -plaintext out."),
        (
            "UNAVAILABLE: ipv4:127.0.0.1:38741: recvmsg:Connection reset by peer (104)",
            "leave -plaintext out.",
        ),
    ],
)
def test_no_connection_without_tls(details: str, advice: str) -> None:
    status = unavailable(FAILED + details)
    assert is_unconnected(status)
    assert advice in told(status)


@pytest.mark.parametrize(
    ("details", "advice"),
    [
        (
            "UNAVAILABLE: ipv4:127.0.0.1:42365: Handshake read failed (Endpoint closing)",
            "h:1 takes connections but says nothing; check the port, or raise -connect-timeout.",
        ),
        (
            f"UNKNOWN: ipv4:127.0.0.1:36363: {HANDSHAKE}1000007d:SSL routines:OPENSSL_internal:"
            "CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate: OK",
            "the one that did with -cacert.",
        ),
        (
            f"UNKNOWN: ipv4:127.0.0.1:33525: {HANDSHAKE}1000007d:SSL routines:OPENSSL_internal:"
            "CERTIFICATE_VERIFY_FAILED: certificate has expired: OK",
            "The server's certificate has expired",
        ),
        (
            f"UNKNOWN: ipv4:127.0.0.1:34421: {HANDSHAKE}1000007d:SSL routines:OPENSSL_internal:"
            "CERTIFICATE_VERIFY_FAILED: certificate is not yet valid: OK",
            "The server's certificate is not valid yet",
        ),
        (
            f"UNKNOWN: ipv4:127.0.0.1:45571: {HANDSHAKE}100000f7:SSL routines:OPENSSL_internal:"
            "WRONG_VERSION_NUMBER: Invalid certificate verification context: OK",
            "The server does not seem to speak TLS; try -plaintext.",
        ),
        (
            f"UNKNOWN: ipv4:127.0.0.1:39947: {HANDSHAKE}10000410:SSL routines:OPENSSL_internal:"
            "SSLV3_ALERT_HANDSHAKE_FAILURE: OK",
            "it may want a certificate of yours: -cert and -key.",
        ),
        (
            f"UNKNOWN: ipv4:127.0.0.1:39947: {HANDSHAKE}10000418:SSL routines:OPENSSL_internal:"
            "TLSV1_ALERT_UNKNOWN_CA: OK",
            "The server does not accept the certificate of -cert",
        ),
        (
            "UNKNOWN: ipv4:127.0.0.1:39405: Cannot check peer: missing selected ALPN property.",
            "h:1 speaks TLS but no HTTP/2",
        ),
        (
            "UNKNOWN: ipv4:127.0.0.1:40713: Failed to create security handshaker.",
            "gRPC cannot use the files of -cacert, -cert and -key; check them.",
        ),
        (
            "UNKNOWN: ipv4:127.0.0.1:39909: Custom verification check failed with error: "
            "UNAUTHENTICATED: Hostname Verification Check failed.",
            "for another name than h:1",
        ),
        ("UNAVAILABLE: ipv4:127.0.0.1:40713: Socket closed", "-plaintext, or a certificate"),
        ("UNAVAILABLE: ipv4:127.0.0.1:37371: Unwrap failed (TSI_DATA_CORRUPTED)", "-cert and -key"),
        (
            "UNAVAILABLE: ipv4:127.0.0.1:38741: Handshake read failed (recvmsg:Connection reset by "
            "peer (104))",
            "The server hangs up at once",
        ),
    ],
)
def test_no_connection_with_tls(details: str, advice: str) -> None:
    assert advice in told(unavailable(FAILED + details), plaintext=False)


@pytest.mark.parametrize(
    ("details", "advice"),
    [
        ("Domain name not found", "The name in h:1 cannot be found; check it."),
        ("Misformatted domain name", "The name in h:1 cannot be found; check it."),
        ("Could not contact DNS servers", "No name server answers"),
        ("DNS query cancelled", "No name server answers"),
        ("Timeout while contacting DNS servers", "No name server answers"),
    ],
)
def test_no_address_for_the_name(details: str, advice: str) -> None:
    text = "errors resolving h:1: [field:hostname lookup error:address lookup failed for h:1: "
    assert advice in told(unavailable(f"{text}{details}]"))


@pytest.mark.parametrize(
    ("peer", "advice"),
    [
        (Peer.TLS, "The server speaks TLS; leave -plaintext out."),
        (Peer.PLAINTEXT, "The server speaks no TLS; give -plaintext."),
        (Peer.OTHER, "h:1 speaks neither TLS nor HTTP/2"),
        (Peer.WANTS_CERTIFICATE, "give it with -cert and -key."),
        (Peer.REFUSES_CERTIFICATE, "does not accept the certificate of -cert"),
    ],
)
def test_what_a_second_look_showed_goes_before_words_that_leave_it_open(
    peer: Peer, advice: str
) -> None:
    details = f"{FAILED}UNAVAILABLE: ipv4:127.0.0.1:36363: Socket closed"
    assert advice in told(unavailable(details, peer))


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        (
            ("feed.example.com",),
            "The server's certificate is for feed.example.com only; "
            "if it is the right server, give -authority feed.example.com.",
        ),
        (("*.x.org", "b.org"), "for *.x.org, b.org only; if it is the right server, give "),
        (("*.x.org", "b.org"), "give -authority b.org."),
        (("*.x.org",), "give -authority NAME."),
        (("a", "b", "c", "d"), "for a, b, c, … only"),
        (("a; rm -rf \x1b[2J",), "give -authority NAME."),
        (("x" * 5000,), "…"),
    ],
)
def test_a_certificate_for_other_names(names: tuple[str, ...], advice: str) -> None:
    details = (
        f"{FAILED}UNKNOWN: ipv4:127.0.0.1:39909: Custom verification check failed with error: "
        "UNAUTHENTICATED: Hostname Verification Check failed."
    )
    text = told(unavailable(details, names=names), plaintext=False)
    assert advice in text
    assert len(text) < 600


def test_of_several_addresses_the_one_that_grpc_speaks_of_is_named() -> None:
    details = (
        f"{FAILED}UNKNOWN: ipv6:%5B::1%5D:7: Failed to connect to remote host: Connection refused"
    )
    several = told(unavailable(details), at="ipv6:[::1]:6,[::1]:7")
    assert several == "Nothing listens at [::1]:7; start the server, then press space."
    assert "at localhost:7;" in told(unavailable(details), at="localhost:7")


def test_what_a_server_says_of_its_own_connections_is_not_taken_for_ours() -> None:
    details = "upstream connect error: transport failure reason: Connection refused"
    status = unavailable(details)
    assert not is_unconnected(status)
    assert "Nothing listens" not in told(status)


@pytest.mark.parametrize(
    ("code", "details", "advice"),
    [
        (12, "Received http2 header with status: 404", "check -authority and port."),
        (2, "Received http2 header with status: 421", "give -authority."),
        (14, "Received http2 header with status: 429", "h:1 takes no more calls now"),
        (14, "Received http2 header with status: 502", "The proxy at h:1 cannot reach the server"),
        (14, "Received http2 header with status: 503", "The proxy at h:1 cannot reach the server"),
        (16, "Received http2 header with status: 401", "The server wants credentials"),
        (2, "Received http2 header with status: 415", "h:1 answers as a web server"),
        (2, "Stream removed (Data frame with END_STREAM flag received)", "as a web server"),
        (12, "Method not found!", "The server has no such method"),
        (14, "Stream removed (ping timeout)", "a keepalive ping got no answer"),
        (
            8,
            "Stream removed (CLIENT: Received message larger than max (5000000 vs. 4194304))",
            "A message of 5,000,000 bytes is over the limit; raise it with -max-msg-sz 5000000.",
        ),
        # The server's limit is none that a flag of ours could raise.
        (8, "SERVER: Received message larger than max (5000000 vs. 4194304)", "A limit was"),
        (8, f"CLIENT: Received message larger than max ({'9' * 5000} vs. 1)", "A limit was"),
    ],
)
def test_a_connection_with_something_else_at_its_end(code: int, details: str, advice: str) -> None:
    assert advice in told(Status(code, NAMES[code], details))


def test_lost_data_is_the_servers_word_or_the_viewers() -> None:
    theirs = Status(codes.DATA_LOSS, "DATA_LOSS", "a disk broke")
    ours = Status(codes.DATA_LOSS, "DATA_LOSS", "the message is no a.B", unreadable="the method")
    assert "lost for good" in told(theirs)
    assert told(ours).endswith("check the method.")


def test_what_the_viewer_changed_is_said() -> None:
    note = "the server asked for fewer keepalive pings: now one every 20 s"
    status = unavailable("Too many pings", note=note)
    assert told(status) == (
        "The server asked for fewer keepalive pings: now one every 20 s; press space to go on."
    )


@pytest.mark.parametrize(
    "status",
    [
        *(Status(code, "ANY") for code in (*BY_CODE, 99)),
        *(Status(9, "ANY", reason=reason) for reason in BY_REASON),
        Status(11, "OUT_OF_RANGE", "", "TOKEN_EXPIRED", {"oldest_token": "AAAA"}),
        Status(9, "FAILED_PRECONDITION", "", "STREAM_CHANGED"),
        unavailable(f"{FAILED}UNKNOWN: ipv4:127.0.0.1:1: Connection refused"),
        unavailable("Received http2 header with status: 503"),
        unavailable("Too many pings", note="fewer"),
    ],
)
def test_at_the_end_of_a_pipe_there_are_no_keys(status: Status) -> None:
    text = told(status, keys=False)
    for key in ("press", "space", " r ", " o ", " s "):
        assert key not in text.lower()
    assert "{" not in text
