"""A client of ListValue as a process that a test stops: says when it reads, and how its call ends.

Run with an address and how long the request's data shall be. Prints "reading", then "ended", the
number of values, whether they had no hole between them, the code, and the last token in hex.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import grpc

from grpctap_protos import server_stream_pb2 as pb
from grpctap_protos import server_stream_pb2_grpc as pb_grpc
from support.server import channel


def main(address: str, size: int) -> None:
    with channel(address) as opened:
        call = pb_grpc.StreamServerStub(opened).ListValue(pb.SimpleRequest(data="x" * size))
        messages = [next(call)]
        print("reading", flush=True)
        with suppress(grpc.RpcError):
            messages.extend(call)
    first = messages[0].sequence
    whole = [m.sequence for m in messages] == list(range(first, first + len(messages)))
    print("ended", len(messages), whole, call.code().name, messages[-1].resume_token.hex())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
