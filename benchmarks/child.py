"""Runs a program to its end and tells what it took, its output drained and thrown away."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOOK_S = 0.02


class ChildError(Exception):
    """The program did not do what it was run for; the message says what went wrong."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a program took: processor seconds, peak memory in bytes, seconds to its first output."""

    cpu: float
    memory: int
    first_s: float
    lines: int


def peak_memory(pid: int) -> int:
    """The most memory that a process had resident so far, in bytes; 0 when it is gone."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0


def run(command: Sequence[str], *, terminal: bool, limit_s: float) -> Usage:
    """Runs a program into a pipe, or in a pseudo-terminal of 120x40.

    Raises:
        ChildError: it could not be run, ended with an error, or took longer than `limit_s`.
    """
    if terminal:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    else:
        ours, theirs = os.pipe()
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            command,
            stdin=theirs if terminal else subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs if terminal else subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        os.close(ours)
        raise ChildError(f"cannot be run: {error.strerror}") from error
    finally:
        os.close(theirs)
    try:
        first_s, lines, memory = _drain(ours, process.pid, start, start + limit_s)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        os.close(ours)
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        said = process.stderr.read(200) if process.stderr is not None else b""
        if process.stderr is not None:
            process.stderr.close()
    if process.returncode:
        raise ChildError(f"exit code {process.returncode}: {said.decode(errors='replace').strip()}")
    return Usage(usage.ru_utime + usage.ru_stime, memory, first_s, lines)


def _drain(source: int, pid: int, start: float, deadline: float) -> tuple[float, int, int]:
    first_s, lines, memory, looked = 0.0, 0, 0, 0.0
    while True:
        now = time.monotonic()
        if now > deadline:
            raise ChildError(f"not done within {deadline - start:.0f} s")
        if now - looked > LOOK_S:
            # A process takes its figures with it, so the last look before its end must do.
            memory, looked = max(memory, peak_memory(pid)), now
        if not select.select([source], [], [], LOOK_S)[0]:
            continue
        try:
            data = os.read(source, 65536)
        except OSError:
            data = b""
        if not data:
            return first_s, lines, memory
        if not lines and not first_s:
            first_s = time.monotonic() - start
        lines += data.count(b"\n")
