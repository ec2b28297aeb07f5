"""`grpctap replay FILE`: a recording in the viewer."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from grpctap.core.facts import Sent
from grpctap.core.message import Schema
from grpctap.flags import replay_parser
from grpctap.player import Player
from grpctap.recorded import recorded_schema
from grpctap.recording import Recording, RecordingError
from grpctap.reel import Reel


def main(argv: Sequence[str], *, on_terminal: bool) -> int:
    """Does what the arguments say; returns the exit code.

    `on_terminal` says whether somebody types, and looks on.
    """
    parser = replay_parser()
    try:
        args = parser.read(argv)
        if not on_terminal:
            parser.error("a replay needs a terminal; into a pipe, use grpctap export FILE")
        try:
            recording = Recording.open(args.file)
            schema = recorded_schema(recording, args.columns)
            player = player_of(
                recording,
                schema,
                capacity=args.history,
                max_bytes=args.history_bytes,
                speed=args.speed,
            )
        except ValueError as error:
            parser.error(str(error))
        except RecordingError as error:
            sys.stderr.write(f"{parser.prog}: {error}\n")
            return 1
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 1
    return _show(player, recording, args.theme)


def player_of(
    recording: Recording, schema: Schema, *, capacity: int, max_bytes: int, speed: float
) -> Player:
    """Who plays a recording; see Player.

    Raises:
        RecordingError: the file cannot be read any more.
    """
    header, method = recording.header, recording.method
    return Player(
        Reel(recording, schema),
        schema,
        capacity=capacity,
        max_bytes=max_bytes,
        started_ns=header.started_ns,
        values_before=header.values_before,
        speed=speed,
        sent=Sent(method.kind, (), header.security, method.pool),
    )


def _show(player: Player, recording: Recording, theme: str | None) -> int:
    # What is wrong with a file is told before anything is drawn.
    from grpctap.app import ViewerApp
    from grpctap.screens.replay import ReplayScreen
    from grpctap.viewer import run_app

    header = recording.header
    screen = ReplayScreen(
        player,
        recording.path.name,
        header.target,
        header.method,
        plaintext=header.security == "plaintext",
    )
    app = ViewerApp(screen)
    try:
        run_app(app, theme)
    finally:
        player.close()
    return app.return_code or 0
