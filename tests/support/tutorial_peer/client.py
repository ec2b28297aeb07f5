"""The tutorial's client: Route, then ListValue to its end, one JSON line for each answer."""

import argparse
import asyncio
import json

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from grpclib.client import Channel, UnaryStreamMethod, UnaryUnaryMethod
from grpclib.exceptions import GRPCError

from support.tutorial_peer import tutorial


def say(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


def unknown_fields(message: Message) -> list[int]:
    """Tell the numbers of the fields that the tutorial's proto does not have."""
    fields = UnknownFieldSet(message)
    return sorted({fields[i].field_number for i in range(len(fields))})


async def run(host: str, port: int, data: str, max_seconds: float) -> None:
    request = tutorial.SimpleRequest(data=data)
    async with Channel(host, port) as channel:
        route = UnaryUnaryMethod(
            channel, tutorial.ROUTE, tutorial.SimpleRequest, tutorial.SimpleResponse
        )
        answer = await route(request)
        say(code=answer.code, value=answer.value)
        method = UnaryStreamMethod(
            channel, tutorial.LIST_VALUE, tutorial.SimpleRequest, tutorial.StreamResponse
        )
        try:
            async with asyncio.timeout(max_seconds), method.open() as stream:
                await stream.send_message(request, end=True)
                async for message in stream:
                    say(
                        stream_value=message.stream_value,
                        bytes=message.ByteSize(),
                        unknown=unknown_fields(message),
                    )
        except GRPCError as error:
            say(status=error.status.name, message=error.message)
        except TimeoutError:
            say(status="STOPPED", message=f"after {max_seconds} s")
        else:
            say(status="OK", message="")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("data")
    parser.add_argument("--max-seconds", type=float, default=60.0)
    args = parser.parse_args()
    asyncio.run(run(args.host, args.port, args.data, args.max_seconds))


if __name__ == "__main__":
    main()
