"""The tutorial's own client, which knows field 1 and nothing else, must see what it always saw."""

from support.server import ServerProcess, TutorialServer, run_tutorial_client

DATA = "stream server grpc "


def test_the_tutorials_client_gets_exactly_the_tutorials_values() -> None:
    with ServerProcess("--feed", "counter", "--count", "5") as server:
        route, *values, end = run_tutorial_client(server.port, DATA)
    assert route == {"code": 200, "value": f"hello {DATA}"}
    assert [value["stream_value"] for value in values] == [f"{DATA}{n}" for n in range(5)]
    assert end == {"status": "OK", "message": ""}


def test_the_tutorials_client_is_never_sent_a_message_without_a_value() -> None:
    """Idle for three times the interval of progress, which only those who ask for it get."""
    flags = ("--feed", "counter", "--interval", "20", "--progress-interval", "5")
    with ServerProcess(*flags) as server:
        _, *values, end = run_tutorial_client(server.port, DATA, max_seconds=15.5)
    assert [value["stream_value"] for value in values] == [f"{DATA}0"]
    progress_field = 5
    assert progress_field not in values[0]["unknown"]
    assert end["status"] == "STOPPED"


def test_the_tutorials_server_and_client_work_with_each_other() -> None:
    with TutorialServer(count=3, interval=0.01) as server:
        _, *values, end = run_tutorial_client(server.port, DATA)
    assert [(value["stream_value"], value["unknown"]) for value in values] == [
        (f"{DATA}{n}", []) for n in range(3)
    ]
    assert end["status"] == "OK"
