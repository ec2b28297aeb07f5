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


@lru_cache
def compile_proto(source: str) -> tuple[descriptor_pb2.FileDescriptorProto, ...]:
    """The descriptors of `source`, as test.proto, and of all that it imports, those first."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        Path(folder, NAME).write_text(source)
        well_known = str(files("grpc_tools") / "_proto")
        arguments = (
            *("protoc", f"-I{folder}", f"-I{well_known}", "--include_imports"),
            *("--include_source_info", f"--descriptor_set_out={out}", NAME),
        )
        assert protoc.main(arguments) == 0, source
        compiled = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    return tuple(compiled.file)


class Protos:
    """What a proto's source defines, in a pool of its own."""

    def __init__(self, source: str) -> None:
        self.files = compile_proto(source)
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
