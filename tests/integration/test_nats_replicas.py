"""Two servers on one stream: either is killed, and each viewer goes on at the other."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.message import Reading
from grpctap.core.reconnect import SECOND, Backoff, Reconnect
from grpctap.core.seams import Interruption, Outcome
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse
from support.nats import NatsServer
from support.server import ServerProcess, eventually
from support.taps import connections, seams

VIEWERS = 3
KILLS = 20
# So many between two kills, at a hundred a second.
VALUES = 20


class Viewer:
    """A viewer of both servers, which holds each value against the truth: value n is n - 1."""

    def __init__(self, data: str, *addresses: str) -> None:
        self.last = 0
        self.wrong: list[str] = []
        self._data = data
        self.tap = Tap(
            GrpcTransport(Target("ipv4:" + ",".join(addresses), plaintext=True), METHOD),
            ListValue(SimpleRequest(data=data), progress=True),
            backoff=Backoff(Reconnect(initial_ns=SECOND // 50, maximum_ns=SECOND // 5)),
            deliver=self._deliver,
        )

    def _deliver(self, reading: Reading, raw: bytes, accepted: bool, now_ns: int) -> bool:
        if reading.progress:
            return True
        message = StreamResponse.FromString(raw)
        expected = self.last + 1 if self.last else message.sequence
        if not accepted or message.sequence != expected:
            self.wrong.append(f"#{message.sequence} instead of #{expected}, accepted: {accepted}")
        if message.stream_value != f"{self._data}{message.sequence - 1}":
            self.wrong.append(f"#{message.sequence} is {message.stream_value!r}")
        self.last = message.sequence
        return not self.wrong

    def await_more(self) -> None:
        before = self.last

        def came() -> bool:
            assert self.wrong == []
            return self.last >= before + VALUES

        eventually(came, f"{VALUES} more values after #{before}, {self.tap.snapshot()}")

    def check(self) -> None:
        now = self.tap.snapshot()
        assert (now.missed, now.repeated, now.late, now.left_out) == (0, 0, 0, 0)
        ends = [seam for seam in seams(self.tap) if isinstance(seam, Interruption)]
        assert len(ends) >= KILLS
        assert [seam.outcome for seam in ends if seam.outcome is not Outcome.EXACT] == []


def test_each_viewer_goes_on_at_the_other_server_and_nothing_is_lost_or_doubled(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        broker = stack.enter_context(NatsServer(tmp_path))
        counter = ("--feed", "counter", "--interval", "0.01")
        stack.enter_context(ServerProcess(*counter, "--publish", broker.url()))
        feed = ("--feed", broker.url())
        used, other = ServerProcess(*feed), ServerProcess(*feed)
        stack.callback(lambda: used.kill())
        stack.callback(lambda: other.kill())
        viewers = [Viewer(f"{n} ", used.address, other.address) for n in range(VIEWERS)]
        for viewer in viewers:
            viewer.tap.start()
            stack.callback(viewer.tap.close)
        for _ in range(KILLS):
            for viewer in viewers:
                viewer.await_more()
            assert connections(used.port) >= VIEWERS
            used.kill()
            # Brought back at once, and used again when the other one is killed.
            used, other = other, ServerProcess(*feed, port=used.port)
        for viewer in viewers:
            viewer.await_more()
            viewer.check()
