"""What -v tells of the calls on standard error, in the words of grpcurl."""

from __future__ import annotations

import sys
from contextlib import suppress

from grpctap.core.connecting import is_unconnected
from grpctap.core.describe import described
from grpctap.core.facts import CallFacts
from grpctap.core.method import Method
from grpctap.core.secrets import Metadata, metadata_lines
from grpctap.core.text import harmless

# More than a server may send in all.
LONGEST_VALUE = 1_000_000


class Verbose:
    """Tells what is sent before the calls, and what each brought before and after its messages."""

    def __init__(self, method: Method, metadata: Metadata) -> None:
        self._method = method
        self._metadata = metadata
        self._requests = self._responses = 0

    def begin(self) -> None:
        """Tells the method and the metadata to send."""
        service, _, name = self._method.name.rpartition("/")
        try:
            found = self._method.pool.FindServiceByName(service)
            text = described(found.methods_by_name[name], self._method.comments)
        # Any error: what is described comes from a server, and protobuf trusts it.
        except Exception:
            text = f":\n{self._method.name}"
        _tell("", "Resolved method descriptor:", *text.split("\n")[1:])
        _tell("", "Request metadata to send:", *_listed(self._metadata))

    def trace(self, facts: CallFacts) -> None:
        """Takes what is known of a call: at its headers, and at its end."""
        if facts.ended_ns is None:
            # None may also mean that there is no server; the end tells.
            if facts.initial_metadata:
                _tell("", "Response headers received:", *_listed(facts.initial_metadata))
        elif facts.status is None or not is_unconnected(facts.status):
            if not facts.initial_metadata:
                _tell("", "Response headers received:", *_listed(()))
            self._requests += 1
            self._responses += facts.messages
            _tell("", "Response trailers received:", *_listed(facts.trailing_metadata))

    def end(self) -> None:
        """Tells how many requests were sent, and how many messages came."""
        sent, received = _counted(self._requests, "request"), _counted(self._responses, "response")
        _tell(f"Sent {sent} and received {received}")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _listed(metadata: Metadata) -> list[str]:
    # Sorted by their keys alone: the values of one key have an order.
    ordered = sorted(metadata, key=lambda item: item[0])
    return metadata_lines(ordered, LONGEST_VALUE) or ["(empty)"]


def _tell(*lines: str) -> None:
    with suppress(OSError, AttributeError):
        sys.stderr.write("".join(f"{harmless(line)}\n" for line in lines))
        sys.stderr.flush()
