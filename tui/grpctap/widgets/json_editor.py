"""The editor of requests: JSON in colours, with the place of its first mistake marked."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.widgets import TextArea

from grpctap.core.jsonplaces import Span, tokens

_INDENT = "  "


class JsonEditor(TextArea):
    """Edits JSON; it needs no parser of Textual's, which would bring a package a language."""

    DEFAULT_CSS = """
    JsonEditor {
        border: none;
        padding: 0;
        &:focus { border: none; }
        & > .json-editor--key { color: $text-primary; }
        & > .json-editor--string { color: $text-success; }
        & > .json-editor--number { color: $text-warning; }
        & > .json-editor--word { color: $text-accent; }
        & > .json-editor--mark { color: $foreground-muted; }
        & > .json-editor--fault {
            text-style: bold underline;
            color: $text-error;
            background: $error-muted;
        }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "json-editor--key",
        "json-editor--string",
        "json-editor--number",
        "json-editor--word",
        "json-editor--mark",
        "json-editor--fault",
    }

    def __init__(self, text: str) -> None:
        # Textual would draw the line of the cursor in one colour, over all others.
        super().__init__(
            text, show_line_numbers=True, max_checkpoints=500, highlight_cursor_line=False
        )
        self._fault: Span | None = None

    @property
    def fault(self) -> Span | None:
        """What is marked as wrong, in characters from the start of the text."""
        return self._fault

    @fault.setter
    def fault(self, span: Span | None) -> None:
        if span != self._fault:
            self._fault = span
            # The lines that were drawn before have another mark, or none.
            self.notify_style_update()
            self.refresh()

    def offset_of(self, location: tuple[int, int]) -> int:
        """The place of a row and a column in the text, in characters."""
        row, column = location
        lines = self.document.lines
        return sum(len(line) + 1 for line in lines[:row]) + column

    def location_of(self, offset: int) -> tuple[int, int]:
        """The row and the column of a place in the text."""
        for row, line in enumerate(self.document.lines):
            if offset <= len(line):
                return row, offset
            offset -= len(line) + 1
        return self.document.end

    def get_line(self, line_index: int) -> Text:
        """A line in its colours."""
        # What was pasted may hold anything; each sign stands where its character does.
        plain = "".join(map(_sign, self.document.get_line(line_index)))
        text = Text(plain, end="", no_wrap=True)
        words = list(tokens(plain))
        for index, word in enumerate(words):
            kind: str = word.kind
            if kind == "string" and index + 1 < len(words) and words[index + 1].text == ":":
                kind = "key"
            if kind != "other":
                text.stylize(self._colour(kind), word.start, word.end)
        if self._fault is not None:
            start = self._fault[0] - self.offset_of((line_index, 0))
            end = self._fault[1] - self.offset_of((line_index, 0))
            if end > 0 and start < len(text):
                text.stylize(self._colour("fault"), max(start, 0), end)
        return text

    def _colour(self, kind: str) -> Style:
        return self.get_component_rich_style(f"json-editor--{kind}", partial=True)

    async def _on_key(self, event: events.Key) -> None:
        """Begins a new line below the beginning of this one, and a step further in a bracket."""
        if event.key != "enter":
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        start, end = self.selection
        row, column = min(start, end)
        before = self.document.get_line(row)[:column]
        indent = before[: len(before) - len(before.lstrip())]
        if before.rstrip().endswith(("{", "[")):
            indent += _INDENT
        self._replace_via_keyboard("\n" + indent, start, end)


def _sign(character: str) -> str:
    """A character, or what is shown in its place, which is as long."""
    if character.isprintable() or character == "\t":
        return character
    return chr(0x2400 + ord(character)) if character < " " else "\ufffd"
