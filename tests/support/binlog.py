"""gRPC's binary log as somebody else reads it: with A16's own proto, and nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf import message_factory

from support.protos import Protos

# Fields and numbers of gRFC A16, https://github.com/grpc/proposal.
A16 = Protos(
    """
syntax = "proto3";
package grpc.binarylog.v1;
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
message GrpcLogEntry {
  enum EventType {
    EVENT_TYPE_UNKNOWN = 0;
    EVENT_TYPE_CLIENT_HEADER = 1;
    EVENT_TYPE_SERVER_HEADER = 2;
    EVENT_TYPE_CLIENT_MESSAGE = 3;
    EVENT_TYPE_SERVER_MESSAGE = 4;
    EVENT_TYPE_CLIENT_HALF_CLOSE = 5;
    EVENT_TYPE_SERVER_TRAILER = 6;
    EVENT_TYPE_CANCEL = 7;
  }
  enum Logger { LOGGER_UNKNOWN = 0; LOGGER_CLIENT = 1; LOGGER_SERVER = 2; }
  google.protobuf.Timestamp timestamp = 1;
  uint64 call_id = 2;
  uint64 sequence_id_within_call = 3;
  EventType type = 4;
  Logger logger = 5;
  oneof payload {
    ClientHeader client_header = 6;
    ServerHeader server_header = 7;
    Message message = 8;
    Trailer trailer = 9;
  }
  bool payload_truncated = 10;
  Address peer = 11;
}
message ClientHeader {
  Metadata metadata = 1;
  string method_name = 2;
  string authority = 3;
  google.protobuf.Duration timeout = 4;
}
message ServerHeader { Metadata metadata = 1; }
message Trailer {
  Metadata metadata = 1;
  uint32 status_code = 2;
  string status_message = 3;
  bytes status_details = 4;
}
message Message { uint32 length = 1; bytes data = 2; }
message Metadata { repeated MetadataEntry entry = 1; }
message MetadataEntry { string key = 1; bytes value = 2; }
message Address {
  enum Type { TYPE_UNKNOWN = 0; TYPE_IPV4 = 1; TYPE_IPV6 = 2; TYPE_UNIX = 3; }
  Type type = 1;
  string address = 2;
  uint32 ip_port = 3;
}
"""
)
_ENTRY = message_factory.GetMessageClass(A16.descriptor("GrpcLogEntry"))


def pieces(raw: bytes) -> Iterator[bytes]:
    """What stands behind each length, which must be there as a whole."""
    at = 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4])
        piece = raw[at + 4 : at + 4 + length]
        assert len(piece) == length
        yield piece
        at += 4 + length


def read(raw: bytes) -> list[Any]:
    """The entries of a log, without what its reader does not know."""
    entries: list[Any] = []
    for piece in pieces(raw):
        entry: Any = _ENTRY.FromString(piece)
        entry.DiscardUnknownFields()
        entries.append(entry)
    return entries
