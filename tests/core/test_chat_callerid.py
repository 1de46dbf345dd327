"""ACCEPT, +g and +R: who is let in, who is told, and what is forgotten."""

from __future__ import annotations

import pytest

from protocols.chat.network.callerid import ACCEPTED, AGAIN
from protocols.chat.settings import Oper
from tests.core.chat import World


def test_one_is_told_of_somebody_only_now_and_then() -> None:
    where = World()
    ann, bob = where.register("ann"), where.register("bob")
    ann.send("MODE ann +g").lines()
    assert bob.send("PRIVMSG ann :x", "PRIVMSG ann :x").numerics() == ["716", "717", "716"]
    assert ann.numerics() == ["718"]
    where.host.now += AGAIN
    assert bob.send("NOTICE ann :x").lines() == [], "a notice is never answered"
    assert ann.numerics() == ["718"]
    bob.send("PRIVMSG ann :x").lines()
    assert ann.lines() == []


def test_typing_is_no_message() -> None:
    where = World()
    ann, bob = where.register("ann", "message-tags"), where.register("bob", "message-tags")
    ann.send("MODE ann +g").lines()
    assert bob.send("@+typing=active TAGMSG ann").lines() == []
    assert ann.lines() == []


def test_operators_are_heard() -> None:
    where = World(oper=(Oper(name="admin", password="sesame"),))
    ann, bob = where.register("ann"), where.register("bob")
    ann.send("MODE ann +g").lines()
    bob.send("OPER admin sesame", "PRIVMSG ann :x")
    assert ann.lines() == [":bob!bob@192.0.2.1 PRIVMSG ann :x"]


def test_one_hears_oneself() -> None:
    ann = World().register("ann")
    ann.send("MODE ann +g").lines()
    assert len(ann.send("PRIVMSG ann :x").lines()) == 1


@pytest.mark.parametrize("leaves", ["ann", "bob"])
def test_who_leaves_is_forgotten(leaves: str) -> None:
    """Whoever has the nick next is somebody else."""
    where = World()
    clients = {nick: where.register(nick) for nick in ("ann", "bob")}
    clients["ann"].send("MODE ann +g", "ACCEPT bob").lines()
    clients[leaves].send("QUIT")
    clients[leaves] = where.register(leaves)
    for user in where.server.network.users.values():
        assert not user.accepted
        assert not user.accepted_by
    assert clients["ann"].send("ACCEPT").numerics() == ["282"]


def test_the_list_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ACCEPTED > 1
    monkeypatch.setattr("protocols.chat.network.callerid.ACCEPTED", 1)
    where = World()
    ann, _, _ = (where.register(nick) for nick in ("ann", "bob", "cyd"))
    assert ann.send("ACCEPT bob,cyd").numerics() == ["456"]
    assert ann.send("ACCEPT *").lines()[0] == ":irc.example.org 281 ann bob"


def test_the_list_is_shown_once_however_often_it_was_asked_for() -> None:
    """One line of 512 bytes would else be answered by a mebibyte."""
    ann = World().register("ann")
    assert ann.send("ACCEPT " + ",".join("*" * 200)).numerics() == ["282"]
