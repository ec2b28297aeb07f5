"""What a person can do about a status, in one sentence."""

from __future__ import annotations

import re

from grpctap.core import status as codes
from grpctap.core.connecting import advise_unconnected, is_unconnected
from grpctap.core.refusal import REFUSALS, oldest_token, refuses_place
from grpctap.core.seams import status_line
from grpctap.core.status import Status

# What stands for {again}, {on} and {fresh}: with keys to press, and without.
KEYS = {
    "again": "press space",
    "on": "press space to go on",
    "fresh": "press r for a fresh call",
    "either": "Press space to try again, r for a fresh call",
}
NO_KEYS = {
    "again": "try again",
    "on": "call again",
    "fresh": "leave resume_token out of -d for a fresh call",
    "either": "Call again",
}
BY_REASON = {
    "TOKEN_INVALID": "The server does not accept where this left off; {fresh}.",
    "TOKEN_AHEAD": "The server's log is shorter than what was received; {fresh}.",
    "SHUTTING_DOWN": "The server was shut down; {again} once it is back.",
    "SLOW_CONSUMER": "The server gave up waiting for this viewer; {on}, or {fresh}.",
}
BY_CODE = {
    codes.CANCELLED: "The server or something on the way cancelled the call; {on}.",
    codes.INVALID_ARGUMENT: "The server refuses the request; check what you give to -d.",
    codes.DEADLINE_EXCEEDED: "The time of -max-time ran out; {on}.",
    codes.NOT_FOUND: "The server does not have what the request names; check -d.",
    codes.PERMISSION_DENIED: "These credentials may not do this; check the metadata given with -H.",
    codes.UNAUTHENTICATED: "The server wants credentials; give them with -H 'authorization: …'.",
    codes.RESOURCE_EXHAUSTED: "A limit was reached; {again} later.",
    codes.FAILED_PRECONDITION: "The server cannot go on from here; {fresh}.",
    codes.OUT_OF_RANGE: "The server cannot go on from here; {fresh}.",
    codes.UNIMPLEMENTED: (
        "The server has no such method; check the name and the port, and behind a proxy -authority."
    ),
    codes.ABORTED: "The server gave the call up; {on}.",
    codes.UNAVAILABLE: "The connection was lost or the server cannot answer; {on}.",
    codes.DATA_LOSS: "The server says that data is lost for good. {either}.",
}
# Where something answered that speaks HTTP/2 and no gRPC. What 401 and 403 mean, their codes say.
BY_HTTP_STATUS = {
    "401": BY_CODE[codes.UNAUTHENTICATED],
    "403": BY_CODE[codes.PERMISSION_DENIED],
    "404": "{address} has no such method for the name it is asked for; check -authority and port.",
    "421": "{address} does not serve the name it is asked for; give -authority.",
    "429": "{address} takes no more calls now; {again} later.",
    "502": "The proxy at {address} cannot reach the server; {again} once it is back.",
    "503": "The proxy at {address} cannot reach the server; {again} once it is back.",
    "504": "The proxy at {address} cannot reach the server; {again} once it is back.",
}
NO_GRPC = "{address} answers as a web server and not in gRPC; check the port and -authority."
# With these, the same call cannot end better.
HOPELESS = frozenset({"TOKEN_INVALID", "TOKEN_AHEAD"}) | REFUSALS
FALLBACK = "{either}."

_HTTP_STATUS = re.compile(r"received http2 header with status: (\d{3})")
_TOO_LARGE = re.compile(r"client: received message larger than max \((\d{1,12}) vs")


def advise(status: Status, address: str, *, plaintext: bool, keys: bool = True) -> str:
    """One sentence on what to do about a call to `address` that ended with `status`.

    `keys` says whether it is for somebody with keys to press, or for the end of a pipe.
    """
    words = KEYS if keys else NO_KEYS
    if status.unreadable:
        return f"What the server sends cannot be followed; check {status.unreadable}."
    if refuses_place(status):
        return _choice(status, keys=keys)
    if status.reason in BY_REASON:
        sentence = BY_REASON[status.reason]
    elif is_unconnected(status):
        return advise_unconnected(status, address, plaintext=plaintext, again=words["again"])
    elif status.note:
        return f"{status.note[0].upper()}{status.note[1:]}; {words['on']}."
    else:
        sentence = _by_words(status.details.lower()) or BY_CODE.get(status.code, FALLBACK)
    return sentence.format(address=address, **words)


def told_with_advice(status: Status, address: str, *, plaintext: bool) -> str:
    """The status and the advice on one printable line, for whoever has no keys to press."""
    advice = advise(status, address, plaintext=plaintext, keys=False)
    return f"{status_line(status).rstrip('.')}. {advice}"


def _choice(status: Status, *, keys: bool) -> str:
    if status.reason == "TOKEN_EXPIRED":
        first = status.info.get("first_sequence", "")
        # The server's own words stand in a sentence of ours only when they are what they should be.
        oldest = f" (#{first} is the oldest)" if re.fullmatch("[0-9]{1,20}", first) else ""
        what = f"What came next is no longer kept{oldest}"
    else:
        what = "The server started a new log, so this one has ended"
    if not keys:
        return f"{what}; {NO_KEYS['fresh']}."
    if oldest_token(status):
        return f"{what}: o goes on from the oldest value, r from now, s stops."
    return f"{what}: r goes on from now, s stops."


def _by_words(details: str) -> str:
    """Advice by gRPC's own words, in lower case, where the code says too little; or ""."""
    if too_large := _TOO_LARGE.search(details):
        size = int(too_large[1])
        return f"A message of {size:,} bytes is over the limit; raise it with -max-msg-sz {size}."
    if http := _HTTP_STATUS.search(details):
        return BY_HTTP_STATUS.get(http[1], NO_GRPC)
    if "data frame with end_stream" in details:
        return NO_GRPC
    if "ping timeout" in details or "keepalive timeout" in details:
        return "The connection is dead: a keepalive ping got no answer; {on}."
    return ""
