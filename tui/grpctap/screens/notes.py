"""What the watch screen says of how a stream stands."""

from __future__ import annotations

import math

from grpctap.core.advice import advise
from grpctap.core.seams import duration, status_line
from grpctap.core.state import State
from grpctap.snapshot import Snapshot
from grpctap.widgets.notice import Notice


def note_of(now: Snapshot) -> str:
    """What the top line says of the state, besides its name."""
    if now.state is State.CATCHING_UP:
        return f"{now.behind:,} behind"
    if now.state is State.PAUSED and now.place is not None:
        return f"at #{now.place}"
    if now.state is State.STOPPED and now.last_label is not None:
        return f"at #{now.last_label}"
    if now.state is State.RECONNECTING:
        wait = f"in {math.ceil(now.retry_ns / 1e9)} s" if now.retry_ns else "connecting"
        return f"attempt {now.attempt}, {wait}"
    if now.state is State.FAILED and now.status is not None:
        return now.status.name
    return ""


def placeholder_of(now: Snapshot, address: str) -> str:
    """What stands in a log without any row; `address` is printable."""
    match now.state:
        case State.CONNECTING:
            return f"waiting for the first answer of {address}"
        case State.RECONNECTING:
            return "the connection was lost before the first value"
        case State.LIVE | State.CATCHING_UP:
            return "the server has answered; waiting for the first value"
    return "no value was received"


def show_notice(notice: Notice, now: Snapshot, address: str, *, plaintext: bool) -> None:
    """Says how a stream was lost or has ended, and what can be done; else hides the notice."""
    count = f"{now.count} in {duration(now.elapsed_ns)}"
    next_keys = f"{count}. Press r for a fresh call, q to quit."
    match now.state:
        case State.RECONNECTING if now.status is not None:
            where = "anew" if now.place is None else f"after #{now.place}"
            keys = f"It is opened again {where}; space tries now, s gives up."
            notice.show(f"Lost: {status_line(now.status)}", keys, failed=True)
        case State.FAILED if now.status is not None:
            advice = advise(now.status, address, plaintext=plaintext)
            verb = "Gave up" if now.gave_up else "Failed"
            notice.show(f"{verb}: {status_line(now.status)}", advice, failed=True)
        case State.FINISHED:
            notice.show("Finished: the server ended the call, OK", next_keys, failed=False)
        case State.STOPPED:
            why = f"{now.limit} was reached" if now.limit else "the call was cancelled"
            notice.show(f"Stopped: {why}", next_keys, failed=False)
        case _:
            notice.hide()
