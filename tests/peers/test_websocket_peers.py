"""WebSocket against a client that nobody here wrote: the library websockets, without and with TLS."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests import servers
from tests.servers import PATIENCE, Certificate, Running

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


def opened(
    running: Running, over: str, *subprotocols: Subprotocol, **options: object
) -> AbstractContextManager[ClientConnection]:
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


def register(client: ClientConnection) -> str:
    """Come in under a nick that nobody has had: the one before may not be gone yet."""
    nick = f"ann{next(numbers)}"
    client.send(f"NICK {nick}")
    client.send(f"USER {nick} 0 * :é")
    until(client, " 001 ")
    return nick


def until(client: ClientConnection, word: str) -> str:
    """The message that has this in it; each is one line."""
    while True:
        said = client.recv(PATIENCE)
        text = said if isinstance(said, str) else said.decode()
        assert "\n" not in text
        assert "\r" not in text
        if word in text:
            return text


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [((), None), ((TEXT,), TEXT), ((BINARY, TEXT), BINARY), ((Subprotocol("other"), TEXT), TEXT)],
)
def test_irc_is_spoken_in_the_subprotocol_that_was_agreed_on(
    chat: Running, over: str, offered: tuple[Subprotocol, ...], chosen: Subprotocol | None
) -> None:
    with opened(chat, over, *offered) as client:
        assert client.subprotocol == chosen
        assert client.protocol.extensions == []
        nick = register(client)
        assert isinstance(client.recv(PATIENCE), bytes if chosen == BINARY else str)
        client.send(f"PRIVMSG {nick} :é \N{HOT BEVERAGE}")
        assert until(client, " PRIVMSG ").endswith(f"PRIVMSG {nick} :é \N{HOT BEVERAGE}")
        assert client.ping().wait(PATIENCE)


def test_members_of_a_channel_hear_each_other_over_any_transport(chat: Running) -> None:
    with opened(chat, "ws", TEXT) as ann, opened(chat, "wss", BINARY) as bob, chat.connect("tcp") as eve:
        register(ann)
        register(bob)
        eve.send(b"NICK eve\r\nUSER eve 0 * :Eve\r\nJOIN #tea\r\n")
        for client in (ann, bob):
            client.send("JOIN #tea")
            until(client, " 366 ")
        ann.send("PRIVMSG #tea :hello")
        assert until(bob, " PRIVMSG ").endswith("PRIVMSG #tea :hello")
        while b"PRIVMSG #tea :hello" not in eve.read_line():
            pass


def test_quit_and_close_are_closed_with_1000(chat: Running, over: str) -> None:
    with opened(chat, over, TEXT) as client:
        register(client)
        client.send("QUIT :bye")
        with pytest.raises(ConnectionClosedOK):
            until(client, "nothing of the kind")
        assert client.close_code == 1000
    with opened(chat, over, TEXT) as client:
        register(client)
        client.close(4000, "enough")
    assert client.close_code == 4000, "ours repeats theirs"


def test_a_message_too_big_is_closed_with_1009(chat: Running, over: str) -> None:
    with opened(chat, over, TEXT) as client:
        client.send("x" * 100_000)
        with pytest.raises(ConnectionClosedError):
            until(client, "nothing of the kind")
        assert client.close_code == 1009


def test_a_page_of_another_origin_is_refused_with_403(chat: Running, over: str) -> None:
    with opened(chat, over, TEXT, origin=Origin("https://chat.example.org")) as client:
        register(client)
    evil = Origin("https://evil.example")
    with pytest.raises(InvalidStatus) as caught, opened(chat, over, TEXT, origin=evil):
        pass
    assert caught.value.response.status_code == 403
    assert caught.value.response.body == b"This origin is not allowed here.\n"
