"""The status line: how fast the stream comes, how much of it, and what is wrong with it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.reactive import reactive

from grpctap.core.seams import duration
from grpctap.core.stats import Gaps
from grpctap.snapshot import Snapshot
from grpctap.widgets.lines import KeptLines, fit

SEPARATOR = " · "
LEAST_SILENCE_NS = 3_000_000_000
USUAL_GAPS = 3


def quantity(size: float) -> str:
    """A number of bytes in words: "412 B", "1.2 MB" (decimal prefixes)."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"


def span(time_ns: int) -> str:
    """A short duration in words: "87 µs", "100 ms", "1.5 s"."""
    if time_ns < 1_000_000:
        return f"{time_ns / 1e3:.0f} µs"
    if time_ns < 1_000_000_000:
        return f"{time_ns / 1e6:.0f} ms"
    return f"{time_ns / 1e9:.1f} s"


def whole_span(time_ns: int) -> str:
    """A duration in words that changes once a second: "12 s", "3 min 12 s"."""
    seconds = time_ns // 1_000_000_000
    return f"{seconds} s" if seconds < 60 else duration(time_ns)


class StatusLine(KeptLines):
    """One line of figures; on a narrow terminal the least important give way."""

    DEFAULT_CSS = """
    StatusLine {
        height: 1;
        background: $surface;
        color: $foreground;
        & > .status-line--wrong { color: $text-error; text-style: bold; }
        & > .status-line--silent { color: $text-warning; text-style: bold; }
        & > .status-line--frozen { color: $text-accent; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "status-line--wrong",
        "status-line--silent",
        "status-line--frozen",
    }

    snapshot: reactive[Snapshot | None] = reactive(None)
    gaps: reactive[Gaps | None] = reactive(None)
    frozen: reactive[int | None] = reactive(None)
    """How many values came since the view was frozen; None: it is not."""

    def render(self) -> Text:
        """The line, fitted to the width."""
        if self.snapshot is None:
            return Text("")
        parts = self._parts(self.snapshot)
        width = self.size.width - 2
        by_importance = sorted(parts, key=lambda part: -part[0])
        while len(SEPARATOR.join(text for _, text, _ in parts)) > width and by_importance[1:]:
            parts.remove(by_importance.pop(0))
        line = Text(" ", no_wrap=True, end="")
        for index, (_, text, style) in enumerate(parts):
            line.append(SEPARATOR if index else "")
            name = f"status-line--{style}"
            line.append(fit(text, width), self.get_component_rich_style(name) if style else None)
        return line

    def _silence(self, now: Snapshot) -> str | None:
        # A stream that speaks once a minute is not silent after ten seconds.
        habit = max(LEAST_SILENCE_NS, USUAL_GAPS * (self.gaps.p99 if self.gaps else 0))
        if now.silent_ns < habit:
            return None
        alive = ", server alive" if now.alive else ""
        return f"silent for {whole_span(now.silent_ns)}{alive}"

    def _parts(self, now: Snapshot) -> list[tuple[int, str, str]]:
        # Each part: how dispensable it is, its text, its style.
        parts: list[tuple[int, str, str]] = []
        if self.frozen is not None:
            parts.append((0, f"FROZEN, +{self.frozen:,} new", "frozen"))
        if (silence := self._silence(now)) is not None:
            parts.append((0, silence, "silent"))
        parts.append((2, f"{now.rate.values:,.1f}/s", ""))
        parts.append((5, f"{quantity(now.rate.bytes)}/s", ""))
        if self.gaps is not None:
            parts.append((6, f"gap p50 {span(self.gaps.p50)} p99 {span(self.gaps.p99)}", ""))
        parts.append((1, now.count, ""))
        parts.append((3, f"{now.missed:,} missed", "wrong" if now.missed else ""))
        parts.append((4, f"{now.repeated:,} repeated", "wrong" if now.repeated else ""))
        if now.late:
            parts.append((3, f"{now.late:,} late", "wrong"))
        if now.left_out:
            parts.append((5, f"{now.left_out:,} skipped", ""))
        if now.evicted:
            parts.append((4, f"{now.evicted:,} left the history", ""))
        return parts
