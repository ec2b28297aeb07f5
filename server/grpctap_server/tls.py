"""The server's certificate, and who signs those of its clients, from files that may change."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, NoReturn

import grpc

from grpctap_server.reloading import read_file

_LONGEST_FILE = 16 * 1024 * 1024


class CertificateError(ValueError):
    """Files that no TLS can be made with; the message says which and why."""


class Certificate:
    """A certificate and its key, in files.

    Args:
        cert: The certificate and those that signed it, in PEM.
        key: Its key, in PEM, without a passphrase.
        client_ca: Whose certificates clients must have, in PEM; None: they need none.

    Raises:
        CertificateError: If the files cannot be used.
    """

    def __init__(self, cert: Path, key: Path, client_ca: Path | None = None) -> None:
        self._cert = cert
        self._key = key
        self._client_ca = client_ca
        self._newest = self._load()
        self._told = self._newest

    @property
    def key(self) -> Path:
        """The file of the key."""
        return self._key

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that it is made of."""
        return tuple(filter(None, (self._cert, self._key, self._client_ca)))

    def load(self) -> None:
        """Read the files anew; connections to come get what they hold, unless they are unusable.

        Raises:
            CertificateError: If they cannot be used.
        """
        self._newest = self._load()

    def credentials(self) -> grpc.ServerCredentials:
        """Make what a gRPC server needs for one port; good for a single one."""
        take_fresh: Any = self._take_fresh
        return grpc.dynamic_ssl_server_credentials(
            self._newest, take_fresh, require_client_authentication=self._client_ca is not None
        )

    def _take_fresh(self) -> grpc.ServerCertificateConfiguration | None:
        """Tell gRPC, which asks at each handshake, on a thread of its own, what is new."""
        # Whatever it is told, gRPC takes for new, and makes anew all that it has of TLS.
        newest = self._newest
        if newest is self._told:
            return None
        self._told = newest
        return newest

    def _load(self) -> grpc.ServerCertificateConfiguration:
        before = self._read()
        self._check()
        # A file that changed in between was not the one that was checked.
        if self._read() != before:
            raise CertificateError("the files changed while they were read")
        cert, key, *client_ca = before
        return grpc.ssl_server_certificate_configuration(
            [(key, cert)], root_certificates=client_ca[0] if client_ca else None
        )

    def _read(self) -> list[bytes]:
        contents = []
        for path in self.files:
            try:
                contents.append(read_file(path, _LONGEST_FILE))
            except ValueError as error:
                raise CertificateError(f"{path}: {error}") from None
        return contents

    def _check(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self._cert, self._key, _refuse_passphrase)
        except (OSError, ValueError) as error:
            raise CertificateError(f"{self._cert} with {self._key}: {_words(error)}") from None
        if self._client_ca is not None:
            try:
                context.load_verify_locations(self._client_ca)
            except (OSError, ValueError) as error:
                raise CertificateError(f"{self._client_ca}: {_words(error)}") from None
            # OpenSSL takes a list of revoked ones for good, too, and gRPC does not.
            if not context.cert_store_stats()["x509"]:
                raise CertificateError(f"{self._client_ca}: no certificate in PEM")


def _refuse_passphrase() -> NoReturn:
    # OpenSSL would ask for it on the terminal.
    raise ValueError("the key has a passphrase; give one without")


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    if isinstance(error, ssl.SSLError):
        return "no certificate in PEM"
    return str(error)
