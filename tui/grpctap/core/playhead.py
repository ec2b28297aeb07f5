"""The playhead: how far a recording has been played, by a clock."""

from __future__ import annotations

from math import inf, isfinite

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 1000.0, inf)
"""The speeds that keys lead through; the last one plays all at once."""


class Playhead:
    """A moment of recorded time, which moves on with a clock at some speed while it plays.

    Recorded times and those of the clock are both in nanoseconds; each method that takes a clock's
    time takes one that never decreases.

    Args:
        speed: Recorded seconds a second, above 0; infinite: all at once.
    """

    def __init__(self, speed: float = inf) -> None:
        self.speed = speed
        self.playing = True
        self._time_ns = 0
        self._since_ns = 0

    @property
    def at_once(self) -> bool:
        """Whether it plays with no regard to time."""
        return not isfinite(self.speed)

    def at(self, now_ns: int) -> int:
        """The recorded time that is reached now; at once, the one that it was last moved to."""
        if not self.playing or self.at_once:
            return self._time_ns
        return self._time_ns + round((now_ns - self._since_ns) * self.speed)

    def wait_s(self, time_ns: int, now_ns: int) -> float:
        """In how many seconds a recorded time is reached; infinite: not while it stands still."""
        if not self.playing:
            return inf
        if self.at_once:
            return 0.0
        return max(time_ns - self.at(now_ns), 0) / 1e9 / self.speed

    def move(self, time_ns: int, now_ns: int) -> None:
        """Goes to a recorded time, and on from there."""
        self._time_ns, self._since_ns = time_ns, now_ns

    def play(self, now_ns: int) -> None:
        """Goes on."""
        if not self.playing:
            self._since_ns, self.playing = now_ns, True

    def pause(self, now_ns: int) -> None:
        """Stands still."""
        self._time_ns, self.playing = self.at(now_ns), False

    def set_speed(self, speed: float, now_ns: int) -> None:
        """Goes on at another speed."""
        self.move(self.at(now_ns), now_ns)
        self.speed = speed


def next_speed(speed: float, by: int) -> float:
    """The next of the speeds above (`by` 1) or below it (-1); there, the speed itself."""
    if by > 0:
        return next((one for one in SPEEDS if one > speed), speed)
    return next((one for one in reversed(SPEEDS) if one < speed), speed)


def speed_of(text: str) -> float:
    """The speed that a person wrote: "max", or a number as of 0.001 up to 1,000,000.

    Raises:
        ValueError: it is none.
    """
    if text == "max":
        return inf
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.001 <= speed <= 1_000_000:
        raise ValueError(f"{text!r} is no speed; give a number such as 1, 10 or 0.5, or max")
    return speed


def speed_text(speed: float) -> str:
    """A speed as the screen shows it: "×10", "max"."""
    return f"×{speed:g}" if isfinite(speed) else "max"
