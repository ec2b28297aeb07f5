"""Where the ticks of an axis stand, and how numbers and times are written on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from math import ceil, floor, isfinite, log10

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
TIME_STEPS = (
    *(SECOND // 10, SECOND // 5, SECOND // 2),
    *(count * SECOND for count in (1, 2, 5, 10, 15, 30)),
    *(count * MINUTE for count in (1, 2, 5, 10, 15, 30)),
    *(count * HOUR for count in (1, 2, 3, 6, 12, 24)),
)
UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
WIDEST = 1e300
"""Beyond it, the distance of two numbers no longer fits into a double."""


def within_reach(number: float) -> float:
    """The nearest number that a scale can have."""
    return min(max(number, -WIDEST), WIDEST)


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """Ticks in steps of 1, 2 or 5 times a power of ten that cover a range.

    Args:
        low: The least number of the range.
        high: The greatest number of the range; when it is hardly greater, the range is widened to a
            band around both.
        count: How many ticks there may be at most; below 3 is taken as 3, since fewer cannot cover
            a range around zero.

    Returns:
        At least two ticks, rising; the first is at most `low`, the last at least `high`.

    Raises:
        ValueError: A bound is not finite or beyond 1e300, or `low` is above `high`.
    """
    if not (-WIDEST <= low <= high <= WIDEST):
        raise ValueError(f"no range for ticks: {low} to {high}")
    low, high = _band(low, high)
    count = max(count, 3)
    power = floor(log10((high - low) / (count - 1)))
    while True:
        for factor in (1, 2, 5):
            first = floor(_ratio(low, factor, power))
            last = ceil(_ratio(high, factor, power))
            if last - first < count:
                return [_product(number, factor, power) for number in range(first, last + 1)]
        power += 1


def tick_label(value: float, step: float) -> str:
    """A number as it stands on an axis: with the decimals that `step` needs, large ones in short.

    Args:
        value: The number, a multiple of `step`.
        step: The distance of the ticks, above 0.

    Returns:
        Such as "78.4", "-3", "1.2M" or "3e-9".
    """
    power = floor(log10(step) + 1e-9)
    if abs(value) < step / 2:
        value = 0.0
    plain = f"{value:.{max(-power, 0)}f}"
    if not value:
        return plain if power >= -3 else "0"
    if power >= -3 and not (power >= 4 or abs(value) >= 1e6):
        return plain
    if 1e3 <= abs(value) < 1e15:
        scale, unit = next(item for item in UNITS if abs(value) >= item[0])
        short = f"{value / scale:.{max(round(log10(scale)) - power, 0)}f}{unit}"
    else:
        exponent = floor(log10(abs(value)) + 1e-9)
        mantissa, _, digits = f"{value:.{max(exponent - power, 0)}e}".partition("e")
        short = f"{mantissa}e{int(digits)}"
    return min(plain, short, key=len)


def decimals_of(values: Sequence[float], significant: int = 6) -> int:
    """How many decimals tell `values` apart, within so many significant digits."""
    most = 0
    for value in values:
        digits = f"{value:.{significant}g}"
        if "e" not in digits:
            most = max(most, len(digits.partition(".")[2]))
    greatest = max((abs(value) for value in values), default=0.0)
    whole = floor(log10(greatest)) + 1 if greatest >= 1 else 1
    return max(min(most, significant - whole), 0)


def number_text(value: float, decimals: int) -> str:
    """A number with so many decimals; in powers of ten when it is too large or small for that."""
    value += 0.0  # makes a negative zero a plain one
    if value and isfinite(value) and not (10.0 ** -(decimals + 1) * 5 <= abs(value) < 1e15):
        mantissa, _, digits = f"{value:.5e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(digits)}"
    return f"{value:.{decimals}f}"


def time_step(span_ns: int, count: int) -> int:
    """The least step of wall-clock time, in nanoseconds, that splits a span at most `count` times.

    It is one of `TIME_STEPS`, or a day times a power of two.
    """
    least = max(span_ns, 0) / max(count, 1)
    for step in TIME_STEPS:
        if step >= least:
            return step
    step = DAY
    while step < least:
        step *= 2
    return step


def time_ticks(start_ns: int, end_ns: int, step_ns: int, tz: tzinfo | None = None) -> list[int]:
    """The times in a window at which a local clock shows a multiple of a step.

    Args:
        start_ns: Start of the window, in nanoseconds since the epoch.
        end_ns: End of the window, which is not a part of it.
        step_ns: The distance of the ticks, in nanoseconds, above 0; see `time_step`.
        tz: The zone of the clock; None: this computer's.

    Returns:
        Times in nanoseconds since the epoch, rising.
    """
    ticks: list[int] = []
    at = start_ns
    while at < end_ns:
        offset = _offset(at, tz)
        tick = -(-(at + offset) // step_ns) * step_ns - offset
        changed = _offset(tick, tz)
        if changed != offset:
            # The clock is put forward or back on the way, so the tick stands at another time.
            tick = max(-(-(at + changed) // step_ns) * step_ns - changed, at)
        if tick < end_ns:
            ticks.append(tick)
        at = tick + 1
    return ticks


def time_label(time_ns: int, step_ns: int, tz: tzinfo | None = None) -> str:
    """A time as it stands on an axis: HH:MM:SS, with tenths or as MM-DD as the step asks for.

    In steps of minutes and more, midnight is the date that begins with it.
    """
    clock = datetime.fromtimestamp(time_ns // SECOND, tz)
    midnight = not (clock.hour or clock.minute or clock.second or time_ns % SECOND)
    if step_ns >= DAY or (midnight and step_ns >= MINUTE):
        return f"{clock:%m-%d}"
    if step_ns < SECOND:
        return f"{clock:%H:%M:%S}.{time_ns % SECOND * 10 // SECOND}"
    return f"{clock:%H:%M:%S}"


def day_label(time_ns: int, today_ns: int, tz: tzinfo | None = None) -> str:
    """The date of a time as MM-DD; "" where it is the same day as `today_ns`."""
    clock = datetime.fromtimestamp(time_ns // SECOND, tz)
    today = datetime.fromtimestamp(today_ns // SECOND, tz)
    return "" if clock.date() == today.date() else f"{clock:%m-%d}"


def _band(low: float, high: float) -> tuple[float, float]:
    # Closer than a double can tell apart well, there would be no ticks between the two.
    greatest = max(abs(low), abs(high))
    if high - low > max(greatest * 1e-10, 1e-290):
        return low, high
    half = greatest * 0.01 if greatest > 1e-280 else 1.0
    return low - half, high + half


def _ratio(value: float, factor: int, power: int) -> float:
    # A range that ends on a tick would, by rounding alone, get another one beyond it.
    ratio = value / 10.0**power / factor if power >= 0 else value * 10.0**-power / factor
    return round(ratio) if abs(ratio - round(ratio)) < 1e-9 else ratio


def _product(number: int, factor: int, power: int) -> float:
    # Division by a power of ten rounds once, so that a tick is the very double of its label.
    return number * factor * 10.0**power if power >= 0 else number * factor / 10.0**-power


def _offset(time_ns: int, tz: tzinfo | None) -> int:
    zoned = datetime.fromtimestamp(time_ns // SECOND, tz)
    offset = (zoned if tz else zoned.astimezone()).utcoffset()
    return round(offset.total_seconds()) * SECOND if offset else 0


class Scale:
    """Where a number stands on a number axis that is drawn in rows of four dots.

    Where there are three rows or more, every few of them have a tick right in their middle.
    """

    def __init__(self, low: float, high: float, rows: int) -> None:
        """Makes a scale for the numbers from `low` to `high` on `rows` rows.

        Raises:
            ValueError: See `nice_ticks`.
        """
        self.rows = rows
        self.labels: dict[int, str] = {}
        """What is written at which row; the top row is 0."""
        if rows < 3:
            # Hardly higher than a letter, it has no room for labels.
            bottom, top = _band(low, high)
            self.row_value = (top - bottom) / max(rows - 0.25, 0.75)
            self._base, self._dot = bottom, 0.0
        else:
            self._lay_ticks(low, high)
        self._dots = 4 / self.row_value
        self.low = self._base - (self._dot + 0.5) / self._dots
        self.high = self.low + 4 * rows / self._dots

    def dot(self, value: float) -> float:
        """How many dots a number stands above the middle of the lowest dot."""
        return (value - self._base) * self._dots + self._dot

    def suits(self, low: float, high: float, rows: int) -> bool:
        """Whether this scale still does for these numbers, so that it can be left as it is."""
        if rows != self.rows or low < self.low or high > self.high:
            return False
        return Scale(low, high, rows).row_value > 0.6 * self.row_value

    def _lay_ticks(self, low: float, high: float) -> None:
        # The more closely the ticks fit, the better the height is used; three rows look best.
        choices = [
            (ticks[1] - ticks[0], rows, ticks)
            for rows in ((3, 2, 4) if self.rows > 6 else (2, 1))
            if (self.rows - 1) // rows >= 2
            for ticks in [nice_ticks(low, high, (self.rows - 1) // rows + 1)]
        ]
        step, every, ticks = min(choices, key=lambda choice: choice[0] / choice[1])
        self.row_value = step / every
        lowest = self.rows - 1 - (self.rows - 1 - every * (len(ticks) - 1)) // 2
        self._base = ticks[0]
        self._dot = 4 * (self.rows - 1 - lowest) + 1.5
        for row in range(lowest % every, self.rows, every):
            self.labels[row] = tick_label(ticks[0] + (lowest - row) // every * step, step)
