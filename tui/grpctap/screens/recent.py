"""Placeholder."""

from __future__ import annotations

from textual.screen import Screen

from grpctap.starter import Starter


class RecentScreen(Screen[None]):
    """The recent calls."""

    def __init__(self, starter: Starter) -> None:
        super().__init__()
        self._starter = starter
