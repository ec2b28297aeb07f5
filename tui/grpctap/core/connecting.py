"""What a person can do about a connection that was not made, from gRPC's words for it."""

from __future__ import annotations

import re
from urllib.parse import unquote

from grpctap.core import status as codes
from grpctap.core.status import Peer, Status
from grpctap.core.text import printable

OTHER_NAME = "hostname verification check failed"
# How gRPC begins when it could not connect, and when it did not even find where to.
_NOWHERE = "errors resolving"
_UNCONNECTED = ("failed to connect to all addresses", _NOWHERE)
_ADDRESS = re.compile(r"last error: \w+: (?:ipv4|ipv6|unix):(\S+): ")
_MAX_NAMES = 3
_MAX_NAME = 100

_NO_WAY = "There is no way to {where} from here; check the address and the network."
_UNANSWERED = (
    "{where} does not answer; check the address and the firewall, or raise -connect-timeout."
)
_SILENT = "{where} takes connections but says nothing; check the port, or raise -connect-timeout."
_NO_HTTP2 = "{where} speaks TLS but no HTTP/2, so it is no gRPC server; check the port."
_REFUSED = "The server does not accept the certificate of -cert; give one that it trusts."
_BY_PEER = {
    Peer.TLS: "The server speaks TLS; leave -plaintext out.",
    Peer.PLAINTEXT: "The server speaks no TLS; give -plaintext.",
    Peer.OTHER: "{where} speaks neither TLS nor HTTP/2, so it is no gRPC server; check the port.",
    Peer.WANTS_CERTIFICATE: (
        "The server seems to want a certificate of yours; give it with -cert and -key."
    ),
    Peer.REFUSES_CERTIFICATE: _REFUSED,
}
# The first words found, in lower case, decide.
_BY_WORDS = (
    ("connection refused", "Nothing listens at {where}; start the server, then {again}."),
    ("no such file", "There is no socket {where}; start the server, then {again}."),
    ("permission denied", "You may not use the socket {where}; check who owns it."),
    ("unreachable", _NO_WAY),
    ("no route to host", _NO_WAY),
    ("address family", "This machine speaks no IPv6, so {where} cannot be reached from here."),
    ("tcp handshaker shutdown", _UNANSWERED),
    ("connect() timed out", _UNANSWERED),
    ("before receiving settings", _SILENT),
    ("endpoint closing", _SILENT),
    ("handshake timed out", _SILENT),
    (
        "http proxy",
        "The proxy of http_proxy or https_proxy does not connect; name the server in no_proxy.",
    ),
    (
        "certificate has expired",
        "The server's certificate has expired, or this machine's clock is wrong; "
        "the server needs a new one.",
    ),
    (
        "certificate is not yet valid",
        "The server's certificate is not valid yet, or this machine's clock is wrong.",
    ),
    (
        "certificate_verify_failed",
        "No authority that is trusted here signed the server's certificate; "
        "name the file of the one that did with -cacert.",
    ),
    ("missing selected alpn", _NO_HTTP2),
    ("alert_no_application_protocol", _NO_HTTP2),
    ("unrecognized_name", "The server does not know the name it is asked for; give -authority."),
    ("alert_protocol_version", "The server speaks only versions of TLS that gRPC refuses."),
    ("alert_unknown_ca", _REFUSED),
    (
        "alert_handshake_failure",
        "The server ends the TLS handshake; it may want a certificate of yours: -cert and -key.",
    ),
    ("security handshaker", "gRPC cannot use the files of -cacert, -cert and -key; check them."),
    ("http1.x server", "{where} speaks HTTP/1, so it is no gRPC server; check the port."),
    ("wrong_version_number", "The server does not seem to speak TLS; try -plaintext."),
    ("failed parsing http/2", "{where} speaks no HTTP/2, so it is no gRPC server; check the port."),
)
_HUNG_UP_ON_PLAINTEXT = "The server hangs up at once; if it speaks TLS, leave -plaintext out."
_HUNG_UP_ON_TLS = (
    "The server hangs up at once; it may want -plaintext, or a certificate: -cert and -key."
)
_NO_NAMES = (
    "The server's certificate is for another name than {where}; "
    "if it is the right server, give that name with -authority."
)


def is_unconnected(status: Status) -> bool:
    """Whether there was no connection at all, by gRPC's own words."""
    return status.code == codes.UNAVAILABLE and status.details.lower().startswith(_UNCONNECTED)


def advise_unconnected(status: Status, address: str, *, plaintext: bool, again: str) -> str:
    """One sentence on what to do about a call to `address` for which there was no connection.

    `again` says how to try again, as in "press space".
    """
    details = status.details.lower()
    if details.startswith(_NOWHERE):
        return _unresolved(details, address)
    if OTHER_NAME in details:
        return _misnamed(status.names, address)
    sentence = _BY_PEER.get(status.peer) if status.peer is not None else None
    if sentence is None:
        hung_up = _HUNG_UP_ON_PLAINTEXT if plaintext else _HUNG_UP_ON_TLS
        sentence = next((text for words, text in _BY_WORDS if words in details), hung_up)
    return sentence.format(where=_where(status.details, address), again=again)


def _where(details: str, address: str) -> str:
    """The address that gRPC speaks of, where several were given."""
    found = _ADDRESS.search(details)
    return printable(unquote(found[1]), _MAX_NAME) if "," in address and found else address


def _unresolved(details: str, address: str) -> str:
    if "could not contact" in details or "cancelled" in details or "timeout" in details:
        return f"No name server answers, so the name in {address} is not found; check the network."
    return f"The name in {address} cannot be found; check it."


def _misnamed(names: tuple[str, ...], address: str) -> str:
    if not names:
        return _NO_NAMES.format(where=address)
    shown = [printable(name, _MAX_NAME) for name in names[:_MAX_NAMES]]
    listed = ", ".join(shown) + (", …" if len(names) > _MAX_NAMES else "")
    # What goes into a command line must be nothing but a name.
    plain = next((name for name in names if re.fullmatch(r"[A-Za-z0-9.-]{1,100}", name)), None)
    return (
        f"The server's certificate is for {listed} only; "
        f"if it is the right server, give -authority {plain or 'NAME'}."
    )
