"""Opening: what it takes to open streams of one server, one after the other."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from dataclasses import replace

from google.protobuf.message import Message

from grpctap.config import Config
from grpctap.core.catalog import Catalog
from grpctap.core.draft import Draft, DraftError
from grpctap.core.listvalue import as_known
from grpctap.core.method import Method
from grpctap.core.requestcheck import read_request
from grpctap.core.resume import ResumeError, Spec
from grpctap.core.template import template
from grpctap.headers import parse_header
from grpctap.parser import seconds
from grpctap.recent import RecentCall, RecentCalls
from grpctap.schemas import cells_of, request_json, resume_of
from grpctap.stream import Stream, grpcurl_line, metadata_row
from grpctap.streams import Streams
from grpctap.transport.pools import SchemaError


class CannotOpenError(Exception):
    """Nothing can be opened; the message says why and what to do, on one printable line."""


class Opening:
    """One server, how to speak to it, and the calls that were begun to be written for it.

    Args:
        config: What all calls have in common; its request and method are not looked at.
        fetch: Says what there is to be called; raises SchemaError.
        flags: The words of the command line that say how to connect; nothing secret.
        recent: Where calls are kept; None: they are not.
        body: The request that the command line gives, as JSON; "": none.
        resume: What the command line says of resuming.
        columns: What it says of columns.
        streams: Where the streams that are opened are kept.
    """

    def __init__(
        self,
        config: Config,
        fetch: Callable[[], Catalog],
        *,
        flags: Sequence[str] = (),
        recent: RecentCalls | None = None,
        body: str = "",
        resume: Spec | None = None,
        columns: str | None = None,
        streams: Streams | None = None,
    ) -> None:
        self.streams = streams or Streams()
        self._config = config
        self._fetch = fetch
        self._flags = tuple(flags)
        self._recent = recent
        self._body = body
        self._resume = resume
        self._columns = columns
        self._drafts: dict[str, Draft] = {}
        self._metadata = tuple(metadata_row(name, value) for name, value in config.metadata)
        self._deadline = "" if config.max_time is None else f"{config.max_time:g}"

    @property
    def last(self) -> Stream | None:
        """The stream that was opened last, if any."""
        return self.streams.last

    @property
    def address(self) -> str:
        """The server's address, as it was given."""
        return self._config.target.address

    @property
    def plaintext(self) -> bool:
        """Whether it is spoken to without TLS."""
        return self._config.target.plaintext

    def catalog(self) -> Catalog:
        """What there is to be called; asks the server, which may take seconds.

        Raises:
            CannotOpenError: it does not say.
        """
        try:
            return self._fetch()
        except SchemaError as error:
            raise CannotOpenError(str(error)) from error

    def draft(self, method: Method) -> Draft:
        """What was written of a call of this method, or what to begin with."""
        method = as_known(method)
        kept = self._drafts.get(method.name)
        body = kept.body if kept is not None else self._body or template(method.request)
        # What tells the server who calls is the same for all its methods.
        return Draft(method, body, self._metadata, self._deadline)

    def keep(self, draft: Draft) -> None:
        """Keeps a draft for as long as the program runs."""
        self._drafts[draft.method.name] = draft
        self._metadata, self._deadline = draft.metadata, draft.deadline

    def read(self, text: str, method: Method) -> Message:
        """The request that somebody wrote.

        Raises:
            RequestError: it is none that the method takes.
        """
        return read_request(text, method, unknown_fields=self._config.unknown_fields)

    def config(self, draft: Draft) -> Config:
        """The call that a draft says.

        Raises:
            DraftError: it is none.
        """
        try:
            request = self.read(draft.body, draft.method)
            resume = resume_of(self._resume, draft.method)
            cells = cells_of(self._columns, draft.method)
            metadata = tuple(parse_header(f"{name}: {value}") for name, value in draft.metadata)
        except (ValueError, ResumeError) as error:
            raise DraftError(str(error).removeprefix("-H: ").removeprefix("-H ")) from error
        return replace(
            self._config,
            request=request,
            method=draft.method,
            metadata=metadata,
            max_time=deadline(draft.deadline),
            resume=resume,
            cells=cells,
        )

    def open(self, draft: Draft) -> Stream:
        """The stream of a draft's call, which is not started yet.

        Raises:
            DraftError: the draft is no call.
        """
        return self.streams.add(Stream(self.config(draft), self._flags))

    def remember(self, draft: Draft) -> str:
        """Keeps the call among the recent ones; returns why it could not, or ""."""
        if self._recent is None:
            return ""
        names = tuple(name for name, _ in draft.metadata)
        flags = self._flags
        return self._recent.add(
            RecentCall(self.address, draft.method.name, flags, draft.body, names, draft.deadline)
        )

    def grpcurl(self, draft: Draft) -> str:
        """The call as a command line of grpcurl; secrets are left out.

        Raises:
            DraftError: the draft is no call.
        """
        return grpcurl_line(self.config(draft), self._flags)


def begun(
    config: Config,
    *,
    flags: Sequence[str],
    recent: RecentCalls | None,
    resume: Spec | None,
    columns: str | None,
    streams: Streams,
) -> Opening:
    """The server of a call of the command line, whose request is there to be changed."""
    opening = Opening(
        config,
        config.schema_sources.catalog,
        flags=flags,
        recent=recent,
        resume=resume,
        columns=columns,
        streams=streams,
    )
    body = request_json(config, 2)
    # A request that says nothing is more easily written on a template.
    if body != "{}":
        opening.keep(replace(opening.draft(config.method), body=body))
    return opening


def deadline(text: str) -> float | None:
    """The deadline that somebody wrote, in seconds; None: there is none.

    Raises:
        DraftError: it is no time.
    """
    if not text.strip():
        return None
    try:
        return seconds(text)
    except ArgumentTypeError as error:
        raise DraftError("the deadline is a number of seconds above 0, or nothing") from error
