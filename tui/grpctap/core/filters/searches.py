"""What the three kinds of filters do with values: select those that match, and show why."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

from grpctap.core.filters import syntax
from grpctap.core.filters.conditions import compile_condition
from grpctap.core.filters.errors import FilterError
from grpctap.core.filters.grammar import parse
from grpctap.core.filters.lines import Lines
from grpctap.core.filters.patterns import compile_pattern, line_searcher
from grpctap.core.filters.words import Word, fold, words_of
from grpctap.core.history import Value
from grpctap.core.message import MessageError, Schema
from grpctap.core.oneline import type_of

Spans = list[tuple[int, int]]
_Item = TypeVar("_Item")
_MOST_SPANS = 100
_FLAGS = re.compile(r"(?<!\\)((?:\\\\)*)/([a-z]*)$", re.ASCII)


class Search(NamedTuple):
    """Finds, and marks what was found."""

    select: Callable[[Sequence[Value]], list[int]]
    spans: Callable[[str], Spans]


def by_words(lines: Lines, text: str) -> Search | None:
    """A search for words that must all stand in a line; None: there are none.

    Raises:
        FilterError: a quote is not closed.
    """
    words = words_of(text)
    if not words:
        return None
    small = [word.text for word in words if word.any_case and _has_letters(word.text)]
    exact = [word.text for word in words if word.text not in small]

    possible = lines.possible(words)

    def select(values: Sequence[Value]) -> list[int]:
        raws = [value.raw for value in values]
        places: Sequence[int] = range(len(raws))
        if possible is not None:
            places = [at for at, raw in enumerate(raws) if possible(raw)]
            raws = [raws[at] for at in places]
        found = lines.write(raws)
        low = _folded(found) if small else found
        for word in exact:
            kept = [at for at, line in enumerate(found) if word in line]
            found, low, places = _at(found, kept), _at(low, kept), _at(places, kept)
        for word in small:
            kept = [at for at, line in enumerate(low) if word in line]
            low, places = _at(low, kept), _at(places, kept)
        return list(places)

    return Search(select, lambda line: _word_spans(words, line))


def _has_letters(text: str) -> bool:
    """Whether small letters may make a difference."""
    return not text.isascii() or any(map(str.isalpha, text))


def _folded(lines: Sequence[str]) -> list[str]:
    """Lines, none of which has a line feed, in small letters."""
    together = "\n".join(lines)
    # In ASCII no letter becomes two, and none depends on those around it.
    return together.lower().split("\n") if together.isascii() else list(map(fold, lines))


def _at(items: Sequence[_Item], places: Sequence[int]) -> list[_Item]:
    return [items[at] for at in places]


def _word_spans(words: Sequence[Word], line: str) -> Spans:
    low = fold(line)
    spans: Spans = []
    for text, any_case in words:
        where = low if any_case else line
        at = where.find(text)
        while at >= 0 and len(spans) < _MOST_SPANS:
            spans.append((at, at + len(text)))
            at = where.find(text, at + len(text))
    return joined(spans)


def by_pattern(lines: Lines, text: str) -> Search:
    """A search for `/pattern/`, or with `/i` at its end in any case; the last / may be missing.

    Raises:
        FilterError: there is no pattern, or it is none of RE2.
    """
    start = text.index("/") + 1
    pattern, flags = text[start:].rstrip() if text.rstrip().endswith("/") else text[start:], ""
    end = _FLAGS.search(pattern)
    if end is not None:
        pattern, flags = pattern[: end.start(1)] + end[1], end[2]
        if flags not in ("", "i"):
            where = start + end.start(2)
            reason = "after the last / stands nothing, or i for any case"
            raise FilterError(reason, where, where + len(flags))
    if not pattern:
        raise FilterError("a pattern is missing after the /", start - 1, start)
    compiled = compile_pattern(pattern, start, any_case=flags == "i")
    search = line_searcher(pattern, compiled)

    def select(values: Sequence[Value]) -> list[int]:
        return search(lines.write([value.raw for value in values]))

    def spans(line: str) -> Spans:
        raw = line.encode()
        found = islice(compiled.finditer(raw), _MOST_SPANS)
        places = [match.span() for match in found if match.start() < match.end()]
        if line.isascii():
            return places
        # A match may begin or end within a character, whose bytes count for nothing then.
        lengths = [
            (raw[:one].decode(errors="ignore"), raw[one:other].decode(errors="ignore"))
            for one, other in places
        ]
        return [(len(before), len(before) + len(part)) for before, part in lengths if part]

    return Search(select, spans)


def by_condition(schema: Schema, text: str) -> Search:
    """A search for messages that fulfil a condition.

    Raises:
        FilterError: it is none, or its fields are not there.
    """
    condition = parse(text)
    parse_message = schema.message
    test = compile_condition(condition, type_of(parse_message(b"")))

    def holds(value: Value) -> bool:
        # Any error: both the message and its type come from a server.
        try:
            return bool(test(parse_message(value.raw), value))
        except MessageError:
            return False
        except Exception:
            return False

    def select(values: Sequence[Value]) -> list[int]:
        return [at for at, value in enumerate(values) if holds(value)]

    names, texts = shown_parts(condition)
    return Search(select, lambda line: _part_spans(names, texts, line))


def shown_parts(condition: syntax.Condition) -> tuple[list[re.Pattern[str]], list[str]]:
    """What of a condition a line of the log may show: `name=value`, and the texts in it."""
    names: dict[str, None] = {}
    texts: dict[str, None] = {}
    queue = [condition]
    while queue:
        part = queue.pop()
        if isinstance(part, (syntax.Any, syntax.All)):
            queue.extend(part.parts)
        elif isinstance(part, syntax.Compare):
            _show(part.left, names, texts)
            if part.operator != "!=":
                _show(part.right, names, texts, part.operator in ("=", "contains"))
        elif isinstance(part, syntax.In):
            _show(part.path, names, texts)
            for literal in part.values:
                _show(literal, names, texts)
        elif isinstance(part, syntax.Has):
            _show(part.path, names, texts)
        elif isinstance(part, syntax.Holds):
            _show(part.operand, names, texts)
    # The name at the beginning of a word, and its value to the next blank or as far as quotes go.
    patterns = [
        re.compile(rf'(?<![^ {{]){re.escape(name)}=(?:"(?:[^"\\]|\\.)*"|[^ "]*)') for name in names
    ]
    return patterns, list(texts)


def _show(
    operand: syntax.Operand, names: dict[str, None], texts: dict[str, None], text: bool = True
) -> None:
    if isinstance(operand, syntax.Path) and not operand.is_pseudo:
        steps = []
        for step in operand.steps:
            if not isinstance(step, str):
                break
            steps.append(step)
        names[".".join(steps)] = None
    elif isinstance(operand, syntax.Text) and text and operand.value.strip():
        texts[operand.value] = None


def _part_spans(names: Sequence[re.Pattern[str]], texts: Sequence[str], line: str) -> Spans:
    spans: Spans = []
    for pattern in names:
        spans.extend(match.span() for match in islice(pattern.finditer(line), _MOST_SPANS))
    for text in texts:
        at = line.find(text)
        while at >= 0 and len(spans) < _MOST_SPANS:
            spans.append((at, at + len(text)))
            at = line.find(text, at + len(text))
    return joined(spans)


def joined(spans: Spans) -> Spans:
    """The spans in order, those that touch each other as one."""
    found: Spans = []
    for start, stop in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], stop)
        else:
            found.append((start, stop))
    return found
