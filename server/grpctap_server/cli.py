"""The command line of the server: flags in, one clear line out when they make no sense."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpctap_server.feeds.base import Feed
    from grpctap_server.jetstream.address import Address

_FEEDS = ("price", "counter")
_WITHOUT_A_BEGINNING = ("price",)
_NANOSECONDS = 1_000_000_000
_SHORTEST_INTERVAL_S = Decimal("0.0001")
_LONGEST_INTERVAL_S = Decimal(86_400 * 365)
_LONGEST_PROGRESS_S = Decimal(86_400)
# Sequences stay exact in JSON and in floating point, wherever they are shown.
_MOST_VALUES = 2**53
# A resume token keeps the start in 64 bits.
_LARGEST_START = 2**63 - 1

_USAGE_ERROR = 2
_LONGEST_ERROR = 500

_EPILOG = """\
examples:
  %(prog)s
      an oil price on 127.0.0.1:8000; watch it: grpctap -plaintext -d '{"data": "WTI "}' \\
      127.0.0.1:8000 proto.StreamServer/ListValue
  %(prog)s --feed counter --count 15 --interval 1
      0 to 14, one a second, for each call anew
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # What was given comes back in it, and could act on a terminal or fill it.
        message = "".join(c if c.isprintable() else repr(c)[1:-1] for c in message[:_LONGEST_ERROR])
        self.exit(_USAGE_ERROR, f"{self.prog}: error: {message}; see --help\n")


def main(argv: Sequence[str] | None = None, prog: str = "grpctap serve") -> int:
    """Serve as the arguments say, until a signal.

    Args:
        argv: The arguments without the program's name; None takes those of the process.
        prog: What help and errors call the program.

    Returns:
        The exit code: 0; 1 when the address cannot be listened on, or the feed cannot start; 2 for
        arguments in error.
    """
    parser = _make_parser(prog)
    try:
        args = parser.parse_args(argv)
        feed = _make_feed(parser, args)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else _USAGE_ERROR

    # Until the server has handlers of its own, Ctrl-C ends the process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The C core would log its view of what is said here in one clear line.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import asyncio

    from grpctap_server.feeds.base import FeedError
    from grpctap_server.serve import ListenError, ServeOptions, serve

    options = ServeOptions(
        args.host, args.port, float(args.progress_interval), args.until_eof, args.publish
    )
    try:
        asyncio.run(serve(feed, options))
    except (FeedError, ListenError) as error:
        print(f"{prog}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _make_parser(prog: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=prog,
        description="Serve proto.StreamServer/ListValue, a gRPC stream to watch with grpctap.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", type=_host, default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=_port, default=8000, help="port to listen on; 0 takes a free one (8000)")
    add(
        "--feed",
        type=_feed,
        default="price",
        help="price: one live price a symbol, the same for all calls; "
        "counter: each call counts from 0; nats://HOST:4222/STREAM: a NATS JetStream stream "
        "(price)",
    )
    add(
        "--interval",
        type=_interval,
        default=Decimal("0.1"),
        metavar="SECONDS",
        help="time between values (0.1); 0, for a counter with --count: all at once",
    )
    add(
        "--publish",
        type=_stream,
        metavar="nats://HOST/STREAM",
        help="put all values into a NATS JetStream stream, too, which is made if it is not there",
    )
    add(
        "--nats-creds",
        metavar="FILE",
        help="credentials for NATS; else those in the URL, or NATS_CREDS, NATS_TOKEN, NATS_USER "
        "and NATS_PASSWORD of the environment",
    )
    add("--count", type=_positive, metavar="N", help="counter: end after N values")
    add(
        "--retain",
        type=_positive,
        default=1_000_000,
        metavar="N",
        help="how many values stay open to resuming (%(default)s)",
    )
    add(
        "--start",
        type=_moment,
        metavar="TIME",
        help="price: when value 1 is due, less one interval; RFC 3339 or Unix seconds "
        "(2026-01-01T00:00:00Z)",
    )
    add(
        "--progress-interval",
        type=_progress_interval,
        default=Decimal(5),
        metavar="SECONDS",
        help="silence after which calls that asked for progress get some (5)",
    )
    # For a parent that holds the other end of the pipe: the server never outlives it.
    add("--until-eof", action="store_true", help=argparse.SUPPRESS)
    return parser


def _make_feed(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Feed:
    if not isinstance(args.feed, str):
        from grpctap_server.feeds.nats import NatsFeed

        for flag in ("count", "start", "publish"):
            if getattr(args, flag) is not None:
                parser.error(f"--{flag} does not go with --feed nats://…, whose values are there")
        return NatsFeed(_with_credentials(parser, args, args.feed))
    if args.publish is not None:
        if args.feed in _WITHOUT_A_BEGINNING:
            parser.error("--publish does not go with a price, which began long ago")
        args.publish = _with_credentials(parser, args, args.publish)
    elif args.nats_creds is not None:
        parser.error("--nats-creds goes with --feed nats://… or --publish only")

    from grpctap_server.feeds.schedule import Schedule

    schedule = Schedule(int(args.interval * _NANOSECONDS), args.retain)
    if args.feed == "counter":
        from grpctap_server.feeds.counter import CounterFeed

        if args.start is not None:
            parser.error("--start goes with --feed price only: a counter starts with each call")
        if not args.interval and args.count is None:
            parser.error("--interval 0 needs --count: it makes all values at once")
        if not args.interval and args.count > args.retain:
            parser.error("--interval 0 makes all values at once, so --count cannot exceed --retain")
        return CounterFeed(schedule, args.count)

    from grpctap_server.feeds.price import DEFAULT_START, PriceFeed

    if args.count is not None:
        parser.error("--count goes with --feed counter only: a price has no end")
    if not args.interval:
        parser.error("--interval 0 goes with --feed counter and --count only")
    return PriceFeed(schedule, DEFAULT_START if args.start is None else args.start)


def _with_credentials(
    parser: argparse.ArgumentParser, args: argparse.Namespace, address: Address
) -> Address:
    from grpctap_server.jetstream.address import complain_of_creds, with_credentials

    address = with_credentials(address, args.nats_creds or "", os.environ)
    if address.creds and (complaint := complain_of_creds(address.creds)):
        parser.error(f"the credentials for NATS: {complaint}")
    return address


def _feed(text: str) -> str | Address:
    if text in _FEEDS:
        return text
    from grpctap_server.jetstream.address import SCHEMES

    if not text.startswith(SCHEMES):
        names = ", ".join(map(repr, _FEEDS))
        raise argparse.ArgumentTypeError(
            f"invalid choice: {text!r} (choose from {names}, nats://HOST:4222/STREAM)"
        )
    return _stream(text)


def _stream(text: str) -> Address:
    from grpctap_server.jetstream.address import AddressError, parse_address

    try:
        return parse_address(text)
    except AddressError as error:
        # What was given may hold a password.
        raise argparse.ArgumentTypeError(str(error)) from None


def _host(text: str) -> str:
    host = text.removeprefix("[").removesuffix("]")
    if not host or not host.isprintable() or " " in host:
        raise argparse.ArgumentTypeError(f"{text!r} is not a host")
    return host


def _whole(text: str, low: int, high: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text} is not from {low} to {high}")
    return value


def _port(text: str) -> int:
    return _whole(text, 0, 65_535)


def _positive(text: str) -> int:
    return _whole(text, 1, _MOST_VALUES)


def _seconds(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not value.is_finite():
        raise argparse.ArgumentTypeError(f"{text} is not a finite number of seconds")
    return value


def _interval(text: str) -> Decimal:
    value = _seconds(text)
    if value != 0 and not _SHORTEST_INTERVAL_S <= value <= _LONGEST_INTERVAL_S:
        raise argparse.ArgumentTypeError(
            f"{text} is not 0, nor from {_SHORTEST_INTERVAL_S} to {_LONGEST_INTERVAL_S} seconds"
        )
    return value


def _progress_interval(text: str) -> Decimal:
    value = _seconds(text)
    if not _SHORTEST_INTERVAL_S <= value <= _LONGEST_PROGRESS_S:
        raise argparse.ArgumentTypeError(
            f"{text} is not from {_SHORTEST_INTERVAL_S} to {_LONGEST_PROGRESS_S} seconds"
        )
    return value


def _moment(text: str) -> int:
    """Read RFC 3339 or Unix seconds, to ns since the Unix epoch."""
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        seconds = _rfc3339_seconds(text)
    if not seconds.is_finite() or not 0 <= seconds <= _LARGEST_START // _NANOSECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not from 1970 to 2262")
    return int(seconds * _NANOSECONDS)


def _rfc3339_seconds(text: str) -> Decimal:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither Unix seconds nor like 2026-01-01T00:00:00Z"
        )
    # A float of seconds is too coarse for microseconds this far from the epoch.
    return Decimal(int(moment.replace(microsecond=0).timestamp())) + Decimal(
        moment.microsecond
    ) / Decimal(1_000_000)
