from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpctap.core.message import MessageError
from grpctap.core.resume import Resume, ResumeError, Spec
from support.protos import Protos

RANGES = {
    **dict.fromkeys(("int32", "sint32", "sfixed32"), (-(2**31), 2**31 - 1)),
    **dict.fromkeys(("uint32", "fixed32"), (0, 2**32 - 1)),
    **dict.fromkeys(("int64", "sint64", "sfixed64"), (-(2**63), 2**63 - 1)),
    **dict.fromkeys(("uint64", "fixed64"), (0, 2**64 - 1)),
}
INTEGERS = sorted(RANGES)
KINDS = [*INTEGERS, "string", "bytes"]
FIELDS = "\n".join(f"{kind} a_{kind} = {n};" for n, kind in enumerate(KINDS, 1))
OPTIONAL = "\n".join(f"optional {kind} o_{kind} = {n};" for n, kind in enumerate(KINDS, 21))
PROTOS = Protos(f"""
syntax = "proto3";
package test;

message All {{
  {FIELDS}
  {OPTIONAL}
  All inner = 50;
  repeated All many = 51;
  map<string, All> named = 52;
  double ratio = 53;
  bool flag = 54;
  Colour colour = 55;
}}
enum Colour {{ NONE = 0; RED = 1; }}

message Watch {{
  string key = 1;
  oneof place {{
    int64 start_revision = 2;
    bool oldest = 3;
    At at = 4;
  }}
}}
message At {{ string id = 1; uint32 generation = 2; }}
message Event {{ KeyValue kv = 1; bytes payload = 2; }}
message KeyValue {{ int64 create_revision = 1; int64 mod_revision = 2; string id = 3; }}

message Empty {{}}
message TokenBytes {{ bytes resume_token = 1; }}
message TokenString {{ string resume_token = 1; }}
message TokenNumber {{ int64 resume_token = 1; }}
message TokenMany {{ repeated bytes resume_token = 1; }}
message TokenMap {{ map<string, bytes> resume_token = 1; }}
""")


def resume(text: str, request: str = "Watch", response: str = "Event") -> Resume:
    spec = Spec.parse(text)
    return Resume(spec, PROTOS.descriptor(request), PROTOS.descriptor(response))


def refusal(text: str, request: str = "Watch", response: str = "Event") -> str:
    with pytest.raises(ResumeError) as caught:
        resume(text, request, response)
    return str(caught.value)


def values(kind: str) -> st.SearchStrategy[Any]:
    if kind == "string":
        return st.text()
    if kind == "bytes":
        return st.binary()
    low, high = RANGES[kind]
    return st.sampled_from([low, high, 0, 1]) | st.integers(low, high)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("a=b", Spec("a", "b")),
        ("start_revision=kv.mod_revision+1", Spec("start_revision", "kv.mod_revision", 1)),
        ("a.b_1.C=_d+18446744073709551615", Spec("a.b_1.C", "_d", 2**64 - 1)),
        ("a=b+0", Spec("a", "b")),
        ("a=b+007", Spec("a", "b", 7)),
    ],
)
def test_a_pair_is_read_as_it_is_written(text: str, spec: Spec) -> None:
    assert Spec.parse(text) == spec
    assert Spec.parse(str(spec)) == spec


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "=", "a=", "=b", "a=b=c", "a=b+", "a=b-1", "a=b+x", "a=b+1.5", "a..b=c", ".a=b"),
        *("a=b.", "a b=c", "1a=b", "é=b", "a=b\n", "a=\x1b[2J", "a=b+٣"),
        *("a=b+18446744073709551616", "a=b+" + "9" * 5000, "a=" + "b" * 5000 + "!"),
    ],
)
def test_what_is_no_pair_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ResumeError, match=r"--resume: .* is no REQUEST_FIELD=RESPONSE_FIELD") as e:
        Spec.parse(text)
    assert str(e.value).isprintable()
    assert len(str(e.value)) <= 600


@given(st.text() | st.text("ab._=+1"))
def test_any_text_is_a_pair_or_refused(text: str) -> None:
    try:
        spec = Spec.parse(text)
    except ResumeError:
        return
    assert Spec.parse(str(spec)) == spec
    assert 0 <= spec.step < 2**64


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50)
@given(where=st.sampled_from(["a_{}", "o_{}", "inner.a_{}", "inner.inner.o_{}"]), data=st.data())
def test_a_cursor_goes_unchanged_from_a_response_into_a_request(
    kind: str, where: str, data: st.DataObject
) -> None:
    path = where.format(kind)
    *above, leaf = path.split(".")
    pair = resume(f"{path}={path}", "All", "All")
    value = data.draw(values(kind))
    response = request = PROTOS.make("All")
    holder: Any = response
    for name in above:
        holder = getattr(holder, name)
    setattr(holder, leaf, value)

    cursor = pair.read(response)
    request = PROTOS.make("All", a_string="kept" if path != "a_string" else "")
    pair.apply(request, cursor)

    taken: Any = request
    for name in above:
        taken = getattr(taken, name)
    assert getattr(taken, leaf) == value
    # Only a field that says whether it is set tells 0 from none, and an empty text is no place.
    assert bool(cursor) == bool(value or (leaf.startswith("o_") and kind in RANGES))
    assert pair.start(request) == cursor


@pytest.mark.parametrize("source", INTEGERS)
@settings(max_examples=50)
@given(data=st.data())
def test_an_inclusive_cursor_is_counted_on_or_refused_where_it_does_not_fit(
    source: str, data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from(INTEGERS))
    value = data.draw(values(source))
    step = data.draw(st.sampled_from([0, 1, 2, 2**31, 2**63, 2**64 - 1]))
    pair = resume(f"a_{target}=o_{source}+{step}", "All", "All")
    response = PROTOS.make("All", **{f"o_{source}": value})
    low, high = RANGES[target]
    if low <= value + step <= high:
        request: Any = PROTOS.make("All")
        pair.apply(request, pair.read(response))
        assert getattr(request, f"a_{target}") == value + step
    else:
        with pytest.raises(MessageError, match=f"cursor {value + step} is out of range"):
            pair.read(response)


@pytest.mark.parametrize("kind", INTEGERS)
def test_the_last_number_of_a_type_leads_no_further(kind: str) -> None:
    pair = resume(f"a_{kind}=a_{kind}+1", "All", "All")
    with pytest.raises(MessageError, match=rf"out of range: a_{kind} in test.All is {kind}"):
        pair.read(PROTOS.make("All", **{f"a_{kind}": RANGES[kind][1]}))
    fits = PROTOS.make("All", **{f"a_{kind}": RANGES[kind][1] - 1})
    assert int(pair.read(fits)) == RANGES[kind][1]


@given(number=values("int64"), text=st.text())
def test_a_number_goes_into_a_string_and_a_string_into_bytes(number: int, text: str) -> None:
    request: Any = PROTOS.make("All")
    pair = resume("a_string=o_int64", "All", "All")
    pair.apply(request, pair.read(PROTOS.make("All", o_int64=number)))
    assert request.a_string == str(number)
    pair = resume("a_bytes=a_string", "All", "All")
    pair.apply(request, pair.read(PROTOS.make("All", a_string=text)))
    assert request.a_bytes.decode() == text


def test_a_message_without_the_field_has_no_cursor() -> None:
    for pair in ("start_revision=kv.mod_revision+1", "at.id=kv.id", "key=kv.id"):
        event = PROTOS.make("Event")
        assert resume(pair).read(event) == b""
        assert not event.HasField("kv")


def test_setting_a_field_selects_it_in_its_oneof_and_clearing_leaves_the_rest() -> None:
    request: Any = PROTOS.make("Watch", key="k", oldest=True)
    pair = resume("start_revision=kv.mod_revision+1")
    assert pair.start(request) == b""
    pair.apply(request, b"8")
    assert request == PROTOS.make("Watch", key="k", start_revision=8)
    assert pair.start(request) == b"8"

    nested = resume("at.id=kv.id")
    nested.apply(request, b"x")
    assert request.WhichOneof("place") == "at"
    assert (request.at.id, request.key) == ("x", "k")

    pair.apply(request, b"")
    assert request.WhichOneof("place") == "at"
    nested.apply(request, b"")
    assert request == PROTOS.make("Watch", key="k", at={})
    oldest: Any = PROTOS.make("Watch", oldest=True)
    nested.apply(oldest, b"")
    assert oldest.WhichOneof("place") == "oldest"


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        (
            "start_revison=kv.mod_revision",
            ['no field "start_revison" in test.Watch', "that fit: start_revision, "],
        ),
        (
            "start_revision=kv.mod_revison+1",
            ['no field "mod_revison" in test.KeyValue', "test.Event that fit: kv.mod_revision, "],
        ),
        ("start_revision=mod_revision", ['no field "mod_revision" in test.Event', "kv.mod_rev"]),
        ("at=kv.id", ["at in test.Watch is a test.At, and a cursor is bytes", "that fit: at.id"]),
        ("oldest=kv.id", ["oldest in test.Watch is bool, and a cursor is bytes"]),
        ("key.id=kv.id", ["key in test.Watch is string, which has no fields"]),
        (
            "start_revision=kv.id",
            [
                "kv.id in test.Event is string, and start_revision in test.Watch is int64",
                "fields of test.Watch that fit: at.id, key",
                "fields of test.Event that fit: kv.mod_revision, kv.create_revision",
            ],
        ),
        ("key=payload", ["no field of test.Watch fits", "kv.create_revision"]),
        ("at.id=kv.id+1", ["+1 is for integers, and kv.id in test.Event is string"]),
    ],
)
def test_a_pair_that_cannot_work_is_refused_with_the_fields_that_fit(
    text: str, complaints: list[str]
) -> None:
    message = refusal(text)
    for complaint in complaints:
        assert complaint in message
    assert message.startswith("--resume: ")
    assert message.isprintable()


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("many", "many in test.All is repeated, which names no one place"),
        ("many.a_int64", "many in test.All is repeated"),
        ("inner.many.a_int64", "inner.many in test.All is repeated"),
        ("named.value", "named in test.All is a map"),
        ("ratio", "ratio in test.All is double, and a cursor is"),
        ("colour", "colour in test.All is enum, and a cursor is"),
        ("inner", "inner in test.All is a test.All, and a cursor is"),
    ],
)
def test_no_way_leads_through_what_is_many_or_no_place(path: str, complaint: str) -> None:
    assert complaint in refusal(f"a_string={path}", "All", "All")
    assert complaint in refusal(f"{path}=a_string", "All", "All")


def test_an_error_stays_short_and_says_when_nothing_fits() -> None:
    message = refusal("a_int32=b_int32", "All", "All")
    assert "a_int32, " in message.partition("that fit: ")[2]
    assert message.endswith("and 18 more")
    assert "no field of test.Empty fits" in refusal("a=b", "Watch", "Empty")
    endless = refusal("a_int32=" + "x" * 9_000, "All", "All")
    assert len(endless) <= 600
    assert "fields of test.All that fit: " in endless


def test_names_may_be_written_as_in_json() -> None:
    pair = resume("startRevision=kv.modRevision+1")
    assert pair.spec == Spec("start_revision", "kv.mod_revision", 1)
    assert pair.given


@pytest.mark.parametrize(
    ("request_type", "response_type", "found"),
    [
        ("TokenBytes", "TokenBytes", True),
        ("TokenString", "TokenString", True),
        ("TokenBytes", "TokenString", False),
        ("TokenString", "TokenBytes", False),
        ("TokenNumber", "TokenNumber", False),
        ("TokenMany", "TokenMany", False),
        ("TokenMap", "TokenMap", False),
        ("TokenBytes", "Empty", False),
        ("Empty", "TokenBytes", False),
    ],
)
def test_a_pair_named_resume_token_is_found(
    request_type: str, response_type: str, found: bool
) -> None:
    request, response = PROTOS.descriptor(request_type), PROTOS.descriptor(response_type)
    pair = Resume.find(request, response)
    assert (pair is not None) is found
    if pair is not None:
        assert str(pair.spec) == "resume_token=resume_token"
        assert not pair.given
