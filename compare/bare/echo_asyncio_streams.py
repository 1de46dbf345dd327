"""Echo with asyncio's streams: a coroutine for each connection."""

import asyncio
import sys


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.max_size = 65536  # type: ignore[attr-defined]  # asyncio reads 256 KiB at a time
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
    except ConnectionError:
        pass  # the client is gone


async def main() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
