"""What the authors of protos wrote, found by what it is about."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from grpctap.core.catalog import Catalog
from grpctap.core.comments import Comments
from grpctap.transport.pools import build_pool
from support.keeper import compiled


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What the protos of the keeper define."""
    files = compiled(tmp_path_factory.mktemp("keeper"))
    return build_pool(files).catalog(["keeper.Keeper"])


@pytest.mark.parametrize(
    ("name", "comment"),
    [
        ("keeper.Zoo", "All animals."),
        ("keeper.Zoo.last", "The last field comes first."),
        ("keeper.Zoo.a", ""),
        ("keeper.Style", "How it looks.\nWith a  tab."),
        ("keeper.Mood.NONE", "Neither nor."),
        ("keeper.Mood.MINUS", ""),
        ("keeper.Zoo.thing", "A group."),
        ("keeper.Zoo.Thing", "A group."),
        ("keeper.Zoo.Thing.other", "Another."),
        ("keeper.ext_name", "With a name."),
        ("keeper.Keeper", "A service\nof stars."),
        ("keeper.Keeper.Watch", "Watch it."),
        ("keeper.Keeper.Any", "of all"),
        ("modern.Item.the_name", "How it is called.\n  Names are short."),
        ("modern.Item.sold", "at last"),
    ],
)
def test_of_a_thing_what_stands_before_it_or_else_behind_it(
    catalog: Catalog, name: str, comment: str
) -> None:
    assert catalog.comments.of(catalog.symbol(name)) == comment


def test_a_method_has_its_comment_and_those_of_its_messages(catalog: Catalog) -> None:
    method = catalog.method("keeper.Keeper/Watch")
    assert method.comment == "Watch it."
    assert method.comments.of(method.request) == "All animals."
    assert method.comments.of(method.request.fields_by_name["last"]).startswith("The last")


def test_a_file_without_source_information_has_none(catalog: Catalog) -> None:
    assert Comments().of(catalog.symbol("keeper.Zoo")) == ""


def test_paths_that_lead_nowhere_and_bad_text_do_no_harm(catalog: Catalog) -> None:
    file = FileDescriptorProto(name="odd.proto", package="keeper")
    file.message_type.add(name="Zoo")
    for path in ([], [4], [4, 9], [4, -1], [4, 0, 2, 0], [99, 0], [1, 0], [4, 0, 7, 0]):
        file.source_code_info.location.add(path=path, leading_comments="odd")
    # Field 9, its location 1, in that the path 1 and the leading comment 3, which is no UTF-8.
    raw = file.SerializeToString() + b"\x4a\x09\x0a\x07\x0a\x02\x04\x00\x1a\x01\xff"
    comments = Comments([FileDescriptorProto.FromString(raw)])
    assert comments.of(catalog.symbol("keeper.Zoo")) == "\N{REPLACEMENT CHARACTER}"
    assert comments.of(catalog.symbol("keeper.Zoo.a")) == ""
