"""The tree of services and their methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from grpctap.core.catalog import Catalog, CatalogError
from grpctap.core.matching import Spans, matching
from grpctap.core.method import Method
from grpctap.core.text import printable

_LONGEST_NAME = 200
_KINDS = {"server-streaming": "stream", "unary": "a stream of one"}
# What can be opened comes first.
_RANKS = {"server-streaming": 0, "unary": 1, "bidirectional": 2, "client-streaming": 2}


@dataclass(frozen=True, slots=True)
class Entry:
    """A service with what can be called of it; `problem` says why there is nothing."""

    service: str
    methods: tuple[Method, ...]
    problem: str = ""


def entries(catalog: Catalog) -> list[Entry]:
    """All services: those first that stream, then those of which anything can be opened.

    Among these, gRPC's own come after the others.
    """
    found = []
    for name in catalog.services:
        try:
            methods = sorted(catalog.methods(name), key=lambda method: _RANKS[method.kind])
            found.append(Entry(name, tuple(methods)))
        except CatalogError as error:
            found.append(Entry(name, (), str(error)))

    def rank(entry: Entry) -> tuple[int, bool]:
        best = _RANKS[entry.methods[0].kind] if entry.methods else len(_RANKS)
        return best, entry.service.startswith("grpc.")

    return sorted(found, key=rank)


def can_open(method: Method) -> bool:
    """Whether a call of it takes one request, and so can be watched."""
    return not method.client_streaming


class MethodTree(Tree[Entry | Method]):
    """Services and methods; a filter leaves those that match.

    It takes no focus: that stays with the filter, and the screen hands it the keys.
    """

    DEFAULT_CSS = """
    MethodTree {
        padding: 0 1;
        background: $background;
        &.nothing { display: none; }
        & > .method-tree--kind { text-style: dim; }
        & > .method-tree--closed { text-style: dim italic; }
        & > .method-tree--stream { color: $text-success; }
        & > .method-tree--match { text-style: bold underline; }
        & > .tree--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: bold;
        }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "method-tree--kind",
        "method-tree--closed",
        "method-tree--stream",
        "method-tree--match",
    }
    can_focus = False

    def __init__(self) -> None:
        super().__init__("")
        self.show_root = False
        self.guide_depth = 3
        self._entries: Sequence[Entry] = ()
        self._spans: dict[str, Spans] = {}
        self._next: TreeNode[Entry | Method] | None = None
        self._moves = False

    def fill(self, found: Sequence[Entry]) -> None:
        """Shows these services."""
        self._entries = found
        self.narrow("")

    def narrow(self, words: str) -> int:
        """Leaves what matches the words; returns how many methods that are."""
        kept = self.chosen
        self.clear()
        names = [method.name for entry in self._entries for method in entry.methods]
        self._spans = matching(words, names)
        shown = 0
        for entry in self._entries:
            methods = [method for method in entry.methods if method.name in self._spans]
            if not methods and words.strip():
                continue
            node = self.root.add(self._service(entry), entry, expand=True)
            for method in methods:
                node.add_leaf(self._method(method), method)
                shown += 1
        self.root.expand()
        self._choose(kept, words)
        return shown

    def notify_style_update(self) -> None:
        """Makes the labels anew, which have colours of the theme."""
        super().notify_style_update()
        if self.is_mounted:
            for node in self.root.children:
                if isinstance(node.data, Entry):
                    node.set_label(self._service(node.data))
                for leaf in node.children:
                    if isinstance(leaf.data, Method):
                        leaf.set_label(self._method(leaf.data))

    def _choose(self, kept: object, words: str) -> None:
        nodes = [leaf for node in self.root.children for leaf in node.children]
        best: list[TreeNode[Entry | Method]] = []
        if not words.strip():
            best = [leaf for leaf in nodes if leaf.data is kept]
        best += [leaf for leaf in nodes if isinstance(leaf.data, Method) and can_open(leaf.data)]
        best += nodes
        # The tree's lines are there only after it was drawn once.
        self._next = best[0] if best else None
        self._moves = True
        self.call_after_refresh(self._move)

    @property
    def chosen(self) -> Entry | Method | None:
        """What the cursor is on, or is about to be on."""
        node = self._next if self._moves else self.cursor_node
        return None if node is None else node.data

    def _move(self) -> None:
        if not self._moves:
            return
        node, self._moves = self._next, False
        self.move_cursor(node)
        self.scroll_to_line(max(self.cursor_line - 1, 0), animate=False)
        if node is not None:
            # The tree tells of another line only, and on this one there is another node now.
            self.post_message(self.NodeHighlighted(node))

    def _service(self, entry: Entry) -> Text:
        label = Text(printable(entry.service, _LONGEST_NAME), "bold")
        self._mark(label, self._spans.get(entry.methods[0].name, []) if entry.methods else [], 0)
        if entry.problem:
            label.append(f"  {printable(entry.problem, _LONGEST_NAME)}", self._look("closed"))
        return label

    def _method(self, method: Method) -> Text:
        service, _, name = method.name.partition("/")
        closed = not can_open(method)
        shown = printable(name, _LONGEST_NAME)
        label = Text(shown, self._look("closed") if closed else "")
        self._mark(label, self._spans.get(method.name, []), len(service) + 1)
        streams = method.server_streaming
        if closed:
            label.append(f"  {method.kind}: cannot be opened", self._look("closed"))
        else:
            label.append(f"  {_KINDS[method.kind]}", self._look("stream" if streams else "kind"))
            label.append(
                f" of {printable(method.response.name, 60)}" if streams else "", self._look("kind")
            )
        return label

    def _mark(self, label: Text, spans: Spans, offset: int) -> None:
        size = len(label)
        for start, end in spans:
            start, end = max(start - offset, 0), min(end - offset, size)
            if start < end:
                label.stylize(self._look("match"), start, end)

    def _look(self, name: str) -> Style:
        return self.get_component_rich_style(f"method-tree--{name}", partial=True)
