"""Messages with every kind of field, as JSON: the same as protobuf's own, and as grpcurl's."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from google.protobuf import json_format

from grpctap.core.jsontext import escape
from support.makes.running import documents, output, program
from support.zoo.messages import MESSAGES, PROTOS, messages, method
from support.zoo.serving import UNORDERED, zoo_server

GRPCTAP = (sys.executable, "-m", "grpctap")
ABSENT = object()
# Both texts are the smallest float there is.
SMALLEST = {3: {"aFloat": 1e-45}}
BUF: dict[str, dict[int, dict[str, Any]]] = {"Scalars": SMALLEST}
# What grpcurl 1.8.6 prints in another way than protobuf and buf do: it takes -0.0 for nothing, a
# null for the name of an enum's value, a mask for any message, and an Empty in an Any for a value.
GRPCURL: dict[str, dict[int, dict[str, Any]]] = {
    "Scalars": SMALLEST | {7: {"aDouble": ABSENT, "aFloat": ABSENT}},
    "Shapes": {6: {"nothing": "NULL_VALUE"}},
    "WellKnown": {
        1: {"mask": {}},
        7: {"mask": {"paths": ["a", "b.c_d", "e_f.g_h"]}},
        8: {"aBytes": None},
        14: {"any": {"@type": "type.googleapis.com/google.protobuf.Empty", "value": {}}},
        18: {"any": {"@type": "type.googleapis.com/google.protobuf.FieldMask", "paths": ["a_b"]}},
    },
}
KINDS = pytest.mark.parametrize("kind", MESSAGES)


@pytest.fixture(scope="module")
def zoo() -> Iterator[str]:
    with zoo_server() as address:
        yield address


@pytest.fixture(scope="module")
def show(zoo: str) -> Callable[[str], list[str]]:
    """What grpctap prints of a type, a string a line."""
    return cache(lambda kind: output(*GRPCTAP, "-plaintext", zoo, method(kind)).splitlines())


@KINDS
def test_each_message_is_the_line_that_protobuf_itself_writes(
    show: Callable[[str], list[str]], kind: str
) -> None:
    lines = show(kind)
    expected = [
        escape(
            json_format.MessageToJson(
                message, indent=None, ensure_ascii=False, descriptor_pool=PROTOS.pool
            )
        )
        for message in messages(kind)
    ]
    assert [json.loads(line) for line in lines] == [json.loads(line) for line in expected]
    if kind not in UNORDERED:
        assert lines == expected


def but_for(
    documents: list[dict[str, Any]], differences: dict[int, dict[str, Any]]
) -> list[dict[str, Any]]:
    """The same documents, but for some fields of them: what each is instead, ABSENT: nothing."""
    changed = [document | differences.get(n, {}) for n, document in enumerate(documents)]
    return [{k: v for k, v in document.items() if v is not ABSENT} for document in changed]


@KINDS
def test_each_message_is_what_grpcurl_prints(
    zoo: str, show: Callable[[str], list[str]], kind: str
) -> None:
    ours = [json.loads(line) for line in show(kind)]
    theirs = documents(output(program("grpcurl"), "-plaintext", zoo, method(kind)))
    assert but_for(ours, GRPCURL.get(kind, {})) == theirs


@KINDS
def test_each_message_is_what_buf_curl_prints(
    zoo: str, show: Callable[[str], list[str]], kind: str
) -> None:
    ours = [json.loads(line) for line in show(kind)]
    flags = ("curl", "--http2-prior-knowledge", "--protocol", "grpc")
    theirs = documents(output(program("buf"), *flags, f"http://{zoo}/{method(kind)}"))
    assert but_for(ours, BUF.get(kind, {})) == theirs
