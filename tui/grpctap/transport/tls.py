"""TLS: the files that a person names, read and checked once, and what is made of them."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

# Far more than any file of certificates, and little enough to read from an endless one.
MAX_FILE_SIZE = 16 * 1024 * 1024


class TlsError(ValueError):
    """A file that is none of what it should be; the message says which, and what to do."""


@dataclass(frozen=True)
class Tls:
    """The files for TLS, all in PEM form, and what they held when they were read.

    `cacert` names the authorities to trust in place of gRPC's own, `cert` and `key` what to show
    to a server that asks for it. Made by `read`; without arguments it is TLS as gRPC does it.
    """

    cacert: str | None = None
    cert: str | None = None
    key: str | None = None
    _roots: bytes | None = field(default=None, repr=False)
    _chain: bytes | None = field(default=None, repr=False)
    _secret: bytes | None = field(default=None, repr=False)

    @classmethod
    def read(cls, cacert: str | None, cert: str | None, key: str | None) -> Tls:
        """Reads the files, each once, so that one may be a pipe.

        Raises:
            TlsError: one is missing, cannot be read, or is none of what it should be.
        """
        if (cert is None) != (key is None):
            raise TlsError("-cert and -key go together; give both")
        tls = cls(
            cacert,
            cert,
            key,
            _content("-cacert", cacert),
            _content("-cert", cert),
            _content("-key", key),
        )
        tls.context(verify=False)
        return tls

    @property
    def is_default(self) -> bool:
        """Whether no file is named."""
        return self.cacert is None and self.cert is None

    def credentials(self) -> grpc.ChannelCredentials:
        """What gRPC needs for a channel."""
        return grpc.ssl_channel_credentials(self._roots, self._secret, self._chain)

    def context(self, *, verify: bool) -> ssl.SSLContext:
        """The same for Python's own TLS; with `verify`, for servers that are trusted only.

        Raises:
            TlsError: a file holds none of what it should.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.set_alpn_protocols(["h2"])
        if self._roots is not None:
            _trust(context, self._roots, f"-cacert {self.cacert}")
        elif verify:
            context.load_default_certs()
        if not verify:
            context.verify_mode = ssl.CERT_NONE
        if self._chain is not None and self._secret is not None:
            _trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), self._chain, f"-cert {self.cert}")
            self._identify(context, self._chain, self._secret)
        return context

    def _identify(self, context: ssl.SSLContext, chain: bytes, secret: bytes) -> None:
        locked = TlsError(
            f"-key {self.key} is locked with a passphrase; "
            "unlock it with openssl pkey -in LOCKED -out FILE"
        )

        def passphrase() -> str:
            raise locked

        try:
            with _as_file(chain) as cert, _as_file(secret) as key:
                context.load_cert_chain(cert, key, passphrase)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                text = f"-key {self.key} is not the key of the certificate in -cert {self.cert}"
                raise TlsError(text) from error
            raise TlsError(f"-key {self.key} holds no private key in PEM form") from error


def _content(flag: str, path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_FILE_SIZE)
    except OSError as error:
        raise TlsError(f"{flag} {path}: {error.strerror}") from error


def _trust(context: ssl.SSLContext, certificates: bytes, what: str) -> None:
    try:
        # Notes between the certificates may be in any language.
        context.load_verify_locations(cadata=certificates.decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError) as error:
        raise TlsError(f"{what} holds no certificate in PEM form") from error


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A path to read `content` from: Python's TLS takes no bytes. No folder ever names the file."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        file.seek(0)
        yield f"/dev/fd/{file.fileno()}"
