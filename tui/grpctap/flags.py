"""The flags: their names, what they take, and what is said about them."""

from __future__ import annotations

import argparse
import os
from argparse import SUPPRESS
from math import inf
from pathlib import Path

from grpctap import __version__
from grpctap.config import HISTORY
from grpctap.core.history import MAX_BYTES
from grpctap.parser import (
    Parser,
    Refuse,
    json_format,
    message_size,
    positive,
    seconds,
    seconds_or_default,
    speed,
    theme,
)
from grpctap.transport.target import CONNECT_TIMEOUT, MAX_MESSAGE_SIZE

DESCRIPTION = "Watch a gRPC server stream live: a log, a chart, and keys to pause and resume it."
EPILOG = """\
commands:
  grpctap demo             the bundled server and the viewer, together
  grpctap replay FILE      a recording in the viewer; see grpctap replay --help
  grpctap serve [flags]    the bundled server alone; see grpctap serve --help
  grpctap export FILE      what was recorded, as NDJSON or CSV; see grpctap export --help
  grpctap … list           the services of a server or of files; with SERVICE its methods
  grpctap … describe       what they are made of; with SYMBOL one message, field or other thing

example:
  grpctap -plaintext -d '{"data": "WTI "}' 127.0.0.1:8000 proto.StreamServer/ListValue

Flags are grpcurl's where grpcurl has them; each takes one dash or two, and -flag=false turns one
off. On a terminal this is the viewer; into a pipe it prints one JSON line a message.
Exit codes: 0; 1 error; 2 usage; 64 + the gRPC status code.
"""
REPLAY_EPILOG = """\
keys:
  space   play or pause          < >   back or on by one message
  { }     slower or faster       [ ]   back or on by a twentieth of the file

Into a pipe, grpctap export FILE writes a recording as JSON lines.
"""
# grpcurl's flags that are not to be had, whether each takes a value, and why.
_REFUSED = (
    ("alts", False, "ALTS works on Google's own machines only"),
    ("alts-handshaker-service", True, "ALTS works on Google's own machines only"),
    ("alts-target-service-account", True, "ALTS works on Google's own machines only"),
    ("format-error", False, "errors are told in words"),
    ("keep-proto-names", False, "messages are written as canonical JSON"),
    ("proto-out-dir", True, "no files are written; use grpcurl for it"),
    ("protoset-out", True, "no files are written; use grpcurl for it"),
)


def viewer_parser(kind: type[Parser] = Parser) -> Parser:
    """The flags of the viewer."""
    parser = kind(
        prog="grpctap",
        usage="grpctap [flags] [HOST:PORT [SERVICE/METHOD]]\n"
        "       grpctap [flags] HOST:PORT SERVICE/METHOD [HOST:PORT] SERVICE/METHOD …\n"
        "       grpctap [flags] [HOST:PORT] list [SERVICE]\n"
        "       grpctap [flags] [HOST:PORT] describe [SYMBOL]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "address",
        nargs="?",
        metavar="HOST:PORT",
        help="the server; without one, the recent calls are listed",
    )
    parser.add_argument(
        "method",
        nargs="?",
        metavar="SERVICE/METHOD",
        help="what to watch; without one, you choose it and write the request on the screen; "
        "several, of this server or of others, are watched in tabs",
    )
    parser.add_argument("symbol", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("more", nargs="*", help=argparse.SUPPRESS)
    _add_request_flags(parser)
    _add_schema_flags(parser)
    _add_connection_flags(parser)
    _add_call_flags(parser)
    _add_output_flags(parser)
    _add_reconnect_flags(parser)
    _add_recent_flags(parser)
    _add_record_flag(parser)
    _add_view_flags(parser)
    _add_refused_flags(parser)
    parser.add_argument("--version", action="version", version=f"grpctap {__version__}")
    return parser


def demo_parser() -> Parser:
    """The flags of the demo."""
    parser = Parser(
        prog="grpctap demo",
        description="Run the bundled server on a free port, and the viewer on it.",
        allow_abbrev=False,
    )
    _add_record_flag(parser)
    _add_view_flags(parser)
    return parser


def replay_parser() -> Parser:
    """The flags of a replay."""
    parser = Parser(
        prog="grpctap replay",
        usage="grpctap replay [flags] FILE",
        description="Open a recording in the viewer: all of it at once, or in its own time.",
        epilog=REPLAY_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="what --record FILE or the key w has written")
    parser.add_argument(
        "--speed",
        type=speed,
        default=inf,
        metavar="N",
        help="recorded seconds a second, such as 1, 10 or 0.5; max (the default): all at once",
    )
    _add_view_flags(parser)
    return parser


def _add_request_flags(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "-d",
        dest="data",
        action="append",
        default=[],
        metavar="JSON",
        help="the request; @ reads it from stdin; for several methods one for all, or one for each "
        "in order",
    )
    add("--format", type=json_format, metavar="json", help="how the request is written: json only")
    parser.add_switch("--allow-unknown-fields", "ignore what -d has and the request has not")
    for flag, dest, what in (
        ("-H", "headers", "metadata to send along; can be given more than once"),
        ("--rpc-header", "rpc_headers", "the same, but not when the server is asked for its types"),
        ("--reflect-header", "reflect_headers", "the same, but only when it is asked for them"),
    ):
        add(flag, dest=dest, action="append", default=[], metavar="'NAME: VALUE'", help=what)
    parser.add_switch(
        "--expand-headers", "${NAME} in these is the environment variable NAME, such as a token"
    )
    add(
        "-v",
        "--vv",
        dest="verbose",
        action="store_true",
        help="into a pipe: the metadata sent and received, on stderr (on a terminal, press i)",
    )
    add(
        "--resume",
        metavar="REQUEST_FIELD=RESPONSE_FIELD[+N]",
        help="a call goes on at what the last message has in RESPONSE_FIELD, plus N (a pair named "
        "resume_token is found alone)",
    )


def _add_schema_flags(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "--proto",
        dest="protos",
        action="append",
        default=[],
        metavar="FILE",
        help="take the types from this proto source instead of the server; several can be given",
    )
    add(
        "--import-path",
        dest="import_paths",
        action="append",
        default=[],
        metavar="DIR",
        help="where -proto files and what they import are found; several can be given (.)",
    )
    add(
        "--protoset",
        dest="protosets",
        action="append",
        default=[],
        metavar="FILE",
        help="take the types from this compiled set (protoc --include_imports "
        "--descriptor_set_out=FILE); several can be given",
    )
    parser.add_switch(
        "--use-reflection",
        "ask the server for types, too, where -proto or -protoset is given",
        default=None,
    )
    parser.add_switch("--msg-template", "with describe: an example of a message, too")


def _add_connection_flags(parser: Parser) -> None:
    add = parser.add_argument
    parser.add_switch("--plaintext", "no TLS (the default is TLS)")
    parser.add_switch(
        "--insecure",
        "TLS with any server, whatever its certificate says: NOT SECURE, since anybody in between "
        "can read along; -cacert and a proxy are then unused (Linux only)",
    )
    parser.add_switch("--unix", "the address is the path of a Unix socket")
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
        type=seconds_or_default(CONNECT_TIMEOUT),
        default=CONNECT_TIMEOUT,
        metavar="SECONDS",
        help="how long a connection may take to be made (%(default)s)",
    )
    add(
        "--keepalive-time",
        type=seconds_or_default(None),
        metavar="SECONDS",
        help="ping a connection that is silent for so long; no answer for as long again ends it",
    )
    add("--user-agent", metavar="NAME", help="what to say first of who is calling")


def _add_call_flags(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "--max-time",
        type=seconds_or_default(None),
        metavar="SECONDS",
        help="the call's deadline; when it is over the call has failed",
    )
    add(
        "--max-msg-sz",
        type=message_size,
        default=MAX_MESSAGE_SIZE,
        metavar="BYTES",
        help="largest message to accept (%(default)s)",
    )
    add(
        "--count",
        type=positive,
        metavar="N",
        help="stop the stream after N values: a pipe ends with 0, the viewer stays",
    )
    add("--duration", type=seconds, metavar="SECONDS", help="the same after so many seconds")


def _add_output_flags(parser: Parser) -> None:
    parser.add_switch("--emit-defaults", "into a pipe: write fields, too, that are not set")
    parser.add_switch(
        "--with-meta",
        'into a pipe: write each message as {"seq", "received", "message"}: its number (the '
        "server's, else counted) and when it came",
    )


def _add_reconnect_flags(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "--reconnect",
        action=argparse.BooleanOptionalAction,
        help="open a lost call again by itself, at its place (the default on a terminal; into a "
        "pipe only where the server gives a place to go on from)",
    )
    add(
        "--reconnect-delay",
        type=seconds,
        default=0.5,
        metavar="SECONDS",
        help="longest first wait; it doubles with each attempt (%(default)s)",
    )
    add(
        "--reconnect-max-delay",
        type=seconds,
        default=20.0,
        metavar="SECONDS",
        help="longest wait of all (%(default)s)",
    )
    add(
        "--reconnect-attempts",
        type=positive,
        metavar="N",
        help="give up after N attempts in a row (never)",
    )


def _add_recent_flags(parser: Parser) -> None:
    parser.add_argument(
        "--no-recent",
        action="store_true",
        default=os.environ.get("GRPCTAP_NO_RECENT", "") not in ("", "0"),
        help="keep neither the call nor the chart's fields (or set GRPCTAP_NO_RECENT=1)",
    )


def _add_record_flag(parser: Parser) -> None:
    parser.add_argument(
        "--record",
        metavar="FILE",
        help="record the stream into a new file, which stands alone; see it again with: grpctap "
        "replay FILE",
    )


def _add_view_flags(parser: Parser) -> None:
    parser.add_argument(
        "--history",
        type=positive,
        default=HISTORY,
        metavar="N",
        help="how many values to keep (%(default)s)",
    )
    parser.add_argument(
        "--history-bytes",
        type=positive,
        default=MAX_BYTES,
        metavar="BYTES",
        help="how many bytes of messages and seams to keep (%(default)s)",
    )
    parser.add_argument(
        "--columns",
        metavar="FIELD,FIELD…",
        help="the fields that the log shows, as a table: dotted paths, such as key,value.size",
    )
    parser.add_argument(
        "--theme",
        type=theme,
        metavar="NAME",
        help="colours of the viewer, for example textual-light or nord",
    )


def _add_refused_flags(parser: Parser) -> None:
    for name, has_value, reason in _REFUSED:
        parser.add_argument(
            f"--{name}", action=Refuse, nargs=None if has_value else 0, const=reason, help=SUPPRESS
        )


# Flags that say how a server is reached and a call is made; none of them takes a secret.
_KEPT = (
    *("plaintext", "insecure", "cacert", "cert", "key", "authority", "servername", "unix"),
    *("proto", "import-path", "protoset", "use-reflection", "user-agent", "connect-timeout"),
    *("keepalive-time", "max-msg-sz", "resume", "columns"),
)
_PATHS = ("cacert", "cert", "key", "proto", "import-path", "protoset")


def kept_flags(parser: Parser, args: argparse.Namespace) -> list[str]:
    """The words that reach the same server in the same way again; files by their full paths."""
    words: list[str] = []
    for name in _KEPT:
        flag = parser.flag(name)
        value = None if flag is None else getattr(args, flag.dest, None)
        if flag is None or value == flag.default or value is None:
            continue
        if flag.nargs == 0:
            words.append(f"-{name}" if value else f"-{name}=false")
            continue
        for each in value if isinstance(value, list) else [value]:
            text = str(Path(each).absolute()) if name in _PATHS else str(each)
            # What a file of the user's is called may begin with a dash.
            words += [f"-{name}", text] if not text.startswith("-") else [f"-{name}={text}"]
    return words
