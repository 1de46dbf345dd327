"""rpc against clients that nobody here wrote: aiorpcX's, with its own newline framing, and nc."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiorpcx
import pytest

from tests import servers
from tests.conftest import skip_unless_in_ci
from tests.servers import Running


class Session(aiorpcx.RPCSession):  # type: ignore[misc]
    """aiorpcX's end, which keeps what it is notified of."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.told: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def handle_request(self, request: Any) -> None:
        self.told.put_nowait((request.method, request.args))


Conversation = Callable[[Session], Awaitable[None]]


def converse(running: Running, conversation: Conversation, over: str = "tcp") -> None:
    """Hold a conversation over a connection of aiorpcX's."""
    address: Any = running.where[over][1]

    async def hold() -> None:
        if over == "unix":
            connect = aiorpcx.connect_us(address, session_factory=Session)
        else:
            tls = None
            if over == "tls":
                assert running.certificate is not None
                tls = ssl.create_default_context(cafile=str(running.certificate.ca))
            connect = aiorpcx.connect_rs(*address, session_factory=Session, ssl=tls)
        async with connect as session:
            await asyncio.wait_for(conversation(session), servers.PATIENCE)

    asyncio.run(hold())


@pytest.mark.parametrize("over", ["tcp", "tls", "unix"])
def test_aiorpcx_is_answered(rpc: Running, over: str) -> None:
    """Requests, by position and by name."""

    async def conversation(session: Session) -> None:
        assert await session.send_request("add", [1, 2]) == 3
        assert await session.send_request("add", {"a": 3, "b": 4}) == 7
        assert await session.send_request("echo", [{"tea": ["é", None, 1.5]}]) == {"tea": ["é", None, 1.5]}
        assert await session.send_request("echo") is None
        assert await session.send_request("echo", ["x" * 500_000]) == "x" * 500_000

    converse(rpc, conversation, over)


def test_aiorpcx_has_many_calls_under_way(rpc: Running, gate: str) -> None:
    """It tells their answers apart by their ids, as we do."""

    async def conversation(session: Session) -> None:
        held = asyncio.ensure_future(session.send_request("hold", [gate]))
        sums = await asyncio.gather(*[session.send_request("add", [i, 1]) for i in range(200)])
        assert sums == [i + 1 for i in range(200)]
        await session.send_notification("open", [gate])
        assert await held == gate

    converse(rpc, conversation)


def test_aiorpcx_understands_our_errors(rpc: Running) -> None:
    async def conversation(session: Session) -> None:
        for call, code in (
            (("no such", []), -32601),
            (("add", [1]), -32602),
            (("add", {"a": 1, "c": 2}), -32602),
            (("refuse", []), 42),
        ):
            with pytest.raises(aiorpcx.RPCError) as raised:
                await session.send_request(*call)
            assert raised.value.code == code
        assert await session.send_request("add", [1, 2]) == 3

    converse(rpc, conversation)


def test_aiorpcx_sends_batches(rpc: Running, gate: str) -> None:
    async def conversation(session: Session) -> None:
        async with session.send_batch() as batch:
            batch.add_request("add", [1, 2])
            batch.add_notification("open", [gate])
            batch.add_request("no such")
            batch.add_request("hold", [gate])
        first, second, third = batch.results
        assert (first, third) == (3, gate)
        assert second.code == -32601

    converse(rpc, conversation)


def test_aiorpcx_is_notified(rpc: Running) -> None:
    async def conversation(session: Session) -> None:
        assert await session.send_request("tell", [2]) == 2
        assert [await session.told.get() for _ in range(2)] == [("told", [0]), ("told", [1])]
        assert await session.send_request("rpc.subscribe", ["news"]) is True
        await session.send_notification("publish", ["news", "tea"])
        assert await session.told.get() == ("rpc.published", {"topic": "news", "value": "tea"})

    converse(rpc, conversation)


# -- nc ------------------------------------------------------------------------------------


def ask(*command: object, data: bytes) -> bytes:
    if not shutil.which(str(command[0])):
        skip_unless_in_ci(f"{command[0]} is not installed")
    return subprocess.run(
        [str(word) for word in command], input=data, capture_output=True, timeout=servers.PATIENCE, check=True
    ).stdout


def test_what_the_readme_shows_with_nc_is_what_happens(implementation: str) -> None:
    """The line there, as it stands, and what it is said to print."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"""\$ echo '(.*"jsonrpc".*)' \| nc -N \S+ \d+\n\s*(.*)\n""", readme)
    assert shown
    with servers.serving(implementation, "rpc") as running:
        address: Any = running.where["tcp"][1]
        assert ask("nc", "-N", *address, data=f"{shown[1]}\n".encode()).decode() == f"{shown[2]}\n"


def test_nc_is_answered_over_a_unix_socket_and_without_a_last_newline(rpc: Running) -> None:
    lines = b'{"jsonrpc":"2.0","method":"add","params":[1,2],"id":"a"}\r\n[]\n{"jsonrpc":"2.0","method":"add"'
    said = ask("nc", "-N", "-U", rpc.where["unix"][1], data=lines)
    answers = [json.loads(line) for line in said.splitlines()]
    assert [one.get("result", one.get("error", {}).get("code")) for one in answers] == [3, -32600, -32700]
