"""A real NATS server with JetStream for tests, which can be killed and brought back."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Coroutine, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from grpctap_server.jetstream.address import parse_address
from grpctap_server.jetstream.broker import Broker, BrokerError, connect
from grpctap_server.jetstream.consumer import fetch
from support.makes.running import need
from support.server import PATIENCE_S

T = TypeVar("T")


class NatsServer:
    """`nats-server` on a free port, which it keeps when it is killed and started again.

    Args:
        folder: Where its store goes.
        lines: More lines for its configuration.
    """

    def __init__(self, folder: Path, *lines: str) -> None:
        program = shutil.which("nats-server")
        need(program is not None, "nats-server is missing; apt-get install nats-server")
        self._program = str(program)
        self._folder = folder
        self._lines = list(lines)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = -1
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, stream: str = "S") -> str:
        return f"nats://{self.host}/{stream}"

    def configure(self, *lines: str) -> None:
        """Gives it other lines from the next start on."""
        self._lines = list(lines)

    def start(self) -> None:
        ports = self._folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir()
        config = self._folder / "nats.conf"
        config.write_text(
            "\n".join(
                [
                    f"listen: 127.0.0.1:{self.port}",
                    f'ports_file_dir: "{ports}"',
                    *(self._lines or [f'jetstream {{ store_dir: "{self._folder}/store" }}']),
                ]
            )
        )
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                (self._program, "-c", str(config)), stdin=subprocess.DEVNULL, stderr=log
            )
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "nats-server did not start"
            try:
                (path,) = ports.iterdir()
                (url,) = json.loads(path.read_text())["nats"]
            except (ValueError, KeyError, TypeError):
                time.sleep(0.01)
                continue
            self.port = int(url.rpartition(":")[2])
            return

    def kill(self) -> None:
        """Ends it with SIGKILL; its store stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


class Admin:
    """What an operator does to a broker, from a test that is not asynchronous."""

    def __init__(self, server: NatsServer, stream: str = "S", url: str = "") -> None:
        self._address = parse_address(url or server.url(stream))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats-admin")
        self._broker: Broker | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._broker is not None:
            self._run(self._broker.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def create(self, **config: Any) -> None:
        """Makes the stream, with the subject of its name."""
        stream = self._address.stream
        terms = {"name": stream, "subjects": [stream], "storage": "file", **config}
        self._run(self._ask(f"STREAM.CREATE.{stream}", terms))

    def delete(self) -> None:
        self._run(self._ask(f"STREAM.DELETE.{self._address.stream}"))

    def purge(self, **terms: Any) -> None:
        self._run(self._ask(f"STREAM.PURGE.{self._address.stream}", terms or None))

    def remove(self, *sequences: int) -> None:
        """Deletes single messages."""
        for sequence in sequences:
            self._run(self._ask(f"STREAM.MSG.DELETE.{self._address.stream}", {"seq": sequence}))

    def state(self) -> dict[str, Any]:
        answer = self._run(self._ask(f"STREAM.INFO.{self._address.stream}"))
        state = answer["state"]
        assert isinstance(state, dict)
        return state

    def delete_consumer(self, name: str) -> None:
        self._run(self._ask(f"CONSUMER.DELETE.{self._address.stream}.{name}"))

    def consumers(self) -> list[str]:
        answer = self._run(self._ask(f"CONSUMER.NAMES.{self._address.stream}"))
        return list(answer["consumers"] or [])

    def message(self, sequence: int) -> dict[str, Any]:
        answer = self._run(self._ask(f"STREAM.MSG.GET.{self._address.stream}", {"seq": sequence}))
        message = answer["message"]
        assert isinstance(message, dict)
        return message

    def publish(self, payloads: Iterable[bytes | str], subject: str = "") -> None:
        """Stores messages in order, each once the one before it is stored."""
        self._run(self._publish(list(payloads), subject or self._address.stream))

    def payloads(self) -> list[bytes]:
        """All that the stream has, in order."""
        return self._run(self._payloads())

    async def _payloads(self) -> list[bytes]:
        broker = await self._connected()
        info = await broker.stream_info()
        found: list[bytes] = []
        start = info.first
        while start <= info.last:
            part, _ = await fetch(broker, self._address.stream, start, 1000)
            found += [delivery.payload for delivery in part]
            start = part[-1].sequence + 1 if part else info.last + 1
        return found

    async def _publish(self, payloads: list[bytes | str], subject: str) -> None:
        broker = await self._connected()
        for payload in payloads:
            body = payload.encode() if isinstance(payload, str) else payload
            answer = await broker.client.request(subject, body, timeout=PATIENCE_S)
            assert "error" not in json.loads(answer.data), answer.data

    async def _ask(self, subject: str, question: dict[str, Any] | None = None) -> dict[str, Any]:
        return await (await self._connected()).ask(subject, question)

    async def _connected(self) -> Broker:
        deadline = time.monotonic() + PATIENCE_S
        while self._broker is None or self._broker.lost.is_set():
            try:
                self._broker = await connect(self._address)
            except BrokerError:
                assert time.monotonic() < deadline, "the NATS server is not there"
                await asyncio.sleep(0.05)
        return self._broker

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)
