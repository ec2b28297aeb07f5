"""One chart of several sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from grpctap.core.series import ChartFrame
from grpctap.widgets.scene import ChartSource

Named = tuple[str, ChartSource]
"""A source, and what its lines are told by."""


class Overlay:
    """Draws the lines of other sources over those of `own`, whose time and marks it keeps.

    `others` says at each frame which they are.
    """

    def __init__(self, own: ChartSource, others: Callable[[], Sequence[Named]]) -> None:
        self.own = own
        self._others = others

    @contextmanager
    def chart_frame(self) -> Iterator[ChartFrame]:
        """The frame of this moment; all sources stand still until the context is left."""
        others = self._others()
        frames: dict[int, ChartFrame] = {}
        with ExitStack() as stack:
            # Each holds a lock, and charts may lie over each other: one order for all of them.
            for source in sorted((self.own, *(source for _, source in others)), key=id):
                if id(source) not in frames:
                    frames[id(source)] = stack.enter_context(source.chart_frame())
            frame = frames[id(self.own)]
            lines = [
                line._replace(name=f"{name}: {line.name}" if line.name else name)
                for name, source in others
                for line in frames[id(source)].lines
            ]
            yield replace(frame, lines=[*frame.lines, *lines])


def without_overlay(source: ChartSource | None) -> ChartSource | None:
    """The own source of a chart."""
    return source.own if isinstance(source, Overlay) else source
