"""Command lines that go on where a stream was left."""

from __future__ import annotations

from collections.abc import Sequence

from grpctap.cli import parse
from grpctap.flags import kept_flags, viewer_parser
from grpctap.viewer import command


def kept(words: Sequence[str]) -> list[str]:
    """What a command line keeps of another."""
    parser = viewer_parser()
    return kept_flags(parser, parser.read(words))


def goes_on(words: Sequence[str], token: bytes) -> str:
    """The command line that goes on at a token of the call that `words` make."""
    return command(parse(words), kept(words), token)
