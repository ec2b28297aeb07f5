"""The face for pipes: one JSON line a message, the status on standard error."""

from __future__ import annotations

import os
import sys

from grpctap.config import Config
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.message import MessageError
from grpctap.core.seams import status_line
from grpctap.transport.call import GrpcTransport

INTERRUPTED = 130
BROKEN_PIPE = 141


def follow(config: Config) -> int:
    """Makes one call and prints its messages as they arrive; returns the exit code."""
    schema = ListValue(config.request, progress=config.request.progress_notify)
    transport = GrpcTransport(config.target, METHOD, config.metadata, config.max_time)
    call = transport.open(schema.request(config.request.resume_token))
    exit_code = 1
    try:
        for raw in call:
            sys.stdout.write(schema.json(raw) + "\n")
            sys.stdout.flush()
    except MessageError as error:
        _say(f"{error}; check the method")
        return exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody reads any more; keep the interpreter from trying once again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    finally:
        status = call.close()
    if status.ok:
        return 0
    _say(status_line(status))
    return 64 + status.code


def _say(text: str) -> None:
    sys.stderr.write(f"grpctap: {text}\n")
