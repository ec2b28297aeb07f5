"""A JetStream stream as a feed, with a real NATS server that is killed, trimmed and emptied."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from grpctap_protos import server_stream_pb2 as pb
from grpctap_server import tokens
from grpctap_server.feeds.nats import NatsFeed
from grpctap_server.jetstream.address import parse_address
from grpctap_server.jetstream.broker import BrokerError
from grpctap_server.jetstream.broker import connect as connect_broker
from grpctap_server.jetstream.consumer import fetch
from support.client import Client, connect
from support.nats import Admin, NatsServer
from support.server import PATIENCE_S, RunningServer, ServerProcess, eventually


def serving(broker: NatsServer, stream: str = "S") -> RunningServer:
    return RunningServer(NatsFeed(parse_address(broker.url(stream))), progress_interval=0.1)


def token_at(client: Client, sequence: int, data: str = "") -> bytes:
    """A token that stands at a sequence of the log that there is now."""
    call = client.open(data, progress=True)
    token = tokens.decode(next(call).resume_token)
    call.cancel()
    return tokens.encode(token._replace(sequence=sequence))


def sequences(messages: list[pb.StreamResponse]) -> list[int]:
    return [message.sequence for message in messages]


def next_value(call: Any) -> pb.StreamResponse:
    """The next message of a call that is no progress."""
    while True:
        message = next(call)
        assert isinstance(message, pb.StreamResponse)
        if not message.progress:
            return message


def test_a_message_is_a_value_with_its_number_and_time(broker: NatsServer, admin: Admin) -> None:
    admin.create()
    admin.publish(["before"])
    with serving(broker) as server, connect(server.address) as client:
        call = client.open("WTI ", progress=True)
        assert next(call).sequence == 1
        admin.publish(["71.25", "n/a", b"\xff\x00", ""])
        got = [next_value(call) for _ in range(4)]
        call.cancel()
        stored = admin.message(2)["time"]
    assert sequences(got) == [2, 3, 4, 5]
    assert [m.stream_value for m in got] == ["WTI 71.25", "WTI n/a", "WTI \ufffd\0", "WTI "]
    assert [m.number if m.HasField("number") else None for m in got] == [71.25, None, None, None]
    assert len({m.stream_id for m in got}) == 1
    assert got[0].event_time.ToJsonString()[:26] == stored[:26]


def test_a_call_reads_back_to_the_first_value_and_goes_on_live(
    broker: NatsServer, admin: Admin
) -> None:
    admin.create()
    admin.publish(str(n) for n in range(1, 1501))
    with serving(broker) as server, connect(server.address) as client:
        call = client.open("", token_at(client, 0))
        got = [int(m.stream_value) for m in islice(call, 1500)]
        admin.publish(["1501"])
        got.append(int(next(call).stream_value))
        call.cancel()
        # Another call at the same place needs nothing of the broker.
        assert sequences(client.take(1501, "", token_at(client, 0))) == list(range(1, 1502))
    assert got == list(range(1, 1502))
    # The cursors are taken down again.
    eventually(lambda: len(admin.consumers()) == 0, "no consumers are left")


def test_numbers_of_deleted_messages_are_left_out(broker: NatsServer, admin: Admin) -> None:
    admin.create()
    admin.publish(str(n) for n in range(1, 1301))
    # One among the newest, one among the oldest, and many in a row.
    gone = [3, 1290, *range(520, 1000)]
    admin.remove(*gone)
    with serving(broker) as server, connect(server.address) as client:
        call = client.open("", token_at(client, 0))
        got = sequences(list(islice(call, 1300 - len(gone))))
        admin.publish(["live"])
        assert next(call).sequence == 1301
        call.cancel()
    assert got == [n for n in range(1, 1301) if n not in gone]


def test_a_stream_whose_newest_messages_were_all_deleted_goes_on(
    broker: NatsServer, admin: Admin
) -> None:
    admin.create()
    # More than a server reads ahead.
    admin.publish(str(n) for n in range(1, 561))
    admin.remove(*range(11, 561))
    with serving(broker) as server, connect(server.address) as client:
        call = client.open("", token_at(client, 0))
        got = sequences(list(islice(call, 10)))
        admin.publish(["live"])
        got.append(next(call).sequence)
        call.cancel()
    assert got == [*range(1, 11), 561]


def test_positions_outside_of_the_stream_are_refused(broker: NatsServer, admin: Admin) -> None:
    admin.create(max_msgs=10)
    admin.publish(str(n) for n in range(30))
    with serving(broker) as server, connect(server.address) as client:
        code, info = client.refusal("", token_at(client, 31))
        assert (code, info.reason) == (grpc.StatusCode.OUT_OF_RANGE, "TOKEN_AHEAD")
        code, info = client.refusal("", token_at(client, 19))
        assert (code, info.reason) == (grpc.StatusCode.OUT_OF_RANGE, "TOKEN_EXPIRED")
        assert (info.metadata["first_sequence"], info.metadata["newest_sequence"]) == ("21", "30")
        assert sequences(client.take(10, "", token_at(client, 20))) == list(range(21, 31))
        oldest = token_at(client, tokens.OLDEST)
        assert sequences(client.take(10, "", oldest)) == list(range(21, 31))


def test_calls_wait_through_the_death_of_the_broker(broker: NatsServer, admin: Admin) -> None:
    admin.create()
    with serving(broker) as server, connect(server.address) as client:
        call = client.open("", progress=True)
        assert next(call).progress
        admin.publish(["1"])
        assert next_value(call).sequence == 1
        token = token_at(client, 1)
        broker.kill()

        def refused() -> bool:
            fresh = client.open("", token)
            _, code, info = client.end(fresh)
            assert (code, info.reason) == (grpc.StatusCode.UNAVAILABLE, "SOURCE_UNAVAILABLE")
            assert broker.host not in fresh.details()
            return True

        assert refused()
        # Signs of life go on.
        assert all(next(call).progress for _ in range(3))
        broker.start()
        admin.publish(["2", "3"])
        assert [next_value(call).sequence for _ in range(2)] == [2, 3]
        call.cancel()
        assert sequences(client.take(2, "", token)) == [2, 3]


def test_a_broker_that_is_stopped_for_a_while_loses_nothing(
    broker: NatsServer, admin: Admin
) -> None:
    admin.create()
    with serving(broker) as server, connect(server.address) as client:
        call = client.open("", progress=True)
        next(call)
        admin.publish(["1"])
        assert next_value(call).sequence == 1
        broker.send_signal(signal.SIGSTOP)
        assert all(next(call).progress for _ in range(5))
        broker.send_signal(signal.SIGCONT)
        admin.publish(["2"])
        assert next_value(call).sequence == 2
        call.cancel()


def test_a_consumer_that_somebody_deletes_is_made_anew(broker: NatsServer, admin: Admin) -> None:
    admin.create()
    with serving(broker) as server, connect(server.address) as client:
        call = client.open("", progress=True)
        next(call)
        admin.publish(["1"])
        assert next_value(call).sequence == 1
        for name in admin.consumers():
            admin.delete_consumer(name)
        admin.publish(["2"])
        assert next_value(call).sequence == 2
        call.cancel()


def test_a_stream_that_is_emptied_tells_a_viewer_that_comes_back(
    broker: NatsServer, admin: Admin
) -> None:
    admin.create()
    admin.publish(str(n) for n in range(20))
    with serving(broker) as server, connect(server.address) as client:
        paused = token_at(client, 10)
        live = client.open("", progress=True)
        next(live)
        admin.purge()
        code, info = client.refusal("", paused)
        assert (code, info.reason) == (grpc.StatusCode.OUT_OF_RANGE, "TOKEN_EXPIRED")
        assert info.metadata["first_sequence"] == "21"
        # Who was at the end has lost nothing.
        admin.publish(["20"])
        assert next_value(live).sequence == 21
        live.cancel()


def test_a_stream_that_is_trimmed_under_a_call_ends_it(broker: NatsServer, admin: Admin) -> None:
    admin.create()
    # So large that they can be neither on their way already, nor all in the server's memory.
    admin.publish(f"{n} ".ljust(20_000, "x") for n in range(1500))
    with serving(broker) as server, connect(server.address) as client:
        call = client.open("", token_at(client, 0))
        assert next(call).sequence == 1
        admin.purge(keep=1)
        rest, code, info = client.end(call)
        assert (code, info.reason) == (grpc.StatusCode.ABORTED, "SLOW_CONSUMER")
        last = rest[-1].sequence if rest else 1
        assert sequences(rest) == list(range(2, last + 1))
        assert info.metadata["last_sequence"] == str(last)
        assert info.metadata["first_sequence"] == "1500"


def test_a_stream_that_is_made_again_is_another(broker: NatsServer, admin: Admin) -> None:
    admin.create()
    admin.publish(["1", "2"])
    with serving(broker) as server, connect(server.address) as client:
        token = token_at(client, 1)
        call = client.open("", token)
        first = next(call)
        admin.delete()
        _, code, info = client.end(call)
        assert (code, info.reason) == (grpc.StatusCode.UNAVAILABLE, "SOURCE_UNAVAILABLE")
        _, code, info = client.end(client.open("", token))
        assert (code, info.reason) == (grpc.StatusCode.UNAVAILABLE, "SOURCE_UNAVAILABLE")
        admin.create()
        admin.publish(["other 1", "other 2"])
        code, info = client.refusal("", token)
        assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STREAM_CHANGED")
        assert info.metadata["stream_id"] != first.stream_id
        values = client.take(2, "", token_at(client, 0))
        assert [m.stream_value for m in values] == ["other 1", "other 2"]


def serve(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "grpctap_server", "--port", "0", *args),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, **environment},
    )


def test_without_a_broker_or_stream_the_server_says_so_and_ends(tmp_path: Path) -> None:
    with NatsServer(tmp_path, "# no JetStream") as broker:
        done = serve("--feed", broker.url())
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"grpctap serve: cannot read stream S at {broker.host}: "
            "JetStream is not enabled on the NATS server\n"
        )
        broker.kill()
        done = serve("--feed", broker.url())
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert f"cannot connect to the NATS server at {broker.host}: connection refused" in (
            done.stderr
        )
        broker.configure()
        broker.start()
        done = serve("--feed", broker.url("NO_SUCH"))
        assert (done.returncode, done.stderr) == (
            1,
            f"grpctap serve: there is no stream NO_SUCH at {broker.host}; "
            "make it, as with: nats stream add NO_SUCH\n",
        )


def test_a_stream_that_readers_would_empty_is_refused(broker: NatsServer, admin: Admin) -> None:
    admin.create(retention="workqueue")
    done = serve("--feed", broker.url())
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"grpctap serve: the stream S at {broker.host} has the retention workqueue, which takes "
        "values away when they are read; it must be limits\n"
    )


def test_credentials_open_the_broker_and_are_never_shown(tmp_path: Path) -> None:
    users = 'authorization { user: "ann", password: "s3cr:t/" }'
    with NatsServer(tmp_path, f'jetstream {{ store_dir: "{tmp_path}/store" }}', users) as broker:
        url = f"nats://ann:s3cr%3At%2F@{broker.host}/S"
        with Admin(broker, url=url) as admin:
            admin.create()
        with ServerProcess("--feed", url) as server:
            assert "s3cr" not in server.stderr
            assert f"(feed nats, stream S at {broker.host})" in server.stderr
        wrong = serve("--feed", f"nats://ann:wr0ng@{broker.host}/S")
        assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
        assert "authorization" in wrong.stderr
        assert "wr0ng" not in wrong.stderr
        # From the environment, they get past the door, to where there is no such stream.
        done = serve("--feed", broker.url("T"), NATS_USER="ann", NATS_PASSWORD="s3cr:t/")
        assert "there is no stream T" in done.stderr


def test_a_broker_with_tls_is_read_when_its_certificate_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    tls = f'tls {{ cert_file: "{tmp_path}/server.pem", key_file: "{tmp_path}/server.pem" }}'
    with NatsServer(tmp_path, f'jetstream {{ store_dir: "{tmp_path}/store" }}', tls) as broker:
        url = f"tls://{broker.host}/S"
        done = serve("--feed", url)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "its certificate is not trusted: " in done.stderr
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        done = serve("--feed", url)
        assert done.returncode == 1
        assert f"there is no stream S at {broker.host}" in done.stderr


def test_without_the_library_one_line_says_what_to_install() -> None:
    hide = "import sys; sys.modules['nats'] = None; from grpctap_server.cli import main; "
    done = subprocess.run(
        (sys.executable, "-c", f"{hide} sys.exit(main(['--feed', 'nats://localhost/S']))"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "grpctap serve: NATS needs a library that is not installed; pip install 'grpctap[nats]'\n",
    )


async def test_a_connection_that_closes_is_no_fault_of_the_program(
    broker: NatsServer, admin: Admin
) -> None:
    admin.create()
    admin.publish(["1"])
    connection = await connect_broker(parse_address(broker.url()))
    assert len((await fetch(connection, "S", 1, 1))[0]) == 1
    closing = asyncio.create_task(connection.client.close())
    # From here on it is closed, and nobody was told yet.
    await asyncio.sleep(0)
    assert not connection.lost.is_set()
    with pytest.raises(BrokerError, match="connection closed"):
        await fetch(connection, "S", 1, 1)
    await closing
    await connection.close()
