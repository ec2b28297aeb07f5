"""What is known of the value that is looked at closely."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.geometry import Size
from textual.reactive import reactive

from grpctap.widgets.lines import KeptLines, fit

SEPARATOR = " · "


class Facts(KeptLines):
    """Lines of facts, each as many as fit, and warnings below them."""

    DEFAULT_CSS = """
    Facts {
        height: auto;
        background: $surface;
        color: $foreground;
        & > .facts--name { text-style: bold; }
        & > .facts--new { color: $text-accent; text-style: bold; }
        & > .facts--warning { color: $text-warning; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"facts--name", "facts--new", "facts--warning"}

    name_line = reactive(("", ""))
    """What it is, and at the right end how many are newer; printable, as all of these."""
    facts: reactive[tuple[str, ...]] = reactive((), layout=True)
    warnings: reactive[tuple[str, ...]] = reactive((), layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """How many rows it takes at that width."""
        return 1 + len(self._fact_rows(width)) + len(self.warnings)

    def render(self) -> Text:
        """The lines."""
        width = self.size.width
        name, new = self.name_line
        new = fit(f"{new} ", max(width - 1, 0))
        shown = fit(f" {name}", max(width - len(new) - 1, 0))
        text = Text(no_wrap=True, end="")
        first = Text(shown, self.get_component_rich_style("facts--name", partial=True))
        text.append_text(first)
        text.append(" " * max(width - first.cell_len - len(new), 0))
        text.append(new, self.get_component_rich_style("facts--new", partial=True))
        for row in self._fact_rows(width):
            text.append(f"\n{row}")
        for warning in self.warnings:
            style = self.get_component_rich_style("facts--warning", partial=True)
            text.append("\n")
            text.append(fit(f" {warning}", width), style)
        return text

    def _fact_rows(self, width: int) -> list[str]:
        rows: list[str] = []
        for fact in self.facts:
            longer = f"{rows[-1]}{SEPARATOR}{fact}" if rows else ""
            if rows and len(longer) <= width:
                rows[-1] = longer
            else:
                rows.append(fit(f" {fact}", width))
        return rows
