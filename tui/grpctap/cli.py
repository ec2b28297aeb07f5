"""The command line: flags in, one Config out, and the face that fits."""

from __future__ import annotations

import argparse
import base64
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from grpctap import __version__
from grpctap.config import HISTORY, Config
from grpctap.core.history import MAX_BYTES
from grpctap.core.listvalue import LIST_VALUE, METHOD
from grpctap.core.method import Method
from grpctap.core.reconnect import Reconnect
from grpctap.core.resume import Spec
from grpctap.core.text import printable
from grpctap.schemas import json_object, method_name, parse_request, resume_of
from grpctap.transport.target import CONNECT_TIMEOUT, MAX_MESSAGE_SIZE, Target
from grpctap.transport.tls import Tls
from grpctap_protos.server_stream_pb2 import SimpleRequest

USAGE_ERROR = 2
# In characters: far more than a server accepts, and what never ends is not read for ever.
LONGEST_REQUEST = 64 * 1024 * 1024
# A year, in seconds: beyond it a deadline means none, and gRPC's clock arithmetic overflows.
MAX_SECONDS = 365 * 86_400
# Flags that may be written as grpcurl writes them.
ONE_DASH = (
    "-plaintext",
    "-cacert",
    "-cert",
    "-key",
    "-authority",
    "-servername",
    "-connect-timeout",
    "-keepalive-time",
    "-max-time",
    "-max-msg-sz",
)
# gRPC's own names for what a client must not send as metadata.
RESERVED = ("grpc-", ":")

DESCRIPTION = "Watch a gRPC server stream live: a log, a chart, and keys to pause and resume it."
EPILOG = """\
commands:
  grpctap demo             the bundled server and the viewer, together
  grpctap serve [flags]    the bundled server alone; see grpctap serve --help

example:
  grpctap -plaintext -d '{"data": "WTI "}' 127.0.0.1:8000 proto.StreamServer/ListValue

Long flags take one dash or two. On a terminal this is the viewer; into a pipe it prints one JSON
line a message.
Exit codes: 0; 1 error; 2 usage; 64 + the gRPC status code.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # What was given to an unknown flag may be a secret.
        message = re.sub(r"ignored explicit argument .*", "takes no value", message)
        self.exit(USAGE_ERROR, f"{self.prog}: {printable(message)}; see --help\n")


def main(argv: Sequence[str]) -> int:
    """Does what the arguments say; returns the exit code."""
    if argv[:1] == ["serve"]:
        from grpctap_server.cli import main as serve

        return serve(argv[1:])
    try:
        return _demo(argv[1:]) if argv[:1] == ["demo"] else _watch(parse(argv))
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 1


def parse(argv: Sequence[str]) -> Config:
    """Reads the flags of the viewer.

    Raises:
        SystemExit: they make no sense, which one line on stderr has said; or help was asked for.
    """
    parser = _Parser(
        prog="grpctap",
        usage="grpctap [flags] HOST:PORT SERVICE/METHOD",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("address", metavar="HOST:PORT", help="the server")
    add("method", metavar="SERVICE/METHOD", help="what to watch")
    add("--plaintext", action="store_true", help="no TLS (the default is TLS)")
    add("-d", dest="data", default="{}", metavar="JSON", help="the request; @ reads it from stdin")
    add(
        "-H",
        dest="headers",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="metadata to send along; can be given more than once",
    )
    add(
        "--resume",
        metavar="REQUEST_FIELD=RESPONSE_FIELD[+N]",
        help="a call goes on at what the last message has in RESPONSE_FIELD, plus N (a pair named "
        "resume_token is found alone)",
    )
    _add_connection_flags(parser)
    add("--max-time", type=_seconds, metavar="SECONDS", help="the call's deadline")
    add(
        "--max-msg-sz",
        type=_positive,
        default=MAX_MESSAGE_SIZE,
        metavar="BYTES",
        help="largest message to accept (%(default)s)",
    )
    add(
        "--reconnect",
        action=argparse.BooleanOptionalAction,
        help="open a lost call again by itself, at its place (the default on a terminal; into a "
        "pipe only where the server gives a place to go on from)",
    )
    add(
        "--reconnect-delay",
        type=_seconds,
        default=0.5,
        metavar="SECONDS",
        help="longest first wait; it doubles with each attempt (%(default)s)",
    )
    add(
        "--reconnect-max-delay",
        type=_seconds,
        default=20.0,
        metavar="SECONDS",
        help="longest wait of all (%(default)s)",
    )
    add(
        "--reconnect-attempts",
        type=_positive,
        metavar="N",
        help="give up after N attempts in a row (never)",
    )
    _add_view_flags(parser)
    add("--version", action="version", version=f"grpctap {__version__}")
    args, unknown = parser.parse_known_intermixed_args([_two_dashes(word) for word in argv])
    if unknown:
        parser.error(_unknown(unknown))
    if not (isinstance(args.address, str) and isinstance(args.method, str)):
        # Behind two "--", argparse takes nothing at all for an argument.
        parser.error("the following arguments are required: HOST:PORT, SERVICE/METHOD")
    try:
        name = method_name(args.method)
        target = _target(args)
        metadata = tuple(_header(header) for header in args.headers)
        spec = None if args.resume is None else Spec.parse(args.resume)
        data = json_object(_standard_input() if args.data == "@" else args.data)
        method = LIST_VALUE
        if name != METHOD:
            method = _ask(parser, target, name, metadata, args.max_time)
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
        )
    except ValueError as error:
        parser.error(str(error))


def _ask(
    parser: argparse.ArgumentParser,
    target: Target,
    name: str,
    metadata: tuple[tuple[str, str | bytes], ...],
    max_time: float | None,
) -> Method:
    from grpctap.transport.schema import SchemaError, fetch_method

    try:
        return fetch_method(target, name, metadata, max_time)
    except SchemaError as error:
        parser.exit(error.exit_code, f"{parser.prog}: {error}\n")


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


def _unknown(words: Sequence[str]) -> str:
    # Only the flag's name is repeated: what follows it may be a secret.
    flags = [word.partition("=")[0].split()[0] for word in words if word.startswith("-")]
    return f"unknown flag {flags[0]}" if flags else "too many arguments"


def _two_dashes(word: str) -> str:
    # argparse takes any beginning of a flag with one dash for the flag itself: -plain, -p.
    return f"-{word}" if word.partition("=")[0] in ONE_DASH else word


def _demo(argv: Sequence[str]) -> int:
    parser = _Parser(
        prog="grpctap demo",
        description="Run the bundled server on a free port, and the viewer on it.",
        allow_abbrev=False,
    )
    _add_view_flags(parser)
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        parser.error(_unknown(unknown))
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


def _add_connection_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--cacert", metavar="FILE", help="the authorities to trust, instead of gRPC's own (PEM)")
    add("--cert", metavar="FILE", help="the certificate to show to the server (PEM); with -key")
    add("--key", metavar="FILE", help="its private key (PEM)")
    add(
        "--authority",
        metavar="NAME",
        help="the name to ask the server for, and with TLS the one that its certificate must have",
    )
    add("--servername", metavar="NAME", help="the same for TLS only; unused with -plaintext")
    add(
        "--connect-timeout",
        type=_seconds,
        default=CONNECT_TIMEOUT,
        metavar="SECONDS",
        help="how long a connection may take to be made (%(default)s)",
    )
    add(
        "--keepalive-time",
        type=_seconds,
        metavar="SECONDS",
        help="ping a connection that is silent for so long; no answer for as long again ends it",
    )


def _add_view_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--history",
        type=_positive,
        default=HISTORY,
        metavar="N",
        help="how many values to keep (%(default)s)",
    )
    parser.add_argument(
        "--history-bytes",
        type=_positive,
        default=MAX_BYTES,
        metavar="BYTES",
        help="how many bytes of messages to keep (%(default)s)",
    )
    parser.add_argument(
        "--theme",
        type=_theme,
        metavar="NAME",
        help="colours of the viewer, for example textual-light or nord",
    )


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


def _header(text: str) -> tuple[str, str | bytes]:
    name, colon, value = text.partition(":")
    name, value = name.strip().lower(), value.strip()
    # The value may be a secret, so an error never repeats it.
    if not colon or not name:
        raise ValueError("-H wants 'NAME: VALUE'")
    if not all(c.isascii() and (c.isalnum() or c in "-_.") for c in name):
        raise ValueError("-H: a metadata name holds letters, digits, and - _ . only")
    if name.startswith(RESERVED):
        raise ValueError(f"-H {name!r}: names that begin with grpc- belong to gRPC itself")
    if name.endswith("-bin"):
        try:
            return name, base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
        except ValueError:
            raise ValueError(f"-H {name!r}: a name in -bin wants its value in base64") from None
    if not (value.isascii() and value.isprintable()):
        raise ValueError(f"-H {name!r}: a value holds printable ASCII only")
    return name, value


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    # gRPC takes message sizes as 32 bits, and no history comes near them.
    if not 1 <= number < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {2**31 - 1:,}")
    return number


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return number


def _theme(name: str) -> str:
    from textual.theme import BUILTIN_THEMES

    if name not in BUILTIN_THEMES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(BUILTIN_THEMES)}")
    return name
