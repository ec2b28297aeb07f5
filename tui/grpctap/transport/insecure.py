"""TLS that believes any certificate, which gRPC cannot be told to do.

gRPC for Python always verifies. To give it the server's own certificate as the authority to trust
works only where that certificate has a name and is not out of date. So a relay in this process does
the TLS, with Python's own, and gRPC speaks to the relay in plaintext: over a socket without a name
on disk, from which it takes this process alone.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import socket
import ssl
import struct
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

import grpc

Place = tuple[str, int] | str
"""Where a server is: host and port, or the path of a Unix socket (with NUL in front: none)."""

# In bytes, at a time and in each direction.
_CHUNK = 65_536
_FAREWELL_S = 1.0
_NAME = re.compile(r"unix-abstract:(grpctap-[0-9a-f]+)")
_relays: weakref.WeakValueDictionary[str, Relay] = weakref.WeakValueDictionary()


class Relay:
    """Carries connections of this process to a server, over TLS.

    `address` is where gRPC finds it. Nothing is verified; the client's own certificate, if any, is
    the context's.

    Args:
        places: The server's; the first that answers is taken.
        context: For Python's TLS.
        name: The name to ask the server for.
        timeout_s: How long a connection may take to be made, in seconds.
    """

    def __init__(
        self, places: Sequence[Place], context: ssl.SSLContext, name: str, timeout_s: float
    ) -> None:
        self._places = tuple(places)
        self._context = context
        self._name = name
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False
        self.failure = ""
        """Why the last connection was not made, in the words that gRPC has for it."""
        self.peer = ""
        """Where the last connection leads, as gRPC writes it."""
        token = f"grpctap-{secrets.token_hex(16)}"
        self.address = f"unix-abstract:{token}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"\0{token}")
        self._listener.listen()
        _relays[token] = self
        self._start(self._accept)

    def close(self) -> None:
        """Ends all connections; returns without waiting for it."""
        with self._lock:
            self._closed = True
            # Waiting calls end by it, which a close alone would leave waiting.
            for each in (self._listener, *self._open):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _start(self, run: Callable[..., None], *args: object) -> None:
        # Daemons: a name server that does not answer must not keep the program from ending.
        threading.Thread(target=run, args=args, name="grpctap-insecure", daemon=True).start()

    def _accept(self) -> None:
        with self._listener:
            while True:
                try:
                    client, _ = self._listener.accept()
                except OSError:
                    return
                self._start(self._carry, client)

    def _carry(self, client: socket.socket) -> None:
        with client:
            with self._lock:
                if self._closed or not _is_own(client):
                    return
                self._open.add(client)
            try:
                self._find_server(client)
            except _UnresolvedError as error:
                self.failure = str(error)
            finally:
                with self._lock:
                    self._open.discard(client)

    def _find_server(self, client: socket.socket) -> None:
        """Carries the connection to the first address that takes it, until it ends."""
        addresses = [address for place in self._places for address in _resolved(place)]
        deadline = time.monotonic() + self._timeout_s
        for count, (family, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
            # One that does not answer leaves time for those after it.
            left_s = max((deadline - time.monotonic()) / count, 0.001)
            until = time.monotonic() + left_s
            self.peer = _told(family, address)
            server = socket.socket(family)
            try:
                with server:
                    with self._lock:
                        if self._closed:
                            return
                        self._open.add(server)
                    server.settimeout(left_s)
                    server.connect(address)
                    asyncio.run(self._relay(client, server, until))
            except (OSError, ValueError) as error:
                # A name that TLS cannot ask for is a ValueError. What fails because it was closed
                # says nothing of the server.
                if not self._closed:
                    self.failure = _unconnected(self.peer, error)
            else:
                return
            finally:
                with self._lock:
                    self._open.discard(server)

    async def _relay(self, client: socket.socket, server: socket.socket, until: float) -> None:
        """Shakes hands before `until`, then carries until one side ends the connection.

        Raises:
            OSError: there was no handshake; nothing was taken from the client.
        """
        # What goes wrong ends the connection, and is nothing to write onto the screen.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        out_in, out = await asyncio.open_connection(
            sock=server,
            ssl=self._context,
            server_hostname=self._name,
            ssl_handshake_timeout=max(until - time.monotonic(), 0.001),
            ssl_shutdown_timeout=_FAREWELL_S,
        )
        if out.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
            out.transport.abort()
            raise ConnectionError("missing selected ALPN property")
        self.failure = ""
        back_in, back = await asyncio.open_connection(sock=client)
        ways = [
            asyncio.create_task(_pump(out_in, back)),
            asyncio.create_task(_pump(back_in, out)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            ends = await asyncio.gather(*ways, return_exceptions=True)
            for writer in (back, out):
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
        # What a server says of our certificate comes after the handshake, and before all else.
        if isinstance(ends[0], ssl.SSLError):
            self.failure = _unconnected(self.peer, ends[0])


class _UnresolvedError(Exception):
    """A name that leads nowhere; the message is in the words that gRPC has for it."""


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        sink.write(data)
        await sink.drain()


def _resolved(place: Place) -> list[tuple[int, Any]]:
    if isinstance(place, str):
        return [(socket.AF_UNIX, place)]
    host, port = place
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        unasked = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
        why = "could not contact DNS servers" if unasked else "domain name not found"
        raise _UnresolvedError(f"errors resolving {host}:{port}: {why}") from error
    return [(family, address) for family, _, _, _, address in found]


def _told(family: int, address: Any) -> str:
    if family == socket.AF_UNIX:
        return f"unix:{address}"
    host, port = address[:2]
    return f"ipv6:[{host}]:{port}" if family == socket.AF_INET6 else f"ipv4:{host}:{port}"


def _unconnected(peer: str, error: OSError | ValueError) -> str:
    if "handshake is taking longer" in str(error):
        why = "TLS handshake timed out"
    elif isinstance(error, ssl.SSLError):
        why = f"TLS handshake failed: {error.reason or 'the connection was closed'}"
    elif isinstance(error, TimeoutError):
        why = "connect() timed out"
    else:
        said = error.strerror if isinstance(error, OSError) else ""
        why = said or str(error) or "the connection was closed"
    return f"failed to connect to all addresses; last error: UNKNOWN: {peer}: {why}"


def _is_own(client: socket.socket) -> bool:
    """Whether it is this very process that connected, and nobody else on the machine."""
    size = struct.calcsize("3i")
    pid, _, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return bool(pid == os.getpid())


class _Channel:
    """A channel to a relay, which ends with it."""

    def __init__(self, channel: grpc.Channel, relay: Relay) -> None:
        self._channel = channel
        self._relay = relay

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def close(self) -> None:
        self._channel.close()
        self._relay.close()


def is_possible() -> bool:
    """Whether this system has what a relay is made of."""
    return sys.platform == "linux"


def insecure_channel(relay: Relay, options: Sequence[tuple[str, int | str]]) -> grpc.Channel:
    """A channel to what is behind the relay, which is closed with it."""
    options = [*options, ("grpc.http2_scheme", "https"), ("grpc.enable_http_proxy", 0)]
    channel = _Channel(grpc.insecure_channel(relay.address, options), relay)
    return cast("grpc.Channel", channel)


def plain_words(details: str) -> str:
    """Details of a status; where they speak of a relay, they become those of what is behind it."""
    found = _NAME.search(details)
    relay = _relays.get(found[1]) if found else None
    if found is None or relay is None:
        return details
    return relay.failure or details.replace(found[0], relay.peer)
