"""The dialogues of chat, played against the core: whole, byte by byte, cut at random."""

from __future__ import annotations

from itertools import groupby

import pytest

from protocols.chat.settings import ChatSettings
from protocols.settings import load
from tests.chat_dialogue import ACCOUNT, Step, Words, compare, read, settings
from tests.core.chat import Client, World, make_accounts
from tests.core.test_rpc_dialogues import Cut, at_random, byte_by_byte, whole
from tests.dialogue import names


class Play:
    """The clients of one dialogue by their names; each connects when it is first named."""

    def __init__(self, name: str, cut: Cut) -> None:
        self.cut = cut
        said = load(ChatSettings, "chat", text=settings(name).encode(), source=name)
        self.world = World(make_accounts(**dict([ACCOUNT])), said=said)
        self.clients: dict[str, Client] = {}
        self.words: Words = {}

    def client(self, name: str) -> Client:
        if name not in self.clients:
            self.clients[name] = self.world.connect("127.0.0.1")
        return self.clients[name]

    def send(self, step: Step) -> None:
        client = self.client(step.who)
        if step.what == ">.":
            client.end()
        for piece in self.cut(step.sent(self.words)):
            if not client.closed:
                client.send_bytes(piece)

    def check(self, steps: list[Step]) -> None:
        """Everybody reads what is expected by now, and nothing else."""
        for name in dict.fromkeys([*self.clients, *(step.who for step in steps)]):
            mine = [step for step in steps if step.who == name]
            expected = [step for step in mine if step.what == "<"]
            compare(name, expected, self.client(name).lines(), self.words)
            if any(step.what == "<." for step in mine):
                assert self.client(name).closed


@pytest.mark.parametrize("name", names("chat_"))
@pytest.mark.parametrize("cut", [whole, byte_by_byte, at_random])
def test_a_dialogue_goes_as_it_is_written(name: str, cut: Cut) -> None:
    """Modern IRC and IRCv3, by example."""
    play = Play(name, cut)
    for expects, steps in groupby(read(name), key=lambda step: step.expects):
        if expects:
            play.check(list(steps))
            continue
        for step in steps:
            play.send(step)
    play.check([])
