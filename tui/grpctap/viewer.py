"""The face for terminals: the viewer, from its first call to its last words."""

from __future__ import annotations

import shlex
import shutil
import sys
from contextlib import suppress

from google.protobuf import json_format

from grpctap.app import GrpctapApp
from grpctap.config import Config
from grpctap.core.advice import HOPELESS
from grpctap.core.facts import Sent
from grpctap.core.reconnect import Backoff, When
from grpctap.core.resume import request_at
from grpctap.core.seams import duration
from grpctap.core.state import State
from grpctap.schemas import first_token, schema_of
from grpctap.tap import Snapshot, Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import CONNECT_TIMEOUT, MAX_MESSAGE_SIZE

# A command is there to be copied from a screen.
LONGEST_COMMAND = 2_000


def view(config: Config, *, resumable: bool) -> int:
    """Watches one stream until somebody quits; returns the exit code.

    `resumable` says whether the server will still be there for a call that goes on later.
    """
    tap = Tap(
        GrpcTransport(config.target, config.method.name, config.metadata),
        schema_of(config, progress=True),
        capacity=config.history,
        max_bytes=config.history_bytes,
        token=first_token(config),
        backoff=Backoff(config.reconnecting(When.ALWAYS)),
        max_time_s=config.max_time,
        sent=Sent(config.method.kind, config.metadata),
    )
    target = config.target
    app = GrpctapApp(tap, target.address, config.method.name, plaintext=target.plaintext)
    if config.theme is not None:
        app.theme = config.theme
    if sys.stderr is None or not sys.stderr.isatty():
        # Textual draws on standard error, which `2>file` takes from the terminal.
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc]
    try:
        app.run()
    finally:
        last = tap.snapshot()
        tap.close()
    refused = last.status is not None and last.status.reason in HOPELESS
    over = last.state is State.FINISHED or refused
    token = tap.resume_token if resumable and not over else b""
    # The terminal may be gone, which is no reason to end in another way.
    with suppress(OSError, AttributeError):
        sys.stderr.write(f"grpctap: {summary(last, config, token)}\n")
    if not app.return_code and last.state is State.FAILED and last.status is not None:
        return 64 + last.status.code
    return app.return_code or 0


def summary(last: Snapshot, config: Config, token: bytes) -> str:
    """One line: how many values, for how long, and the way to go on when there is one."""
    parts = [f"{last.count} in {duration(last.elapsed_ns)}"]
    parts.extend(
        f"{count:,} {name}"
        for count, name in (
            (last.missed, "missed"),
            (last.repeated, "repeated"),
            (last.left_out, "skipped"),
        )
        if count or name == "missed"
    )
    if last.state is State.FAILED and last.status is not None:
        parts.append(f"failed with {last.status.name}")
    text = ", ".join(parts)
    if not token:
        return text
    line = command(config, token)
    if len(line) > LONGEST_COMMAND:
        return f"{text}; the request is too long for a command that goes on"
    with_headers = " (add your -H)" if config.metadata else ""
    return f"{text}; go on with{with_headers}: {line}"


def command(config: Config, token: bytes) -> str:
    """The command line that goes on at `token`, without metadata, which may be secret."""
    words = ["grpctap"] if shutil.which("grpctap") else [sys.executable, "-m", "grpctap"]
    target = config.target
    if target.plaintext:
        words.append("-plaintext")
    for flag, value, default in (
        ("-cacert", target.tls.cacert, None),
        ("-cert", target.tls.cert, None),
        ("-key", target.tls.key, None),
        ("-authority", target.authority, None),
        ("-servername", target.servername, None),
        ("-connect-timeout", target.connect_timeout, CONNECT_TIMEOUT),
        ("-keepalive-time", target.keepalive_time, None),
        ("-max-msg-sz", target.max_message_size, MAX_MESSAGE_SIZE),
    ):
        if value != default:
            words += [flag, str(value)]
    if config.resume is not None and config.resume.given:
        words += ["--resume", str(config.resume.spec)]
    data = json_format.MessageToJson(
        request_at(config.request, config.resume, token),
        indent=None,
        preserving_proto_field_name=True,
        descriptor_pool=config.method.pool,
    )
    words += ["-d", data, target.address, config.method.name]
    return shlex.join(words)
