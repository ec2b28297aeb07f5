"""One connection to a NATS server, from its making to its loss, and questions to JetStream."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from grpctap_server.feeds.schedule import NANOSECONDS
from grpctap_server.jetstream.address import AddressError, read_creds

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from grpctap_server.jetstream.address import Address

LIMITS = "limits"
_API = "$JS.API."
_CONNECT_S = 5.0
_ANSWER_S = 5.0
_WATCH_S = 0.1
_CLOSE_S = 1.0
# A server that is gone without a word is noticed after about as long.
_PING_S = 5
_PINGS_UNANSWERED = 2
_STREAM_NOT_FOUND = 10059
_LONGEST_TEXT = 300

_T = TypeVar("_T")


class BrokerError(Exception):
    """The NATS server cannot be used now; the message says why, without secrets."""


class RefusedError(BrokerError):
    """JetStream said no.

    Attributes:
        code: JetStream's own number for it (err_code); 0 when it gave none.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class NoStreamError(RefusedError):
    """There is no stream of that name."""


class LibraryMissingError(BrokerError):
    """A library is not installed; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a stream holds at one moment.

    Attributes:
        created: When it was made, in ns since the Unix epoch; no two of one name share it.
        first: The oldest value that is kept, or would be next; at least 1.
        last: The newest value there ever was; 0 when there was none.
        replicas: How many servers keep it.
        retention: "limits", where only limits take messages away; or "workqueue", "interest".
    """

    created: int
    first: int
    last: int
    replicas: int
    retention: str


class Broker:
    """A connection that is never made anew: once it is lost, all that depends on it ends.

    Attributes:
        client: The connection itself.
        connected: Whether it was ever made.
        lost: Set once it is no more.
    """

    def __init__(self, address: Address, client: Client) -> None:
        self.client = client
        self.connected = False
        self.lost = asyncio.Event()
        self._address = address
        self._watch: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Notice the loss of the connection, which was just made."""
        self.connected = True
        self._watch = asyncio.create_task(self._await_loss())

    async def ask(self, subject: str, question: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask JetStream's API; `subject` goes without its $JS.API in front.

        Raises:
            RefusedError: If the answer is an error.
            BrokerError: If there is none in time, or the connection is lost.
        """
        body = b"" if question is None else json.dumps(question).encode()
        answer = await self._answer(_API + subject, body)
        if isinstance(error := answer.get("error"), dict):
            code = int(error.get("err_code", 0))
            kind = NoStreamError if code == _STREAM_NOT_FOUND else RefusedError
            raise kind(clean(str(error.get("description", "refused"))), code)
        return answer

    async def stream_info(self) -> StreamInfo:
        """Ask what the stream holds now.

        Raises:
            NoStreamError: If there is no such stream.
            BrokerError: If JetStream cannot be asked.
        """
        answer = await self.ask(f"STREAM.INFO.{self._address.stream}")
        try:
            state = answer["state"]
            last = int(state["last_seq"])
            # An empty stream gives 0, or the number after its last, by its history.
            first = max(1, int(state["first_seq"])) if state["messages"] else last + 1
            return StreamInfo(
                parse_time(answer["created"]),
                first,
                last,
                int(answer["config"].get("num_replicas", 1)),
                clean(str(answer["config"].get("retention", LIMITS))),
            )
        except (KeyError, TypeError, ValueError):
            raise BrokerError("JetStream's answer makes no sense") from None

    async def unless_lost(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do something that the loss of the connection ends.

        Raises:
            BrokerError: If the connection is lost before it is done.
        """
        task = asyncio.ensure_future(work)
        loss = asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait({task, loss}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise BrokerError("the connection to the NATS server was lost")
            return task.result()
        finally:
            task.cancel()
            loss.cancel()

    async def send(self, subject: str, body: bytes, **more: Any) -> None:
        """Send a message; it comes back to nobody when the connection is being lost.

        Raises:
            BrokerError: If there is no connection any more.
        """
        import nats.errors

        try:
            await self.client.publish(subject, body, **more)
        except (nats.errors.Error, OSError) as error:
            raise BrokerError(f"the NATS server cannot be written to: {_words(error)}") from None

    async def subscribe(
        self, subject: str, take: Callable[[Msg], Coroutine[Any, Any, None]]
    ) -> Subscription:
        """Have messages of a subject taken as they come.

        Raises:
            BrokerError: If there is no connection any more.
        """
        import nats.errors

        try:
            return await self.client.subscribe(subject, cb=take)
        except (nats.errors.Error, OSError) as error:
            raise BrokerError(f"the NATS server cannot be asked: {_words(error)}") from None

    async def close(self) -> None:
        """Close the connection; what depends on it ends."""
        self.lost.set()
        if self._watch is not None:
            self._watch.cancel()
        # A TLS connection that came to nothing is never closed, and any may be closing already.
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.client.close(), _CLOSE_S)

    async def _await_loss(self) -> None:
        # The client does not call back when it fails to write what was left while it closed.
        while not self.client.is_closed:  # noqa: ASYNC110 - all that it tells
            await asyncio.sleep(_WATCH_S)
        self.lost.set()

    async def _answer(self, subject: str, body: bytes) -> dict[str, Any]:
        import nats.errors

        try:
            message = await self.unless_lost(self.client.request(subject, body, timeout=_ANSWER_S))
            answer = json.loads(message.data)
        except nats.errors.NoRespondersError:
            raise RefusedError("JetStream is not enabled on the NATS server") from None
        except nats.errors.TimeoutError:
            raise BrokerError(f"JetStream did not answer within {_ANSWER_S:g} s") from None
        except (nats.errors.Error, OSError, ValueError) as error:
            raise BrokerError(f"JetStream cannot be asked: {_words(error)}") from None
        if not isinstance(answer, dict):
            raise BrokerError("JetStream's answer makes no sense")
        return answer


async def connect(address: Address) -> Broker:
    """Connect to the first of the servers that answers.

    Raises:
        LibraryMissingError: If nats-py, or what it needs for a credentials file, is missing.
        BrokerError: If none of the servers answers in time, or lets us in.
    """
    try:
        from nats.aio.client import Client, RawCredentials

        if address.creds:
            import nkeys  # noqa: F401 - the client imports it when it connects
    except ImportError:
        raise LibraryMissingError(
            "NATS needs a library that is not installed; pip install 'grpctap[nats]'"
        ) from None

    try:
        creds = RawCredentials(read_creds(address.creds)) if address.creds else None
    except AddressError as error:
        raise BrokerError(f"the credentials for NATS: {error}") from None

    # It would print tracebacks; what ends a connection is told by whoever used it.
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    client = Client()
    causes: list[Exception] = []
    broker = Broker(address, client)

    async def on_closed() -> None:
        broker.lost.set()

    async def on_error(error: Exception) -> None:
        # In the end the client says only that none of the servers will do.
        if not broker.connected:
            causes.append(error)

    try:
        await asyncio.wait_for(
            client.connect(
                servers=list(address.servers),
                name="grpctap serve",
                # Our own loop does it, since whatever is read has to begin anew, too.
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                ping_interval=_PING_S,
                max_outstanding_pings=_PINGS_UNANSWERED,
                user=address.user or None,
                password=address.password or None,
                token=address.token or None,
                user_credentials=creds,
                closed_cb=on_closed,
                error_cb=on_error,
            ),
            _CONNECT_S,
        )
    except asyncio.CancelledError:
        await broker.close()
        raise
    except Exception as error:
        # A bad credentials file raises whatever it likes.
        cause = causes[-1] if causes else client.last_error or error
        await broker.close()
        raise BrokerError(
            f"cannot connect to the NATS server at {address.hosts}: {_words(cause)}"
        ) from None
    broker.watch()
    return broker


def parse_time(text: str) -> int:
    """Read RFC 3339 with up to nine digits after the second, to ns since the Unix epoch.

    Raises:
        ValueError: If it is nothing of the kind.
    """
    seconds, _, rest = text.partition(".")
    end = next((at for at, c in enumerate(rest) if not c.isdigit()), len(rest))
    moment = datetime.fromisoformat(seconds + rest[end:])
    return int(moment.timestamp()) * NANOSECONDS + int(f"{rest[:end]:0<9.9}")


def clean(text: str) -> str:
    """Make what a server said fit for a terminal: one line, printable, not too long."""
    return "".join(c if c.isprintable() else " " for c in text[:_LONGEST_TEXT]).strip()


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {clean(error.verify_message).lower()}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {clean(error.reason or str(error)).lower()}"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        # asyncio has a sentence of its own for it, which does not say why.
        return os.strerror(error.errno).lower()
    if isinstance(error, TimeoutError):
        return f"no answer within {_CONNECT_S:g} s"
    text = clean(str(error)).removeprefix("nats: ")
    return text.lower() or type(error).__name__
