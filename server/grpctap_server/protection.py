"""The flags that keep strangers out and say what the server takes on, and what they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from grpctap_server import argtypes
from grpctap_server.logs import LEVELS

if TYPE_CHECKING:
    from grpctap_server.auth import Tokens
    from grpctap_server.limits import Limits
    from grpctap_server.tls import Certificate

_LARGEST = 2**30
_LONGEST_S = 86_400.0
# Each with its default and the least that makes sense; gRPC sends some metadata of its own.
_COUNTS = (
    ("--max-calls", 10_000, 1, "open calls in all"),
    ("--max-client-calls", 2_000, 1, "open calls of a client: a token, a certificate, or an IP"),
    ("--max-connections", 10_000, 1, "open connections in all"),
    ("--max-data", 4_096, 1, "length of a request's data in bytes"),
    ("--max-request", 65_536, 64, "size of a request in bytes"),
    ("--max-metadata", 16_384, 1_024, "size of a request's metadata in bytes"),
)


@dataclass(frozen=True, slots=True)
class Protection:
    """Who may call, how, and how much.

    Attributes:
        limits: What the server takes on.
        certificate: What connections are made with; None: they are plain text.
        tokens: Who may call; None: everybody.
        plaintext_allowed: Whether plain text may leave this machine.
        channelz: Whether gRPC's own counts can be asked for.
    """

    limits: Limits
    certificate: Certificate | None = None
    tokens: Tokens | None = None
    plaintext_allowed: bool = False
    channelz: bool = False


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this module, in groups of their own."""
    add = parser.add_argument_group("who may call").add_argument
    add("--cert", type=Path, metavar="FILE", help="TLS with this certificate, in PEM; with --key")
    add("--key", type=Path, metavar="FILE", help="the key of --cert, in PEM")
    add(
        "--client-ca",
        type=Path,
        metavar="FILE",
        help="clients need a certificate that one of these has signed",
    )
    add(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="clients need one of these bearer tokens; one a line",
    )
    add(
        "--allow-plaintext",
        action="store_true",
        help="without TLS, listen on other addresses than this machine's own, too",
    )

    add = parser.add_argument_group("limits").add_argument
    for flag, default, least, what in _COUNTS:
        help_ = f"{what} ({default})"
        add(flag, type=_count(least), default=default, metavar="N", help=help_)
    add(
        "--max-idle",
        type=_seconds,
        default=300.0,
        metavar="SECONDS",
        help="close connections without a call after so long (300)",
    )

    add = parser.add_argument_group("running").add_argument
    add(
        "--drain",
        type=_seconds_or_none,
        default=0.0,
        metavar="SECONDS",
        help="at SIGTERM, say NOT_SERVING and go on for so long before calls are ended (0)",
    )
    add("--log-level", choices=LEVELS, default="info", help="the least of what is logged (info)")
    add("--quiet", action="store_true", help="as --log-level error")
    add(
        "--log-interval",
        type=_seconds_or_none,
        default=60.0,
        metavar="SECONDS",
        help="how often counts are logged, if they changed; 0: never (60)",
    )
    add("--channelz", action="store_true", help="answer channelz, gRPC's own counts")


def read_flags(args: argparse.Namespace, fail: Callable[[str], NoReturn]) -> Protection:
    """Make of the flags what they ask for.

    Args:
        args: What was parsed.
        fail: Ends the program with a message, for flags that make no sense.
    """
    if (args.cert is None) != (args.key is None):
        fail("--cert and --key go together")
    if args.client_ca is not None and args.cert is None:
        fail("--client-ca goes with --cert and --key")
    if args.channelz:
        try:
            import grpc_channelz.v1.channelz  # noqa: F401
        except ImportError:
            fail("--channelz needs a package: pip install 'grpctap[channelz]'")

    from grpctap_server.limits import Limits

    limits = Limits(
        calls=args.max_calls,
        client_calls=args.max_client_calls,
        data=args.max_data,
        request=args.max_request,
        metadata=args.max_metadata,
        connections=args.max_connections,
        idle=args.max_idle,
    )
    return Protection(
        limits,
        _certificate(args, fail),
        _tokens(args, fail),
        plaintext_allowed=args.allow_plaintext,
        channelz=args.channelz,
    )


def _certificate(args: argparse.Namespace, fail: Callable[[str], NoReturn]) -> Certificate | None:
    if args.cert is None:
        return None
    from grpctap_server.tls import Certificate, CertificateError

    try:
        return Certificate(args.cert, args.key, args.client_ca)
    except CertificateError as error:
        fail(f"no TLS can be made with {error}")


def _tokens(args: argparse.Namespace, fail: Callable[[str], NoReturn]) -> Tokens | None:
    if args.token_file is None:
        return None
    from grpctap_server.auth import TokenFileError, Tokens

    try:
        return Tokens(args.token_file)
    except TokenFileError as error:
        fail(f"--token-file {args.token_file}: {error}")


def _count(least: int) -> Callable[[str], int]:
    return partial(argtypes.whole, low=least, high=_LARGEST)


def _seconds(text: str) -> float:
    value = _seconds_or_none(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to {_LONGEST_S:.0f} seconds")
    return value


def _seconds_or_none(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not 0 <= value <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {_LONGEST_S:.0f} seconds")
    return value
