"""The health of a stream in words, bars and sparklines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import ClassVar, NamedTuple

from rich.style import Style
from rich.text import Text

from grpctap.core.health import WINDOW_S, Away, Health, Second
from grpctap.core.loghistogram import Bar, LogHistogram
from grpctap.core.seams import duration
from grpctap.snapshot import Snapshot
from grpctap.widgets.braille import Dots
from grpctap.widgets.lines import KeptLines, fit
from grpctap.widgets.status_line import quantity, span

WIDTH = 44
_LABEL = 8
_EIGHTHS = " ▏▎▍▌▋▊▉"
_PERCENTS = (50, 99)
_MOST_BARS = 12
_LEAST_FOR_TWO, _BETWEEN = 74, 2
# The bounds of bars: 1, 2 and 5 times each power of ten, in nanoseconds.
_STEPS = [0, *(lead * 10**power for power in range(3, 17) for lead in (1, 2, 5))]
_SECOND = 1_000_000_000


class Report(NamedTuple):
    """What the panel shows.

    `account` is what was not seen of the stream, in words. `is_behind` says that more has come than
    was reckoned with, and `read` how much of the history was read, from 0 to 1 (None: all of it).
    """

    health: Health
    snapshot: Snapshot
    away: Sequence[Away]
    calls: int
    account: str
    now_ns: int
    is_behind: bool = False
    read: float | None = None


class HealthPanel(KeptLines):
    """Shows a report; where it is too low, bars of the histogram give way."""

    DEFAULT_CSS = """
    HealthPanel {
        background: $surface;
        color: $foreground;
        padding: 0 1;
        width: 1fr;
        &.beside { width: 44; border-left: tall $panel; }
        & > .health-panel--title { color: $text-primary; text-style: bold; }
        & > .health-panel--label { color: $text-muted; }
        & > .health-panel--line { color: $primary; }
        & > .health-panel--wrong { color: $text-error; text-style: bold; }
        & > .health-panel--behind { color: $text-warning; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "health-panel--title",
        "health-panel--label",
        "health-panel--line",
        "health-panel--wrong",
        "health-panel--behind",
    }

    def __init__(self) -> None:
        super().__init__()
        self._report: Report | None = None

    def show(self, report: Report) -> None:
        """Shows how things are now."""
        self._report = report
        self.refresh()

    def render(self) -> Text:
        """As many lines as there is room for."""
        report, (width, height) = self._report, self.content_size
        if report is None or not height:
            return Text("")
        if width >= _LEAST_FOR_TWO:
            return self._two_columns(report, width, height)
        head = self._head(report, width)
        tail = self._tail(report, width)
        bars = self._bars(
            report.health.gaps, min(height - len(head) - len(tail), _MOST_BARS), width
        )
        return _joined([*head, *bars, *tail], height)

    def _two_columns(self, report: Report, width: int, height: int) -> Text:
        half = (width - _BETWEEN) // 2
        left = self._head(report, half)
        left += self._bars(report.health.gaps, min(height - len(left), _MOST_BARS), half)
        rows = []
        for row, other in zip_longest(left, self._tail(report, half)):
            whole = row.copy() if row is not None else Text()
            if other is not None:
                whole.append(" " * (half + _BETWEEN - whole.cell_len)).append_text(other)
            rows.append(whole)
        return _joined(rows, height)

    def _head(self, report: Report, width: int) -> list[Text]:
        health = report.health
        size = ["-"]
        if health.values:
            mean = quantity(health.bytes / health.values)
            size = [f"mean {mean}", f"max {quantity(health.largest.size)} #{health.largest.label}"]
        return [
            self._title(report, width),
            *self._rates(report, width),
            *self._parts("size", size, width),
            *self._figures("gaps", health.gaps, width),
        ]

    def _tail(self, report: Report, width: int) -> list[Text]:
        rows = self._latency(report.health, width)
        if caught_up := report.health.caught_up:
            parts = [f"{caught_up:,} caught up:", "in neither gaps nor latency"]
            rows += self._parts("", parts, width, "behind", between=" ")
        return [*rows, *self._seams(report, width)]

    def _title(self, report: Report, width: int) -> Text:
        title = Text("", no_wrap=True).append("Health", self._style("title"))
        if report.read is not None:
            percent = int(report.read * 100)
            note = fit(f" · reading the history, {percent} %", width - title.cell_len)
            return title.append(note, self._style("behind"))
        seen = report.health.values
        title.append(f" · {seen:,} value{'' if seen == 1 else 's'}", self._style("label"))
        if report.account:
            room = width - title.cell_len
            title.append(fit(f" · {report.account}", room), self._style("behind"))
        return title

    def _rates(self, report: Report, width: int) -> list[Text]:
        seconds = report.health.rates(report.now_ns, behind=report.is_behind)
        last = seconds[-1]
        texts = []
        for at in (0, 1):
            # Where the last second is not known yet, the stream's own figure is.
            shown = round(report.snapshot.rate[at]) if last is None else last[at]
            known = [second[at] for second in seconds if second is not None]
            most = f", max {_amount(at, max(known))}" if known else ""
            text = f" {_amount(at, shown)}/s"
            texts.append(text + most if len(text + most) <= width - _LABEL else text)
        columns = min(width - _LABEL - max(map(len, texts)), WINDOW_S // 2)
        rows = []
        for name, at in (("rate", 0), ("bytes", 1)):
            row = self._label(f"{name:<{_LABEL}}")
            row.append(_sparkline(seconds, at, max(columns, 0)), self._style("line"))
            row.append(fit(texts[at], width - row.cell_len))
            rows.append(row)
        return rows

    def _bars(self, gaps: LogHistogram, most: int, width: int) -> list[Text]:
        return [
            self._bar(bar, greatest, width)
            for bars in [_few(gaps, most)]
            for greatest in [max((bar.count for bar in bars), default=0)]
            for bar in bars
        ]

    def _bar(self, bar: Bar, greatest: int, width: int) -> Text:
        low, high = span(bar.low) if bar.low else "0", span(bar.high)
        row = self._label(f"{low:>8} – {high:<7}")
        count = f" {bar.count:,}"
        room = max(width - row.cell_len - len(count), 0)
        eighths = -(-bar.count * room * 8 // greatest) if greatest else 0
        whole, rest = divmod(eighths, 8)
        row.append("█" * whole + (_EIGHTHS[rest] if rest else ""), self._style("line"))
        row.append(count)
        return row

    def _latency(self, health: Health, width: int) -> list[Text]:
        latency = health.latency
        if not health.reads_events or not latency.count:
            missing = "no event time" if health.values and not health.caught_up else "-"
            return [self._row("latency", missing, width)]
        rows = self._figures("latency", latency, width)
        notes = []
        if latency.negative:
            notes.append(f"{latency.negative:,} negative: clocks differ")
        if health.sampled:
            notes.append(f"sampled {latency.count:,} of {health.values:,}")
        return rows + [self._row("", note, width, "behind") for note in notes]

    def _seams(self, report: Report, width: int) -> list[Text]:
        now = report.snapshot
        seams = [
            f"{away.cause.value or 'skipped'} {away.count}×"
            + (f" {duration(away.time_ns)}" if away.time_ns else "")
            for away in report.away
        ]
        calls = [f"{report.calls:,} opened", f"{now.reconnects:,} to reconnect"]
        faults = [f"{now.missed:,} missed", f"{now.repeated:,} repeated", f"{now.late:,} late"]
        wrong = "wrong" if now.missed or now.repeated or now.late else ""
        history = [f"{now.kept:,} kept", f"{now.evicted:,} left"]
        return [
            *self._parts("seams", seams or ["none"], width),
            *self._parts("calls", calls, width),
            *self._parts("order", faults, width, wrong),
            *self._parts("history", history, width),
        ]

    def _figures(self, label: str, durations: LogHistogram, width: int) -> list[Text]:
        if not durations.count:
            return [self._row(label, "-", width)]
        p50, p99 = durations.quantiles(_PERCENTS)
        named = (("p50", p50), ("p99", p99), ("max", durations.greatest))
        parts = [f"{name} {_signed(time_ns)}" for name, time_ns in named]
        if len(" ".join(parts)) > width - _LABEL:
            # Units that stand close still say what they are.
            parts = [f"{name} {_signed(time_ns).replace(' ', '')}" for name, time_ns in named]
        return self._parts(label, parts, width, between=" ")

    def _parts(
        self, label: str, parts: Sequence[str], width: int, style: str = "", between: str = ", "
    ) -> list[Text]:
        """A line of parts, or as many lines as they take."""
        lines = [parts[0]]
        for part in parts[1:]:
            joined = f"{lines[-1]}{between}{part}"
            if len(joined) > width - _LABEL:
                lines.append(part)
            else:
                lines[-1] = joined
        return [self._row("" if at else label, line, width, style) for at, line in enumerate(lines)]

    def _row(self, label: str, text: str, width: int, style: str = "") -> Text:
        row = self._label(f"{label:<{_LABEL}}")
        row.append(fit(text, width - _LABEL), self._style(style) if style else None)
        return row

    def _label(self, label: str) -> Text:
        return Text("", no_wrap=True).append(label, self._style("label"))

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"health-panel--{name}")


def _joined(rows: Sequence[Text], height: int) -> Text:
    return Text("\n", no_wrap=True, end="").join(rows[:height])


def _amount(at: int, amount: int) -> str:
    return quantity(amount) if at else f"{amount:,}"


def _signed(time_ns: int) -> str:
    return f"-{_span(-time_ns)}" if time_ns < 0 else _span(time_ns)


def _span(time_ns: int) -> str:
    return span(time_ns) if time_ns < 100 * _SECOND else duration(time_ns)


def _few(gaps: LogHistogram, most: int) -> list[Bar]:
    """The bars from the least to the greatest duration, joined where they are more than `most`."""
    if gaps.span is None or most < 1:
        return []
    low, high = gaps.span
    first = max(at for at, step in enumerate(_STEPS) if step <= low)
    last = min((at for at, step in enumerate(_STEPS) if step > high), default=len(_STEPS) - 1)
    steps = _STEPS[first : last + 1]
    if len(steps) - 1 > most:
        # Each power of ten alone, and then fewer of them.
        steps = [0, *(10**power for power in range(3, 17))]
        first = max(at for at, step in enumerate(steps) if step <= low)
        last = min((at for at, step in enumerate(steps) if step > high), default=len(steps) - 1)
        steps = steps[first : last + 1]
        while len(steps) - 1 > most:
            steps.pop(1)
    return gaps.bars(steps)


def _sparkline(seconds: Sequence[Second | None], at: int, columns: int) -> str:
    """The newest of the seconds, two to a character; "·" where a second was not seen."""
    shown = list(seconds[-2 * columns :]) if columns else []
    greatest = max((second[at] for second in shown if second is not None), default=0)
    dots = Dots(columns, 1)
    for x, second in enumerate(shown):
        if second is not None and second[at]:
            dots.vertical(x, 0, max(round(second[at] * 4 / greatest), 1) - 1)
    line = "".join(dots.lines())
    unknown = [None in shown[2 * x : 2 * x + 2] for x in range(columns)]
    return "".join("·" if hole else cell for cell, hole in zip(line, unknown, strict=True))
