"""Drafts: calls that somebody is still writing."""

from __future__ import annotations

from dataclasses import dataclass, field

from grpctap.core.method import Method


@dataclass(frozen=True)
class Draft:
    """A call as it is written: nothing in it is checked yet.

    `body` is the request as JSON; `metadata` has names and values, those in -bin in base64, and may
    hold secrets; `deadline` is in seconds, "" for none.
    """

    method: Method
    body: str
    metadata: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    deadline: str = ""


class DraftError(ValueError):
    """A draft that is no call; the message says why, on one printable line."""
