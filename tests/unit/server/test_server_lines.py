"""Lines in memory: cut out of bytes, kept within bounds, numbered without holes."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap_server.feeds.keptlines import KeptLines
from grpctap_server.feeds.lines import LinesLog, number_in
from grpctap_server.feeds.splitting import LONGEST_LINE, LineSplitter

PLENTY = 1 << 30
CHARACTERS = "aé€😀"


def split(*chunks: bytes) -> list[bytes]:
    splitter = LineSplitter()
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return lines + splitter.finish()


def cuts(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]


@given(
    st.lists(st.sampled_from([b"", b"x", b"a b", b"\r", b"\n", b"\r\n", b"\xff\xfe"])),
    st.lists(st.integers(0, 100), max_size=10),
)
def test_lines_are_the_same_wherever_the_bytes_are_cut(parts: list[bytes], at: list[int]) -> None:
    data = b"".join(parts)
    whole = data.split(b"\n")
    if not whole[-1]:
        whole.pop()
    assert split(*cuts(data, at)) == [line.removesuffix(b"\r") for line in whole]


@pytest.mark.parametrize("size", [1 << 10, 1 << 16, LONGEST_LINE, 5 * LONGEST_LINE])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("character", CHARACTERS)
def test_a_line_too_long_comes_in_pieces_that_have_all_of_it(
    size: int, end: bytes, character: str
) -> None:
    line = character.encode() * (3 * LONGEST_LINE // 2 // len(character.encode()))
    data = line + end + b"next"
    pieces = split(*(data[n : n + size] for n in range(0, len(data), size)))
    if end:
        assert pieces.pop() == b"next"
    else:
        line += b"next"
    assert b"".join(pieces) == line
    assert len(pieces) == 2
    for piece in pieces:
        assert len(piece) <= LONGEST_LINE
        assert "\ufffd" not in piece.decode(errors="replace")


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_just_as_long_as_allowed_stays_whole(end: bytes) -> None:
    line = b"x" * LONGEST_LINE
    assert split(*cuts(line + end, [LONGEST_LINE, LONGEST_LINE + 1])) == [line]


def test_what_is_no_text_at_all_is_cut_too() -> None:
    line = b"\x80" * (2 * LONGEST_LINE)
    assert [len(piece) for piece in split(line)] == [LONGEST_LINE, LONGEST_LINE]


@given(
    st.integers(1, 12),
    st.integers(64, 600),
    st.lists(st.lists(st.binary(max_size=40), max_size=15), max_size=15),
    st.integers(0, 100),
    st.integers(1, 20),
)
def test_what_is_kept_is_the_newest_within_bounds(
    retain: int, most: int, batches: list[list[bytes]], after: int, limit: int
) -> None:
    kept = KeptLines(retain, most)
    everything: list[tuple[int, bytes, int]] = []
    for moment, batch in enumerate(batches):
        kept.append(batch, moment)
        everything += [(len(everything) + n, line, moment) for n, line in enumerate(batch, 1)]
        first, newest = kept.span()
        assert newest == kept.newest == len(everything)
        here = everything[first - 1 :]
        assert len(here) <= retain
        assert sum(64 + len(line) for _, line, _ in here) <= most or len(here) == 1
        # No more went than had to, but for what a batch larger than all pushed out by itself.
        room = len(here) < retain and first > 1
        if room and len(batch) <= retain:
            assert sum(64 + len(line) for _, line, _ in everything[first - 2 :]) > most
        expected = [row for row in here if row[0] > after][:limit]
        assert kept.read(after, limit, PLENTY) == expected
        some = kept.read(after, limit, 50)
        assert some == expected[: len(some)]
        assert len(some) >= min(1, len(expected))
        assert sum(len(line) for _, line, _ in some) <= 50 or len(some) == 1


def test_of_many_times_what_is_kept_nothing_else_stays() -> None:
    kept = KeptLines(1000, PLENTY)
    for n in range(1000):
        kept.append([b"%d" % (n * 100 + k) for k in range(100)], n)
    assert kept.span() == (99_001, 100_000)
    rows = kept.read(0, 5000, PLENTY)
    assert rows[0] == (99_001, b"99000", 990)
    assert rows[-1] == (100_000, b"99999", 999)
    assert len(rows) == 1000


@pytest.mark.parametrize(
    ("text", "column", "number"),
    [
        ("78.42", None, 78.42),
        (" -1e3 ", None, -1000.0),
        ("7", None, 7.0),
        ("WTI 78.42", None, None),
        ("WTI 78.42", 2, 78.42),
        ("  WTI\t 78.42 x", 2, 78.42),
        ("WTI 78.42", 1, None),
        ("WTI 78.42", 3, None),
        ("", None, None),
        ("", 1, None),
        ("nan", None, None),
        ("-inf", None, None),
        ("1e999", None, None),
        ("1_000", None, None),
        ("١٢", None, None),
        ("9" * 65, None, None),
        ("12%", None, None),
    ],
)
def test_a_number_is_the_whole_line_or_its_column(
    text: str, column: int | None, number: float | None
) -> None:
    assert number_in(text, column) == number


async def test_those_who_wait_wake_for_a_line_and_for_the_end() -> None:
    log = LinesLog(10)
    async with asyncio.timeout(20):
        waits = [asyncio.create_task(log.wait(0)) for _ in range(3)]
        await asyncio.sleep(0)
        threading.Thread(target=log.append, args=([b"one"],)).start()
        await asyncio.gather(*waits)
        assert log.bounds().final is None
        waits = [asyncio.create_task(log.wait(1)) for _ in range(3)]
        await asyncio.sleep(0)
        threading.Thread(target=log.end).start()
        await asyncio.gather(*waits)
    bounds = log.bounds()
    assert (bounds.first, bounds.newest, bounds.final, bounds.horizon) == (1, 1, 1, 1)


async def test_no_line_is_slept_over_however_fast_they_come() -> None:
    log = LinesLog(1_000_000)
    count = 20_000

    def write() -> None:
        for n in range(count):
            log.append([b"%d" % n])
        log.end()

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[int] = []
    async with asyncio.timeout(60):
        while log.bounds().final != len(seen):
            await log.wait(len(seen))
            seen += [int(item.text) for item in log.read(len(seen), 100)]
    writer.join()
    assert seen == list(range(count))


def test_two_processes_never_share_a_numbering() -> None:
    assert LinesLog(1).stream_id != LinesLog(1).stream_id
