"""Which streams the words of a command line name: addresses and methods, in turn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from grpctap.schemas import is_method, method_name

MOST_STREAMS = 9
"""As many streams at a time as there are keys to go to them."""


class Named(NamedTuple):
    """A stream that a command line names: the server's address, and SERVICE/METHOD."""

    address: str
    method: str


def streams_named(words: Sequence[str], *, sockets: bool = False) -> list[Named]:
    """The streams in words such as HOST:PORT SERVICE/METHOD [HOST:PORT] SERVICE/METHOD.

    The first word is an address, whatever it looks like, and what follows an address is a method.
    A later address is told from a method by its colon, which no method has. `sockets` says that
    addresses are paths of Unix sockets.

    Raises:
        ValueError: a word is neither, an address has no method, or they are too many.
    """
    address, *rest = words
    named: list[Named] = []
    bare = True
    for word in rest:
        if bare or not _is_address(word, named[-1].address, sockets=sockets):
            named.append(Named(address, method_name(word)))
            bare = False
        else:
            address, bare = word, True
    if bare:
        raise ValueError(f"{address} has no SERVICE/METHOD behind it")
    if len(named) > MOST_STREAMS:
        raise ValueError(f"these are {len(named)} streams; {MOST_STREAMS} are the most")
    return named


def _is_address(word: str, before: str, *, sockets: bool) -> bool:
    """Whether a word is an address, where a method may stand as well: one of `before`."""
    if ":" in word:
        return True
    method = is_method(word)
    if sockets and method and Path(word).is_socket():
        raise ValueError(f"{word} may be a socket or a method; write unix:{word} for the socket")
    if sockets and not method:
        return True
    if not method:
        raise ValueError(
            f"{word} is neither another SERVICE/METHOD of {before} nor a HOST:PORT with another"
        )
    return False


def one_for_each(given: Sequence[str], count: int) -> list[str]:
    """The requests (-d) of so many methods, in order: one for each, or one for all.

    Raises:
        ValueError: they are neither.
    """
    if count == 1 or len(given) <= 1:
        # As in grpcurl, the last one counts.
        return [given[-1] if given else ""] * count
    if len(given) != count:
        raise ValueError(f"-d is given {len(given)} times for {count} methods; once does for all")
    return list(given)
