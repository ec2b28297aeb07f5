"""The face for pipes: one JSON line a message, the status on standard error."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from grpctap.config import Config
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.message import MessageError
from grpctap.core.seams import status_line
from grpctap.transport.call import GrpcTransport

ERROR = 1
INTERRUPTED = 130
BROKEN_PIPE = 141


def follow(config: Config) -> int:
    """Makes one call and prints its messages as they arrive; returns the exit code."""
    schema = ListValue(config.request, progress=config.request.progress_notify)
    transport = GrpcTransport(config.target, METHOD, config.metadata, config.max_time)
    if sys.stdout is None:
        _say("standard output is closed")
        return ERROR
    call = transport.open(schema.request(config.request.resume_token))
    try:
        for raw in call:
            # JSON is UTF-8, whatever the locale says.
            sys.stdout.buffer.write(schema.json(raw).encode() + b"\n")
            sys.stdout.buffer.flush()
    except MessageError as error:
        _say(f"{error}; check the method")
        return ERROR
    except KeyboardInterrupt:
        # A second Ctrl-C must not cut the cancelling short.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return INTERRUPTED
    except OSError as error:
        # Keep the interpreter from trying once again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return BROKEN_PIPE
        _say(f"standard output cannot be written: {error.strerror}")
        return ERROR
    finally:
        status = call.close()
    if status.ok:
        return 0
    _say(status_line(status))
    return 64 + status.code


def _say(text: str) -> None:
    with suppress(OSError, AttributeError):
        sys.stderr.write(f"grpctap: {text}\n")
