"""The parser of command lines: flags with one dash or two, and what they take."""

from __future__ import annotations

import argparse
import re
from argparse import SUPPRESS
from collections.abc import Callable, Sequence
from typing import NoReturn

from grpctap.core.playhead import speed_of
from grpctap.core.text import printable
from grpctap.transport.target import MAX_MESSAGE_SIZE

USAGE_ERROR = 2
# A year, in seconds: beyond it a deadline means none, and gRPC's clock arithmetic overflows.
MAX_SECONDS = 365 * 86_400
# What Go, and so grpcurl, takes for a yes and for a no.
_YES = ("1", "t", "T", "TRUE", "true", "True")
_NO = ("0", "f", "F", "FALSE", "false", "False")


class Parser(argparse.ArgumentParser):
    """Reads flags that are written with one dash or two, and says what is wrong on one line."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong; the program ends."""
        self.exit(USAGE_ERROR, f"{self.prog}: {self.told(message)}; see --help\n")

    def told(self, message: str) -> str:
        """What is wrong, fit to be shown."""
        # What was given to an unknown flag may be a secret.
        return printable(re.sub(r"ignored explicit argument .*", "takes no value", message))

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """Reads the words of a command line.

        Raises:
            SystemExit: they make no sense, which one line on stderr has said; or help was asked
                for.
        """
        args, unknown = self.parse_known_intermixed_args([self._canonical(word) for word in argv])
        if unknown:
            # Only the flag's name is repeated: what follows it may be a secret.
            flags = [word.partition("=")[0].split()[0] for word in unknown if word.startswith("-")]
            self.error(f"unknown flag {flags[0]}" if flags else "too many arguments")
        return args

    def flag(self, name: str) -> argparse.Action | None:
        """The flag of this name; None: there is none."""
        return self._option_string_actions.get(f"--{name}")

    def add_switch(self, flag: str, help_: str, default: bool | None = False) -> None:
        """Adds a flag that is on or off: --flag, --flag=true, --flag=false."""
        dest = flag.lstrip("-").replace("-", "_")
        self.add_argument(flag, action="store_true", default=default, help=help_)
        self.add_argument(
            f"{flag}=false", dest=dest, action="store_false", default=default, help=SUPPRESS
        )

    def _canonical(self, word: str) -> str:
        # argparse takes any beginning of a flag with one dash for the flag itself: -plain, -p.
        name, equals, value = word.partition("=")
        if len(name) > 2 and f"-{name}" in self._option_string_actions:
            name = f"-{name}"
        if not equals or f"{name}=false" not in self._option_string_actions:
            return f"{name}{equals}{value}"
        if value not in _YES + _NO:
            self.error(f"{name[1:]}: {value!r} is neither true nor false")
        return name if value in _YES else f"{name}=false"


class Refuse(argparse.Action):
    """Says why a flag of grpcurl's is not to be had; `const` is the reason."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Ends the program."""
        parser.error(f"{(self.option_strings[0])[1:]} is not supported: {self.const}")


def json_format(text: str) -> str:
    """The format of requests, of which there is one."""
    if text != "json":
        raise argparse.ArgumentTypeError(f"{text!r} is not supported; write the request as json")
    return text


def message_size(text: str) -> int:
    """Bytes of a message."""
    # As in Go: in hexadecimal, too, and 0 is the default.
    try:
        number = int(text, 0) or MAX_MESSAGE_SIZE
    except ValueError:
        number = -1
    return number if 0 < number < 2**31 else positive(text)


def positive(text: str) -> int:
    """A whole number above 0."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    # gRPC takes message sizes as 32 bits, and no history comes near them.
    if not 1 <= number < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {2**31 - 1:,}")
    return number


def seconds(text: str) -> float:
    """A number of seconds above 0, and of a year at most."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return number


def seconds_or_default(default: float | None) -> Callable[[str], float | None]:
    """Reads seconds, of which none are the default, as in grpcurl."""

    def read(text: str) -> float | None:
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        return default if number == 0 else seconds(text)

    return read


def speed(text: str) -> float:
    """How fast a recording is played."""
    try:
        return speed_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def theme(name: str) -> str:
    """The name of a theme of the viewer."""
    from textual.theme import BUILTIN_THEMES

    if name not in BUILTIN_THEMES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(BUILTIN_THEMES)}")
    return name
