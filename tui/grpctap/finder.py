"""The thread that looks through the history while the screen goes on."""

from __future__ import annotations

import threading

from grpctap.core.matches import Matches

BUDGET_S = 0.004
"""How long it works before it lets others go on, in seconds."""
_REST_S = 0.001
_LOOK_S = 1 / 30


class Finder:
    """Lets one filter's matches be found, and new ones as they come.

    The thread begins with the first filter, sleeps where there is none, and ends with `close`.
    """

    def __init__(self) -> None:
        self._matches: Matches | None = None
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def find(self, matches: Matches | None) -> None:
        """Works for these from now on; None: for none."""
        self._matches = matches
        if matches is not None and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="grpctap-finder", daemon=True)
            self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Ends the thread, without waiting for it: a large message may take it long."""
        self._closing = True
        self._wake.set()

    def _run(self) -> None:
        while not self._closing:
            matches = self._matches
            if matches is None:
                self._wake.wait()
                self._wake.clear()
            elif matches.work(BUDGET_S):
                # A sleep, however short, lets whoever waits for Python's lock have it at once.
                self._wake.wait(_REST_S)
                self._wake.clear()
            else:
                self._wake.wait(_LOOK_S)
                self._wake.clear()
