"""Hostile servers in a terminal that draws: every cell stands where it should."""

from __future__ import annotations

import json
import re
import sys

import pytest
from wcwidth import wcswidth

from grpctap.core.text import printable
from grpctap.widgets.lines import fit
from support import hostile
from support.emulator import Emulator
from support.puppet import Puppet, price_message, refusal
from support.server import RunningServer, eventually
from support.taps import raw_server

METHOD = "proto.StreamServer/ListValue"
GRPCTAP = (sys.executable, "-m", "grpctap")
ROW = re.compile(r"[▸ ] *#(\d+)  \d\d:\d\d:\d\d\.\d\d\d   ")
VALUES = hostile.values()
MESSAGES = [hostile.raw_message(n, value) for n, value in enumerate(VALUES, 1)]


def check(terminal: Emulator) -> list[str]:
    """All rows, each of which must fill its cells, whatever stands in them."""
    rows = terminal.cells
    for row in rows:
        for x, character in enumerate(row):
            width = wcswidth(character) if character else 0
            following = row[x + 1] if x + 1 < len(row) else " "
            assert (width == 2) == (following == ""), "".join(row)
    return ["".join(row) for row in rows]


def log_rows(terminal: Emulator) -> dict[int, str]:
    """The rows of the log on the screen, each by its number, with what is right of the time."""
    found = {}
    for row in check(terminal):
        if match := ROW.match(row):
            found[int(match[1])] = row[match.end() :]
    return found


def await_first(terminal: Emulator, number: int) -> None:
    eventually(lambda: min(log_rows(terminal), default=0) == number, f"#{number} is the first row")


@pytest.mark.parametrize(
    ("columns", "rows", "keys_take_two_rows"),
    [(80, 24, True), (120, 40, False), (50, 12, False)],
)
def test_each_value_stands_in_its_row_and_the_thumb_in_its_column(
    columns: int, rows: int, *, keys_take_two_rows: bool
) -> None:
    with raw_server(MESSAGES) as address:
        command = (*GRPCTAP, "-plaintext", address, METHOD)
        with Emulator(command, columns=columns, rows=rows) as terminal:
            terminal.shows(f"#{len(VALUES)} ")
            terminal.write(b"C")
            terminal.until(lambda lines: lines[1].lstrip().startswith("#"), "the chart is gone")
            seen: dict[int, str] = {}
            terminal.write(b"\x1b[H")
            # Without the chart, all rows but the title, the status and the keys are the log's; the
            # last of them scrolls.
            await_first(terminal, 1)
            log = rows - (4 if keys_take_two_rows else 3)
            terminal.write(b"\x1b[B" * (min(log, len(VALUES)) - 1))
            for first in range(1, max(len(VALUES) - log, 0) + 2):
                await_first(terminal, first)
                now = log_rows(terminal)
                # One above the other, none torn and none left over.
                assert list(now) == list(range(first, min(first + log, len(VALUES) + 1)))
                assert {row[-1] for row in now.values()} <= {"┃", " "}
                seen |= now
                terminal.write(b"\x1b[B")
            assert sorted(seen) == list(range(1, len(VALUES) + 1))
            for number, shown in seen.items():
                text = VALUES[number - 1].decode(errors="replace")
                room = wcswidth(shown) - 1
                fitted = fit(printable(text), room)
                assert shown[:-1] == fitted + " " * (room - wcswidth(fitted))
            terminal.write(b"q")
            assert terminal.wait() == 0
            assert terminal.modes.clean
            assert terminal.cooked
            assert terminal.modes.titles == 0


def test_what_lies_over_hostile_values_has_straight_edges() -> None:
    with raw_server(MESSAGES) as address:
        with Emulator((*GRPCTAP, "-plaintext", address, METHOD)) as terminal:
            terminal.shows(f"#{len(VALUES)} ")
            terminal.write(b"\x1b[H?")
            terminal.shows("─ Keys", "FROZEN")
            rows = check(terminal)
            top = next(y for y, row in enumerate(rows) if "╭─ Keys" in row)
            bottom = next(y for y, row in enumerate(rows) if "╰" in row)
            cells = terminal.cells
            left, right = cells[top].index("╭"), cells[top].index("╮")
            assert (cells[bottom][left], cells[bottom][right]) == ("╰", "╯")
            for row in cells[top + 1 : bottom]:
                assert (row[left], row[right]) == ("│", "│")


def test_an_error_is_harmless_on_the_screen_and_behind_it() -> None:
    value = "".join(hostile.ACTING)
    puppet = Puppet()
    with RunningServer(puppet) as server:
        with Emulator((*GRPCTAP, "-plaintext", server.address, METHOD)) as terminal:
            puppet.await_call(1)
            puppet.send(price_message(1))
            puppet.send(refusal(5, value, value, first_sequence=value))
            terminal.shows("Failed: NOT_FOUND (5): ", "The server does not have")
            assert any(printable(value)[:20] in row for row in check(terminal))
            terminal.write(b"q")
            assert terminal.wait() == 64 + 5
            assert terminal.modes.clean
            assert terminal.modes.titles == 0
            assert "1 value in" in terminal.lines[0]


def test_json_lines_are_harmless_on_a_terminal() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server:
        script = f'exec "$0" -m grpctap -plaintext {server.address} {METHOD} </dev/null'
        with Emulator(("sh", "-c", script, sys.executable), columns=1_000) as terminal:
            puppet.await_call(1)
            puppet.send(*(price_message(n, text) for n, text in enumerate(hostile.ACTING, 1)))
            puppet.send(refusal(5, "".join(hostile.ACTING)))
            assert terminal.wait() == 64 + 5
            *messages, error = terminal.raw.decode().replace("\r\n", "\n").splitlines()
            assert [json.loads(line)["streamValue"] for line in messages] == list(hostile.ACTING)
            assert error.startswith("grpctap: NOT_FOUND (5): ")
            assert all(line.isprintable() for line in (*messages, error))
            assert terminal.modes.clean
