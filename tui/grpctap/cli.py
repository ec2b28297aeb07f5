"""The command line: flags in, one Config out, and the face that fits."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from grpctap.config import Config
from grpctap.core.listvalue import LIST_VALUE
from grpctap.core.reconnect import Reconnect
from grpctap.core.resume import Spec
from grpctap.core.secrets import Metadata
from grpctap.flags import demo_parser, kept_flags, viewer_parser
from grpctap.headers import MissingVariableError, parse_headers
from grpctap.listing import Question, answer
from grpctap.parser import Parser
from grpctap.recordfile import checked_path
from grpctap.schemas import cells_of, json_object, parse_request, resume_of
from grpctap.transport.pools import SchemaError
from grpctap.transport.sources import Sources
from grpctap.transport.target import Target, socket_address
from grpctap.transport.tls import Tls
from grpctap.words import Named, one_for_each, streams_named
from grpctap_protos.server_stream_pb2 import SimpleRequest

# In characters: far more than a server accepts, and what never ends is not read for ever.
LONGEST_REQUEST = 64 * 1024 * 1024
NO_METHOD_TO_RECORD = "--record goes with a SERVICE/METHOD; the key w records what is watched"


def main(argv: Sequence[str]) -> int:
    """Does what the arguments say; returns the exit code."""
    if argv[:1] == ["serve"]:
        from grpctap_server.cli import main as serve

        return serve(argv[1:])
    if argv[:1] == ["replay"]:
        from grpctap.replay import main as replay

        return replay(argv[1:], on_terminal=_on_terminal())
    try:
        if argv[:1] == ["export"]:
            # What it needs, nobody else does.
            from grpctap.exporting import main as export

            return export(argv[1:])
        return _demo(argv[1:]) if argv[:1] == ["demo"] else _view(argv)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 1


def parse(argv: Sequence[str]) -> Config:
    """Reads the flags of a call.

    Raises:
        SystemExit: they make no sense, which one line on stderr has said; or help was asked for.
    """
    parser = viewer_parser()
    return _configs(parser, parser.read(argv))[0]


def _view(argv: Sequence[str]) -> int:
    parser = viewer_parser()
    args = parser.read(argv)
    with _explained(parser):
        words = _words(parser, args)
        question = Question.of(words)
    if question is not None:
        return answer(question, _sources(parser, args, question), templates=args.msg_template)
    if _on_terminal() and not isinstance(args.method, str):
        if args.record is not None:
            parser.error(NO_METHOD_TO_RECORD)
        return _choose(parser, args)
    return _watch(_configs(parser, args), args, kept_flags(parser, args))


def _words(parser: Parser, args: argparse.Namespace) -> list[str]:
    """What is given besides flags."""
    # Behind two "--", argparse gives a list for each argument.
    given = (args.address, args.method, args.symbol, *args.more)
    words = [word for word in given if isinstance(word, str)]
    for word in words:
        # A flag and its value in one word, which may be a secret, is no flag to argparse.
        if word.startswith("-") and word.split():
            parser.error(f"unknown flag {word.split()[0].partition('=')[0]}")
    return words


def _sources(parser: Parser, args: argparse.Namespace, question: Question) -> Sources:
    args.address = question.address
    with _explained(parser):
        target = None if question.address is None else _target(args)
        _, reflection_metadata = _metadata(args)
        return sources_of(args, target, reflection_metadata)


def _configs(parser: Parser, args: argparse.Namespace) -> list[Config]:
    """The calls that the arguments name, of which there is one at least."""
    if not isinstance(args.address, str):
        parser.error("the following arguments are required: HOST:PORT, SERVICE/METHOD")
    if not isinstance(args.method, str):
        parser.error(
            "without a terminal a SERVICE/METHOD is required; grpctap HOST:PORT list shows them"
        )
    with _explained(parser):
        streams = streams_named(_words(parser, args), sockets=args.unix)
        if len(streams) > 1 and not _on_terminal():
            raise ValueError(
                "several streams are for a terminal; into a pipe, run one grpctap for each"
            )
        if args.record is not None and len(streams) > 1:
            raise ValueError("--record makes a file of one stream; in the viewer, w records each")
        base = base_config(args)
        if args.record is not None:
            base = replace(base, record=checked_path(args.record))
        bodies = [json_object(text) for text in _bodies(args.data, len(streams))]
        return [
            _config(args, base, stream, body, alone=len(streams) == 1)
            for stream, body in zip(streams, bodies, strict=True)
        ]


def _bodies(given: Sequence[str], count: int) -> list[str]:
    """The requests of so many methods, as they were written."""
    bodies = one_for_each(given, count)
    if given.count("@") > 1 and count > 1:
        raise ValueError("-d @ reads standard input, which can be read only once")
    if "@" not in bodies:
        return bodies
    text = _standard_input()
    return [text if body == "@" else body for body in bodies]


def _config(
    args: argparse.Namespace, base: Config, stream: Named, body: str, *, alone: bool
) -> Config:
    """One of the calls; `base` is what they have in common, `alone` whether it is the only one."""
    target = replace(base.target, address=_address(args, stream.address))
    sources = base.schema_sources.of(target)
    spec = None if args.resume is None else Spec.parse(args.resume)
    method = sources.method(stream.method)
    try:
        return replace(
            base,
            target=target,
            sources=sources,
            request=parse_request(body, method, unknown_fields=args.allow_unknown_fields),
            method=method,
            resume=resume_of(spec, method),
            cells=cells_of(args.columns, method),
        )
    except ValueError as error:
        raise error if alone else ValueError(f"{method.name}: {error}") from error


def base_config(args: argparse.Namespace) -> Config:
    """What the flags say of calls, whichever the method is.

    Raises:
        ValueError: they make no sense.
        MissingVariableError: a header names a variable that there is not.
        SchemaError: a file cannot be read, or makes no sense.
    """
    if args.record is not None and not isinstance(args.method, str):
        raise ValueError(NO_METHOD_TO_RECORD)
    target = _target(args)
    metadata, reflection_metadata = _metadata(args)
    return Config(
        target,
        SimpleRequest(),
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
        sources=sources_of(args, target, reflection_metadata),
        reflection_metadata=reflection_metadata,
        headers_expanded=args.expand_headers,
        emit_defaults=args.emit_defaults,
        with_meta=args.with_meta,
        count=args.count,
        duration=args.duration,
        verbose=args.verbose,
        keeps=not args.no_recent,
        unknown_fields=args.allow_unknown_fields,
    )


def _choose(parser: Parser, args: argparse.Namespace) -> int:
    from grpctap.starter import Starter
    from grpctap.viewer import browse, choose

    starter = Starter(parser, args, base_config)
    if not isinstance(args.address, str):
        return browse(starter, args.theme)
    with _explained(parser):
        body = _bodies(args.data, 1)[0]
        opening = starter.opening(args, "" if body == "{}" else body)
    return choose(opening, args.theme)


@contextmanager
def _explained(parser: Parser) -> Iterator[None]:
    """Ends the program where something makes no sense, with what is wrong and the exit code."""
    try:
        yield
    except MissingVariableError as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    except ValueError as error:
        parser.error(str(error))
    except SchemaError as error:
        lines = "".join(f"{parser.prog}: {line}\n" for line in error.lines)
        parser.exit(error.exit_code, lines)


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
    given = None
    if from_files:
        # Who asks the server needs no compiler, and is shown the stream sooner.
        from grpctap.transport.protofiles import read_files

        given = read_files(args.protos, args.import_paths, args.protosets)
    return Sources(target, metadata, args.max_time, given, reflects)


def _metadata(args: argparse.Namespace) -> tuple[Metadata, Metadata]:
    """What goes out with calls of the method, and with those of reflection."""
    variables = os.environ if args.expand_headers else None
    both = parse_headers("-H", args.headers, variables)
    return (
        both + parse_headers("-rpc-header", args.rpc_headers, variables),
        both + parse_headers("-reflect-header", args.reflect_headers, variables),
    )


def _target(args: argparse.Namespace) -> Target:
    return Target(
        _address(args, args.address),
        args.plaintext,
        args.max_msg_sz,
        # As in grpcurl: who trusts anybody needs no authority.
        Tls.read(None if args.insecure else args.cacert, args.cert, args.key),
        args.authority,
        args.servername,
        args.connect_timeout,
        args.keepalive_time,
        args.insecure,
        args.user_agent,
    )


def _address(args: argparse.Namespace, word: str) -> str:
    return socket_address(word) if args.unix else word


def _demo(argv: Sequence[str]) -> int:
    parser = demo_parser()
    args = parser.read(argv)
    with _explained(parser):
        cells = cells_of(args.columns, LIST_VALUE)
        record = None if args.record is None else checked_path(args.record)
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
            cells=cells,
            record=record,
        )
        return view(config, resumable=False, flags=["-plaintext"])


def _watch(configs: Sequence[Config], args: argparse.Namespace, flags: Sequence[str]) -> int:
    if not _on_terminal():
        from grpctap.headless import follow

        return follow(configs[0])
    from grpctap.recent import RecentCalls
    from grpctap.stream import recent_call
    from grpctap.viewer import view

    recent = None if args.no_recent else RecentCalls()
    if recent is not None:
        for config in configs:
            recent.add(recent_call(config, flags))
    resume = None if args.resume is None else Spec.parse(args.resume)
    return view(
        *configs, resumable=True, flags=flags, recent=recent, resume=resume, columns=args.columns
    )


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
