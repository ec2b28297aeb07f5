"""The order in which files that import each other can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator


def imports_first(names: Iterable[str], imports: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """The names and all that they import, each once, after what it imports itself.

    Args:
        names: Where to begin.
        imports: Tells what a name imports; it is asked once for each.
    """
    entered: set[str] = set()
    # No recursion: how long a chain of imports is, is up to whoever gives them.
    stack = [(name, False) for name in names]
    while stack:
        name, complete = stack.pop()
        if complete:
            yield name
        elif name not in entered:
            entered.add(name)
            stack.append((name, True))
            stack.extend((other, False) for other in imports(name))
