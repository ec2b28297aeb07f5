"""The viewer without a call: the picker on a server, and the recent calls."""

from __future__ import annotations

from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.cli import base_config
from grpctap.flags import viewer_parser
from grpctap.opening import Opening
from grpctap.screens.pick import PickScreen
from grpctap.screens.recent import RecentScreen
from grpctap.starter import Starter
from support.screens import shows


def starter(*words: str) -> Starter:
    """What `grpctap` begins with, given these words."""
    parser = viewer_parser()
    return Starter(parser, parser.read(words), base_config)


def opening(address: str, *words: str) -> Opening:
    """What `grpctap -plaintext ADDRESS` begins with, given these words as well."""
    parser = viewer_parser()
    args = parser.read(["-plaintext", *words, address])
    return Starter(parser, args, base_config).opening(args)


def picker(address: str, *words: str) -> ViewerApp:
    """The app of `grpctap -plaintext ADDRESS`."""
    return ViewerApp(PickScreen(opening(address, *words)))


def recents(*words: str) -> ViewerApp:
    """The app of `grpctap`."""
    return ViewerApp(RecentScreen(starter(*words)))


async def type_text(pilot: Pilot[int], text: str) -> None:
    """Types a text, a key after the other."""
    names = {" ": "space", "\n": "enter", '"': "quotation_mark", "{": "left_curly_bracket"}
    names |= {"}": "right_curly_bracket", ":": "colon", ".": "full_stop", "-": "minus"}
    await pilot.press(*(names.get(letter, letter) for letter in text))


async def pick(pilot: Pilot[int], name: str) -> None:
    """Types a part of a method's name in the picker, and opens what matches first."""
    await type_text(pilot, name)
    await shows(pilot, name, "Open")
    await pilot.press("enter")


def close_all(*starts: Starter | Opening) -> None:
    """Ends the streams that were opened."""
    for start in starts:
        if start.last is not None:
            start.last.close()
