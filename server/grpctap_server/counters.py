"""What the server counts of its calls, for the log."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counters:
    """Counts since the server began, calls of health checks left out.

    Attributes:
        open: Calls that are running now.
        served: Calls that were let in.
        values: Values that were sent, progress left out.
        evicted: Calls that were ended because their client read too slowly.
        errors: Calls that ended with an error, evicted and refused ones left out.
        refused: Calls that were turned away, for want of credentials or beyond a limit.
    """

    open: int = 0
    served: int = 0
    values: int = 0
    evicted: int = 0
    errors: int = 0
    refused: int = 0

    def fields(self) -> dict[str, object]:
        """The counts by name."""
        return asdict(self)
