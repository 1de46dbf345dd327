"""What the tests of chat through sockets share: a client that speaks IRC, and servers for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests import servers
from tests.clients import Client
from tests.servers import Certificate, Own, Running

_tokens = count(1)
Meet = Callable[..., "Irc"]
Serve = Callable[..., Running]


class Irc:
    """One connection: lines out, and lines in up to what proves that all has come."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.nick = "*"

    # -- out -----------------------------------------------------------------------------

    def send(self, *lines: str) -> Irc:
        """These lines, in one piece."""
        self.client.send("".join(f"{line}\r\n" for line in lines).encode())
        return self

    def register(self, nick: str, *caps: str) -> Irc:
        """Be somebody, and read the welcome."""
        self.nick = nick
        asked = [f"CAP REQ :{' '.join(caps)}"] if caps else []
        self.send(*asked, f"NICK {nick}", f"USER {nick} 0 * :{nick.title()}", *(["CAP END"] if caps else []))
        said = self.lines()
        assert any(f" 001 {nick} " in line for line in said), said
        return self

    def join(self, channel: str) -> Irc:
        """Be on the channel, and read who is."""
        said = self.send(f"JOIN {channel}").lines()
        assert any(f" 366 {self.nick} {channel} " in line for line in said), said
        return self

    def ping(self) -> str:
        """Ask for a PONG; returns the token that it will end with."""
        token = f"token{next(_tokens)}"
        self.send(f"PING {token}")
        return token

    # -- in ------------------------------------------------------------------------------

    def read(self) -> str:
        """The next line, whole."""
        line = self.client.read_line()
        assert line.endswith(b"\r"), line
        return line[:-1].decode()

    def until(self, end: str) -> list[str]:
        """Lines up to one that ends with this, that one included."""
        lines = [self.read()]
        while not lines[-1].endswith(end):
            lines.append(self.read())
        return lines

    def lines(self) -> list[str]:
        """What has come by now: a PONG proves that all that was said before is answered."""
        return self.until(f"PONG irc.example.org :{self.ping()}")[:-1]

    def rest(self) -> list[str]:
        """Everything up to the server's end."""
        return self.client.read_to_end().decode().splitlines()

    def close(self) -> None:
        self.client.close()


@pytest.fixture(scope="module")
def chat(implementation: str, certificate: Certificate) -> Iterator[Running]:
    """One server for all tests of a module, without the flood's limit."""
    if implementation == "target":
        pytest.skip("chat's tests are about our own servers")
    flags = ("--flood-enabled=false", "--cloak=false")
    listen = ("tcp", "tls", "unix")
    with servers.serving(implementation, "chat", *flags, listen=listen, certificate=certificate) as running:
        yield running


@pytest.fixture
def met(own: Own) -> Iterator[list[Irc]]:
    """Everybody who was met in a test; gone at its end, before servers of one's own stop."""
    everybody: list[Irc] = []
    yield everybody
    for one in everybody:
        one.close()


@pytest.fixture
def meet(met: list[Irc], request: pytest.FixtureRequest) -> Meet:
    """`meet(nick, *caps, at=server)`: a registered client; without a nick, one that has said nothing."""

    def meet(nick: str = "", *caps: str, at: Running | None = None, over: str = "tcp", **how: object) -> Irc:
        running: Running = at or request.getfixturevalue("chat")
        met.append(Irc(running.connect(over, **how)))
        return met[-1].register(nick, *caps) if nick else met[-1]

    return meet


@pytest.fixture
def serve(own: Own, tmp_path: Path, certificate: Certificate) -> Serve:
    """`serve(settings)`: a server of one's own with these lines below `[chat]`."""

    def serve(settings: str = "", *flags: str, **options: object) -> Running:
        file = tmp_path / "chat.toml"
        file.write_text(f"[chat]\n{settings}\n")
        options = {"certificate": certificate, **options}
        return own("chat", "--config", str(file), *flags, **options)

    return serve
