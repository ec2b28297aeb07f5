"""The limit: reads a call as fast as grpcio can, and keeps nothing.

    python benchmarks/bare.py HOST:PORT COUNT

It is a loop of the same kind as the viewer's, on a channel with the same options.
"""

from __future__ import annotations

import sys

import grpc

from grpctap.transport.target import Target

METHOD = "/proto.StreamServer/ListValue"


def main() -> int:
    address, count = sys.argv[1], int(sys.argv[2])
    with Target(address, plaintext=True).channel() as channel:
        call: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(METHOD)
        read = 0
        for _ in call(b""):
            read += 1
    return 0 if read == count else 1


if __name__ == "__main__":
    sys.exit(main())
