"""The command line: flags in, one Config out, and the face that fits."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from grpctap.config import Config
from grpctap.core.reconnect import Reconnect
from grpctap.core.resume import Spec
from grpctap.flags import Parser, demo_parser, viewer_parser
from grpctap.headers import parse_header
from grpctap.listing import Question, answer
from grpctap.schemas import json_object, method_name, parse_request, resume_of
from grpctap.transport.pools import SchemaError
from grpctap.transport.protofiles import read_files
from grpctap.transport.sources import Sources
from grpctap.transport.target import Target
from grpctap.transport.tls import Tls
from grpctap_protos.server_stream_pb2 import SimpleRequest

# In characters: far more than a server accepts, and what never ends is not read for ever.
LONGEST_REQUEST = 64 * 1024 * 1024


def main(argv: Sequence[str]) -> int:
    """Does what the arguments say; returns the exit code."""
    if argv[:1] == ["serve"]:
        from grpctap_server.cli import main as serve

        return serve(argv[1:])
    try:
        return _demo(argv[1:]) if argv[:1] == ["demo"] else _view(argv)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 1


def parse(argv: Sequence[str]) -> Config:
    """Reads the flags of the viewer.

    Raises:
        SystemExit: they make no sense, which one line on stderr has said; or help was asked for.
    """
    parser = viewer_parser()
    return _config(parser, parser.read(argv))


def _view(argv: Sequence[str]) -> int:
    parser = viewer_parser()
    args = parser.read(argv)
    try:
        question = Question.of(_words(parser, args))
    except ValueError as error:
        parser.error(str(error))
    if question is None:
        return _watch(_config(parser, args))
    return answer(question, _sources(parser, args, question), templates=args.msg_template)


def _words(parser: Parser, args: argparse.Namespace) -> list[str]:
    """What is given besides flags."""
    # Behind two "--", argparse gives a list for each argument.
    words = [word for word in (args.address, args.method, args.symbol) if isinstance(word, str)]
    for word in words:
        # A flag and its value in one word, which may be a secret, is no flag to argparse.
        if word.startswith("-") and word.split():
            parser.error(f"unknown flag {word.split()[0].partition('=')[0]}")
    return words


def _sources(parser: Parser, args: argparse.Namespace, question: Question) -> Sources:
    args.address = question.address
    try:
        target = None if question.address is None else _target(args)
        metadata = tuple(parse_header(header) for header in args.headers)
        return sources_of(args, target, metadata)
    except ValueError as error:
        parser.error(str(error))
    except SchemaError as error:
        _leave(parser, error)


def _config(parser: Parser, args: argparse.Namespace) -> Config:
    if not (isinstance(args.address, str) and isinstance(args.method, str)):
        given = isinstance(args.address, str)
        missing = "SERVICE/METHOD" if given else "HOST:PORT, SERVICE/METHOD"
        parser.error(f"the following arguments are required: {missing}")
    if args.symbol is not None:
        parser.error("too many arguments")
    try:
        name = method_name(args.method)
        target = _target(args)
        metadata = tuple(parse_header(header) for header in args.headers)
        spec = None if args.resume is None else Spec.parse(args.resume)
        data = json_object(_standard_input() if args.data == "@" else args.data)
        sources = sources_of(args, target, metadata)
        method = sources.method(name)
        return Config(
            target,
            parse_request(data, method),
            metadata,
            args.max_time,
            args.history,
            args.theme,
            args.history_bytes,
            args.reconnect,
            Reconnect(
                initial_ns=round(args.reconnect_delay * 1e9),
                maximum_ns=round(args.reconnect_max_delay * 1e9),
                attempts=args.reconnect_attempts,
            ),
            method,
            resume_of(spec, method),
            sources,
            args.verbose,
        )
    except ValueError as error:
        parser.error(str(error))
    except SchemaError as error:
        _leave(parser, error)


def _leave(parser: Parser, error: SchemaError) -> NoReturn:
    text = "".join(f"{parser.prog}: {line}\n" for line in error.lines)
    parser.exit(error.exit_code, text)


def sources_of(
    args: argparse.Namespace,
    target: Target | None,
    metadata: Sequence[tuple[str, str | bytes]] = (),
) -> Sources:
    """Where the types come from, by the flags; `target` None: there is no server.

    Raises:
        ValueError: the flags make no sense together.
        SchemaError: a file cannot be read, or makes no sense.
    """
    from_files = bool(args.protos or args.protosets)
    if args.protos and args.protosets:
        raise ValueError("-proto and -protoset do not go together; give one of them")
    if args.import_paths and not args.protos and sys.stderr is not None:
        sys.stderr.write("grpctap: -import-path is not used without -proto\n")
    if args.use_reflection is False and not from_files:
        raise ValueError("without reflection the types are in files; give -proto or -protoset")
    reflects = args.use_reflection or not from_files
    if target is None and reflects:
        raise ValueError("there is no server to ask; give HOST:PORT, -proto or -protoset")
    given = read_files(args.protos, args.import_paths, args.protosets)
    return Sources(target, metadata, args.max_time, given, reflects)


def _target(args: argparse.Namespace) -> Target:
    return Target(
        args.address,
        args.plaintext,
        args.max_msg_sz,
        Tls.read(args.cacert, args.cert, args.key),
        args.authority,
        args.servername,
        args.connect_timeout,
        args.keepalive_time,
    )


def _demo(argv: Sequence[str]) -> int:
    parser = demo_parser()
    args = parser.read(argv)
    if not _on_terminal():
        parser.error("the demo needs a terminal; into a pipe, watch a server of your own")
    from grpctap.demo import DemoError, demo_server

    with demo_server() as server:
        # It starts up while the viewer is imported.
        from grpctap.viewer import view

        try:
            target = Target(server.address(), plaintext=True)
        except DemoError as error:
            sys.stderr.write(f"grpctap demo: {error}\n")
            return 1
        request = SimpleRequest(data="WTI ")
        config = Config(
            target,
            request,
            history=args.history,
            theme=args.theme,
            history_bytes=args.history_bytes,
        )
        return view(config, resumable=False)


def _watch(config: Config) -> int:
    if _on_terminal():
        from grpctap.viewer import view

        return view(config, resumable=True)
    from grpctap.headless import follow

    return follow(config)


def _on_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _standard_input() -> str:
    if sys.stdin is None:
        raise ValueError("-d @ reads standard input, which is closed")
    try:
        text = sys.stdin.read(LONGEST_REQUEST + 1)
    except UnicodeDecodeError:
        raise ValueError("-d @ reads standard input, which is no UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"-d @ cannot read standard input: {error.strerror}") from None
    if len(text) > LONGEST_REQUEST:
        raise ValueError(
            f"-d @ reads standard input, which has more than {LONGEST_REQUEST:,} characters"
        )
    return text
