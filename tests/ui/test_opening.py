"""From the name of a server to a stream on the screen, by keys."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import grpc
import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from grpctap.app import ViewerApp
from grpctap.core.state import State
from grpctap.opening import Opening
from grpctap.recent import RecentCalls
from grpctap.screens.pick import PickScreen
from grpctap.screens.recent import RecentScreen
from grpctap.screens.request import RequestScreen
from grpctap.screens.watch import WatchScreen
from grpctap.widgets.json_editor import JsonEditor
from grpctap.widgets.method_tree import MethodTree
from grpctap_server.feeds.price import PriceFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.methods import Handler, reflecting
from support.openings import close_all, opening, pick, picker, recents, starter, type_text
from support.protos import Protos
from support.screens import hides, lines, shows, text, until
from support.server import RunningServer, eventually
from support.taps import reader_threads

PROTO = """
syntax = "proto3"; package t;
enum Colour { RED = 0; GREEN = 1; }
message Filter { string name = 1; Filter inner = 2; }
message Ask { string data = 1; int64 count = 2; Filter filter = 3;
  oneof one { string a = 4; Colour b = 5; }
  map<string, Filter> by_name = 6; optional bool flag = 7; }
message Say { string said = 1; }
service Talk {
  rpc Upload(stream Ask) returns (Say);
  rpc Once(Ask) returns (Say);
  rpc Chat(stream Ask) returns (stream Say);
  rpc Watch(Ask) returns (stream Say);
}
service Other { rpc Follow(Ask) returns (stream Say); }
"""
PRICES = PriceFeed(Schedule(NANOSECONDS // 50, 10**6))
SECRET = "hunter2"


class Talk:
    """A server of PROTO, and what its calls were given."""

    def __init__(self) -> None:
        self.protos = Protos(PROTO)
        self.requests: list[dict[str, object]] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.over = threading.Event()

    def watch(self) -> Handler:
        def handle(request, context):  # type: ignore[no-untyped-def]
            from google.protobuf.json_format import MessageToDict

            self.requests.append(MessageToDict(request))
            self.metadata.append(dict(context.invocation_metadata()))
            yield self.protos.make("Say", said=f"you said {request.data!r}")
            while context.is_active() and not self.over.wait(0.02):
                pass

        return handle


@pytest.fixture
def talk() -> Iterator[Talk]:
    talk = Talk()
    yield talk
    talk.over.set()


@pytest.fixture
def address(talk: Talk) -> Iterator[str]:
    services = {"t.Talk": {"Watch": talk.watch()}, "t.Other": {"Follow": talk.watch()}}
    with reflecting(talk.protos, services) as address:
        yield address
        talk.over.set()


@pytest.fixture(autouse=True)
def fresh(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    yield
    eventually(lambda: not reader_threads(), "the readers end")


def app_of(start: Opening) -> ViewerApp:
    return ViewerApp(PickScreen(start))


async def to_request(pilot: Pilot[int], name: str = "Talk/Watch") -> RequestScreen:
    await pick(pilot, name)
    await until(pilot, lambda: isinstance(pilot.app.screen, RequestScreen), "the request")
    assert isinstance(pilot.app.screen, RequestScreen)
    await shows(pilot, "^s Start")
    return pilot.app.screen


async def write(pilot: Pilot[int], body: str) -> None:
    """Replaces the request by another one, key by key."""
    await pilot.press("f7", "backspace")
    await type_text(pilot, body)


async def test_a_stream_is_opened_without_a_word_of_json(talk: Talk, address: str) -> None:
    start = opening(address)
    async with app_of(start).run_test(size=(100, 30), notifications=True) as pilot:
        await to_request(pilot)
        await type_text(pilot, "hello")
        await pilot.press("ctrl+s")
        await shows(pilot, "you said 'hello'", "● LIVE", "esc Back")
        assert talk.requests == [{"data": "hello"}]
        await pilot.press("q")
    close_all(start)


async def test_the_tree_shows_what_can_be_opened_first_and_why_the_rest_cannot(
    address: str,
) -> None:
    async with picker(address).run_test(size=(100, 30), notifications=True) as pilot:
        await shows(pilot, "t.Talk", "Follow", "bidirectional: cannot be opened")
        rows = lines(pilot.app)
        talk_at = next(n for n, row in enumerate(rows) if "t.Talk" in row)
        names = ["Watch  stream of Say", "Once  a stream of one", "Upload", "Chat"]
        for offset, name in enumerate(names, 1):
            assert name in rows[talk_at + offset]
        await type_text(pilot, "upload")
        await shows(pilot, "takes a stream of requests")
        await hides(pilot, "Follow", "⏎ Open")
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, PickScreen)
        await pilot.press("escape")
        await shows(pilot, "Follow", "type to filter")


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("watch", ["Watch"]),
        ("t.other", ["Follow"]),
        ("talk on", ["Once"]),
        ("tlkup", ["Upload"]),
        ("zzz", []),
    ],
)
async def test_the_filter_works_while_one_types(address: str, words: str, left: list[str]) -> None:
    async with picker(address).run_test(size=(100, 30), notifications=True) as pilot:
        await shows(pilot, "t.Talk", "Follow")
        await type_text(pilot, words)

        def names() -> list[str]:
            tree = pilot.app.screen.query_one(MethodTree)
            return [
                str(leaf.label).split()[0] for node in tree.root.children for leaf in node.children
            ]

        await until(pilot, lambda: names() == left, f"only {left}")
        if not left:
            await shows(pilot, "no method matches")


async def test_keys_move_through_the_tree_while_the_filter_has_the_focus(address: str) -> None:
    async with picker(address).run_test(size=(100, 30), notifications=True) as pilot:
        await shows(pilot, "t.Other/Follow (t.Ask) → stream t.Say")
        await pilot.press("down", "down")
        await shows(pilot, "t.Talk/Watch (t.Ask) → stream t.Say")
        await pilot.press("up")
        await shows(pilot, "t.Talk: 4 methods")
        await pilot.press("down", "enter")
        await shows(pilot, "^s Start")


async def test_a_server_that_does_not_answer_can_be_asked_again() -> None:
    with RunningServer(PRICES, with_reflection=True) as server:
        port = server.port
    async with picker(f"127.0.0.1:{port}").run_test(size=(80, 24)) as pilot:
        await shows(pilot, "asked what it serves", "Nothing listens at", "ctrl+r to ask again")
        with RunningServer(PRICES, with_reflection=True, port=port):
            await pilot.press("ctrl+r")
            await shows(pilot, "ListValue  stream of StreamResponse")


async def test_a_server_without_reflection_says_so() -> None:
    with RunningServer(PRICES) as server:
        async with picker(server.address).run_test(size=(80, 24)) as pilot:
            await shows(pilot, "reflection", "^r Ask again", "^q Quit")


async def test_our_own_method_is_watched_with_all_that_the_viewer_knows_of_it() -> None:
    with RunningServer(PRICES, with_reflection=True) as server:
        start = opening(server.address)
        async with app_of(start).run_test(size=(100, 30), notifications=True) as pilot:
            await to_request(pilot, "ListValue")
            await type_text(pilot, "n ")
            await pilot.press("f5")
            await shows(pilot, "● LIVE")
            await pilot.press("space")
            await shows(pilot, "PAUSED")
            await pilot.press("space")
            await hides(pilot, "PAUSED")
        close_all(start)


async def test_nothing_typed_is_lost_on_the_way(talk: Talk, address: str) -> None:
    start = opening(address)
    async with app_of(start).run_test(size=(100, 30), notifications=True) as pilot:
        screen = await to_request(pilot)
        await type_text(pilot, "one")
        await pilot.press("ctrl+n")
        await type_text(pilot, "trace-id")
        await pilot.press("tab")
        await type_text(pilot, "77")
        await pilot.press("tab")
        await type_text(pilot, "60")
        written = screen.draft
        assert (written.metadata, written.deadline) == ((("trace-id", "77"),), "60")
        await pilot.press("ctrl+j")
        await shows(pilot, "you said 'one'")
        assert talk.metadata[0]["trace-id"] == "77"
        assert start.last is not None
        tap = start.last.tap
        await pilot.press("escape")
        await shows(pilot, "^s Start", '"data": "one"', "trace-id", "77", "60")
        assert pilot.app.screen is screen
        assert screen.draft == written
        await until(pilot, lambda: tap.state is State.STOPPED, "the call is cancelled")

        await pilot.press("escape")
        await shows(pilot, "esc Clear filter")
        await pilot.press("escape")
        await to_request(pilot, "Follow")
        # Another method begins anew, but for what tells the server who calls.
        await shows(pilot, '"data": ""', "trace-id", "60")
        await pilot.press("escape", "escape")
        await to_request(pilot)
        await shows(pilot, '"data": "one"')
    close_all(start)


async def test_mistakes_are_marked_as_one_types(address: str) -> None:
    async with picker(address).run_test(size=(100, 30), notifications=True) as pilot:
        screen = await to_request(pilot)
        editor = screen.query_one(JsonEditor)
        await write(pilot, '{"data": 1}')
        await shows(pilot, "✗ data: this is no string")
        assert editor.fault == (9, 10)
        await pilot.press("ctrl+s")
        await shows(pilot, "Not started")
        assert editor.cursor_location == (0, 9)
        assert isinstance(pilot.app.screen, RequestScreen)
        await write(pilot, '{"dat')
        await shows(pilot, "✗ line 1, column 2")
        await write(pilot, '{"dat": 1}')
        await shows(pilot, '✗ Ask has no field "dat"; did you mean data?')
        assert editor.fault == (1, 6)
        await write(pilot, '{"data": "1"}')
        await hides(pilot, "✗")
        assert editor.fault is None


async def test_a_field_is_filled_in_by_a_key(talk: Talk, address: str) -> None:
    start = opening(address)
    async with app_of(start).run_test(size=(100, 30), notifications=True) as pilot:
        screen = await to_request(pilot)
        await pilot.press("down", "down")
        await shows(pilot, '"filter": null', "^o Fill in")
        await pilot.press("ctrl+o")
        await shows(pilot, '"inner": null', "t.Filter")
        await type_text(pilot, "deep")
        await pilot.press("down", "ctrl+o")
        await until(pilot, lambda: screen.draft.body.count('"inner"') == 2, "the next one")
        await pilot.press("ctrl+s")
        await shows(pilot, "● LIVE")
        assert talk.requests == [{"filter": {"name": "deep", "inner": {}}}]
    close_all(start)


async def test_a_new_line_begins_where_it_belongs(address: str) -> None:
    async with picker(address).run_test(size=(100, 30), notifications=True) as pilot:
        screen = await to_request(pilot)
        await write(pilot, '{\n"filter":{\n"name":"x"')
        assert screen.draft.body == '{\n  "filter":{\n    "name":"x"'


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("a b", "x", "a metadata name holds letters"),
        ("grpc-x", "x", "belong to gRPC itself"),
        ("x-bin", "!", "wants its value in base64"),
    ],
)
async def test_bad_metadata_is_told_and_starts_nothing(
    address: str, name: str, value: str, said: str
) -> None:
    async with picker(address).run_test(size=(100, 30), notifications=True) as pilot:
        await to_request(pilot)
        await pilot.press("ctrl+n")
        await type_text(pilot, name)
        await pilot.press("tab")
        await type_text(pilot, value)
        await shows(pilot, said)
        await pilot.press("ctrl+s")
        await shows(pilot, "Not started")
        assert isinstance(pilot.app.screen, RequestScreen)
        await pilot.press("ctrl+r")
        await hides(pilot, said + " ", name)


async def test_a_bad_deadline_is_told(address: str) -> None:
    async with picker(address).run_test(size=(100, 30), notifications=True) as pilot:
        await to_request(pilot)
        await pilot.press("tab")
        await type_text(pilot, "soon")
        await shows(pilot, "the deadline is a number of seconds above 0")


async def test_a_secret_is_hidden_but_for_who_edits_it(address: str) -> None:
    header = f"authorization: Bearer {SECRET}"
    start = opening(address, "-H", header)
    async with app_of(start).run_test(size=(100, 30), notifications=True) as pilot:
        await to_request(pilot)
        await shows(pilot, "authorization", "•••")
        assert SECRET not in text(pilot.app)
        await pilot.press("tab", "tab")
        await shows(pilot, SECRET)
        await pilot.press("tab")
        await hides(pilot, SECRET)
        await pilot.press("ctrl+g")
        await shows(pilot, "Copied as grpcurl")
        assert pilot.app.clipboard == (
            "grpcurl -plaintext -expand-headers -H 'authorization: Bearer ${AUTHORIZATION}' "
            f"-d '{{}}' {address} t.Talk/Watch"
        )
        await pilot.press("ctrl+s")
        await shows(pilot, "● LIVE")
        await pilot.press("y")
        assert SECRET not in pilot.app.clipboard
    close_all(start)
    kept = RecentCalls().path.read_text()
    assert SECRET not in kept
    assert json.loads(kept)["metadata"] == ["authorization"]


async def test_the_palette_copies_as_grpcurl_too(address: str) -> None:
    async with picker(address).run_test(size=(100, 30), notifications=True) as pilot:
        await to_request(pilot)
        await pilot.press("ctrl+p")
        await type_text(pilot, "copy as")
        await shows(pilot, "Put the call on the clipboard")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.clipboard.startswith("grpcurl -pl"), "the command")


async def test_a_recent_call_is_opened_again(talk: Talk, address: str) -> None:
    start = opening(address)
    async with app_of(start).run_test(size=(100, 30), notifications=True) as pilot:
        await to_request(pilot)
        await type_text(pilot, "again")
        await pilot.press("ctrl+s")
        await shows(pilot, "you said 'again'")
    close_all(start)

    begin = starter()
    async with ViewerApp(RecentScreen(begin)).run_test(size=(100, 30), notifications=True) as pilot:
        await shows(pilot, "t.Talk/Watch", address, '"data": "again"', "-plaintext")
        await pilot.press("enter")
        await shows(pilot, "^s Start", '"data": "again"')
        await pilot.press("escape")
        await shows(pilot, "Follow")
        await pilot.press("escape")
        await shows(pilot, "^o Open at once")
        await pilot.press("ctrl+o")
        await shows(pilot, "you said 'again'")
        assert len(talk.requests) == 2
        await pilot.press("escape", "escape", "escape")
        await shows(pilot, "^o Open at once")
        await pilot.press("delete")
        await shows(pilot, "There are no recent calls yet")
    close_all(begin)
    assert RecentCalls().read().calls == ()


async def test_values_that_were_not_kept_are_asked_for(talk: Talk, address: str) -> None:
    start = opening(address, "-H", f"authorization: {SECRET}", "-H", "x-bin: AQ==")
    async with app_of(start).run_test(size=(100, 30), notifications=True) as pilot:
        await to_request(pilot)
        await pilot.press("ctrl+s")
        await shows(pilot, "● LIVE")
    close_all(start)

    begin = starter()
    async with ViewerApp(RecentScreen(begin)).run_test(size=(100, 30), notifications=True) as pilot:
        await shows(pilot, "t.Talk/Watch", "authorization: …")
        await pilot.press("ctrl+o")
        await shows(pilot, "Metadata of this call", "x-bin")
        await type_text(pilot, "new")
        assert "new" not in text(pilot.app)
        await pilot.press("enter")
        await type_text(pilot, "!")
        await pilot.press("enter")
        await shows(pilot, "wants its value in base64")
        await pilot.press("backspace")
        await type_text(pilot, "Ag==")
        await pilot.press("enter")
        await shows(pilot, "● LIVE")
        assert talk.metadata[-1]["authorization"] == "new"
        assert talk.metadata[-1]["x-bin"] == b"\x02"
    close_all(begin)


async def test_a_server_is_named_where_there_is_no_recent_call(address: str) -> None:
    async with recents().run_test(size=(80, 24)) as pilot:
        await shows(pilot, "There are no recent calls yet", "grpctap demo")
        await type_text(pilot, "nothing")
        await pilot.press("enter")
        await shows(pilot, "nothing is no HOST:PORT")
        await pilot.press("escape")
        await hides(pilot, "nothing is no")
        await type_text(pilot, f"-plaintext {address}")
        await pilot.press("enter")
        await shows(pilot, "Follow")
        await pilot.press("escape")
        await shows(pilot, "recent calls")


@pytest.mark.parametrize(
    "words", ["--help", "--version", "-nope h:1", "h:1 a.B/C", "'", "--history x h:1"]
)
async def test_what_cannot_be_opened_is_said_on_the_screen(words: str) -> None:
    async with recents().run_test(size=(80, 24)) as pilot:
        screen = pilot.app.screen
        await shows(pilot, "HOST:PORT of a server")
        await type_text(pilot, words)
        await pilot.press("enter")
        await until(pilot, lambda: screen.query_one("#note").display, "a note")
        assert pilot.app.screen is screen


async def test_a_call_whose_method_is_gone_leads_to_the_tree(talk: Talk, address: str) -> None:
    recent = starter().recent
    assert recent is not None
    from grpctap.recent import RecentCall

    recent.add(RecentCall(address, "t.Talk/Gone", ("-plaintext",)))
    async with recents().run_test(size=(100, 30), notifications=True) as pilot:
        await shows(pilot, "t.Talk/Gone")
        await pilot.press("enter")
        await shows(pilot, 'has no method "Gone"', "Follow")


async def test_with_no_recent_nothing_is_kept(address: str) -> None:
    start = opening(address, "--no-recent")
    async with app_of(start).run_test(size=(100, 30), notifications=True) as pilot:
        await to_request(pilot)
        await pilot.press("ctrl+s")
        await shows(pilot, "● LIVE")
    close_all(start)
    assert not RecentCalls().path.exists()


async def test_a_failed_call_stands_where_it_can_be_mended(address: str) -> None:
    start = opening(address)
    async with app_of(start).run_test(size=(100, 30), notifications=True) as pilot:
        await to_request(pilot, "Once")
        await pilot.press("ctrl+s")
        await shows(pilot, "Failed: UNIMPLEMENTED", "esc Back")
        assert isinstance(pilot.app.screen, WatchScreen)
        await pilot.press("escape")
        await shows(pilot, "^s Start")
    close_all(start)
    assert grpc.StatusCode.UNIMPLEMENTED.value[0] == 12


async def test_what_is_pasted_cannot_act_on_the_terminal(address: str) -> None:
    async with picker(address).run_test(size=(100, 30)) as pilot:
        screen = await to_request(pilot)
        hostile = "a\x1b[31mb\x07c\u202ed"
        screen.query_one(JsonEditor).insert(hostile)
        await shows(pilot, "a␛[31mb␇c\ufffdd", "✗ line 2")
        assert not set(text(pilot.app)) & {"\x1b", "\x07", "\u202e"}
        assert hostile in screen.draft.body
        await pilot.press("ctrl+n")
        for field in screen.query(Input):
            field.focus()
            field.post_message(events.Paste(hostile))
            await pilot.pause()
        await shows(pilot, "31mb")
        assert not set(text(pilot.app)) & {"\x1b", "\x07", "\u202e"}


async def test_what_is_typed_at_once_goes_where_each_key_leads(talk: Talk, address: str) -> None:
    start = opening(address)
    app = app_of(start)
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await to_request(pilot)
        body = screen.draft.body
        for key in ("ctrl+n", "x", "-", "a", "tab", "v", "1", "tab", "9", "ctrl+s"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: isinstance(app.screen, WatchScreen), "the stream")
        assert screen.draft.body == body
        assert screen.draft.metadata == (("x-a", "v1"),)
        assert screen.draft.deadline == "9"
    close_all(start)
