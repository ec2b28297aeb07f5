"""The command line of the server: flags in, one clear line out when they make no sense."""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import sys
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from grpctap_server import argtypes, protection
from grpctap_server.feeds.base import FeedError
from grpctap_server.jetstream.address import Address
from grpctap_server.jetstream.flags import add_flags, check_flags, feed_type
from grpctap_server.saying import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpctap_server.feeds.base import Feed

_NANOSECONDS = 1_000_000_000

_DEFAULT_INTERVAL_S = Decimal("0.1")
_RETAIN = 1_000_000
_RETAIN_LINES = 100_000
_TAIL_LINES = 10
_MOST_LINES = 100_000_000

_USAGE_ERROR = 2
_LONGEST_ERROR = 500

_EPILOG = """\
examples:
  %(prog)s
      an oil price on 127.0.0.1:8000; watch it: grpctap -plaintext -d '{"data": "WTI "}' \\
      127.0.0.1:8000 proto.StreamServer/ListValue
  %(prog)s --feed counter --count 15 --interval 1
      0 to 14, one a second, for each call anew
  vmstat -n 1 | %(prog)s --feed lines --number-column 15
      each line that another program writes
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # What was given comes back in it, and could act on a terminal or fill it, or be a secret.
        message = re.sub(r"://[^\s/@]*@", "://…@", message)
        message = "".join(c if c.isprintable() else repr(c)[1:-1] for c in message[:_LONGEST_ERROR])
        self.exit(_USAGE_ERROR, f"{self.prog}: error: {message}; see --help\n")


def main(argv: Sequence[str] | None = None, prog: str = "grpctap serve") -> int:
    """Serve as the arguments say, until a signal.

    Args:
        argv: The arguments without the program's name; None takes those of the process.
        prog: What help and errors call the program.

    Returns:
        The exit code: 0; 1 when the address cannot be listened on, or the feed cannot start or
        fails; 2 for arguments in error.
    """
    _open_standard_files()
    parser = _make_parser(prog)
    try:
        args = parser.parse_args(argv)
        _check_workers(parser, args)
        feed = _make_feed(parser, args)
        # Until the server has handlers of its own, Ctrl-C ends the process without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # The C core would log its view of what is said here in one clear line.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        protected = protection.read_flags(args, parser.error)
    except FeedError as error:
        say(str(error), prog)
        return 1
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else _USAGE_ERROR

    if args.workers > 1 and not args.worker:
        from grpctap_server.workers import run_workers

        given = sys.argv[1:] if argv is None else argv
        return run_workers(args.workers, given, until_eof=args.until_eof)
    import asyncio

    from grpctap_server.serve import ListenError, PlaintextError, ServeOptions, serve

    options = ServeOptions(
        args.host,
        args.port,
        float(args.progress_interval),
        args.until_eof,
        worker=args.worker,
        slow_timeout=float(args.slow_timeout),
        publish=args.publish,
        protection=protected,
        drain=args.drain,
        log_level="error" if args.quiet else args.log_level,
        log_interval=args.log_interval,
    )
    try:
        asyncio.run(serve(feed, options))
    except (ListenError, FeedError) as error:
        say(str(error), prog)
        return _USAGE_ERROR if isinstance(error, PlaintextError) else 1
    return 0


def _open_standard_files() -> None:
    """See to it that nothing else gets the numbers of standard files that are closed.

    A connection, say, into which the lines of the log would go.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, so this one.
            os.open(os.devnull, os.O_RDWR)


def _make_parser(prog: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=prog,
        description="Serve proto.StreamServer/ListValue, a gRPC stream to watch with grpctap.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--host", type=argtypes.host, default="127.0.0.1", help="address to listen on (%(default)s)"
    )
    add(
        "--port",
        type=argtypes.port,
        default=8000,
        help="port to listen on; 0 takes a free one (8000)",
    )
    add(
        "--feed",
        type=feed_type(("price", "counter", "lines")),
        default="price",
        help="price: one live price a symbol, the same for all calls; "
        "counter: each call counts from 0; "
        "lines: each line of standard input, or of a file; "
        "nats://HOST:4222/STREAM: a NATS JetStream stream (price)",
    )
    add(
        "--interval",
        type=argtypes.interval,
        metavar="SECONDS",
        help="time between values (0.1); 0, for a counter with --count: all at once",
    )
    add("--count", type=argtypes.positive, metavar="N", help="counter: end after N values")
    add(
        "--retain",
        type=argtypes.positive,
        metavar="N",
        help="how many values stay open to resuming (1000000; lines: 100000)",
    )
    add(
        "--start",
        type=argtypes.moment,
        metavar="TIME",
        help="price: when value 1 is due, less one interval; RFC 3339 or Unix seconds "
        "(2026-01-01T00:00:00Z)",
    )
    _add_lines_flags(parser)
    add_flags(parser)
    add(
        "--slow-timeout",
        type=argtypes.slow_timeout,
        default=Decimal(30),
        metavar="SECONDS",
        help="end calls whose client takes nothing for so long (30); 0: never",
    )
    add(
        "--progress-interval",
        type=argtypes.progress_interval,
        default=Decimal(5),
        metavar="SECONDS",
        help="silence after which calls that asked for progress get some (5)",
    )
    protection.add_flags(parser)
    add(
        "--workers",
        type=argtypes.workers,
        default=1,
        metavar="N",
        help="processes that share the port and its connections (1)",
    )
    # What a process with workers says to them.
    add("--worker", choices=("first", "next"), default="", help=argparse.SUPPRESS)
    # For a parent that holds the other end of the pipe: the server never outlives it.
    add("--until-eof", action="store_true", help=argparse.SUPPRESS)
    return parser


def _check_workers(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    if args.workers == 1:
        return
    if args.feed == "lines":
        parser.error("--workers does not go with --feed lines, which one process alone can read")
    if args.publish is not None:
        parser.error("--workers does not go with --publish: each of them would publish everything")
    if not hasattr(socket, "SO_REUSEPORT"):
        parser.error("--workers needs ports that processes can share, which this system has not")


def _make_feed(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Feed:
    check_flags(parser, args)
    if isinstance(args.feed, Address):
        return _make_nats_feed(parser, args)
    if args.feed == "lines":
        return _make_lines_feed(parser, args)
    _refuse(parser, args, "lines", ("file", "tail", "number_column"))

    from grpctap_server.feeds.schedule import Schedule

    interval = _DEFAULT_INTERVAL_S if args.interval is None else args.interval
    schedule = Schedule(int(interval * _NANOSECONDS), args.retain or _RETAIN)
    if args.feed == "counter":
        from grpctap_server.feeds.counter import CounterFeed

        if args.start is not None:
            parser.error("--start goes with --feed price only: a counter starts with each call")
        if not interval and args.count is None:
            parser.error("--interval 0 needs --count: it makes all values at once")
        if not interval and args.count > schedule.retain:
            parser.error("--interval 0 makes all values at once, so --count cannot exceed --retain")
        return CounterFeed(schedule, args.count)

    from grpctap_server.feeds.price import DEFAULT_START, PriceFeed

    if args.count is not None:
        parser.error("--count goes with --feed counter only: a price has no end")
    if not interval:
        parser.error("--interval 0 goes with --feed counter and --count only")
    return PriceFeed(schedule, DEFAULT_START if args.start is None else args.start)


def _make_nats_feed(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Feed:
    from grpctap_server.feeds.nats import NatsFeed

    _refuse(parser, args, "price or counter", ("interval", "retain"))
    _refuse(parser, args, "counter", ("count",))
    _refuse(parser, args, "price", ("start",))
    _refuse(parser, args, "lines", ("file", "tail", "number_column"))
    return NatsFeed(args.feed)


def _add_lines_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--file",
        type=Path,
        metavar="PATH",
        help="lines: read this file, as `tail -F` does, instead of standard input",
    )
    add(
        "--tail",
        type=argtypes.tail,
        metavar="N",
        help="lines: a fresh call begins with the last N (10); after the end of the input with all",
    )
    add(
        "--number-column",
        type=argtypes.column,
        metavar="N",
        help="lines: the number of a value is in the line's Nth column (the line, if it is one)",
    )


def _make_lines_feed(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Feed:
    from grpctap_server.feeds.lines import MOST_BYTES, LinesFeed
    from grpctap_server.feeds.linesource import GrowingFile, Source, StandardInput

    _refuse(parser, args, "price or counter", ("interval",))
    _refuse(parser, args, "counter", ("count",))
    _refuse(parser, args, "price", ("start",))
    retain = args.retain or _RETAIN_LINES
    if retain > _MOST_LINES:
        parser.error(f"--retain: {retain} is more than {_MOST_LINES}, and lines are kept in memory")

    tell = partial(say, prog=parser.prog)
    source: Source
    if args.file is not None:
        source = GrowingFile(args.file, MOST_BYTES, tell)
    elif args.until_eof:
        parser.error("--until-eof and --feed lines both read standard input; name a --file")
    elif sys.stdin is None:
        parser.error("standard input is closed; pipe a program into it, or name a --file")
    else:
        source = StandardInput()
        if sys.stdin.isatty():
            tell("each line typed here is a value, and Ctrl-D ends them; or pipe a program into it")
    tail = _TAIL_LINES if args.tail is None else args.tail
    return LinesFeed(source, retain, tail, args.number_column, tell)


def _refuse(
    parser: argparse.ArgumentParser, args: argparse.Namespace, feed: str, names: tuple[str, ...]
) -> None:
    """Refuse flags that were given although they are of another feed."""
    for name in names:
        if getattr(args, name) is not None:
            parser.error(f"--{name.replace('_', '-')} goes with --feed {feed} only")
