"""The flags: their names, what they take, and what is said about them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn

from grpctap import __version__
from grpctap.config import HISTORY
from grpctap.core.history import MAX_BYTES
from grpctap.core.text import printable
from grpctap.transport.target import CONNECT_TIMEOUT, MAX_MESSAGE_SIZE

USAGE_ERROR = 2
# A year, in seconds: beyond it a deadline means none, and gRPC's clock arithmetic overflows.
MAX_SECONDS = 365 * 86_400

DESCRIPTION = "Watch a gRPC server stream live: a log, a chart, and keys to pause and resume it."
EPILOG = """\
commands:
  grpctap demo             the bundled server and the viewer, together
  grpctap serve [flags]    the bundled server alone; see grpctap serve --help
  grpctap … list           the services of a server or of files; with SERVICE its methods
  grpctap … describe       what they are made of; with SYMBOL one message, field or other thing

example:
  grpctap -plaintext -d '{"data": "WTI "}' 127.0.0.1:8000 proto.StreamServer/ListValue

Long flags take one dash or two. On a terminal this is the viewer; into a pipe it prints one JSON
line a message.
Exit codes: 0; 1 error; 2 usage; 64 + the gRPC status code.
"""


class Parser(argparse.ArgumentParser):
    """Reads flags that are written with one dash or two, and says what is wrong on one line."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong; the program ends."""
        # What was given to an unknown flag may be a secret.
        message = re.sub(r"ignored explicit argument .*", "takes no value", message)
        self.exit(USAGE_ERROR, f"{self.prog}: {printable(message)}; see --help\n")

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """Reads the words of a command line.

        Raises:
            SystemExit: they make no sense, which one line on stderr has said; or help was asked
                for.
        """
        args, unknown = self.parse_known_intermixed_args([self._two_dashes(word) for word in argv])
        if unknown:
            # Only the flag's name is repeated: what follows it may be a secret.
            flags = [word.partition("=")[0].split()[0] for word in unknown if word.startswith("-")]
            self.error(f"unknown flag {flags[0]}" if flags else "too many arguments")
        return args

    def _two_dashes(self, word: str) -> str:
        # argparse takes any beginning of a flag with one dash for the flag itself: -plain, -p.
        name = word.partition("=")[0]
        known = len(name) > 2 and f"-{name}" in self._option_string_actions
        word = f"-{word}" if known else word
        # Else it would take the next word for its value.
        return f"{word}=true" if word == "--use-reflection" else word


def viewer_parser() -> Parser:
    """The flags of the viewer."""
    parser = Parser(
        prog="grpctap",
        usage="grpctap [flags] HOST:PORT SERVICE/METHOD\n"
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
        help="the server; list and describe do without one where files tell all",
    )
    parser.add_argument("method", nargs="?", metavar="SERVICE/METHOD", help="what to watch")
    parser.add_argument("symbol", nargs="?", help=argparse.SUPPRESS)
    _add_request_flags(parser)
    _add_schema_flags(parser)
    _add_connection_flags(parser)
    _add_call_flags(parser)
    _add_reconnect_flags(parser)
    _add_view_flags(parser)
    parser.add_argument("--version", action="version", version=f"grpctap {__version__}")
    return parser


def demo_parser() -> Parser:
    """The flags of the demo."""
    parser = Parser(
        prog="grpctap demo",
        description="Run the bundled server on a free port, and the viewer on it.",
        allow_abbrev=False,
    )
    _add_view_flags(parser)
    return parser


def _add_request_flags(parser: Parser) -> None:
    add = parser.add_argument
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
    add(
        "--use-reflection",
        type=_yes_or_no,
        metavar="true|false",
        help="ask the server for types, too, where -proto or -protoset is given",
    )
    add("--msg-template", action="store_true", help="with describe: an example of a message, too")


def _add_connection_flags(parser: Parser) -> None:
    add = parser.add_argument
    add("--plaintext", action="store_true", help="no TLS (the default is TLS)")
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


def _add_call_flags(parser: Parser) -> None:
    add = parser.add_argument
    add("--max-time", type=_seconds, metavar="SECONDS", help="the call's deadline")
    add(
        "--max-msg-sz",
        type=_positive,
        default=MAX_MESSAGE_SIZE,
        metavar="BYTES",
        help="largest message to accept (%(default)s)",
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


def _add_view_flags(parser: Parser) -> None:
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


def _yes_or_no(text: str) -> bool:
    if text.lower() not in ("true", "t", "1", "false", "f", "0"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() in ("true", "t", "1")


def _theme(name: str) -> str:
    from textual.theme import BUILTIN_THEMES

    if name not in BUILTIN_THEMES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(BUILTIN_THEMES)}")
    return name
