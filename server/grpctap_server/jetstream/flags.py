"""The flags about NATS, and what they may say."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from grpctap_server.jetstream.address import (
    SCHEMES,
    Address,
    AddressError,
    parse_address,
    read_creds,
    with_credentials,
)

# Its log began long ago, and all of it would be published.
_NOT_PUBLISHED = ("price",)


def feed_type(names: tuple[str, ...]) -> Callable[[str], str | Address]:
    """Make the type of --feed: one of these names, or the URL of a stream."""

    def read(text: str) -> str | Address:
        if text in names:
            return text
        if text.startswith(SCHEMES):
            return stream_type(text)
        known = ", ".join(map(repr, names))
        raise argparse.ArgumentTypeError(
            f"invalid choice: {text!r} (choose from {known}, nats://HOST:4222/STREAM)"
        )

    return read


def stream_type(text: str) -> Address:
    """Read the URL of a stream, for argparse."""
    try:
        return parse_address(text)
    except AddressError as error:
        # What was given may hold a password.
        raise argparse.ArgumentTypeError(str(error)) from None


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add --publish and --nats-creds."""
    parser.add_argument(
        "--publish",
        type=stream_type,
        metavar="URL",
        help="put all values into this NATS JetStream stream, too (nats://HOST:4222/STREAM); it "
        "is made if it is not there",
    )
    parser.add_argument(
        "--nats-creds",
        metavar="FILE",
        help="credentials for NATS; else those in the URL, or NATS_CREDS, NATS_TOKEN, NATS_USER "
        "and NATS_PASSWORD of the environment",
    )


def check_flags(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Give the addresses of --feed and --publish their credentials, or end with a complaint."""
    from_stream = isinstance(args.feed, Address)
    if from_stream:
        args.feed = _with_credentials(parser, args, args.feed)
    if args.publish is not None:
        if from_stream:
            parser.error("--publish does not go with --feed nats://…, whose values are there")
        if args.feed in _NOT_PUBLISHED:
            parser.error(f"--publish does not go with --feed {args.feed}, which began long ago")
        args.publish = _with_credentials(parser, args, args.publish)
    elif args.nats_creds is not None and not from_stream:
        parser.error("--nats-creds goes with --feed nats://… or --publish only")


def _with_credentials(
    parser: argparse.ArgumentParser, args: argparse.Namespace, address: Address
) -> Address:
    address = with_credentials(address, args.nats_creds or "", os.environ)
    if address.creds:
        try:
            read_creds(address.creds)
        except AddressError as error:
            parser.error(f"the credentials for NATS: {error}")
    return address
