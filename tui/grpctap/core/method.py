"""Methods: a name, and the types of its messages."""

from __future__ import annotations

from dataclasses import dataclass, field

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from grpctap.core.comments import NO_COMMENTS, Comments


@dataclass(frozen=True)
class Method:
    """A method of a service, as its descriptor tells it.

    `name` is SERVICE/METHOD; `pool` knows all types that the method's own are made of. A method
    that is not `server_streaming` answers once. `comment` is what its proto says of it, where that
    is known, and `comments` tells the same of its messages and their fields. `files` are those of
    which the pool was made, where it is no pool of the program itself.
    """

    name: str
    request: Descriptor
    response: Descriptor
    pool: DescriptorPool
    client_streaming: bool = False
    server_streaming: bool = True
    comment: str = ""
    comments: Comments = field(default=NO_COMMENTS, repr=False, compare=False)
    files: tuple[FileDescriptorProto, ...] = field(default=(), repr=False, compare=False)

    @property
    def kind(self) -> str:
        """What a call of it is called: "server-streaming", "unary" and so on."""
        if self.client_streaming:
            return "bidirectional" if self.server_streaming else "client-streaming"
        return "server-streaming" if self.server_streaming else "unary"

    @property
    def request_class(self) -> type[Message]:
        """The class of its requests."""
        return message_factory.GetMessageClass(self.request)

    @property
    def response_class(self) -> type[Message]:
        """The class of its answers."""
        return message_factory.GetMessageClass(self.response)
