import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Entry(_message.Message):
    __slots__ = ("timestamp", "call_id", "sequence_id_within_call", "type", "logger", "client_header", "server_header", "message", "trailer", "payload_truncated", "peer", "head", "seam", "command", "dropped", "status")
    class EventType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        EVENT_TYPE_UNKNOWN: _ClassVar[Entry.EventType]
        EVENT_TYPE_CLIENT_HEADER: _ClassVar[Entry.EventType]
        EVENT_TYPE_SERVER_HEADER: _ClassVar[Entry.EventType]
        EVENT_TYPE_CLIENT_MESSAGE: _ClassVar[Entry.EventType]
        EVENT_TYPE_SERVER_MESSAGE: _ClassVar[Entry.EventType]
        EVENT_TYPE_CLIENT_HALF_CLOSE: _ClassVar[Entry.EventType]
        EVENT_TYPE_SERVER_TRAILER: _ClassVar[Entry.EventType]
        EVENT_TYPE_CANCEL: _ClassVar[Entry.EventType]
    EVENT_TYPE_UNKNOWN: Entry.EventType
    EVENT_TYPE_CLIENT_HEADER: Entry.EventType
    EVENT_TYPE_SERVER_HEADER: Entry.EventType
    EVENT_TYPE_CLIENT_MESSAGE: Entry.EventType
    EVENT_TYPE_SERVER_MESSAGE: Entry.EventType
    EVENT_TYPE_CLIENT_HALF_CLOSE: Entry.EventType
    EVENT_TYPE_SERVER_TRAILER: Entry.EventType
    EVENT_TYPE_CANCEL: Entry.EventType
    class Logger(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        LOGGER_UNKNOWN: _ClassVar[Entry.Logger]
        LOGGER_CLIENT: _ClassVar[Entry.Logger]
        LOGGER_SERVER: _ClassVar[Entry.Logger]
    LOGGER_UNKNOWN: Entry.Logger
    LOGGER_CLIENT: Entry.Logger
    LOGGER_SERVER: Entry.Logger
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_ID_WITHIN_CALL_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOGGER_FIELD_NUMBER: _ClassVar[int]
    CLIENT_HEADER_FIELD_NUMBER: _ClassVar[int]
    SERVER_HEADER_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TRAILER_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    SEAM_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    timestamp: _timestamp_pb2.Timestamp
    call_id: int
    sequence_id_within_call: int
    type: Entry.EventType
    logger: Entry.Logger
    client_header: ClientHeader
    server_header: ServerHeader
    message: Message
    trailer: Trailer
    payload_truncated: bool
    peer: Address
    head: Head
    seam: Seam
    command: str
    dropped: bool
    status: Status
    def __init__(self, timestamp: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., call_id: _Optional[int] = ..., sequence_id_within_call: _Optional[int] = ..., type: _Optional[_Union[Entry.EventType, str]] = ..., logger: _Optional[_Union[Entry.Logger, str]] = ..., client_header: _Optional[_Union[ClientHeader, _Mapping]] = ..., server_header: _Optional[_Union[ServerHeader, _Mapping]] = ..., message: _Optional[_Union[Message, _Mapping]] = ..., trailer: _Optional[_Union[Trailer, _Mapping]] = ..., payload_truncated: _Optional[bool] = ..., peer: _Optional[_Union[Address, _Mapping]] = ..., head: _Optional[_Union[Head, _Mapping]] = ..., seam: _Optional[_Union[Seam, _Mapping]] = ..., command: _Optional[str] = ..., dropped: _Optional[bool] = ..., status: _Optional[_Union[Status, _Mapping]] = ...) -> None: ...

class ClientHeader(_message.Message):
    __slots__ = ("metadata", "method_name", "authority", "timeout")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    METHOD_NAME_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    metadata: Metadata
    method_name: str
    authority: str
    timeout: _duration_pb2.Duration
    def __init__(self, metadata: _Optional[_Union[Metadata, _Mapping]] = ..., method_name: _Optional[str] = ..., authority: _Optional[str] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ServerHeader(_message.Message):
    __slots__ = ("metadata",)
    METADATA_FIELD_NUMBER: _ClassVar[int]
    metadata: Metadata
    def __init__(self, metadata: _Optional[_Union[Metadata, _Mapping]] = ...) -> None: ...

class Trailer(_message.Message):
    __slots__ = ("metadata", "status_code", "status_message", "status_details")
    METADATA_FIELD_NUMBER: _ClassVar[int]
    STATUS_CODE_FIELD_NUMBER: _ClassVar[int]
    STATUS_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STATUS_DETAILS_FIELD_NUMBER: _ClassVar[int]
    metadata: Metadata
    status_code: int
    status_message: str
    status_details: bytes
    def __init__(self, metadata: _Optional[_Union[Metadata, _Mapping]] = ..., status_code: _Optional[int] = ..., status_message: _Optional[str] = ..., status_details: _Optional[bytes] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("length", "data")
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    length: int
    data: bytes
    def __init__(self, length: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class Metadata(_message.Message):
    __slots__ = ("entry",)
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    entry: _containers.RepeatedCompositeFieldContainer[MetadataEntry]
    def __init__(self, entry: _Optional[_Iterable[_Union[MetadataEntry, _Mapping]]] = ...) -> None: ...

class MetadataEntry(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: bytes
    def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...

class Address(_message.Message):
    __slots__ = ("type", "address", "ip_port")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TYPE_UNKNOWN: _ClassVar[Address.Type]
        TYPE_IPV4: _ClassVar[Address.Type]
        TYPE_IPV6: _ClassVar[Address.Type]
        TYPE_UNIX: _ClassVar[Address.Type]
    TYPE_UNKNOWN: Address.Type
    TYPE_IPV4: Address.Type
    TYPE_IPV6: Address.Type
    TYPE_UNIX: Address.Type
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    IP_PORT_FIELD_NUMBER: _ClassVar[int]
    type: Address.Type
    address: str
    ip_port: int
    def __init__(self, type: _Optional[_Union[Address.Type, str]] = ..., address: _Optional[str] = ..., ip_port: _Optional[int] = ...) -> None: ...

class Head(_message.Message):
    __slots__ = ("format", "version", "target", "method", "descriptors", "resume", "resume_given", "columns", "security", "values_before")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTORS_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    RESUME_GIVEN_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SECURITY_FIELD_NUMBER: _ClassVar[int]
    VALUES_BEFORE_FIELD_NUMBER: _ClassVar[int]
    format: int
    version: str
    target: str
    method: str
    descriptors: bytes
    resume: str
    resume_given: bool
    columns: str
    security: str
    values_before: int
    def __init__(self, format: _Optional[int] = ..., version: _Optional[str] = ..., target: _Optional[str] = ..., method: _Optional[str] = ..., descriptors: _Optional[bytes] = ..., resume: _Optional[str] = ..., resume_given: _Optional[bool] = ..., columns: _Optional[str] = ..., security: _Optional[str] = ..., values_before: _Optional[int] = ...) -> None: ...

class Seam(_message.Message):
    __slots__ = ("id", "interruption", "irregularity")
    ID_FIELD_NUMBER: _ClassVar[int]
    INTERRUPTION_FIELD_NUMBER: _ClassVar[int]
    IRREGULARITY_FIELD_NUMBER: _ClassVar[int]
    id: int
    interruption: Interruption
    irregularity: Irregularity
    def __init__(self, id: _Optional[int] = ..., interruption: _Optional[_Union[Interruption, _Mapping]] = ..., irregularity: _Optional[_Union[Irregularity, _Mapping]] = ...) -> None: ...

class Interruption(_message.Message):
    __slots__ = ("cause", "start_ns", "after", "status", "reopened_ns", "how", "outcome", "between")
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REOPENED_NS_FIELD_NUMBER: _ClassVar[int]
    HOW_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    BETWEEN_FIELD_NUMBER: _ClassVar[int]
    cause: str
    start_ns: int
    after: int
    status: Status
    reopened_ns: int
    how: str
    outcome: str
    between: Range
    def __init__(self, cause: _Optional[str] = ..., start_ns: _Optional[int] = ..., after: _Optional[int] = ..., status: _Optional[_Union[Status, _Mapping]] = ..., reopened_ns: _Optional[int] = ..., how: _Optional[str] = ..., outcome: _Optional[str] = ..., between: _Optional[_Union[Range, _Mapping]] = ...) -> None: ...

class Irregularity(_message.Message):
    __slots__ = ("fault", "time_ns", "count", "between")
    FAULT_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    BETWEEN_FIELD_NUMBER: _ClassVar[int]
    fault: str
    time_ns: int
    count: int
    between: Range
    def __init__(self, fault: _Optional[str] = ..., time_ns: _Optional[int] = ..., count: _Optional[int] = ..., between: _Optional[_Union[Range, _Mapping]] = ...) -> None: ...

class Range(_message.Message):
    __slots__ = ("first", "last")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    first: int
    last: int
    def __init__(self, first: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...

class Status(_message.Message):
    __slots__ = ("code", "name", "details", "reason", "info", "note", "peer", "names", "unreadable", "error_details")
    class Detail(_message.Message):
        __slots__ = ("type_url", "value")
        TYPE_URL_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        type_url: str
        value: bytes
        def __init__(self, type_url: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    class InfoEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    UNREADABLE_FIELD_NUMBER: _ClassVar[int]
    ERROR_DETAILS_FIELD_NUMBER: _ClassVar[int]
    code: int
    name: str
    details: str
    reason: str
    info: _containers.ScalarMap[str, str]
    note: str
    peer: str
    names: _containers.RepeatedScalarFieldContainer[str]
    unreadable: str
    error_details: _containers.RepeatedCompositeFieldContainer[Status.Detail]
    def __init__(self, code: _Optional[int] = ..., name: _Optional[str] = ..., details: _Optional[str] = ..., reason: _Optional[str] = ..., info: _Optional[_Mapping[str, str]] = ..., note: _Optional[str] = ..., peer: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., unreadable: _Optional[str] = ..., error_details: _Optional[_Iterable[_Union[Status.Detail, _Mapping]]] = ...) -> None: ...
