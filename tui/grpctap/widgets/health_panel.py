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
    """What the panel shows; `account` is what was not seen of the stream, in words."""

    health: Health
    snapshot: Snapshot
    away: Sequence[Away]
    calls: int
    account: str
    now_ns: int


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
        head = [self._title(report, width), *self._rates(health, report.now_ns, width)]
        size = "-"
        if health.values:
            mean = quantity(health.bytes / health.values)
            size = f"mean {mean}, max {quantity(health.largest.size)} #{health.largest.label}"
        gaps = health.gaps
        figures = _figures(gaps, width - _LABEL) if gaps.count else "-"
        return [*head, self._row("size", size, width), self._row("gaps", figures, width)]

    def _tail(self, report: Report, width: int) -> list[Text]:
        return [*self._latency(report.health, width), *self._seams(report, width)]

    def _title(self, report: Report, width: int) -> Text:
        seen = report.health.values
        title = Text("", no_wrap=True).append("Health", self._style("title"))
        title.append(f" · {seen:,} value{'' if seen == 1 else 's'}", self._style("label"))
        if report.account:
            room = width - title.cell_len
            title.append(fit(f" · {report.account}", room), self._style("behind"))
        return title

    def _rates(self, health: Health, now_ns: int, width: int) -> list[Text]:
        seconds = health.rates(now_ns)
        last = seconds[-1]
        rows = []
        for name, at in (("rate", 0), ("bytes", 1)):
            known = [second[at] for second in seconds if second is not None]
            shown = "-" if last is None else _amount(at, last[at])
            most = f", max {_amount(at, max(known))}" if known else ""
            row = self._label(f"{name:<{_LABEL}}")
            room = max(width - _LABEL - 22, 0)
            row.append(_sparkline(seconds, at, min(room, WINDOW_S // 2)), self._style("line"))
            row.append(fit(f" {shown}/s{most}", width - row.cell_len))
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
            missing = "no event time" if health.values else "-"
            return [self._row("latency", missing, width)]
        rows = [self._row("latency", _figures(latency, width - _LABEL), width)]
        notes = []
        if latency.negative:
            notes.append(f"{latency.negative:,} negative: clocks differ")
        if health.sampled:
            notes.append(f"sampled {latency.count:,} of {health.values:,}")
        return rows + [self._row("", note, width, "behind") for note in notes]

    def _seams(self, report: Report, width: int) -> list[Text]:
        now = report.snapshot
        seams = ", ".join(
            f"{away.cause.value or 'skipped'} {away.count}×"
            + (f" {duration(away.time_ns)}" if away.time_ns else "")
            for away in report.away
        )
        calls = f"{report.calls:,} opened, {now.reconnects:,} to reconnect"
        faults = f"{now.missed:,} missed, {now.repeated:,} repeated, {now.late:,} late"
        wrong = now.missed or now.repeated or now.late
        return [
            *self._wrapped("seams", seams or "none", width),
            self._row("calls", calls, width),
            self._row("order", faults, width, "wrong" if wrong else ""),
            self._row("history", f"{now.kept:,} kept, {now.evicted:,} left", width),
        ]

    def _wrapped(self, label: str, text: str, width: int) -> list[Text]:
        lines = [""]
        for part in text.split(", "):
            joined = f"{lines[-1]}, {part}" if lines[-1] else part
            if len(joined) > width - _LABEL and lines[-1]:
                lines.append(part)
            else:
                lines[-1] = joined
        return [self._row("" if at else label, line, width) for at, line in enumerate(lines)]

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


def _figures(histogram: LogHistogram, room: int) -> str:
    p50, p99 = histogram.quantiles(_PERCENTS)
    texts = (_signed(p50), _signed(p99), _signed(histogram.greatest))
    whole = "p50 {} p99 {} max {}".format(*texts)
    if len(whole) <= room:
        return whole
    # Units that stand close still say what they are.
    return "p50 {} p99 {} max {}".format(*(text.replace(" ", "") for text in texts))


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
