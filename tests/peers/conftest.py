"""What the tests in here are given: rpc's fixtures, and chat with clients that nobody here wrote."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.chat_clients import meet, met
from tests.peers.ii import Ii
from tests.peers.irssi import Irssi
from tests.peers.python_irc import PythonIrc
from tests.peers.talkers import Talker, Way
from tests.peers.weechat import WeeChat
from tests.rpc_clients import gate, rpc, token_file
from tests.servers import Certificate, Own, Running

__all__ = ["gate", "meet", "met", "rpc", "token_file"]

Start = Callable[..., Talker]
CLIENTS: dict[str, Callable[[Path, str, Way], Talker]] = {
    "irssi": Irssi,
    "weechat": WeeChat,
    "ii": Ii,
    "irc": PythonIrc,
}
PASSWORD = "correct-horse-42"
"""Of the account `tea`."""


@pytest.fixture(scope="module")
def chat(
    implementation: str, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """One server for the tests of a module, with its own settings and an account."""
    if implementation == "target":
        pytest.skip("the peers are for our servers")
    database = str(tmp_path_factory.mktemp("chat") / "chat.db")
    tool = [sys.executable, "-m", "stores.accounts", "--database", database, "add", "--create", "tea"]
    subprocess.run(tool, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True)
    with servers.serving(
        implementation,
        "chat",
        f"--database={database}",
        listen=("tcp", "tls", "unix"),
        certificate=certificate,
    ) as running:
        yield running


@pytest.fixture
def operated(own: Own, tmp_path: Path) -> Running:
    """A server of one's own, with an operator."""
    settings = tmp_path / "chat.toml"
    settings.write_text('[[chat.oper]]\nname = "admin"\npassword = "sesame"\n')
    return own("chat", "--config", str(settings))


@pytest.fixture
def start(request: pytest.FixtureRequest, implementation: str) -> Iterator[Start]:
    """`start(client, nick, over=…, account=…)`: one of CLIENTS, connected and welcomed."""
    started: list[Talker] = []

    def start(client: str, nick: str, at: Running | None = None, **how: str) -> Talker:
        running: Running = at or request.getfixturevalue("chat")
        # Short enough for the path of a unix socket.
        home = Path(tempfile.mkdtemp(dir=servers.OUTPUT.name))
        started.append(CLIENTS[client](home, nick, Way(running, **how)))
        started[-1].welcomed()
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def uploads(request: pytest.FixtureRequest) -> int:
    """How many each of files' clients sends over TLS: 100, or what `pytest --uploads N` says."""
    return int(request.config.getoption("--uploads"))
