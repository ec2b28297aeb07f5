"""The tutorial's messages, as they were: field 1 and nothing else."""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_MESSAGES = {
    "SimpleRequest": [("data", _Field.TYPE_STRING)],
    "SimpleResponse": [("code", _Field.TYPE_INT32), ("value", _Field.TYPE_STRING)],
    "StreamResponse": [("stream_value", _Field.TYPE_STRING)],
}
ROUTE = "/proto.StreamServer/Route"
LIST_VALUE = "/proto.StreamServer/ListValue"


def _make_pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name="server_stream.proto", package="proto", syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields, start=1):
            message.field.add(name=field, number=number, type=kind, label=_Field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _make_pool()


def _message_class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"proto.{name}"))


SimpleRequest = _message_class("SimpleRequest")
SimpleResponse = _message_class("SimpleResponse")
StreamResponse = _message_class("StreamResponse")
