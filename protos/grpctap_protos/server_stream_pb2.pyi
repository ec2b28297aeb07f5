import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SimpleRequest(_message.Message):
    __slots__ = ("data", "resume_token", "progress_notify")
    DATA_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_NOTIFY_FIELD_NUMBER: _ClassVar[int]
    data: str
    resume_token: bytes
    progress_notify: bool
    def __init__(self, data: _Optional[str] = ..., resume_token: _Optional[bytes] = ..., progress_notify: _Optional[bool] = ...) -> None: ...

class SimpleResponse(_message.Message):
    __slots__ = ("code", "value")
    CODE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    code: int
    value: str
    def __init__(self, code: _Optional[int] = ..., value: _Optional[str] = ...) -> None: ...

class StreamResponse(_message.Message):
    __slots__ = ("stream_value", "stream_id", "sequence", "resume_token", "progress", "first_sequence", "event_time", "number", "progress_interval")
    STREAM_VALUE_FIELD_NUMBER: _ClassVar[int]
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    stream_value: str
    stream_id: str
    sequence: int
    resume_token: bytes
    progress: bool
    first_sequence: int
    event_time: _timestamp_pb2.Timestamp
    number: float
    progress_interval: _duration_pb2.Duration
    def __init__(self, stream_value: _Optional[str] = ..., stream_id: _Optional[str] = ..., sequence: _Optional[int] = ..., resume_token: _Optional[bytes] = ..., progress: _Optional[bool] = ..., first_sequence: _Optional[int] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., number: _Optional[float] = ..., progress_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
