"""A chart as rows of texts with their colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from rich.cells import cell_len

from grpctap.core.ticks import Scale, day_label, time_label, time_step, time_ticks
from grpctap.widgets.braille import View, merge, plot
from grpctap.widgets.legend import LINES, Span, moment, reading, title_row

AXIS, AXIS_FOCUSED, MARK = "chart--axis", "chart--axis-focused", "chart--mark"
CURSOR, LOG_CURSOR = "chart--cursor", "chart--log-cursor"

WAITING = ("waiting for the first number", "waiting")
NOTHING = ("no number was received", "no number")

BESIDE = 3
"""Cells between the plot and the legend, of which the first has the ends of the lines."""

Overlay = tuple[int, str, str]
"""A column of cells, and the text that stands there with the component class of its colour."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What a picture has besides its lines; cells are counted from the left edge of the plot."""

    cursor: int | None = None
    cursor_ns: int = 0
    """The time at the cursor."""
    log_cursor: int | None = None
    notes: Sequence[str] = ()
    """What is to be said at the left end of the title row, the most important first."""
    focused: bool = False
    today_ns: int = 0
    """A moment of the day that goes without saying."""
    selected: int = 0
    """The line whose scale is drawn."""
    legend: Sequence[Sequence[Span]] = ()
    legend_width: int = 0


def overlay(line: str, texts: Sequence[tuple[int, str]]) -> str:
    """The line with each text, of single cells, in the place of what stood at its column."""
    cells = list(line)
    for at, text in texts:
        cells[at : at + len(text)] = text
    return "".join(cells)


def overlaid(spans: Sequence[Span], texts: Sequence[Overlay]) -> list[Span]:
    """A row of single cells with texts in place of what stood there; they never overlap."""
    found: list[Span] = []
    left = iter(sorted(texts))
    following = next(left, None)
    at = skip = 0
    for text, kind in spans:
        end = at + len(text)
        start = at + min(skip, len(text))
        skip -= start - at
        while following is not None and following[0] < end:
            x, new, colour = following
            found += [(text[start - at : x - at], kind), (new, colour)]
            stop = x + cell_len(new)
            start, skip = min(stop, end), max(stop - end, 0)
            following = next(left, None)
        found.append((text[start - at :], kind))
        at = end
    return [span for span in found if span[0]]


def mark_texts(view: View, lines: Sequence[str]) -> list[list[tuple[int, str]]]:
    """Where the marks and their labels stand: per row, columns of cells with texts, in order.

    Neither covers a cell with dots, nor each other; a label that finds no such place is left out.
    """
    width = len(view.columns) // 2
    cells = ((mark.start_ns - view.start_ns) // view.dot_ns // 2 for mark in view.marks)
    marks = {x: mark for x, mark in zip(cells, view.marks, strict=True) if 0 <= x < width}
    found = [[(x, "┊") for x in marks if line[x] == " "] for line in lines]
    taken = [overlay(line, row) for line, row in zip(lines, found, strict=True)]
    for x, mark in sorted(marks.items(), reverse=True):
        size = cell_len(mark.label)
        for start in (x + 2, x - 1 - size):
            if start < 0 or start + size > width or not size:
                continue
            # A blank on either side keeps the label apart from what is next to it.
            left, right = max(start - 1, 0), min(start + size + 1, width)
            for row in range(len(lines) - 1, -1, -1):
                if not taken[row][left:right].strip(" "):
                    found[row].append((start, mark.label))
                    taken[row] = overlay(taken[row], [(start, "#" * size)])
                    break
            else:
                continue
            break
    return [sorted(row) for row in found]


def time_axis(
    view: View, gutter: int, tz: tzinfo | None, today_ns: int = 0, log_cursor: int | None = None
) -> str:
    """The row of times below the plot, each whole and centred below its moment.

    Midnight is written as its date; a window of another day than `today_ns` has its date at the
    left end; a mark stands below the log's cursor.
    """
    span = view.dot_ns * len(view.columns)
    width = gutter + len(view.columns) // 2
    # Edges in whole dots make the span a little longer than asked for, which is no reason to part
    # it more coarsely.
    step = time_step(span - span // 50, len(view.columns) // 2 // 12)
    text = ""
    if gutter and today_ns:
        text = day_label(view.start_ns, today_ns, tz).rjust(5)
        text = f" {text}" if text.strip() else ""
    pointer = None if log_cursor is None else gutter + log_cursor
    for tick in time_ticks(view.start_ns, view.start_ns + span, step, tz):
        label = time_label(tick, step, tz)
        at = gutter + (tick - view.start_ns) // view.dot_ns // 2 - len(label) // 2
        if at < (len(text) + 2 if text else 0) or at + len(label) > width:
            continue
        if pointer is None or not at - 1 <= pointer <= at + len(label):
            text = text.ljust(at) + label
    if pointer is not None:
        text = text.ljust(pointer + 1)
        text = f"{text[:pointer]}▴{text[pointer + 1 :]}".rstrip()
    return text


def picture(
    views: Sequence[View],
    scales: Sequence[Scale | None],
    width: int,
    height: int,
    tz: tzinfo | None = None,
    extras: Extras | None = None,
) -> list[list[Span]]:
    """Draws a chart of `width` by `height` cells, as rows of texts with their colours.

    Args:
        views: Its lines, of one place in time.
        scales: How each is drawn; None: it has no number.
        width: In cells.
        height: In cells.
        tz: The zone of the times; None: this computer's.
        extras: What else is in it.
    """
    extras = extras or Extras()
    view, scale = views[extras.selected], scales[extras.selected]
    if scale is None:
        scale = next((scale for scale in scales if scale is not None), None)
    if extras.legend_width:
        width -= extras.legend_width + BESIDE
    gutter = width - len(view.columns) // 2
    title = _title(views, width, tz, extras)
    above = title[0][0] if not title[0][1] else ""
    notes = _notes(extras, above, gutter)
    if scale is None:
        texts = WAITING if view.moving else NOTHING
        text = next((text for text in texts if len(text) <= width), "")
        drawn = [overlaid(title, notes), *([] for _ in range(height - 1))]
        drawn[height // 2 if height > 1 else 0] = [(text.center(width), AXIS)]
        return _beside(drawn, {}, width, height, extras)
    rows = plot_rows(height)
    plots = [
        (number, plot(view, scale).lines())
        for number, (view, scale) in enumerate(zip(views, scales, strict=True))
        if scale is not None
    ]
    # The dots of the chosen line come last, so that its colour is seen wherever it is.
    plots.sort(key=lambda item: item[0] == extras.selected)
    kinds = [LINES[number] for number, _ in plots]
    if len(plots) == 1:
        runs = [[(line, kinds[0])] for line in plots[0][1]]
    else:
        runs = [
            [(text, kinds[last]) for text, last in merge([lines[row] for _, lines in plots])]
            for row in range(rows)
        ]
    lines = ["".join(text for text, _ in row) for row in runs]
    # Left of the title is room for labels of marks that the line leaves no room for.
    free = overlay(above, [(at, text) for at, text, _ in notes])[gutter + 1 :]
    free = free.ljust(width - gutter, "×") if rows > 2 else "×" * (width - gutter)
    titled, *marks = mark_texts(view, [free, *lines])
    if any(text != "┊" for _, text in titled):
        notes += [(gutter + at, text, MARK) for at, text in titled]
    drawn = [overlaid(title, notes)]
    axis = AXIS_FOCUSED if extras.focused else AXIS
    tinted = axis if len(views) == 1 else LINES[extras.selected]
    for row in range(rows):
        spans: list[Span] = []
        if gutter:
            label = scale.labels.get(row)
            spans.append(((label or "").rjust(gutter - 2), tinted))
            spans.append((" ┤" if label is not None else " │", axis))
        over = [(at, text, MARK) for at, text in marks[row]]
        drawn.append(spans + overlaid(runs[row], _with_cursors(over, lines[row], extras)))
    if height > 2:
        times = time_axis(view, gutter, tz, extras.today_ns, extras.log_cursor)
        drawn.append([(times, axis)])
    return _beside(drawn, _line_ends(views, scales, rows), width, height, extras)


def plot_rows(height: int) -> int:
    """How many rows are left for the line between the title above and the times below."""
    return max(height - 2, min(height - 1, 1), 0)


def _title(views: Sequence[View], width: int, tz: tzinfo | None, extras: Extras) -> list[Span]:
    view = views[extras.selected]
    if extras.cursor is None:
        return [(" " * width, "")] if extras.legend_width else title_row(view, width)
    read = reading(view, extras.cursor)
    at_ns = extras.cursor_ns
    if read is not None and read.at_ns is not None:
        at_ns = read.at_ns
    at = moment(at_ns, extras.today_ns, tz)
    return title_row(view, width, read, at, bare=bool(extras.legend_width))


def _notes(extras: Extras, above: str, gutter: int) -> list[Overlay]:
    """What is said in the room left of the title, as much as fits."""
    found: list[Overlay] = []
    if extras.focused and gutter and len(above) > gutter:
        found.append((gutter - 1, "▸", AXIS_FOCUSED))
    for count in range(len(extras.notes), 0, -1):
        text = " · ".join(extras.notes[:count])
        if len(text) + 2 <= len(above) - gutter - 1:
            return [*found, (gutter + 1, text, MARK)]
    return found


def _with_cursors(over: list[Overlay], line: str, extras: Extras) -> list[Overlay]:
    """What is laid over a row of the plot, with the cursors where no label stands."""
    for x, blank, kind in (
        (extras.cursor, "│", CURSOR),
        (extras.log_cursor if extras.log_cursor != extras.cursor else None, "╎", LOG_CURSOR),
    ):
        if x is None or x >= len(line):
            continue
        if any(at <= x < at + cell_len(text) and text != "┊" for at, text, _ in over):
            continue
        over = [item for item in over if item[0] != x]
        over.append((x, blank if line[x] == " " else line[x], kind))
    return over


def _line_ends(views: Sequence[View], scales: Sequence[Scale | None], rows: int) -> dict[int, Span]:
    """The number of each line in the row where it ends, or the nearest one that is free."""
    found: dict[int, Span] = {}
    for number, (view, scale) in enumerate(zip(views, scales, strict=True)):
        last = next((column for column in reversed(view.columns) if column is not None), None)
        if scale is None or (last is None and view.before is None):
            continue
        value = last.last if last is not None else view.before.value if view.before else 0.0
        dot = min(max(scale.dot(value), 0.0), 4.0 * rows - 1)
        wanted = rows - 1 - int(dot) // 4
        for row in sorted(range(rows), key=lambda row: abs(row - wanted)):
            if row not in found:
                found[row] = (str(number + 1), LINES[number])
                break
    return found


def _beside(
    drawn: list[list[Span]], ends: dict[int, Span], width: int, height: int, extras: Extras
) -> list[list[Span]]:
    """The rows with the ends of the lines and the legend at their right."""
    if not extras.legend_width:
        return drawn
    shown = list(extras.legend)
    if len(shown) > height:
        more = f" … {len(shown) - height + 1} more"
        shown = [*shown[: height - 1], [(more, AXIS)]]
    for row, spans in enumerate(drawn):
        used = sum(cell_len(text) for text, _ in spans)
        spans.append((" " * (width - used), ""))
        spans.append(ends.get(row - 1, (" ", "")))
        spans.append((" " * (BESIDE - 1), ""))
        if row < len(shown):
            spans += shown[row]
    return drawn
