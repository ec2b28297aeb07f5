"""A server that speaks HTTP/2 itself, so that its calls can end in every way that there is."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded
from h2.exceptions import StreamClosedError
from hyperframe.frame import DataFrame, GoAwayFrame, RstStreamFrame

from grpctap_protos import server_stream_pb2 as pb
from support.server import PATIENCE_S
from support.truth import DIGITS, PREFIX, framed, value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LAST_STREAM = 2**31 - 1


class FaultyCall:
    """A call of ListValue, the first and only one of its connection, at the server's end."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._http.initiate_connection()
        self._flush()
        self._stream = 0
        self.request = pb.SimpleRequest()
        """What the client asks for, after `accept`."""
        self.left = False
        """Whether the client has ended the connection, once the play is over."""
        self._sequence = 0

    def accept(self) -> None:
        """Waits for the request.

        Raises:
            EOFError: The client left.
        """
        body = b""
        while not self._stream:
            data = self._end.recv(65536)
            if not data:
                raise EOFError
            for event in self._http.receive_data(data):
                if isinstance(event, DataReceived):
                    body += event.data
                elif isinstance(event, StreamEnded):
                    self._stream = event.stream_id
            self._flush()
        self.request = pb.SimpleRequest.FromString(body[PREFIX:])
        self._sequence = int(self.request.resume_token[-DIGITS:] or b"0")

    def headers(
        self, status: int = 200, kind: str = "application/grpc", *, end: bool = False
    ) -> None:
        """Sends the headers: an HTTP status and a content type; with `end`, nothing follows."""
        headers = ((":status", str(status)), ("content-type", kind))
        self._http.send_headers(self._stream, headers, end_stream=end)
        self._flush()

    def values(self, count: int) -> None:
        """Sends the next values of the log of support.truth, after the request's token."""
        for _ in range(count):
            self._sequence += 1
            self._http.send_data(self._stream, self._message(self._sequence))
        self._flush()

    def half_a_frame(self) -> None:
        """Sends the first half of the frame of the next value."""
        frame = DataFrame(self._stream)
        frame.data = self._message(self._sequence + 1)
        raw = frame.serialize()
        self._end.sendall(raw[: len(raw) // 2])

    def data(self, data: bytes, *, end: bool = False) -> None:
        """Sends bytes as they are; with `end`, as the last of the stream."""
        self._http.send_data(self._stream, data, end_stream=end)
        self._flush()

    def trailers(self, **trailers: str) -> None:
        """Ends the stream with trailers, whose names have _ for -."""
        names = tuple((name.replace("_", "-"), text) for name, text in trailers.items())
        self._http.send_headers(self._stream, names, end_stream=True)
        self._flush()

    def reset_stream(self, code: int) -> None:
        """Ends the stream with RST_STREAM; the connection stays."""
        frame = RstStreamFrame(self._stream)
        frame.error_code = code
        self._end.sendall(frame.serialize())

    def go_away(self, code: int = 0, text: bytes = b"", last: int = LAST_STREAM) -> None:
        """Says that the connection takes no more streams, and none above `last`."""
        frame = GoAwayFrame(0)
        frame.last_stream_id, frame.error_code, frame.additional_data = last, code, text
        self._end.sendall(frame.serialize())

    def fin(self) -> None:
        """Says by FIN that no more comes."""
        self._end.shutdown(socket.SHUT_WR)

    def rst(self) -> None:
        """Ends the connection with RST."""
        self._end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end.close()

    def _message(self, sequence: int) -> bytes:
        return framed(value(sequence, self.request.data).SerializeToString())

    def _flush(self) -> None:
        self._end.sendall(self._http.data_to_send())


class FaultyServer:
    """Accepts connections one after the other, and lets a function play each one's call.

    Args:
        plays: For each connection in turn what it plays, accept() included; then the last again.
            When it returns, the connection stays until the client ends it.
    """

    def __init__(self, *plays: Callable[[FaultyCall], None]) -> None:
        self._plays: Sequence[Callable[[FaultyCall], None]] = plays
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.calls: list[FaultyCall] = []
        """The calls so far, the newest last."""
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="FaultyServer")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # It wakes the thread, which close() would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        self._listener.close()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while True:
            try:
                end, _ = self._listener.accept()
            except OSError:
                return
            with end, suppress(ConnectionError, EOFError):
                try:
                    self._serve(end)
                except (ConnectionError, EOFError):
                    raise
                except Exception as error:  # the test's thread raises it
                    self._failure = error

    def _serve(self, end: socket.socket) -> None:
        end.settimeout(PATIENCE_S)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        call = FaultyCall(end)
        play = self._plays[min(len(self.calls), len(self._plays) - 1)]
        self.calls.append(call)
        try:
            # Who has reset the stream meanwhile takes nothing more on it.
            with suppress(StreamClosedError):
                play(call)
            # Closed with something unread it would be reset.
            while end.fileno() >= 0 and end.recv(65536):
                pass
        finally:
            call.left = True
