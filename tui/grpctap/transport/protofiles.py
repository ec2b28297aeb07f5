"""Descriptions from files: proto sources, which are compiled, and sets that are so already."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files
from itertools import chain
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

from grpctap.core.text import listed
from grpctap.transport.pools import Files, Pool, SchemaError

# Far more than any set has, and little enough to read from an endless file.
_MOST_BYTES = 256 * 1024 * 1024
_MOST_ERRORS = 5
_COMPILE_S = 60.0


def read_files(
    protos: Sequence[str] = (), import_paths: Sequence[str] = (), protosets: Sequence[str] = ()
) -> Files:
    """What proto sources and compiled sets describe; `import_paths` are for the sources.

    Raises:
        SchemaError: one cannot be read, makes no sense, or imports what is not there.
    """
    read = [_read_set(path) for path in protosets]
    if protos:
        read.append(_compile(protos, import_paths))
    found: dict[str, FileDescriptorProto] = {}
    for file in chain.from_iterable(read):
        found[file.name] = _better(found.get(file.name), file)
    _check(found)
    return found


def _better(old: FileDescriptorProto | None, new: FileDescriptorProto) -> FileDescriptorProto:
    """The last of two that describe a file, unless the first is the same with comments."""
    if old is None or new.HasField("source_code_info"):
        return new
    plain = FileDescriptorProto()
    plain.CopyFrom(old)
    plain.ClearField("source_code_info")
    return old if plain == new else new


def _check(found: Files) -> None:
    pool = Pool()
    pool.add(found)
    for name, reason in pool.broken.items():
        if name not in found:
            advice = "make the set with protoc --include_imports"
            user = next(file.name for file in found.values() if name in file.dependency)
            raise SchemaError(f"-protoset: {user} imports {name}, which is in no set; {advice}")
        raise SchemaError(f"{name}: {reason}")


def _read_set(path: str) -> list[FileDescriptorProto]:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no path"
        raise SchemaError(f"-protoset {path}: {reason}") from error
    if len(raw) > _MOST_BYTES:
        raise SchemaError(f"-protoset {path}: it has more than {_MOST_BYTES:,} bytes")
    try:
        found = list(FileDescriptorSet.FromString(raw).file)
    except DecodeError:
        found = []
    # Many a text can be read as a message in which nothing is known.
    if not found or not all(_is_sound(file) for file in found):
        hint = "; give a proto source with -proto" if path.endswith(".proto") else ""
        advice = "make one with protoc --include_imports --descriptor_set_out=FILE"
        raise SchemaError(f"-protoset {path} is no set of descriptors{hint or f'; {advice}'}")
    return found


def _is_sound(file: FileDescriptorProto) -> bool:
    # Its proto is old, so that protobuf hands out bad UTF-8 as bytes.
    return all(isinstance(name, str) for name in (file.name, file.package, *file.dependency))


def _compile(protos: Sequence[str], import_paths: Sequence[str]) -> list[FileDescriptorProto]:
    for path in import_paths:
        if not Path(path).is_dir():
            raise SchemaError(f"-import-path {path}: there is no such folder")
        if ":" in path:
            raise SchemaError(f"-import-path {path}: the compiler takes no folder with a colon")
    # Nobody said it: beside what is not here, and here.
    folders = import_paths or (*(str(Path(path).parent) for path in protos if _is_away(path)), ".")
    roots = list(dict.fromkeys(_full(folder) for folder in folders))
    found = [_find(path, roots) for path in protos]
    # A process of its own: the compiler writes its errors past Python, and may crash. Nothing that
    # lies in this folder is run (-P), and nothing is left in another.
    command = (
        *(sys.executable, "-P", "-m", "grpc_tools.protoc"),
        *(f"--proto_path={path}" for path in (*roots, *_bundled())),
        *("--include_imports", "--include_source_info", "--descriptor_set_out=/dev/stdout"),
        *found,
    )
    try:
        done = subprocess.run(  # noqa: S603
            command,
            capture_output=True,
            timeout=_COMPILE_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise SchemaError(f"-proto: not compiled within {_COMPILE_S:g} s") from None
    if done.returncode:
        raise _failure(protos, done.stderr.decode("utf-8", "replace"))
    return list(FileDescriptorSet.FromString(done.stdout).file)


def _bundled() -> list[str]:
    """Where the protos are that everybody imports: protobuf's own, and Google's common ones."""
    google = Path(str(files("google.rpc") / "status.proto")).parents[1]
    common = [f"google/{name}={google / name}" for name in ("api", "logging", "rpc", "type")]
    return [str(files("grpc_tools") / "_proto"), *common]


def _is_away(path: str) -> bool:
    return Path(path).is_absolute() or path.startswith(os.pardir)


def _full(path: str) -> str:
    # Links are not followed: the compiler compares what is written.
    return os.path.normpath(Path(path).absolute())


def _find(path: str, roots: Sequence[str]) -> str:
    """The full path of a proto source that is given from here, or as imports name it."""
    there = [_full(str(Path(root, path))) for root in (*roots, ".")]
    files_there = [full for full in there if Path(full).is_file()]
    if not files_there:
        raise SchemaError(f"-proto {path}: there is no such file here, nor in an -import-path")
    for full in files_there:
        if any(Path(full).is_relative_to(root) for root in roots):
            return full
    raise SchemaError(f"-proto {path} is in no -import-path; add the folder that it is in")


def _failure(protos: Sequence[str], errors: str) -> SchemaError:
    # The compiler may tell one mistake twice, and warns of what is not wrong.
    here = f"{Path.cwd()}{os.sep}"
    lines = [line.removeprefix(here) for line in dict.fromkeys(errors.splitlines()) if line]
    mistakes = [line for line in lines if ": warning: " not in line] or lines
    if not mistakes:
        return SchemaError(f"-proto {listed(protos)}: it cannot be compiled")
    first, *more = mistakes[:_MOST_ERRORS]
    if len(mistakes) > _MOST_ERRORS:
        more.append(f"and {len(mistakes) - _MOST_ERRORS} more")
    return SchemaError(f"-proto: {first}", more=[f"-proto: {line}" for line in more])
