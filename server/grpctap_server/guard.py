"""What stands before every call: credentials, limits, the log's line at its end, and the counts.

It takes any method's call as raw bytes, so that nothing of a stranger's is waited for or parsed
before the credentials are checked, and no call waits forever for a request that does not come.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from grpctap_protos import server_stream_pb2 as pb
from grpctap_server import auth, limits, peers, tokens
from grpctap_server.counters import Counters
from grpctap_server.errors import CallError
from grpctap_server.limits import Limits, Slots, beyond
from grpctap_server.logs import log

HEALTH = "/grpc.health.v1.Health/"
"""The methods that need no credentials: load balancers ask them, and have none to give."""

_LIST_VALUE = "/proto.StreamServer/ListValue"
_STATUS_DETAILS = "grpc-status-details-bin"
_REFUSED = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED)
# How long a client may take to hear that its token was withdrawn, in seconds.
_LAST_WORD_S = 2.0
# How many digits of the fingerprint of a request's data stand in the log.
_PRINT_BYTES = 4

Context = grpc.aio.ServicerContext[Any, Any]
Continuation = Callable[
    [grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Any, Any] | None"]
]


class Guard(grpc.aio.ServerInterceptor):
    """Lets in who may call, within the limits; belongs to one event loop.

    Args:
        tokens: Who may call; None: everybody.
        bounds: What is taken on.
        counters: Where calls are counted.
    """

    def __init__(self, tokens: auth.Tokens | None, bounds: Limits, counters: Counters) -> None:
        self.tokens = tokens
        self.bounds = bounds
        self.counters = counters
        self.slots = Slots(bounds.calls, bounds.client_calls)
        self.health_slots = Slots(limits.HEALTH_CALLS, limits.HEALTH_CALLS_A_CLIENT)
        self.with_token: set[_Call] = set()
        """The open calls that came with a token."""

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Put this guard before a method, or in place of one that there is not."""
        handler = await continuation(handler_call_details)
        call = _Call(self, str(handler_call_details.method), handler)
        return grpc.stream_stream_rpc_method_handler(call.run, None, call.serialize)

    def end_withdrawn(self) -> int:
        """End the calls whose token may no longer call.

        Returns:
            How many these are.
        """
        kept = self.tokens
        gone = [c for c in self.with_token if c.token and kept and not kept.holds(c.token)]
        for call in gone:
            call.withdraw()
        return len(gone)


class _Call:
    """One call of any method, from its metadata to its line in the log."""

    def __init__(
        self, guard: Guard, method: str, handler: grpc.RpcMethodHandler[Any, Any] | None
    ) -> None:
        self.token: auth.Token | None = None
        self._guard = guard
        self._method = method
        # None where there is no such method, which is told after the credentials are checked.
        self._handler: Any = handler
        self._is_health = method.startswith(HEALTH)
        self._counts_values = method == _LIST_VALUE
        self._task: asyncio.Task[Any] | None = None
        self._withdrawn = False
        self._values = 0
        self._facts: dict[str, object] = {}

    def withdraw(self) -> None:
        """End the call, since its token was taken out of the file."""
        if self._task is not None and not self._withdrawn:
            self._withdrawn = True
            self._task.cancel()

    def serialize(self, message: Any) -> bytes:
        """Make the bytes of what is sent, and count it."""
        if self._counts_values and not message.progress:
            self._values += 1
            self._guard.counters.values += 1
        serializer = self._handler.response_serializer
        raw: bytes = message if serializer is None else serializer(message)
        return raw

    async def run(self, requests: object, context: Context) -> None:  # noqa: ARG002
        """Answer the call, or refuse it."""
        began = time.monotonic()
        code, reason = "OK", ""
        try:
            try:
                await self._answer(context)
            except CallError as error:
                code, reason = error.code.name, error.info.reason
                # When it was taken back meanwhile, there is nobody left to tell.
                with suppress(grpc.aio.InternalError):
                    await self._abort(context, error)
        except asyncio.CancelledError:
            # One that was ended by its method may be cut short before the client has heard it.
            if not reason:
                code, reason = _ended_with(context) if context.code() else ("CANCELLED", "")
            raise
        except grpc.aio.AbortError:
            if not reason:
                code, reason = _ended_with(context)
            raise
        except grpc.aio.InternalError:
            # The client is gone, and with it the way to send anything.
            code = "CANCELLED"
            raise
        except Exception:
            code, reason = "INTERNAL", "FAULT"
            logging.getLogger("grpctap_server").exception(
                "fault", extra={"fields": {"method": self._method}}
            )
            await self._abort(
                context, CallError(grpc.StatusCode.INTERNAL, "FAULT", "the server has a fault")
            )
        finally:
            self._end(context, code, reason, time.monotonic() - began)

    async def _answer(self, context: Context) -> None:
        guard = self._guard
        if guard.tokens is not None and not self._is_health:
            self.token = guard.tokens.check(_pairs(context))
            self._facts["token_line"] = self.token.line
        if self._handler is None:
            raise CallError(
                grpc.StatusCode.UNIMPLEMENTED, "NO_SUCH_METHOD", "the server has no such method"
            )
        slots = guard.health_slots if self._is_health else guard.slots
        with slots.take(self._client(context)):
            if self._is_health:
                await self._handle(context)
                return
            guard.counters.served += 1
            guard.counters.open += 1
            try:
                await self._handle_until_withdrawn(context)
            finally:
                guard.counters.open -= 1

    def _client(self, context: Context) -> Hashable:
        """Tell whose call it is: the token's, the certificate's, or the network's."""
        if self.token is not None:
            return self.token.digest
        identities = context.peer_identities()
        if identities:
            self._facts["certificate"] = b",".join(identities).decode(errors="backslashreplace")
            return tuple(identities)
        return peers.network(context.peer())

    async def _handle_until_withdrawn(self, context: Context) -> None:
        if self.token is None:
            await self._handle(context)
            return
        self._task = asyncio.current_task()
        self._guard.with_token.add(self)
        try:
            await self._handle(context)
        except asyncio.CancelledError:
            # One that its method was ending already has its status, and there can be but one.
            if self._withdrawn and self._task is not None and not context.code():
                self._task.uncancel()
                raise auth.withdrawn() from None
            raise
        finally:
            self._guard.with_token.discard(self)

    async def _handle(self, context: Context) -> None:
        handler = self._handler
        if handler.request_streaming:
            request: Any = self._requests(context)
        else:
            request = await self._request(context, limits.REQUEST_TIMEOUT_S)
            if request is None:
                # gRPC says no more to a server of a request that is far too large.
                raise _bad("REQUEST_MISSING", "no request came, or one that is far too large")
            self._look_at(request)
        behaviour: Any = (
            handler.stream_stream
            if handler.request_streaming and handler.response_streaming
            else handler.stream_unary
            if handler.request_streaming
            else handler.unary_stream
            if handler.response_streaming
            else handler.unary_unary
        )
        answer = behaviour(request, context)
        if hasattr(answer, "__aiter__"):
            async for message in answer:
                await context.write(message)
        elif handler.response_streaming:
            await answer
        else:
            await context.write(await answer)

    async def _requests(self, context: Context) -> AsyncIterator[Any]:
        """Give the requests of a call that may have several, as they come."""
        patience = limits.REQUEST_TIMEOUT_S
        while (request := await self._request(context, patience)) is not None:
            yield request
            patience = max(limits.REQUEST_TIMEOUT_S, self._guard.bounds.idle)

    async def _request(self, context: Context, patience: float) -> Any:
        """Wait for a request, for some seconds; returns None if there is none to come."""
        try:
            async with asyncio.timeout(patience):
                raw = await context.read()
        except TimeoutError:
            raise CallError(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                "REQUEST_LATE",
                f"no request came within {patience:g} s",
            ) from None
        if not isinstance(raw, bytes):
            return None
        limit = self._guard.bounds.request
        if len(raw) > limit:
            raise beyond(
                "REQUEST_TOO_LARGE",
                f"the request has {len(raw)} bytes, and no more than {limit} are allowed",
                limit=limit,
            )
        deserializer = self._handler.request_deserializer
        try:
            return raw if deserializer is None else deserializer(raw)
        except DecodeError:
            raise _bad("REQUEST_MALFORMED", "the request is not of the method's type") from None

    def _look_at(self, request: object) -> None:
        """Note what the log says of a request, which is not its data, and bound that."""
        if not isinstance(request, pb.SimpleRequest):
            return
        size = len(request.data.encode())
        self._facts["data_bytes"] = size
        self._facts["data"] = tokens.fingerprint(request.data)[:_PRINT_BYTES].hex()
        self._facts["resumed"] = "yes" if request.resume_token else None
        limit = self._guard.bounds.data
        if size > limit:
            raise beyond(
                "DATA_TOO_LONG",
                f"the data has {size} bytes, and no more than {limit} are allowed",
                limit=limit,
            )

    async def _abort(self, context: Context, error: CallError) -> NoReturn:
        status = error.status()
        if not self._withdrawn:
            await context.abort_with_status(status)
        # A client that does not read cannot hear it, either: gRPC closes its stream then.
        last_word = asyncio.ensure_future(context.abort_with_status(status))
        # Also when nobody waits for it to the end, its error is no news.
        last_word.add_done_callback(lambda word: word.cancelled() or word.exception())
        done, _ = await asyncio.wait((last_word,), timeout=_LAST_WORD_S)
        if not done:
            last_word.cancel()
            raise asyncio.CancelledError
        last_word.result()
        raise AssertionError("an abort never returns")

    def _end(self, context: Context, code: str, reason: str, seconds: float) -> None:
        counters = self._guard.counters
        level = logging.INFO
        if self._is_health and code in ("OK", "CANCELLED"):
            level = logging.DEBUG
        elif code in (refused.name for refused in _REFUSED):
            counters.refused += 1
            level = logging.WARNING
        elif reason == "SLOW_CONSUMER":
            counters.evicted += 1
            level = logging.WARNING
        elif code == "INTERNAL":
            counters.errors += 1
            level = logging.ERROR
        elif code not in ("OK", "CANCELLED") and reason != "SHUTTING_DOWN":
            counters.errors += 1
        log(
            level,
            "call",
            peer=peers.plain(context.peer()),
            method=self._method,
            **self._facts,
            values=self._values if self._counts_values else None,
            status=code,
            reason=reason,
            seconds=seconds,
        )


def _pairs(context: Context) -> list[tuple[str, str | bytes]]:
    metadata: Any = context.invocation_metadata()
    return [(key, value) for key, value in metadata or ()]


def _bad(reason: str, message: str) -> CallError:
    return CallError(grpc.StatusCode.INVALID_ARGUMENT, reason, message)


def _ended_with(context: Context) -> tuple[str, str]:
    """Tell the code and the reason with which a method ended its call."""
    code = context.code()
    name = code.name if isinstance(code, grpc.StatusCode) else str(code)
    info = error_details_pb2.ErrorInfo()
    for key, value in context.trailing_metadata() or ():
        if key == _STATUS_DETAILS and isinstance(value, bytes):
            with suppress(DecodeError):
                for detail in status_pb2.Status.FromString(value).details:
                    if detail.Unpack(info):
                        return name, info.reason
    return name, ""
