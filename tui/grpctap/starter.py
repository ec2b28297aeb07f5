"""Starting without a call: by the name of a server, or by a call of the past."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Sequence
from typing import NoReturn

from grpctap.config import Config
from grpctap.core.resume import Spec
from grpctap.flags import kept_flags, viewer_parser
from grpctap.headers import MissingVariableError
from grpctap.opening import CannotOpenError, Opening
from grpctap.parser import Parser
from grpctap.recent import RecentCall, RecentCalls
from grpctap.stream import Stream
from grpctap.streams import Streams
from grpctap.transport.pools import SchemaError


class Starter:
    """Makes openings of servers, and keeps them, with all that was written for their calls.

    Args:
        parser: Reads the flags.
        args: What the command line says, which goes for all servers that are named later.
        config: Makes what the calls have in common; raises ValueError.
    """

    def __init__(
        self,
        parser: Parser,
        args: argparse.Namespace,
        config: Callable[[argparse.Namespace], Config],
    ) -> None:
        self.recent = None if args.no_recent else RecentCalls()
        self._parser, self._config = parser, config
        self._always = [*kept_flags(parser, args), *_header_words(args)]
        self._openings: dict[tuple[str, tuple[str, ...]], Opening] = {}
        self.streams = Streams()

    @property
    def last(self) -> Stream | None:
        """The stream that was opened last, if any."""
        return self.streams.last

    def opening(self, args: argparse.Namespace, body: str = "") -> Opening:
        """The server that the arguments name.

        Args:
            args: As the parser reads them; they name a server.
            body: The request that the command line gives.

        Raises:
            ValueError: they make no sense.
            SchemaError: a file that they name makes none.
        """
        config = self._config(args)
        return Opening(
            config,
            config.schema_sources.catalog,
            flags=kept_flags(self._parser, args),
            recent=self.recent,
            body=body,
            resume=None if args.resume is None else Spec.parse(args.resume),
            columns=args.columns,
            streams=self.streams,
        )

    def named(self, text: str) -> Opening:
        """The server that somebody names: "HOST:PORT", and flags before or behind it.

        Raises:
            CannotOpenError: the words make no sense.
        """
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise CannotOpenError(f"these words make no sense: {error}") from error
        return self._read([*self._always, *words])

    def again(self, call: RecentCall, metadata: Sequence[tuple[str, str]]) -> Opening:
        """The server of a call of the past; `metadata` has the values that were not kept.

        Raises:
            CannotOpenError: what was kept makes no sense any longer.
        """
        headers = [word for name, value in metadata for word in ("-H", f"{name}: {value}")]
        return self._read([*call.flags, *headers, "--", call.address])

    def _read(self, words: Sequence[str]) -> Opening:
        parser = viewer_parser(_Quiet)
        args = parser.read(words)
        if not isinstance(args.address, str):
            raise CannotOpenError("a HOST:PORT is wanted; for example 127.0.0.1:8000")
        if isinstance(args.method, str):
            raise CannotOpenError("only a HOST:PORT is wanted; the method is chosen next")
        key = (args.address, (*kept_flags(parser, args), *_header_words(args)))
        if key not in self._openings:
            try:
                self._openings[key] = self.opening(args)
            except (ValueError, SchemaError, MissingVariableError) as error:
                raise CannotOpenError(str(error)) from error
        return self._openings[key]


def _header_words(args: argparse.Namespace) -> list[str]:
    kinds = (
        ("-H", args.headers),
        ("-rpc-header", args.rpc_headers),
        ("-reflect-header", args.reflect_headers),
    )
    words = ["-expand-headers"] if args.expand_headers else []
    return words + [
        word for flag, headers in kinds for header in headers for word in (flag, header)
    ]


class _Quiet(Parser):
    """Reads flags where nothing may be printed, since there is a screen."""

    def error(self, message: str) -> NoReturn:
        raise CannotOpenError(self.told(message))

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:  # noqa: ARG002
        raise CannotOpenError("quit, and give this flag to grpctap itself")

    def _print_message(self, message: str, file: object = None) -> None:
        """Prints nothing."""
