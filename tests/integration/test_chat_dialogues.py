"""The dialogues of chat, the last two of their five ways: through both servers' sockets."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest

from tests.chat_clients import Irc
from tests.chat_dialogue import ACCOUNT, Step, Words, compare, read, settings
from tests.dialogue import names
from tests.servers import Own, Running


class Play:
    """The clients of one dialogue by their names; each connects when it is first named."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.clients: dict[str, Irc] = {}
        self.words: Words = {}
        self.heard: dict[str, list[str]] = {}
        """What each has read, and nobody has looked at."""
        self.gone: set[str] = set()
        """Who has seen the end, or ended its half."""

    def client(self, name: str) -> Irc:
        if name not in self.clients:
            self.clients[name] = Irc(self.running.connect())
            self.heard[name] = []
        return self.clients[name]

    def send(self, steps: list[Step]) -> None:
        """These steps in their order: who comes next waits until what came before is answered."""
        before = ""
        for step in steps:
            if before not in ("", step.who):
                self.hear(before)
            before = step.who
            client = self.client(step.who)
            if step.what == ">.":
                client.client.half_close()
                self.gone.add(step.who)
            else:
                client.client.send(step.sent(self.words))

    def hear(self, name: str) -> None:
        """Let this client read what it has been told by now; to the end, if it has one."""
        client, lines = self.client(name), self.heard[name]
        if name in self.gone:
            lines += client.rest()
            return
        end = f"PONG irc.example.org :{client.ping()}"
        try:
            while not (lines and lines[-1].endswith(end)):
                lines.append(client.read())
            del lines[-1]
        except EOFError:
            self.gone.add(name)

    def check(self, senders: list[str], steps: list[Step]) -> None:
        """Everybody reads what is expected by now, and nothing else: who sent last is asked first."""
        everybody = dict.fromkeys([*reversed(senders), *self.clients, *(step.who for step in steps)])
        for name in everybody:
            self.hear(name)
        for name in everybody:
            mine = [step for step in steps if step.who == name]
            compare(name, [step for step in mine if step.what == "<"], self.heard[name], self.words)
            self.heard[name] = []
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
            senders = [step.who for step in steps]
            play.send(steps)
        play.check(senders, [])
    finally:
        play.close()
