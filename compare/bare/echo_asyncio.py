"""Echo as an asyncio Protocol, on asyncio's own loop, or uvloop's (second argument)."""

import asyncio
import sys
from typing import Any


class Echo(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:  # asyncio sets TCP_NODELAY itself
        self.transport = transport
        if hasattr(transport, "max_size"):  # asyncio reads 256 KiB at a time; uvloop can't be told
            transport.max_size = 65536

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if sys.argv[2:] == ["uvloop"]:
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
