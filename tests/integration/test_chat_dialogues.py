"""The dialogues of chat, the last two of their five ways: through both servers' sockets."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest

from tests.chat_clients import Irc
from tests.chat_dialogue import ACCOUNT, Step, compare, read, settings
from tests.dialogue import names
from tests.servers import Own, Running


class Play:
    """The clients of one dialogue by their names; each connects when it is first named."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.clients: dict[str, Irc] = {}
        self.gone: set[str] = set()
        """Who has seen the end, or ended its half."""

    def client(self, name: str) -> Irc:
        if name not in self.clients:
            self.clients[name] = Irc(self.running.connect())
        return self.clients[name]

    def send(self, step: Step) -> None:
        client = self.client(step.who)
        if step.what == ">.":
            client.client.half_close()
            self.gone.add(step.who)
        else:
            client.client.send(step.data)

    def heard(self, senders: list[str]) -> dict[str, list[str]]:
        """What everybody has been told once all that was sent is answered: senders are asked first."""
        everybody = [name for name in dict.fromkeys([*senders, *self.clients]) if name not in self.gone]
        heard: dict[str, list[str]] = {}
        for name in everybody:
            client = self.clients[name]
            end, heard[name] = f"PONG irc.example.org :{client.ping()}", []
            try:
                while not (heard[name] and heard[name][-1].endswith(end)):
                    heard[name].append(client.read())
                del heard[name][-1]
            except EOFError:
                self.gone.add(name)
        return heard

    def check(self, senders: list[str], steps: list[Step]) -> None:
        """Everybody reads what is expected by now, and nothing else."""
        for name in dict.fromkeys(step.who for step in steps):
            self.client(name)
        ended = {name for name in senders if name in self.gone}
        heard = self.heard(senders)
        for name, client in self.clients.items():
            mine = [step for step in steps if step.who == name]
            lines = client.rest() if name in ended else heard.get(name, [])
            compare(name, [step for step in mine if step.what == "<"], lines)
            if any(step.what == "<." for step in mine):
                assert name in self.gone

    def close(self) -> None:
        for client in self.clients.values():
            client.close()


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the account that every dialogue finds, made as an administrator would."""
    file = tmp_path_factory.mktemp("accounts") / "chat.db"
    name, password = ACCOUNT
    words = [sys.executable, "-m", "stores.accounts", "--database", str(file), "add", "--create", name]
    subprocess.run(words, input=f"{password}\n", text=True, check=True, capture_output=True)
    return file


@pytest.mark.parametrize("name", names("chat_"))
def test_a_dialogue_goes_as_it_is_written(own: Own, name: str, tmp_path: Path, accounts: Path) -> None:
    """Modern IRC and IRCv3, by example."""
    file, database = tmp_path / "chat.toml", tmp_path / "chat.db"
    shutil.copy(accounts, database)
    file.write_text(f'{settings(name)}database = "{database}"\n', encoding="utf-8")
    play = Play(own("chat", "--config", str(file)))
    senders: list[str] = []
    try:
        for expects, group in groupby(read(name), key=lambda step: step.expects):
            steps = list(group)
            if expects:
                play.check(senders, steps)
                continue
            senders = list(dict.fromkeys(step.who for step in steps))
            for step in steps:
                play.send(step)
        play.check(senders, [])
    finally:
        play.close()
