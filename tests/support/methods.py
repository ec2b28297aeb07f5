"""Real servers of methods that a test makes up, with reflection of any version, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import (
    ErrorResponse,
    FileDescriptorResponse,
    ListServiceResponse,
    ServerReflectionRequest,
    ServerReflectionResponse,
    ServiceResponse,
)

from support.protos import Protos

Handler = Callable[[Any, grpc.ServicerContext], Iterator[Message]]
Describe = Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[bytes]]


def reflects(version: str, describe: Describe) -> grpc.GenericRpcHandler:
    """Server reflection of a version ("v1"), by hand."""
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(describe)
    return grpc.method_handlers_generic_handler(
        f"grpc.reflection.{version}.ServerReflection", {"ServerReflectionInfo": handler}
    )


def one_at_a_time(services: Sequence[str], files: Mapping[str, FileDescriptorProto]) -> Describe:
    """Describes what is asked for, each file without what it imports."""

    def answer(request: ServerReflectionRequest) -> ServerReflectionResponse:
        kind = request.WhichOneof("message_request")
        if kind == "list_services":
            listed = [ServiceResponse(name=name) for name in services]
            return ServerReflectionResponse(
                list_services_response=ListServiceResponse(service=listed)
            )
        wanted = [
            file
            for file in files.values()
            if file.name == request.file_by_filename
            or request.file_containing_symbol
            in {f"{file.package}.{service.name}" for service in file.service}
        ]
        if not wanted:
            error = ErrorResponse(error_code=5, error_message="nobody knows")
            return ServerReflectionResponse(error_response=error)
        raw = [file.SerializeToString() for file in wanted]
        return ServerReflectionResponse(
            file_descriptor_response=FileDescriptorResponse(file_descriptor_proto=raw)
        )

    def describe(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
        for raw in requests:
            yield answer(ServerReflectionRequest.FromString(raw)).SerializeToString()

    return describe


@contextmanager
def serving(
    *handlers: grpc.GenericRpcHandler,
    set_up: Callable[[grpc.Server], None] = lambda _: None,
) -> Iterator[str]:
    """A server of these; gives its address."""
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers(handlers)
    set_up(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def service(protos: Protos, name: str, methods: Mapping[str, Handler]) -> Any:
    """A service of `protos`: server-streaming methods by their name; the others are not there."""
    descriptor = protos.pool.FindServiceByName(name)
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    for method, handler in methods.items():
        request = descriptor.methods_by_name[method].input_type
        handlers[method] = grpc.unary_stream_rpc_method_handler(
            handler,
            request_deserializer=message_factory.GetMessageClass(request).FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
    return grpc.method_handlers_generic_handler(name, handlers)


@contextmanager
def reflecting(protos: Protos, services: Mapping[str, Mapping[str, Handler]]) -> Iterator[str]:
    """A server of services of `protos` that describes them, as grpcio-reflection does it."""

    def describe(server: grpc.Server) -> None:
        reflection.enable_server_reflection(services, server, pool=protos.pool)

    handlers = [service(protos, name, methods) for name, methods in services.items()]
    with serving(*handlers, set_up=describe) as address:
        yield address
