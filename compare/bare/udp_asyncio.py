"""UDP echo as an asyncio DatagramProtocol."""

import asyncio
import sys
from typing import Any


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(data, addr)


async def main() -> None:
    where = ("127.0.0.1", int(sys.argv[1]))
    await asyncio.get_running_loop().create_datagram_endpoint(Echo, where)
    await asyncio.Event().wait()


asyncio.run(main())
