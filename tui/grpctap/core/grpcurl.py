"""The same call as a command line of grpcurl."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from urllib.parse import unquote

from grpctap.core.secrets import is_secret

# Flags that grpcurl has too, with the same meaning; and whether a value follows.
FLAGS = {
    "plaintext": False,
    "insecure": False,
    "cacert": True,
    "cert": True,
    "key": True,
    "authority": True,
    "servername": True,
    "connect-timeout": True,
    "keepalive-time": True,
    "max-msg-sz": True,
    "user-agent": True,
    "proto": True,
    "import-path": True,
    "protoset": True,
    "use-reflection": False,
    "unix": False,
    "alts": False,
}
_VARIABLE = re.compile(r"\$\{\w+\}")
_SCHEME = re.compile(r"(?i)(bearer|basic|digest|token|apikey) +")


def grpcurl_command(
    address: str,
    method: str,
    body: str,
    *,
    flags: Sequence[str] = (),
    metadata: Sequence[tuple[str, str]] = (),
    max_time: float | None = None,
) -> str:
    """The command line, quoted for a shell.

    Args:
        address: As grpctap takes it.
        method: SERVICE/METHOD.
        body: The request as JSON.
        flags: Words of grpctap's command line that say how to connect; grpcurl's are kept.
        metadata: Names and values; a value in -bin is in base64. What is secret is replaced by a
            variable of the environment, which grpcurl then reads.
        max_time: The deadline, in seconds.
    """
    words = ["grpcurl", *_known(flags)]
    headers = [_header(name, value) for name, value in metadata]
    if any(
        header != f"{name}: {value}"
        for header, (name, value) in zip(headers, metadata, strict=True)
    ):
        words.append("-expand-headers")
    for header in headers:
        words += ["-H", header]
    if max_time is not None:
        words += ["-max-time", f"{max_time:g}"]
    words += ["-d", body, *_address(address, words), method]
    return shlex.join(words)


def _known(flags: Sequence[str]) -> list[str]:
    kept: list[str] = []
    wants_value = False
    for word in flags:
        if wants_value:
            kept.append(word)
            wants_value = False
            continue
        name, equals, _ = word.lstrip("-").partition("=")
        if word.startswith("-") and name in FLAGS:
            kept.append(f"-{word.lstrip('-')}")
            wants_value = FLAGS[name] and not equals
    return kept


def _header(name: str, value: str) -> str:
    # With -expand-headers, grpcurl takes what looks like a variable in any value for one.
    if not is_secret(name, value) and not _VARIABLE.search(value):
        return f"{name}: {value}"
    variable = re.sub(r"\W", "_", name).upper()
    scheme = _SCHEME.match(value)
    return f"{name}: {scheme[1] + ' ' if scheme else ''}${{{variable}}}"


def _address(address: str, words: Sequence[str]) -> list[str]:
    # grpcurl has a flag for sockets, and knows no lists: the first of several is asked.
    for scheme in ("ipv4:", "ipv6:"):
        if address.startswith(scheme):
            return [address.removeprefix(scheme).split(",")[0]]
    if address.startswith("unix:"):
        path = address.removeprefix("unix:")
        path = path.removeprefix("//") if path.startswith("///") else path
        path = unquote(path)
        return [path] if "-unix" in words else ["-unix", path]
    return [address]
