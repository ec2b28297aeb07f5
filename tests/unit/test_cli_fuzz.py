"""Whatever the command line says: a Config, or one clean line and exit code 2."""

from __future__ import annotations

import io
import os
import re
from contextlib import redirect_stderr, redirect_stdout

from hypothesis import example, given
from hypothesis import strategies as st

from grpctap.cli import parse
from grpctap.config import Config
from grpctap_server import cli as server_cli

METHOD = "proto.StreamServer/ListValue"
# As the system hands them over: any text but NUL, and bytes that are no UTF-8 as lone surrogates.
arguments = st.text(st.characters(exclude_characters="\0"), max_size=40)
FLAGS = (
    *("-plaintext", "--plaintext", "-d", "-H", "-max-time", "--max-msg-sz", "--history", "--theme"),
    *("-max-time=1", "-d={}", "-Ha:b", "--", "-", "-x", "--x=\x1b", "@", "{}", METHOD, "h:1"),
    *("-insecure", "-unix", "-unix=false", "--plaintext=T", "-plaintext=x", "-expand-headers"),
    *("-rpc-header", "--reflect-header=a: ${HOME}", "-alts", "-format", "json", "--count", "1"),
    *("--with-meta", "-emit-defaults=0", "-user-agent", "--duration=1", "-protoset-out"),
)
SERVER_FLAGS = (
    *("--host", "--port", "--feed", "--interval", "--count", "--retain", "--start"),
    *("--progress-interval", "--\x1b"),
)
json_texts = st.recursive(
    st.sampled_from(
        ['"x"', '"\\ud800"', '"\\u0000"', "1e999", "-0", "null", "true", '"AAAA"', '"!"']
    ),
    lambda inner: (
        st.builds(lambda item: f"[{item}]", inner)
        | st.builds(
            lambda name, item: f'{{"{name}": {item}}}',
            st.sampled_from(["data", "resume_token", "resumeToken", "progressNotify", "x", "\x1b"]),
            inner,
        )
    ),
)


def told(argv: list[str]) -> Config | str:
    """What comes of the arguments: a Config, or what is said when they make no sense."""
    output, errors = io.StringIO(), io.StringIO()
    code: object = 0
    with redirect_stdout(output), redirect_stderr(errors):
        try:
            return parse(argv)
        except SystemExit as leave:
            code = leave.code
    assert (code, output.getvalue()) == (2, ""), argv
    return errors.getvalue()


def check(argv: list[str]) -> Config | str:
    outcome = told(argv)
    if isinstance(outcome, str):
        assert outcome.startswith("grpctap: ")
        assert outcome.endswith("; see --help\n")
        assert outcome[:-1].isprintable()
        assert len(outcome) < 2_100
    return outcome


@given(arguments | json_texts)
@example("{" * 100_000)
@example('{"data":' * 5_000 + "1" + "}" * 5_000)
@example('{"data": "\\ud800"}')
@example('{"data": "\udcff"}')
@example('{"resume_token": "a"}')
@example('{"data": "x", "data": "y"}')
@example('{"\x1b[2J": 1}')
@example("{" + "\x9b" * 10_000)
@example('{"data": ' + "9" * 5_000 + "}")
def test_any_request(text: str) -> None:
    outcome = check(["h:1", METHOD, f"-d={text}"])
    if isinstance(outcome, Config):
        outcome.request.SerializeToString()


@given(arguments)
@example("a: \udcff")
@example("\u0130: x")
@example("a-bin: " + "A" * 10_001)
def test_any_header(text: str) -> None:
    outcome = check(["h:1", METHOD, "-H", text])
    if isinstance(outcome, Config):
        ((name, value),) = outcome.metadata
        assert name.isascii()
        assert isinstance(value, bytes) or value.isascii()


@given(arguments | st.from_regex(r"\A[a-z]*:?/*\[?[0-9a-f.:]*\]?:[0-9]+\Z"))
@example("h:" + "9" * 5_000)
@example("h:\u0661")
@example("[" * 50 + ":1")
@example("é\u0301:1")
def test_any_address(address: str) -> None:
    outcome = check(["--plaintext", address, METHOD])
    if isinstance(outcome, Config):
        assert outcome.target.address == address
        outcome.target.channel().close()


@given(arguments | st.from_regex(r"\A(unix:)?/*[a-z%/ ]*\Z"), st.booleans())
@example("unix:", True)
@example("", True)
@example("a%zz b\x7f", True)
def test_any_socket(path: str, insecure: bool) -> None:
    outcome = check(["-unix", "--", path, METHOD, *(["-insecure"] if insecure else [])])
    if isinstance(outcome, Config):
        outcome.target.channel().close()


@given(arguments)
@example("a: ${}")
@example("a: ${HOME}")
@example("${HOME}: a")
def test_any_header_with_variables(text: str) -> None:
    words = ["h:1", METHOD, "-expand-headers", f"-reflect-header={text}"]
    names = re.findall(r"\$\{(\w+)\}", text, re.ASCII)
    if all(name in os.environ for name in names):
        check(words)


@given(
    st.sampled_from(
        [
            *("-max-time", "--max-msg-sz", "--history", "--theme", "--count", "--duration"),
            *("-user-agent", "-format", "-connect-timeout", "-keepalive-time", "-unix"),
        ]
    ),
    arguments,
)
@example("-max-msg-sz", "0x" + "f" * 5_000)
@example("-max-msg-sz", "0_0")
@example("-max-time", "-0.0")
@example("-max-time", "1e400")
@example("--history", "9" * 5_000)
@example("--history", "\u0663")
@example("--theme", "\x1b[2J")
def test_any_setting(flag: str, value: str) -> None:
    check(["h:1", METHOD, f"{flag}={value}"])


@given(st.lists(arguments | st.sampled_from(FLAGS), max_size=8))
@example(["", "--", "--"])
def test_any_words(words: list[str]) -> None:
    if not {"-h", "--help", "--version"} & set(words) and "@" not in "".join(words):
        check(words)


@given(
    st.lists(
        st.builds(
            "{}={}".format,
            st.sampled_from(SERVER_FLAGS),
            arguments | st.sampled_from(["0", "1", "counter", "1e999999", "nan", "9" * 5_000]),
        )
        | arguments,
        max_size=4,
    )
)
@example(["--start=1e999999"])
@example(["--start=-1e999999"])
@example(["--interval=1e-999999"])
@example(["\x1b[2J", "\x9b", "\udcff"])
@example(["--start=9999-12-31T23:59:59.999999-23:59"])
@example(["--start=0001-01-01T00:00:00+23:59"])
@example(["--count=" + "9" * 5_000])
def test_any_words_for_the_server(words: list[str]) -> None:
    if {"-h", "--help"} & set(words):
        return
    errors = io.StringIO()
    parser = server_cli._make_parser("grpctap serve")
    code: object = 0
    with redirect_stderr(errors):
        try:
            server_cli._make_feed(parser, parser.parse_args(words))
        except SystemExit as leave:
            code = leave.code
    if code:
        told = errors.getvalue()
        assert code == 2, words
        assert told.startswith("grpctap serve: error: ")
        assert told.endswith("; see --help\n")
        assert told[:-1].isprintable()
        assert len(told) < 4_000
