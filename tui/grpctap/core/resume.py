"""Resume pairs: which field of a message says where to go on, and which of the request takes it.

A cursor is the value that goes into the request's field, as opaque bytes: bytes as they are, text
in UTF-8, an integer in decimal digits. Empty means none.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from grpctap.core.message import CursorError
from grpctap.core.text import listed, printable
from grpctap.core.types import is_map, scalar_name, single_leaves

FOUND_ALONE = "resume_token"
"""A pair with this name on both sides needs no flag."""

_PATH = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_PAIR = re.compile(rf"({_PATH})=({_PATH})(?:\+(\d{{1,20}}))?", re.ASCII)
_LARGEST = 2**64 - 1
# An error names the likeliest fields, out of those near the top of a message.
_CANDIDATES = 1_000
_DEPTH = 5
_LONGEST_NAME = 100
_LONGEST_ERROR = 600

_RANGES = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SFIXED32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SINT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1),
}
_TEXTS = {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}


_Request = TypeVar("_Request", bound=Message)


class ResumeError(ValueError):
    """A pair that cannot work; the message says why, and which fields would fit."""

    def __init__(self, *parts: str) -> None:
        super().__init__(printable(f"--resume: {'; '.join(parts)}", _LONGEST_ERROR))


class Spec(NamedTuple):
    """A pair as a person writes it: REQUEST_FIELD=RESPONSE_FIELD[+N]."""

    request: str
    response: str
    step: int = 0

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Reads REQUEST_FIELD=RESPONSE_FIELD[+N].

        Raises:
            ResumeError: it is not of this form.
        """
        match = _PAIR.fullmatch(text)
        if match is None or int(match[3] or 0) > _LARGEST:
            raise ResumeError(
                f'"{printable(text, _LONGEST_NAME)}" is no REQUEST_FIELD=RESPONSE_FIELD[+N]',
                "for example start_revision=kv.mod_revision+1",
            )
        return cls(match[1], match[2], int(match[3] or 0))

    def __str__(self) -> str:
        return f"{self.request}={self.response}" + (f"+{self.step}" if self.step else "")


class _Path:
    """A field, and the message fields through which it is reached."""

    def __init__(self, root: Descriptor, fields: tuple[FieldDescriptor, ...]) -> None:
        self.root = root
        self.leaf = fields[-1]
        self.above = [field.name for field in fields[:-1]]
        self.name = ".".join(field.name for field in fields)
        self.is_text = self.leaf.type == FieldDescriptor.TYPE_STRING
        self._value: Callable[[Any], Any] = attrgetter(self.name)
        self._presence = self.leaf.has_presence

    def __str__(self) -> str:
        return f"{self.name} in {self.root.full_name} is {_type(self.leaf)}"

    def value(self, message: Message) -> int | bytes | None:
        """What the field holds, text in UTF-8; None where it is not set."""
        value = self._value(message)
        if isinstance(value, int):
            return value if value or self._is_set(message) else None
        if isinstance(value, str):
            return value.encode()
        # Where nothing checks a string, protobuf hands out invalid UTF-8 as bytes.
        return None if self.is_text else value

    def _is_set(self, message: Any) -> bool:
        if not self._presence:
            return False
        for name in self.above:
            message = getattr(message, name)
        # Of the class: a field of the message may have the method's name.
        return bool(type(message).HasField(message, self.leaf.name))


class Resume:
    """A pair of fields that exist and go together.

    `spec` is how the pair is written, and `given` says whether a person wrote it.
    """

    def __init__(
        self, spec: Spec, request: Descriptor, response: Descriptor, *, given: bool = True
    ) -> None:
        """Looks the fields up.

        Raises:
            ResumeError: a field is missing, or of a type that is no cursor, or the two do not go
                together.
        """
        source, target = _resolve(response, spec.response), _resolve(request, spec.request)
        if not _goes_into(source.leaf, target.leaf):
            raise ResumeError(
                f"{source}, and {target}, which does not take it",
                _fitting(request, spec.request, lambda field: _goes_into(source.leaf, field)),
                _fitting(response, spec.response, lambda field: _goes_into(field, target.leaf)),
            )
        if spec.step and source.leaf.type not in _RANGES:
            raise ResumeError(
                f"+{spec.step} is for integers, and {source}",
                _fitting(response, spec.response, lambda field: field.type in _RANGES),
            )
        self.spec = Spec(target.name, source.name, spec.step)
        self.given = given
        self._source, self._target = source, target
        self._least, self._most = _RANGES.get(target.leaf.type, (-_LARGEST, 2 * _LARGEST))

    @classmethod
    def find(cls, request: Descriptor, response: Descriptor) -> Resume | None:
        """The pair that needs no flag: both named `resume_token`, both bytes or both string."""
        pair = (request.fields_by_name.get(FOUND_ALONE), response.fields_by_name.get(FOUND_ALONE))
        types = {None if field is None or field.is_repeated else field.type for field in pair}
        if len(types) > 1 or not types <= _TEXTS:
            return None
        return cls(Spec(FOUND_ALONE, FOUND_ALONE), request, response, given=False)

    @property
    def is_text(self) -> bool:
        """Whether the cursor comes as a string, which is not exact once it was mended."""
        return self._source.is_text

    def read(self, response: Message) -> bytes:
        """The cursor after this message; empty where the message names none.

        Raises:
            CursorError: it does not fit into the request's field.
        """
        value = self._source.value(response)
        if not isinstance(value, int):
            return value or b""
        value += self.spec.step
        if not self._least <= value <= self._most:
            raise CursorError(f"its cursor {value} is out of range: {self._target}")
        return b"%d" % value

    def apply(self, request: Message, cursor: bytes) -> None:
        """Lets a request start at the cursor; an empty one clears the field, and no more."""
        parent: Any = request
        for name in self._target.above:
            if not cursor and not parent.HasField(name):
                return
            parent = getattr(parent, name)
        leaf = self._target.leaf
        if not cursor:
            parent.ClearField(leaf.name)
        elif leaf.type in _RANGES:
            setattr(parent, leaf.name, int(cursor))
        else:
            setattr(parent, leaf.name, cursor.decode() if self._target.is_text else cursor)

    def start(self, request: Message) -> bytes:
        """The cursor that a request already holds; empty where it holds none."""
        value = self._target.value(request)
        return b"%d" % value if isinstance(value, int) else value or b""


def request_at(request: _Request, resume: Resume | None, cursor: bytes) -> _Request:
    """A copy of a request that starts at the cursor; without a pair, only a copy."""
    copy = type(request)()
    copy.CopyFrom(request)
    if resume is not None:
        resume.apply(copy, cursor)
    return copy


def _is_cursor(field: FieldDescriptor) -> bool:
    return field.type in _TEXTS or field.type in _RANGES


def _goes_into(source: FieldDescriptor, target: FieldDescriptor) -> bool:
    # Only where every value of the one is a value of the other: not every text is a number, and
    # not all bytes are text. The range of an integer is checked with each message.
    if source.type in _RANGES:
        return target.type in _RANGES or target.type == FieldDescriptor.TYPE_STRING
    if source.type == FieldDescriptor.TYPE_STRING:
        return target.type in _TEXTS
    return target.type == FieldDescriptor.TYPE_BYTES


def _resolve(root: Descriptor, text: str) -> _Path:
    """Follows a dotted path of names, as in the proto or in JSON, to a field that can be a cursor.

    Raises:
        ResumeError: it leads to none.
    """
    fields: list[FieldDescriptor] = []
    message: Descriptor | None = root
    for name in text.split("."):
        if message is None:
            reason = f"{_Path(root, tuple(fields))}, which has no fields"
            break
        field = message.fields_by_name.get(name) or message.fields_by_camelcase_name.get(name)
        if field is None:
            reason = f'no field "{printable(name, _LONGEST_NAME)}" in {message.full_name}'
            break
        fields.append(field)
        if field.is_repeated:
            reason = f"{_Path(root, tuple(fields))}, which names no one place"
            break
        message = field.message_type
    else:
        path = _Path(root, tuple(fields))
        if _is_cursor(path.leaf):
            return path
        reason = f"{path}, and a cursor is bytes, a string or an integer"
    raise ResumeError(reason, _fitting(root, text, _is_cursor))


def _type(field: FieldDescriptor) -> str:
    message = field.message_type
    if field.is_repeated:
        return "a map" if is_map(field) else "repeated"
    if message is not None:
        return f"a {message.full_name}"
    return scalar_name(field)


def _fitting(root: Descriptor, text: str, fits: Callable[[FieldDescriptor], bool]) -> str:
    fitting = (path.name for path in _candidates(root) if fits(path.leaf))
    names = list(islice(fitting, _CANDIDATES))
    if not names:
        return f"no field of {root.full_name} fits"
    wanted = text.lower()[:_LONGEST_NAME]
    likeness = {
        name: difflib.SequenceMatcher(None, wanted, name.lower()[:_LONGEST_NAME]).ratio()
        for name in names
    }
    # Sorting keeps the proto's order among equals.
    names.sort(key=lambda name: -likeness[name])
    return f"fields of {root.full_name} that fit: {listed(names)}"


def _candidates(root: Descriptor) -> Iterator[_Path]:
    """The paths to cursors in a message, the nearest first."""
    return (_Path(root, path) for path in single_leaves(root, _DEPTH) if _is_cursor(path[-1]))
