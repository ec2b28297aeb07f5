"""What a person can do about a status, in one sentence."""

from __future__ import annotations

from grpctap.core import status as codes
from grpctap.core.refusal import oldest_token
from grpctap.core.status import Status

BY_REASON = {
    "TOKEN_INVALID": "The server does not accept where this left off; press r for a fresh call.",
    "TOKEN_AHEAD": "The server's log is shorter than what was received; press r for a fresh call.",
    "SHUTTING_DOWN": "The server was shut down; press space once it is back.",
    "SLOW_CONSUMER": "The server gave up waiting for this viewer; space goes on, r starts anew.",
}
BY_CODE = {
    codes.CANCELLED: "The server or something on the way cancelled the call; press space to go on.",
    codes.INVALID_ARGUMENT: "The server refuses the request; check what you give to -d.",
    codes.DEADLINE_EXCEEDED: "The time of -max-time ran out; press space to go on.",
    codes.NOT_FOUND: "The server does not have what the request names; check -d.",
    codes.PERMISSION_DENIED: "These credentials may not do this; check the metadata given with -H.",
    codes.UNAUTHENTICATED: "The server wants credentials; give them with -H 'authorization: …'.",
    codes.RESOURCE_EXHAUSTED: "A limit was reached; press space to try again later.",
    codes.FAILED_PRECONDITION: "The server cannot go on from here; press r for a fresh call.",
    codes.OUT_OF_RANGE: "The server cannot go on from here; press r for a fresh call.",
    codes.UNIMPLEMENTED: "The server has no such method; check the name and the port.",
    codes.ABORTED: "The server gave the call up; press space to go on.",
    codes.UNAVAILABLE: "The connection was lost or never made; press space to try again.",
    codes.DATA_LOSS: "What the server sends is not this method's messages; check the method.",
}
# With these, the same call cannot end better.
HOPELESS = frozenset({"TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_AHEAD", "STREAM_CHANGED"})
FALLBACK = "Press space to try again, r for a fresh call."


def advise(status: Status, address: str, *, plaintext: bool) -> str:
    """One sentence on what to do about a call to `address` that ended with `status`."""
    details = status.details.lower()
    choice = "r goes on from now"
    if oldest_token(status):
        choice = "o goes on from the oldest value, r from now"
    if status.reason == "TOKEN_EXPIRED":
        first = status.info.get("first_sequence", "")
        oldest = f" (#{first} is the oldest)" if first.isdigit() else ""
        return f"What came next is no longer kept{oldest}: {choice}, s stops."
    if status.reason == "STREAM_CHANGED":
        return f"The server started a new log, so this one has ended: {choice}, s stops."
    if status.reason in BY_REASON:
        return BY_REASON[status.reason]
    if status.code == codes.UNAVAILABLE:
        if "connection refused" in details:
            return f"Nothing listens at {address}; start the server, then press space."
        if "dns" in details or "name resolution" in details or "domain name" in details:
            return f"The name in {address} cannot be found; check it."
        if not plaintext and ("ssl" in details or "tls" in details or "handshak" in details):
            return "The server does not seem to speak TLS, or is not trusted; try -plaintext."
    if status.code == codes.RESOURCE_EXHAUSTED and "larger than max" in details:
        return "A message is larger than the limit; raise it with -max-msg-sz."
    return BY_CODE.get(status.code, FALLBACK)
