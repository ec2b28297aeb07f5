"""Protos written in a test: compiled when it runs, with nothing global left behind."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from grpc_tools import protoc

NAME = "test.proto"


Files = tuple[descriptor_pb2.FileDescriptorProto, ...]


@lru_cache
def compile_proto(source: str) -> Files:
    """The descriptors of `source`, as test.proto, and of all that it imports, those first."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, NAME).write_text(source)
        return compile_files(Path(folder), NAME)


@lru_cache
def compile_files(folder: Path, *names: str) -> Files:
    """The descriptors of files in a folder, and of all that they import, those first."""
    with tempfile.NamedTemporaryFile() as out:
        well_known = str(files("grpc_tools") / "_proto")
        arguments = (
            *("protoc", f"-I{folder}", f"-I{well_known}", "--include_imports"),
            *("--include_source_info", f"--descriptor_set_out={out.name}", *names),
        )
        assert protoc.main(arguments) == 0, names
        compiled = descriptor_pb2.FileDescriptorSet.FromString(Path(out.name).read_bytes())
    return tuple(compiled.file)


class Protos:
    """What a proto's source defines, or files do, in a pool of its own."""

    def __init__(self, source: str | Files) -> None:
        self.files = compile_proto(source) if isinstance(source, str) else source
        self.pool = descriptor_pool.DescriptorPool()
        for file in self.files:
            self.pool.Add(file)
        self.package = self.files[-1].package

    def descriptor(self, name: str) -> Descriptor:
        return self.pool.FindMessageTypeByName(f"{self.package}.{name}")

    def make(self, name: str, **fields: object) -> Message:
        """A message; `fields` as its constructor takes them."""
        return message_factory.GetMessageClass(self.descriptor(name))(**fields)

    def parse(self, name: str, text: str) -> Message:
        """A message, as protobuf's text format writes it."""
        return text_format.Parse(text, self.make(name), descriptor_pool=self.pool)
