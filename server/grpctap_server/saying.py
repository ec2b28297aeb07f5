"""What the server says in plain lines on standard error: where it listens, and why it ends."""

from __future__ import annotations

import sys
from contextlib import suppress


def say(text: str, prog: str = "grpctap serve") -> None:
    """Say a line, in the name of a program."""
    # Where it was closed from the start there is none, and print would take standard output.
    if sys.stderr is None:
        return
    # Whoever started the server may have closed it since.
    with suppress(OSError):
        print(f"{prog}: {text}", file=sys.stderr, flush=True)  # noqa: T201
