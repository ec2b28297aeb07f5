"""A second look at a server that gRPC got no connection to, where its words leave open why."""

from __future__ import annotations

import os
import socket
import ssl
import time
from dataclasses import replace

from grpctap.core.connecting import OTHER_NAME, is_unconnected
from grpctap.core.status import Peer, Status
from grpctap.transport.target import Target

PATIENCE_S = 1.0
"""How long a look may take, in seconds."""

# What says enough: there is no connection to look at, or nothing more to learn.
_CLEAR = (
    "connection refused",
    "unreachable",
    "no route to host",
    "address family",
    "shutdown",
    "timed out",
    "endpoint closing",
    "http proxy",
    "certificate_verify_failed",
    "alpn",
    "security handshaker",
)
_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")
# How a client of HTTP/2 begins: its preface, and a frame of settings without any.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
# Where a frame says what it is, and what the first one of a server must be.
_TYPE, _SETTINGS = 3, 4
# What a server says, in TLS, of a certificate that it got, or did not get.
_WANTS = ("CERTIFICATE_REQUIRED", "NO_CERTIFICATE")
_REFUSES = ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_", "ACCESS_DENIED")


def worth_a_look(status: Status) -> bool:
    """Whether a second look may say more than `status` does."""
    details = status.details.lower()
    return is_unconnected(status) and not any(words in details for words in _CLEAR)


def looked_at(target: Target, status: Status) -> Status:
    """The status that a call to `target` ended with, and what a second look shows beyond it."""
    peer, names = look(target, status)
    return replace(status, peer=peer, names=names)


def look(target: Target, status: Status) -> tuple[Peer | None, tuple[str, ...]]:
    """Connects to a server once more, without gRPC, for a second at most.

    Args:
        target: Whose server it is. Behind a proxy nobody looks.
        status: What a call to it ended with.

    Returns:
        What the server is, if that could be told, and the names in its certificate, if gRPC
        complained of them.
    """
    through_proxy = not target.loopback and any(os.environ.get(name) for name in _PROXIES)
    if through_proxy or not target.endpoints:
        return None, ()
    host, port = next(
        (pair for pair in target.endpoints if f"{pair[0]}:{pair[1]}" in status.details),
        target.endpoints[0],
    )
    looker = _Looker(target, host, port)
    try:
        if target.plaintext:
            return looker.is_tls(), ()
        if OTHER_NAME in status.details.lower():
            return None, looker.names()
        return looker.certificates() or looker.plaintext(), ()
    except (OSError, ValueError):
        # A name may be one that Python's resolver, or its TLS, does not take.
        return None, ()


class _Looker:
    def __init__(self, target: Target, host: str, port: int) -> None:
        self._target = target
        self._address = host, port
        self._end = time.monotonic() + PATIENCE_S

    def is_tls(self) -> Peer | None:
        with self._connection() as plain:
            try:
                self._handshake(plain, verify=False).close()
            except ssl.SSLError as error:
                # An alert, too, is TLS.
                return Peer.TLS if "ALERT" in (error.reason or "") else None
        return Peer.TLS

    def names(self) -> tuple[str, ...]:
        with self._connection() as plain, self._handshake(plain, verify=True) as tls:
            certificate = tls.getpeercert() or {}
        return tuple(str(entry[1]) for entry in certificate.get("subjectAltName", ()))

    def certificates(self) -> Peer | None:
        """Whether the server, which speaks TLS, hangs up because of certificates."""
        shown = self._target.tls.cert is not None
        with self._connection() as plain:
            try:
                tls = self._handshake(plain, verify=False)
            except ssl.SSLError as error:
                return _complaint(error)
            except ConnectionError:
                return None
            with tls:
                try:
                    # In TLS 1.3 a client has shaken hands before its certificate is looked at.
                    hung_up = not self._answer(tls)
                except ssl.SSLError as error:
                    if complaint := _complaint(error):
                        return complaint
                    hung_up = True
                except ConnectionError:
                    hung_up = True
        if not hung_up:
            return None
        return Peer.REFUSES_CERTIFICATE if shown else Peer.WANTS_CERTIFICATE

    def plaintext(self) -> Peer | None:
        with self._connection() as plain:
            plain.sendall(_PREFACE)
            answer = self._answer(plain)
        if len(answer) <= _TYPE:
            return None
        return Peer.PLAINTEXT if answer[_TYPE] == _SETTINGS else Peer.OTHER

    def _connection(self) -> socket.socket:
        return socket.create_connection(self._address, self._left())

    def _handshake(self, plain: socket.socket, *, verify: bool) -> ssl.SSLSocket:
        plain.settimeout(self._left())
        context = self._target.tls.context(verify=verify)
        return context.wrap_socket(plain, server_hostname=self._target.tls_name)

    def _answer(self, connection: socket.socket) -> bytes:
        connection.settimeout(self._left())
        return connection.recv(64)

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _complaint(error: ssl.SSLError) -> Peer | None:
    reason = error.reason or ""
    if any(words in reason for words in _WANTS):
        return Peer.WANTS_CERTIFICATE
    return Peer.REFUSES_CERTIFICATE if any(words in reason for words in _REFUSES) else None
