"""A real terminal's other side: runs a program under a pseudo-terminal and watches its screen.

It answers the query for synchronized updates as a good terminal does, so each update that the
program makes is marked in its output, and gets the time at which it was whole.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from support.modes import Modes

PATIENCE_S = 30.0
QUERY, ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
BEGIN, END = b"\x1b[?2026h", b"\x1b[?2026l"
LAUNCH = (
    # Without a terminal that controls it no key makes a signal, and nobody hangs up.
    # A step of its own, since a preexec_fn would fork, and grpcio does not always outlive that.
    *(sys.executable, "-I", "-S", "-c"),
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execvp(sys.argv[1], sys.argv[1:])",
)
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
_MARKS = re.compile(rb"\x1b\[\?2026[hl]")
# Where the cursor moves, a new piece of text begins; a colour changes nothing of it.
_MOVES = re.compile(rb"(?:\x1b\[[0-9;?]*[A-Zf]|[\r\n])+")
_CONTROLS = re.compile(rb"\x1b\[[0-9;?<=>]*[a-z]|\x1b[()][A-Z0-9]|\x1b[=>]|\x1b\]0;[^\x07]*\x07")


@dataclass(frozen=True, slots=True)
class Update:
    """A change of the screen: when it was whole (time.monotonic), and its text line by line."""

    at: float
    size: int
    text: str


class Terminal:
    """A program in a terminal of its own; it is gone when the context is left."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 40,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", **(environment or {})}
        for name in ("COLUMNS", "LINES", "NO_COLOR", "COLORTERM"):
            environment.pop(name, None)
        self.updates: list[Update] = []
        self.output = 0
        """Bytes that came so far."""
        self._changed = threading.Condition()
        self._ended = False
        self._last_flags = 0
        self._hung_up = False
        self.restored = False
        """Whether the program gave the terminal back as it was, its own screen left."""
        self.modes = Modes()
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            (*LAUNCH, *command),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.pid = self._process.pid
        self._thread = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, keys: bytes) -> float:
        """Presses keys; returns when (time.monotonic)."""
        now = time.monotonic()
        os.write(self._ours, keys)
        return now

    def wait_for(self, pattern: str, since: int = 0, patience: float = PATIENCE_S) -> Update:
        """Waits for an update whose text matches.

        Args:
            pattern: A regular expression.
            since: The first update to look at, as an index into `updates`.
            patience: How many seconds to wait.

        Raises:
            TimeoutError: it never came; the message has what came last.
        """
        wanted = re.compile(pattern)
        deadline = time.monotonic() + patience
        with self._changed:
            while True:
                for update in self.updates[since:]:
                    if wanted.search(update.text):
                        return update
                since = len(self.updates)
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    last = "\n".join(update.text for update in self.updates[-5:])
                    raise TimeoutError(f"no {pattern!r} on the screen; at last:\n{last}")
                self._changed.wait(left)

    def received(self, data: bytes) -> None:
        """What a subclass makes of the program's output, on the thread that reads it."""

    def resize(self, columns: int, rows: int) -> None:
        """Changes the size of the terminal, and tells the program as a terminal does."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def is_launched(self) -> bool:
        """Whether the program itself runs, and the terminal is its own."""
        return LAUNCH[-1].encode() not in Path(f"/proc/{self.pid}/cmdline").read_bytes()

    @property
    def cooked(self) -> bool:
        """Whether keys are echoed, come by the line and make signals, as a shell wants it."""
        wanted = termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN
        flags = self._last_flags if self._ended else termios.tcgetattr(self._ours)[3]
        return flags & wanted == wanted

    def send_signal(self, number: signal.Signals) -> None:
        """Sends the program a signal."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Waits until the program has ended by itself; returns its exit code."""
        code = self._process.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        return code

    def hang_up(self) -> None:
        """Closes the terminal under the program."""
        self._hung_up = True
        self._thread.join(PATIENCE_S)

    @property
    def text(self) -> str:
        """The text of all that the program wrote so far."""
        return "".join(update.text for update in self.updates)

    def cpu_seconds(self) -> float:
        """Processor time that the program took so far, in all its threads."""
        # The name in front may hold anything, but ends with the last parenthesis.
        text = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2]
        user, system = text.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def peak_memory(self) -> int:
        """The most memory that it ever had resident, in bytes."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", text)
        return int(found[1]) * 1024 if found else 0

    def close(self) -> int:
        """Quits the program by its key, or else by force; returns its exit code."""
        if self._process.poll() is None:
            try:
                self.write(b"q")
                self._process.wait(10)
            except (OSError, subprocess.TimeoutExpired):
                self._process.send_signal(signal.SIGKILL)
        code = self._process.wait()
        self._thread.join(PATIENCE_S)
        return code

    def _read(self) -> None:
        pending = b""
        while not self._hung_up:
            ready, _, _ = select.select([self._ours], [], [], 0.1)
            if not ready:
                if self._process.poll() is not None:
                    break
                continue
            try:
                data = os.read(self._ours, 65536)
            except OSError:
                break
            now = time.monotonic()
            if not data:
                break
            if QUERY in data:
                os.write(self._ours, ANSWER)
            self.output += len(data)
            self.modes.feed(data)
            self.received(data)
            self.restored = LEAVE in data or (self.restored and ENTER not in data)
            pending = self._cut(pending + data, now)
        if pending:
            self._cut(pending + END, time.monotonic())
        with self._changed:
            self._last_flags = termios.tcgetattr(self._ours)[3]
            self._ended = True
            self._changed.notify_all()
        os.close(self._ours)

    def _cut(self, data: bytes, now: float) -> bytes:
        """Makes updates of what is whole; returns the rest."""
        whole, rest = data, b""
        at = data.rfind(BEGIN)
        if at >= 0 and END not in data[at:]:
            whole, rest = data[:at], data[at:]
        elif (at := data.rfind(b"\x1b", -len(BEGIN))) > 0:
            # It may be the first half of a mark.
            whole, rest = (data, b"") if data.endswith(END) else (data[:at], data[at:])
        found = [Update(now, len(piece), plain(piece)) for piece in _MARKS.split(whole) if piece]
        if found:
            with self._changed:
                self.updates += found
                self._changed.notify_all()
        return rest


def plain(output: bytes) -> str:
    """The text of a program's output, a line for each place that it was written to."""
    return _CONTROLS.sub(b"", _MOVES.sub(b"\n", output)).decode(errors="replace")
