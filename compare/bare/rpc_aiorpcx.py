"""JSON-RPC 2.0 lines with aiorpcX, after the server in its documentation."""
# mypy: ignore-errors

import asyncio
import sys
from typing import Any

import aiorpcx


async def add(a: int, b: int) -> int:
    return a + b


handlers = {"add": add}


class Session(aiorpcx.RPCSession):
    cost_hard_limit = 0  # its throttle of busy clients, off

    async def handle_request(self, request: Any) -> Any:
        return await aiorpcx.handler_invocation(handlers.get(request.method), request)()


async def main() -> None:
    await aiorpcx.serve_rs(Session, "127.0.0.1", int(sys.argv[1]))
    await asyncio.Event().wait()


asyncio.run(main())
