"""Where a stream can stand, and what a person can ask of it there."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where the stream stands; the value is its name on the screen.

    A recorded one is PLAYING, PAUSED or ENDED.
    """

    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    CATCHING_UP = "CATCHING UP"
    PAUSED = "PAUSED"
    RECONNECTING = "RECONNECTING"
    STOPPED = "STOPPED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    PLAYING = "PLAYING"
    ENDED = "ENDED"


class Command(Enum):
    """What a person can ask of the stream."""

    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    STOP = "stop"
    FRESH = "fresh"
    OLDEST = "oldest"


TALKING = frozenset({State.LIVE, State.CATCHING_UP})
OPEN = TALKING | {State.CONNECTING, State.RECONNECTING}
ENDED = frozenset({State.STOPPED, State.FINISHED, State.FAILED})
ALLOWED = {
    Command.PAUSE: TALKING | {State.CONNECTING},
    Command.RESUME: frozenset({State.PAUSED, State.RECONNECTING, State.FAILED}),
    Command.SKIP: OPEN | {State.PAUSED},
    Command.STOP: OPEN | {State.PAUSED, State.FAILED},
    Command.FRESH: ENDED,
    Command.OLDEST: frozenset({State.FAILED}),
}
