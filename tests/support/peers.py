"""What may stand at the other end of a connection: TLS of all kinds, HTTP, other things, holes."""

from __future__ import annotations

import datetime
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from support.server import PATIENCE_S

Headers = list[tuple[str, str]]
DAY = datetime.timedelta(days=1)


class Authority:
    """An authority that signs certificates, and where its own lies as a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ca = trustme.CA()
        self.pem = self._ca.cert_pem.bytes()
        self.file = self._write("authority.pem", self.pem)

    def issue(self, *names: str, starts: int = -1, ends: int = 1) -> trustme.LeafCert:
        """A certificate for these names, from and until so many days from now."""
        now = datetime.datetime.now(datetime.UTC)
        begin, end = now + starts * DAY, now + ends * DAY
        return self._ca.issue_cert(*names, not_before=begin, not_after=end)

    def issue_files(self, name: str) -> tuple[str, str]:
        """A client's certificate and its key, as files."""
        leaf = self.issue(f"{name}.example.com")
        return (
            self._write(f"{name}.pem", chain(leaf)),
            self._write(f"{name}.key", leaf.private_key_pem.bytes()),
        )

    def trust(self, context: ssl.SSLContext) -> None:
        """Makes a server ask its clients for certificates of this authority."""
        self._ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED

    def _write(self, name: str, content: bytes) -> str:
        path = self.folder / name
        path.write_bytes(content)
        return str(path)


def chain(leaf: trustme.LeafCert) -> bytes:
    return b"".join(pem.bytes() for pem in leaf.cert_chain_pems)


def credentials(leaf: trustme.LeafCert, clients: Authority | None = None) -> grpc.ServerCredentials:
    """What a gRPC server needs for TLS; with `clients` it asks for certificates of theirs."""
    return grpc.ssl_server_credentials(
        [(leaf.private_key_pem.bytes(), chain(leaf))],
        root_certificates=None if clients is None else clients.pem,
        require_client_auth=clients is not None,
    )


class Listener:
    """A socket that hands each connection to `serve`, on a thread of its own."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self._over = threading.Event()
        self.accepted: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.port: int = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    def close(self) -> None:
        self._over.set()
        self._threads[0].join(PATIENCE_S)
        self._socket.close()
        for connection in self.accepted:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            connection.settimeout(None)
            self.accepted.append(connection)
            thread = threading.Thread(target=self._run, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _run(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            self._serve(connection)


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[Listener]:
    listener = Listener(serve)
    try:
        yield listener
    finally:
        listener.close()


def silent(connection: socket.socket) -> None:
    """Takes all and answers nothing."""
    while connection.recv(65536):
        pass


def hang_up(connection: socket.socket) -> None:
    """Closes the connection at once."""


def web_server(connection: socket.socket) -> None:
    """Answers anything as a web server does that speaks HTTP/1 only."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def ssh_server(connection: socket.socket) -> None:
    """Greets as a server of SSH does."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    silent(connection)


def openssl(
    leaf: trustme.LeafCert,
    *,
    protocols: tuple[str, ...] = ("h2",),
    clients: Authority | None = None,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> Callable[[socket.socket], None]:
    """TLS by OpenSSL, with silence in it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    context.maximum_version = version
    context.set_alpn_protocols(list(protocols))
    if clients is not None:
        clients.trust(context)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            while secure.recv(65536):
                pass

    return serve


def http2(
    answer: Callable[[dict[str, str]], Headers], farewell: bytes | None = None
) -> Callable[[socket.socket], None]:
    """HTTP/2 that answers each request with these headers, and ends it unless all is well so far.

    With `farewell` it then closes the connection: ENHANCE_YOUR_CALM, with these words.
    """

    def serve(connection: socket.socket) -> None:
        http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        http.initiate_connection()
        connection.sendall(http.data_to_send())
        while data := connection.recv(65536):
            for event in http.receive_data(data):
                if isinstance(event, RequestReceived):
                    headers = answer({str(k): str(v) for k, v in event.headers})
                    names = {name for name, _ in headers}
                    is_last = (":status", "200") not in headers or "grpc-status" in names
                    http.send_headers(event.stream_id, headers, end_stream=is_last)
                    if farewell is not None:
                        http.close_connection(11, farewell)
                        connection.sendall(http.data_to_send())
                        return
            connection.sendall(http.data_to_send())

    return serve


class Hole:
    """A relay to a server that can become a black hole: it forwards nothing, and closes nothing."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._upstream = host, int(port)
        self._is_open = threading.Event()

    def open(self) -> None:
        self._is_open.set()

    def serve(self, connection: socket.socket) -> None:
        with socket.create_connection(self._upstream) as upstream:
            while True:
                ready, _, _ = select.select([connection, upstream], [], [], 0.05)
                if self._is_open.is_set():
                    # Whatever comes is taken, so TCP itself sees nothing wrong.
                    silent(connection)
                    return
                for source in ready:
                    data = source.recv(65536)
                    if not data:
                        return
                    (upstream if source is connection else connection).sendall(data)
