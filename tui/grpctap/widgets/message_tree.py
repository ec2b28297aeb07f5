"""The fields of a message as a tree."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from grpctap.core.outline import Entry

MOST_OPENED = 60
"""Rows that are opened without being asked."""


class MessageTree(Tree[Entry]):
    """Each field with its name, its value and its type; what is in it is made when it is opened."""

    DEFAULT_CSS = """
    MessageTree {
        background: $background;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        padding: 0 1;
        &:focus { background-tint: $background 0%; }
        & > .message-tree--name { color: $text-primary; }
        & > .message-tree--value { color: $foreground; }
        & > .message-tree--type { color: $text-muted; text-style: italic; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "message-tree--name",
        "message-tree--value",
        "message-tree--type",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "toggle_node", "Open or close", tooltip="Open or close the field"),
    ]

    def __init__(self) -> None:
        super().__init__("")
        self.show_root = False
        self.guide_depth = 3

    def show(self, entries: Sequence[Entry]) -> None:
        """Shows another message, opened as far as it is short."""
        self.clear()
        self._fill(self.root, entries)
        self.root.expand()
        queue, rows = deque(self.root.children), len(entries)
        while queue:
            node = queue.popleft()
            if node.data is None or node.data.inside is None:
                continue
            inside = node.data.inside()
            rows += len(inside)
            if rows > MOST_OPENED:
                break
            self._fill(node, inside)
            node.expand()
            queue.extend(node.children)
        self.cursor_line = 0
        self.scroll_to(0, 0, animate=False)

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Entry]) -> None:
        """Makes what is in a field, the first time that it is opened."""
        node = event.node
        if node.data is not None and node.data.inside is not None and not node.children:
            self._fill(node, node.data.inside())

    def render_label(self, node: TreeNode[Entry], base_style: Style, style: Style) -> Text:
        """A field on one line, plain text."""
        if node.data is None:
            return Text()
        name, type_, value, inside = node.data
        sign = ("▾ " if node.is_expanded else "▸ ") if inside is not None else "  "
        at_cursor = node is self.cursor_node and self.has_focus
        text = Text(no_wrap=True, end="")
        for part, text_of in (("name", name), ("value", value), ("type", type_)):
            look = (
                style
                if at_cursor
                else base_style + self.get_component_rich_style(f"message-tree--{part}")
            )
            before = {"name": sign, "value": ": ", "type": "   "}[part]
            if text_of or part == "name":
                text.append(before, style if at_cursor else base_style)
                text.append(text_of, look)
        return text

    def _fill(self, node: TreeNode[Entry], entries: Sequence[Entry]) -> None:
        for entry in entries:
            node.add("", data=entry, allow_expand=entry.inside is not None)
