"""Values that want to act on a terminal, or to stand in the way of what is beside them."""

from __future__ import annotations

from grpctap_protos import server_stream_pb2 as pb

CLEAR, TITLE, PASTE = "\x1b[2J\x1b[H", "\x1b]0;owned\x07", "\x1b]52;c;b3duZWQ=\x1b\\"
# A terminal that obeyed would be another one afterwards, or would type something.
ACTING = (
    f"{CLEAR}{TITLE}{PASTE}",
    "\x1b[31mred\x1b[?1049l\x1b[?25h\x1b[?2004l\x1b[<u",
    "\x9b2J\x9d0;owned\x9c\x90q\x9c\x85\x84\x8d",
    "\x1b[6n\x1b[c\x1b]11;?\x07\x1bP$qm\x1b\\",
    "\x1bc\x1b[!p\x1b(0lqk\x0e\x1b#8",
    "\r\n\t\v\f\b\b\b\x00\x7f\x1b",
    "\u202ereversed\u202c \u2066isolated\u2069 \u200fmark",
    "line\u2028paragraph\u2029\ufeff\u00ad\u200b",
)
ODD = (
    "",
    " ",
    "\u00a0",
    "油价" * 200,
    "x油" * 200,
    "e\u0301" * 300,
    "q" + "\u0307" * 3_000,
    "\u0301" * 50 + "at the start",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 20,
    "\U0001f1e9\U0001f1ea\U0001f1e9" * 40,
    "\U0001f44d\U0001f3fd \u2764\ufe0f \u263a\ufe0e 1\ufe0f\u20e3" * 9,
    "\u1112\u1161\u11ab" * 80 + "\u1100\u1100\u1161\u11a8\u11a8",
    "\u0928\u092e\u0938\u094d\u0924\u0947 " * 30,
    "\u05e9\u05c1\u05dc\u05d5\u05dd \u0627\u0644\u0639\u064e\u0631\u064e 123",
    "\u2630\u2e3b\u3164\uffa0\u115f\u3248\U0001fae8" * 20,
    "\uff8a\uff9f\uff9d\uff76\uff78 \uff76\uff9e" * 9,
    "w" * 1_000_000,
    "\U0001f525" * 250_000,
    "\x1b" * 250_000,
)
# What no Python text can hold: broken UTF-8, a surrogate, an overlong escape, a cut character.
BROKEN = (b"\xff\xfe\x80", b"\xed\xa0\x80", b"\xc0\x9b[2J", b"\xe6\xb2", b"a\xf0\x9f\x94")


def values() -> list[bytes]:
    """All of them, in UTF-8 as far as they are text."""
    return [*(text.encode() for text in ACTING + ODD), *BROKEN]


def raw_message(sequence: int, value: bytes, number: float | None = None) -> bytes:
    """A StreamResponse with any bytes for its value."""
    message = pb.StreamResponse(
        stream_id="hostile", sequence=sequence, resume_token=b"%d" % sequence, number=number
    )
    # Its field is written by hand, since protobuf refuses what is no UTF-8.
    size, head = len(value), b"\x0a"
    while size > 0x7F:
        head += bytes((size & 0x7F | 0x80,))
        size >>= 7
    return head + bytes((size,)) + value + message.SerializeToString()
