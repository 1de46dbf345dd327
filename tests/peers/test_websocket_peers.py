"""WebSocket against a client that nobody here wrote: the library websockets, without and with TLS."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from typing import ParamSpec

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests import servers
from tests.servers import PATIENCE, Certificate, Running

P = ParamSpec("P")
numbers = itertools.count()
TEXT, BINARY = Subprotocol("text.ircv3.net"), Subprotocol("binary.ircv3.net")


@pytest.fixture(scope="module")
def chat(implementation: str, certificate: Certificate) -> Iterator[Running]:
    if implementation == "target":
        pytest.skip("about our own server")
    listen = ("tcp", "ws", "wss")
    flags = ("--ws-origins", "https://chat.example.org")
    with servers.serving(implementation, "chat", *flags, listen=listen, certificate=certificate) as running:
        yield running


@pytest.fixture(params=["ws", "wss"])
def over(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def in_a_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """A test that awaits.

    The library's other client reads and writes one TLS connection from two threads at once.  Of 1,500
    connections by Python 3.10 it lost one, to a timeout that was 30 s away.
    """

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), PATIENCE))  # type: ignore[arg-type]

    return run


def opened(running: Running, over: str, *subprotocols: Subprotocol, **options: object) -> connect:
    _, (_, port) = running.where[over]  # type: ignore[misc]
    tls = None
    if over == "wss":
        assert running.certificate is not None
        tls = ssl.create_default_context(cafile=str(running.certificate.ca))
    return connect(  # with permessage-deflate offered, as it is by default
        f"{over}://localhost:{port}/irc",
        ssl=tls,
        subprotocols=subprotocols or None,
        open_timeout=PATIENCE,
        **options,  # type: ignore[arg-type]
    )


async def register(client: ClientConnection) -> str:
    """Come in under a nick that nobody has had: the one before may not be gone yet."""
    nick = f"ann{next(numbers)}"
    await client.send(f"NICK {nick}")
    await client.send(f"USER {nick} 0 * :é")
    await until(client, " 001 ")
    return nick


async def until(client: ClientConnection, word: str) -> str:
    """The message that has this in it; each is one line."""
    while True:
        said = await client.recv()
        text = said if isinstance(said, str) else said.decode()
        assert "\n" not in text
        assert "\r" not in text
        if word in text:
            return text


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [((), None), ((TEXT,), TEXT), ((BINARY, TEXT), BINARY), ((Subprotocol("other"), TEXT), TEXT)],
)
@in_a_loop
async def test_irc_is_spoken_in_the_subprotocol_that_was_agreed_on(
    chat: Running, over: str, offered: tuple[Subprotocol, ...], chosen: Subprotocol | None
) -> None:
    async with opened(chat, over, *offered) as client:
        assert client.subprotocol == chosen
        assert client.protocol.extensions == []
        nick = await register(client)
        assert isinstance(await client.recv(), bytes if chosen == BINARY else str)
        await client.send(f"PRIVMSG {nick} :é \N{HOT BEVERAGE}")
        assert (await until(client, " PRIVMSG ")).endswith(f"PRIVMSG {nick} :é \N{HOT BEVERAGE}")
        await (await client.ping())


@in_a_loop
async def test_members_of_a_channel_hear_each_other_over_any_transport(chat: Running) -> None:
    with chat.connect("tcp") as eve:
        async with opened(chat, "ws", TEXT) as ann, opened(chat, "wss", BINARY) as bob:
            await register(ann)
            await register(bob)
            eve.send(b"NICK eve\r\nUSER eve 0 * :Eve\r\nJOIN #tea\r\n")
            for client in (ann, bob):
                await client.send("JOIN #tea")
                await until(client, " 366 ")
            await ann.send("PRIVMSG #tea :hello")
            assert (await until(bob, " PRIVMSG ")).endswith("PRIVMSG #tea :hello")
            while b"PRIVMSG #tea :hello" not in eve.read_line():
                pass


@in_a_loop
async def test_quit_and_close_are_closed_with_1000(chat: Running, over: str) -> None:
    async with opened(chat, over, TEXT) as client:
        await register(client)
        await client.send("QUIT :bye")
        with pytest.raises(ConnectionClosedOK):
            await until(client, "nothing of the kind")
        assert client.close_code == 1000
    async with opened(chat, over, TEXT) as client:
        await register(client)
        await client.close(4000, "enough")
    assert client.close_code == 4000, "ours repeats theirs"


@in_a_loop
async def test_a_message_too_big_is_closed_with_1009(chat: Running, over: str) -> None:
    async with opened(chat, over, TEXT) as client:
        await client.send("x" * 100_000)
        with pytest.raises(ConnectionClosedError):
            await until(client, "nothing of the kind")
        assert client.close_code == 1009


@in_a_loop
async def test_a_page_of_another_origin_is_refused_with_403(chat: Running, over: str) -> None:
    async with opened(chat, over, TEXT, origin=Origin("https://chat.example.org")) as client:
        await register(client)
    evil = Origin("https://evil.example")
    with pytest.raises(InvalidStatus) as caught:
        await opened(chat, over, TEXT, origin=evil)
    assert caught.value.response.status_code == 403
    assert caught.value.response.body == b"This origin is not allowed here.\n"
