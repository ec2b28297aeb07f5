"""What a person asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from grpctap.core.facts import Sent
from grpctap.core.history import MAX_BYTES
from grpctap.core.listvalue import LIST_VALUE, OWN_RESUME
from grpctap.core.method import Method
from grpctap.core.reconnect import Reconnect, When
from grpctap.core.resume import Resume
from grpctap.core.secrets import Metadata
from grpctap.transport.sources import Sources
from grpctap.transport.target import Target

if TYPE_CHECKING:
    from grpctap.core.cells import Cells

HISTORY = 100_000
"""Values kept by default."""


@dataclass(frozen=True)
class Config:
    """What a person asked for, checked.

    `history` counts values, `history_bytes` bytes of messages and seams, `max_time` is in seconds;
    `metadata` may hold secrets; `reconnect` None leaves it to the face; `resume` None: there is no
    cursor. `sources` tell of methods and types, of this server's or of files.
    `reflection_metadata` is what goes out when the server is asked for its types;
    `headers_expanded` says that variables stood in the metadata. `count` values or `duration`
    seconds end the stream; `emit_defaults` and `with_meta` say how a pipe writes messages, and
    `verbose` that it tells the metadata of each call. `cells` None: the log shows what fits of each
    message. `record` is the path of a file to record the stream into; None: it is not recorded.
    `keeps` says whether what is chosen for a chart is kept on disk, and `unknown_fields` that what
    a request that is written has not is ignored.
    """

    target: Target
    request: Message
    metadata: Metadata = field(default=(), repr=False)
    max_time: float | None = None
    history: int = HISTORY
    theme: str | None = None
    history_bytes: int = MAX_BYTES
    reconnect: bool | None = None
    backoff: Reconnect = field(default_factory=Reconnect)
    method: Method = LIST_VALUE
    resume: Resume | None = OWN_RESUME
    sources: Sources | None = field(default=None, repr=False, compare=False)
    reflection_metadata: Metadata = field(default=(), repr=False)
    headers_expanded: bool = False
    emit_defaults: bool = False
    with_meta: bool = False
    count: int | None = None
    duration: float | None = None
    cells: Cells | None = None
    verbose: bool = False
    record: str | None = None
    keeps: bool = False
    unknown_fields: bool = False

    @property
    def schema_sources(self) -> Sources:
        """Where types come from; where nothing is said of it, from the server."""
        return self.sources or Sources(self.target, self.metadata, self.max_time)

    @property
    def sent(self) -> Sent:
        """What is the same for all calls of it."""
        method, security = self.method, self.target.security
        return Sent(method.kind, self.metadata, security, method.pool, self.request)

    def reconnecting(self, default: When) -> Reconnect:
        """How to open a lost call again; `default` says when, where nobody chose."""
        if self.reconnect is None:
            return replace(self.backoff, when=default)
        return replace(self.backoff, when=When.ALWAYS if self.reconnect else When.NEVER)
