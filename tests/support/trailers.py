"""A server below gRPC: HTTP/2 with whatever trailers a test wants."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import h2.config
import h2.connection
import h2.events

from support.server import PATIENCE_S

HEADERS = ((b":status", b"200"), (b"content-type", b"application/grpc"))


@contextmanager
def trailing(trailers: Sequence[tuple[bytes, bytes]]) -> Iterator[str]:
    """A server that ends each call at once with these trailers; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, trailers), name="trailing")
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            # Only this wakes up whoever waits for a connection.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE_S)
            # Else a client has left a connection open.
            assert not thread.is_alive()


def _serve(listener: socket.socket, trailers: Sequence[tuple[bytes, bytes]]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, suppress(ConnectionError):
                _answer(connection, trailers)


def _answer(connection: socket.socket, trailers: Sequence[tuple[bytes, bytes]]) -> None:
    config = h2.config.H2Configuration(
        client_side=False,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
    )
    http = h2.connection.H2Connection(config)
    http.initiate_connection()
    connection.sendall(http.data_to_send())
    while data := connection.recv(65536):
        for event in http.receive_data(data):
            if isinstance(event, h2.events.StreamEnded) and event.stream_id is not None:
                http.send_headers(event.stream_id, HEADERS)
                http.send_headers(event.stream_id, trailers, end_stream=True)
        connection.sendall(http.data_to_send())
