"""Descriptions from files: proto sources, compiled sets, and what is wrong with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from grpctap.core.comments import Comments
from grpctap.transport.pools import Files, SchemaError, build_pool
from grpctap.transport.protofiles import read_files
from support.keeper import protoset

HEAD = 'syntax = "proto3";\npackage test;\n'


def write(folder: Path, **sources: str) -> None:
    """Writes proto sources; a double underscore in a name is a folder's end."""
    for name, source in sources.items():
        path = folder / f"{name.replace('__', '/')}.proto"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + source)


def lines(*protos: str, paths: tuple[str, ...] = (), sets: tuple[str, ...] = ()) -> list[str]:
    """What is said of files that cannot be used."""
    with pytest.raises(SchemaError) as caught:
        read_files(protos, paths, sets)
    assert caught.value.exit_code == 1
    assert all(line.isprintable() for line in caught.value.lines)
    return list(caught.value.lines)


def messages(files: Files) -> set[str]:
    return {
        f"{file.package}.{type_.name}" for file in files.values() for type_ in file.message_type
    }


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the program runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_sources_are_compiled_with_their_imports_and_comments(folder: Path) -> None:
    write(
        folder,
        one='import "sub/two.proto";\nimport "google/protobuf/timestamp.proto";\n'
        "// One of them.\nmessage One { Two two = 1; google.protobuf.Timestamp at = 2; }",
        sub__two="message Two {}",
    )
    files = read_files(["one.proto"])
    assert {"test.One", "test.Two"} <= messages(files)
    one = build_pool(files).types.FindMessageTypeByName("test.One")
    assert Comments(files.values()).of(one) == "One of them."
    # Nothing is left behind, nor shared.
    assert sorted(path.name for path in folder.iterdir()) == ["one.proto", "sub"]
    assert build_pool(files).types is not build_pool(files).types


def test_what_everybody_imports_need_not_be_there(folder: Path) -> None:
    write(
        folder,
        one='import "google/api/annotations.proto";\nimport "google/rpc/status.proto";\n'
        "message One { google.rpc.Status status = 1; }",
    )
    assert "google.rpc.Status" in messages(read_files(["one.proto"]))


@pytest.mark.parametrize(
    ("protos", "paths"),
    [
        (["one.proto", "two.proto"], ["a", "b"]),
        (["a/one.proto", "b/two.proto"], ["a", "b"]),
        (["{here}/a/one.proto", "two.proto"], ["{here}/a", "./b/../b"]),
        (["a/one.proto"], ["a", "b"]),
        (["{here}/a/one.proto", "{here}/b/two.proto"], []),
        (["../{name}/a/one.proto", "../{name}/b/two.proto"], []),
    ],
)
def test_sources_are_found_from_here_and_by_their_imports_names(
    folder: Path, protos: list[str], paths: list[str]
) -> None:
    write(
        folder, a__one='import "two.proto"; message One { Two two = 1; }', b__two="message Two {}"
    )
    names = {"here": str(folder), "name": folder.name}
    files = read_files([p.format(**names) for p in protos], [p.format(**names) for p in paths])
    assert messages(files) == {"test.One", "test.Two"}


def test_the_first_folder_that_has_an_import_gives_it(folder: Path) -> None:
    write(
        folder,
        one='import "two.proto"; message One {}',
        a__two="message First {}",
        b__two="message Second {}",
    )
    assert messages(read_files(["one.proto"], [".", "a", "b"])) == {"test.One", "test.First"}
    assert messages(read_files(["one.proto"], [".", "b", "a"])) == {"test.One", "test.Second"}


@pytest.mark.parametrize("name", ["-odd.proto", "@odd.proto", "with space.proto", "ü.proto"])
def test_a_source_may_have_any_name(folder: Path, name: str) -> None:
    (folder / name).write_text(HEAD + "message One {}")
    assert messages(read_files([name])) == {"test.One"}


def test_mistakes_are_told_with_file_and_line(folder: Path) -> None:
    write(folder, one="message One {\n  int x = 1;\n  Gone y = 2;\n}", two="mesage Two")
    assert lines("one.proto") == [
        '-proto: one.proto:4:3: "int" is not defined.',
        '-proto: one.proto:5:3: "Gone" is not defined.',
    ]
    assert lines("two.proto") == [
        '-proto: two.proto:3:1: Expected top-level statement (e.g. "message").'
    ]


def test_of_many_mistakes_a_few_are_told(folder: Path) -> None:
    fields = "\n".join(f"  x{number} f{number} = {number};" for number in range(1, 10))
    write(folder, one=f"message One {{\n{fields}\n}}")
    told = lines("one.proto")
    assert told[0] == '-proto: one.proto:4:3: "x1" is not defined.'
    assert told[5:] == ["-proto: and 4 more"]


def test_an_import_that_is_missing_is_named(folder: Path) -> None:
    write(folder, one='import "gone.proto"; message One {}')
    told = lines("one.proto")
    assert told[0] == "-proto: gone.proto: File not found."
    assert told[1].startswith('-proto: one.proto:3:1: Import "gone.proto" was not found')


def test_a_warning_is_no_mistake(folder: Path) -> None:
    write(folder, one='import "two.proto"; message One {}', two="message Two {}")
    assert "test.One" in messages(read_files(["one.proto"]))
    write(folder, three='import "two.proto"; message Three { Gone x = 1; }')
    assert lines("three.proto") == ['-proto: three.proto:3:37: "Gone" is not defined.']


def test_what_a_source_says_acts_on_no_terminal(folder: Path) -> None:
    write(folder, one='import "\\x1b[2J\u202e.proto"; message One {}')
    assert "\x1b" not in "".join(lines("one.proto"))


@pytest.mark.parametrize(
    ("protos", "paths", "complaint"),
    [
        (["gone.proto"], [], "-proto gone.proto: there is no such file here, nor in an -import"),
        (["a"], [], "-proto a: there is no such file here, nor in an -import-path"),
        ([""], [], "-proto : there is no such file"),
        (["\0"], [], "-proto ␀: there is no such file"),
        (["one.proto"], ["gone"], "-import-path gone: there is no such folder"),
        (["one.proto"], ["one.proto"], "-import-path one.proto: there is no such folder"),
        (["one.proto"], ["a"], "-proto one.proto is in no -import-path; add the folder that it is"),
    ],
)
def test_a_path_that_leads_nowhere_is_one_line(
    folder: Path, protos: list[str], paths: list[str], complaint: str
) -> None:
    write(folder, one="message One {}", a__two="message Two {}")
    (told,) = lines(*protos, paths=tuple(paths))
    assert told.startswith(complaint)


def test_sets_add_up_and_may_tell_the_same_twice(folder: Path) -> None:
    write(
        folder,
        base="// The base.\nmessage Base {}",
        one='import "base.proto"; message One { Base base = 1; }',
        two='import "base.proto"; message Two { Base base = 1; }',
    )
    one, two = read_files(["one.proto"]), read_files(["two.proto"])
    with_comments = protoset(folder / "one.bin", one)
    for file in two.values():
        file.ClearField("source_code_info")
    without = protoset(folder / "two.bin", two)
    for sets in ([with_comments, without], [without, with_comments], [without, without, "one.bin"]):
        files = read_files((), (), sets)
        assert messages(files) == {"test.Base", "test.One", "test.Two"}
        base = build_pool(files).types.FindMessageTypeByName("test.Base")
        assert Comments(files.values()).of(base) == "The base."


def test_of_two_that_differ_the_last_one_counts(folder: Path) -> None:
    write(folder, one="message Old {}")
    old = protoset(folder / "old.bin", read_files(["one.proto"]))
    write(folder, one="message New {}")
    new = protoset(folder / "new.bin", read_files(["one.proto"]))
    assert messages(read_files((), (), [old, new])) == {"test.New"}
    assert messages(read_files((), (), [new, old])) == {"test.Old"}


def test_what_sets_lack_is_named(folder: Path) -> None:
    write(folder, base="message Base {}", one='import "base.proto"; message One { Base b = 1; }')
    files = read_files(["one.proto"])
    (folder / "one.bin").write_bytes(
        FileDescriptorSet(file=[files["one.proto"]]).SerializeToString()
    )
    assert lines(sets=("one.bin",)) == [
        "-protoset: one.proto imports base.proto, which is in no set; make the set with protoc "
        "--include_imports"
    ]
    (folder / "base.bin").write_bytes(
        FileDescriptorSet(file=[files["base.proto"]]).SerializeToString()
    )
    assert messages(read_files((), (), ["one.bin", "base.bin"])) == {"test.Base", "test.One"}


def test_sets_that_make_no_sense_together(folder: Path) -> None:
    for name in ("one", "two"):
        write(folder, **{name: "message Same {}"})
        protoset(folder / f"{name}.bin", read_files([f"{name}.proto"]))
    (told,) = lines(sets=("one.bin", "two.bin"))
    assert ".proto: the description makes no sense: " in told
    assert "test.Same" in told


@pytest.mark.parametrize(
    ("content", "name", "complaint"),
    [
        (b"", "x.bin", "is no set of descriptors; make one with protoc --include_imports"),
        (b"\xff", "x.bin", "is no set of descriptors"),
        (b"\x0a\x01\xff", "x.bin", "is no set of descriptors"),
        (b"\x0a\x03\x0a\x01\xff", "x.bin", "is no set of descriptors"),
        (b"\x0a\x03\x12\x01\xff", "x.bin", "is no set of descriptors"),
        (b"syntax", "x.proto", "is no set of descriptors; give a proto source with -proto"),
        (None, "x.bin", ": No such file or directory"),
    ],
)
def test_what_is_no_set_is_one_line(
    folder: Path, content: bytes | None, name: str, complaint: str
) -> None:
    if content is not None:
        (folder / name).write_bytes(content)
    (told,) = lines(sets=(name,))
    assert told.startswith(f"-protoset {name}{'' if complaint.startswith(':') else ' '}{complaint}")


@pytest.mark.skipif(os.geteuid() != 0, reason="reads what only some may")
def test_a_folder_is_no_set(folder: Path) -> None:
    (told,) = lines(sets=(str(folder),))
    assert told == f"-protoset {folder}: Is a directory"


def test_nothing_that_lies_beside_a_proto_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(tmp_path, "grpc_tools").mkdir()
    Path(tmp_path, "grpc_tools", "__init__.py").write_text("open('run', 'w')")
    Path(tmp_path, "a.proto").write_text('syntax = "proto3"; message A {}')
    monkeypatch.chdir(tmp_path)
    assert "a.proto" in read_files(["a.proto"], [], [])
    assert not Path("run").exists()
