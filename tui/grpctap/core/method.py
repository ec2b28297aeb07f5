"""Methods: a name, and the types of its messages."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message


@dataclass(frozen=True)
class Method:
    """A method that answers one request, with one message or a stream of them.

    `name` is SERVICE/METHOD; `pool` knows all types that the method's own are made of.
    """

    name: str
    request: Descriptor
    response: Descriptor
    pool: DescriptorPool

    @property
    def request_class(self) -> type[Message]:
        """The class of its requests."""
        return message_factory.GetMessageClass(self.request)

    @property
    def response_class(self) -> type[Message]:
        """The class of its answers."""
        return message_factory.GetMessageClass(self.response)
