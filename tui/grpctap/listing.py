"""The commands that tell what there is: list and describe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from grpctap.core.catalog import Catalog, CatalogError
from grpctap.core.text import harmless
from grpctap.pipe import BROKEN_PIPE, write_all
from grpctap.transport.pools import SchemaError
from grpctap.transport.sources import Sources

VERBS = ("list", "describe")
ERROR = 1


@dataclass(frozen=True)
class Question:
    """What a person wants to be told.

    `address` None: there is no server; `symbol` None: of all that there is.
    """

    address: str | None
    verb: str
    symbol: str | None = None

    @classmethod
    def of(cls, words: Sequence[str]) -> Question | None:
        """The question in the words of a command line; None: there is none.

        Raises:
            ValueError: there are too many words.
        """
        for at in (0, 1):
            if words[at : at + 1] and words[at] in VERBS:
                address, rest = words[0] if at else None, words[at + 1 :]
                if len(rest) > 1:
                    raise ValueError("too many arguments")
                return cls(address, words[at], rest[0] if rest else None)
        return None


def answer(question: Question, sources: Sources, *, templates: bool = False) -> int:
    """Prints the answer, as grpcurl does; returns the exit code.

    `templates` adds to each message that is described an example, as JSON.
    """
    failed = False
    try:
        if question.verb == "list":
            text = _list(sources, question.symbol)
        else:
            text, failed = _describe(sources, question.symbol, templates)
    except SchemaError as error:
        return _fail(error.exit_code, *error.lines)
    return _print(text) or (ERROR if failed else 0)


def _list(sources: Sources, service: str | None) -> str:
    if service is None:
        return "\n".join(sources.services()) or "(No services)"
    try:
        methods = sources.service(service).methods(service)
    except CatalogError as error:
        raise SchemaError(str(error)) from error
    names = sorted(method.name.replace("/", ".") for method in methods)
    return "\n".join(names) or "(No methods)"


def _describe(sources: Sources, symbol: str | None, templates: bool) -> tuple[str, bool]:
    """The description, and whether something is missing from it."""
    if symbol is not None:
        return _described(sources.symbol(symbol), symbol, templates), False
    catalog = sources.catalog()
    texts = []
    for service in catalog.services:
        try:
            catalog.service(service)
            texts.append(_described(catalog, service, templates))
        except (CatalogError, SchemaError) as error:
            _complain(str(error))
    if not catalog.services:
        return "Server returned an empty list of exposed services", False
    if not texts:
        raise SchemaError("no service is described")
    return "\n".join(texts), len(texts) < len(catalog.services)


def _described(catalog: Catalog, symbol: str, templates: bool) -> str:
    # Whoever watches a stream does not wait for these.
    from grpctap.core.describe import described
    from grpctap.core.example import example

    descriptor = catalog.symbol(symbol)
    # Any error: what is described comes from a server, and protobuf trusts it.
    try:
        text = described(descriptor, catalog.comments)
        shown = example(descriptor) if templates else None
    except Exception as error:
        raise SchemaError(f"{symbol} cannot be described: {error}") from error
    return text if shown is None else f"{text}\n\nMessage template:\n{shown}"


def _print(text: str) -> int:
    if sys.stdout is None:
        return _fail(ERROR, "standard output is closed")
    raw = "".join(f"{harmless(line)}\n" for line in text.split("\n")).encode()
    try:
        # It is UTF-8, whatever the locale says.
        write_all(sys.stdout.fileno(), raw)
    except BrokenPipeError:
        return BROKEN_PIPE
    except OSError as error:
        return _fail(ERROR, f"standard output cannot be written: {error.strerror}")
    return 0


def _fail(exit_code: int, *lines: str) -> int:
    for line in lines:
        _complain(line)
    return exit_code


def _complain(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"grpctap: {harmless(line)}\n")
