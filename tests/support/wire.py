"""The two ends of connections through a proxy, as plain sockets that a test holds."""

from __future__ import annotations

import random
import select
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from support.relay import Direction
from support.server import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.proxy import Proxy

MOMENT_S = 0.1
"""How long a test looks before it says that nothing comes."""


class Wire:
    """A proxy between sockets that the test holds at both ends."""

    def __init__(self, proxy: Proxy, listener: socket.socket) -> None:
        self.proxy = proxy
        self.listener = listener
        self._ends: list[socket.socket] = []

    def client(self) -> socket.socket:
        return self._keep(socket.create_connection(("127.0.0.1", self.proxy.port), PATIENCE_S))

    def server(self) -> socket.socket:
        return self._keep(self.listener.accept()[0])

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """A client's and a server's end of a new connection."""
        client = self.client()
        return client, self.server()

    def close(self) -> None:
        for end in self._ends:
            end.close()

    def _keep(self, end: socket.socket) -> socket.socket:
        end.settimeout(PATIENCE_S)
        self._ends.append(end)
        return end


def take(end: socket.socket, size: int) -> bytes:
    """Reads so many bytes."""
    parts = b""
    while len(parts) < size:
        part = end.recv(size - len(parts))
        assert part, f"ended after {len(parts)} of {size} bytes"
        parts += part
    return parts


def rest(end: socket.socket) -> tuple[bytes, bool]:
    """Reads to the end; returns what came, and whether a reset ended it."""
    parts = b""
    try:
        while part := end.recv(65536):
            parts += part
    except ConnectionResetError:
        return parts, True
    return parts, False


def comes(end: socket.socket) -> bool:
    """Whether anything, an end too, comes within a moment."""
    return bool(select.select([end], [], [], MOMENT_S)[0])


@contextmanager
def pouring(end: socket.socket, data: bytes) -> Iterator[None]:
    """Sends it all meanwhile, as far as the other end takes it."""

    def pour() -> None:
        with suppress(ConnectionError):
            end.sendall(data)

    thread = threading.Thread(target=pour)
    thread.start()
    try:
        yield
    finally:
        thread.join(PATIENCE_S)


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def crossing(client: socket.socket, server: socket.socket, direction: Direction) -> bool:
    """Whether a byte gets through."""
    source, sink = (server, client) if direction is Direction.DOWN else (client, server)
    source.sendall(b"!")
    return sink.recv(1) == b"!"
