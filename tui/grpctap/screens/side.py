"""What the watch screen can show in the log's place and beside it: the board and the health."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.screen import Screen
from textual.widget import Widget

from grpctap.core.history import Located, Row
from grpctap.core.text import printable
from grpctap.snapshot import Snapshot
from grpctap.watched import Watched
from grpctap.widgets.log_form import form_of
from grpctap.widgets.stream_log import StreamLog

if TYPE_CHECKING:
    from grpctap.core.keying import Keying
    from grpctap.core.matches import Matches
    from grpctap.screens.health import HealthSide
    from grpctap.widgets.board_view import BoardView

BODY = "body"
"""The id of what holds the log, and whatever stands in its place or beside it."""
LEAST_WIDTH_BESIDE = 110


class Side:
    """Shows and hides the board and the health, and lets them pull.

    What they are made of is loaded when they are opened first.
    """

    def __init__(self, screen: Screen[None], tap: Watched) -> None:
        self._screen, self._tap = screen, tap
        self._keying: Keying | None = None
        self._view: BoardView | None = None
        self._board_on = False
        self._matches: Matches | None = None
        self._health: HealthSide | None = None

    @property
    def board(self) -> BoardView | None:
        """The board; None: it is not shown."""
        return self._view if self._board_on else None

    @property
    def selected(self) -> Located | None:
        """The newest message of the key at the board's cursor."""
        return None if self.board is None else self.board.selected

    def toggle_board(self) -> None:
        """Shows the board in the place of the log, or the log again."""
        # What is asked for is to be seen.
        self.uncover()
        self._board_on = not self._board_on
        if self._view is None:
            from grpctap.core.keying import Keying
            from grpctap.widgets.board_view import BoardView

            self._keying = Keying(self._tap.schema)
            self._view = BoardView(self._tap, form_of(self._tap.schema))
            self._screen.query_one(f"#{BODY}").mount(self._view, after=self._log)
            self._view.sift(self._matches)
            self.freeze()
            self._guess()
            self._view.pull(self._tap.now_ns())
        self.fit()

    def toggle_health(self) -> None:
        """Shows or hides the health."""
        if self._health is None:
            from grpctap.screens.health import HealthSide

            self._health = HealthSide(self._tap)
            self._screen.query_one(f"#{BODY}").mount(self._health.panel)
        self._health.toggle()
        self.fit()

    def fit(self) -> None:
        """Gives each the room that there is, and the keys to what is shown."""
        log, view, health, covered = self._log, self._view, self._health, self._covered
        if health is not None:
            health.panel.display = health.is_on
            health.panel.set_class(self._has_room_beside, "beside")
        log.display = not covered and not self._board_on
        if view is not None:
            view.display = not covered and self._board_on
        focused = self._screen.focused
        if not covered and focused in (None, log, view):
            self._screen.set_focus(self.shown)

    def uncover(self) -> None:
        """Hides the health, where it stands in the place of the log or the board."""
        if self._covered:
            self.toggle_health()

    def show_log(self) -> None:
        """Shows the log, in whose place something else may stand."""
        self.uncover()
        if self._board_on:
            self.toggle_board()

    @property
    def shown(self) -> Widget:
        """The log, or the board in its place."""
        return self._log if self.board is None else self.board

    @property
    def _has_room_beside(self) -> bool:
        return self._screen.size.width >= LEAST_WIDTH_BESIDE

    @property
    def _covered(self) -> bool:
        """Whether the health stands in the place of the log."""
        return self._health is not None and self._health.is_on and not self._has_room_beside

    def freeze(self) -> None:
        """Stands still together with the log, or follows together with it."""
        if self._view is not None:
            still = self._log.still
            self._view.freeze(None if still is None else still.end)

    def sift(self, matches: Matches | None) -> None:
        """Lets the board show the latest of these matches; None: of all values."""
        if matches is self._matches:
            return
        self._matches = matches
        if self._view is not None:
            self._view.sift(matches)

    def tick(self) -> None:
        """Goes on where a look did not have time for all; for each frame."""
        board = self.board
        if board is not None and board.display and board.is_busy:
            board.pull(self._tap.now_ns())
        if self._health is not None:
            self._health.tick()

    def look(self, now: Snapshot) -> None:
        """Takes what is new, and shows it."""
        board = self.board
        if board is not None and board.display:
            self._guess()
            board.pull(self._tap.now_ns())
        if self._health is not None:
            self._health.look(now)

    def choose(self, *, key: bool) -> None:
        """Asks for another key, or for another number."""
        if key:
            self._choose_key()
        else:
            self._choose_value()

    def _choose_key(self) -> None:
        """Asks for another key."""
        from grpctap.screens.choose_field import Choice, ChooseScreen

        keying = self._keying
        if keying is None:
            return
        found = keying.candidates(self._newest())
        if not found:
            self._screen.notify("No field of this message can be the key", severity="warning")
            return
        choices = [
            Choice(
                printable(path.name),
                f"{path.type}, {distinct:,} different in {present:,}: {example}"
                if present
                else f"{path.type}, not set",
            )
            for path, present, distinct, example in found
        ]
        now = [at for at, candidate in enumerate(found) if candidate.path is keying.path]

        def come_back(place: int | None) -> None:
            if place is not None:
                keying.choose(found[place].path)
                self._show()

        screen = ChooseScreen("The key of the board", choices, now[0] if now else 0)
        self._screen.app.push_screen(screen, come_back)

    def _choose_value(self) -> None:
        """Asks for another number."""
        from grpctap.screens.choose_field import Choice, ChooseScreen

        keying, view = self._keying, self._view
        if keying is None or view is None:
            return
        paths = [None, *keying.numbers]
        choices = [Choice("the stream's own", printable(self._tap.schema.number_name))]
        choices += [Choice(printable(path.name), path.type) for path in keying.numbers]

        def come_back(place: int | None) -> None:
            if place is not None and view.board is not None:
                keying.value = paths[place]
                view.board.renumber(keying.read)
                view.renew()

        screen = ChooseScreen("The value of the board", choices, paths.index(keying.value))
        self._screen.app.push_screen(screen, come_back)

    @property
    def _log(self) -> StreamLog:
        return self._screen.query_one(StreamLog)

    def _newest(self) -> Sequence[Row]:
        from grpctap.core.keying import SAMPLE

        return self._tap.newest(SAMPLE).rows

    def _guess(self) -> None:
        if self._view is not None and self._view.frozen and self._view.board is not None:
            return
        if self._keying is not None and self._keying.guesses and self._keying.guess(self._newest()):
            self._show()

    def _show(self) -> None:
        if self._keying is None or self._view is None:
            return
        board = self._keying.board()
        if board is not None and self._keying.path is not None:
            self._view.show(self._keying.path, board)
