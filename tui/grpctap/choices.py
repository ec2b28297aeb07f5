"""What the charts of methods show, kept in a file of the user."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from grpctap.core.plots import MOST_PLOTS, Choice, Choices
from grpctap.statefile import StateFile, text

MOST_METHODS = 200

_Entry = tuple[str, Choices]


class ChoiceFile:
    """The file of the choices, one for each method, the latest last.

    Args:
        folder: Where the file is; None: the user's folder for the state of programs.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = StateFile("chart", folder)
        self.path = self._file.path

    def find(self, method: str) -> Choices:
        """What was chosen for a method; of a file that makes no sense, nothing."""
        entries, _ = self._file.read(_entry)
        return next((kept for name, kept in reversed(entries) if name == method), Choices())

    def keep(self, method: str, choices: Choices) -> str:
        """Keeps what was chosen for a method; returns why it could not, or ""."""

        def make() -> Iterable[object]:
            # Another program may have changed it since it was read.
            entries, _ = self._file.read(_entry)
            others = [entry for entry in entries if entry[0] != method]
            if choices != Choices():
                others.append((method, choices))
            return map(_said, others[-MOST_METHODS:])

        return self._file.change(make)


def _said(entry: _Entry) -> dict[str, object]:
    method, (plots, common) = entry[0], (entry[1].plots, entry[1].common)
    fields = [{"path": choice.path, "rate": choice.rate} for choice in plots]
    return {"method": method, "fields": fields, "common": common}


def _entry(said: object) -> _Entry:
    if not isinstance(said, dict):
        raise TypeError("an entry is an object")
    fields = said["fields"]
    if not isinstance(fields, list):
        raise TypeError("fields are a list")
    plots = tuple(Choice(text(field["path"]), field["rate"] is True) for field in fields)
    return text(said["method"]), Choices(plots[:MOST_PLOTS], said["common"] is True)
