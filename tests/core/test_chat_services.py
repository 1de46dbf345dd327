"""Services: how they are spoken to, and that nobody can be one."""

from __future__ import annotations

import pytest

from protocols.chat.services.service import Service
from protocols.chat.services.table import SERVICES
from tests.core.chat import World

NICKSERV = ":NickServ!NickServ@irc.example.org"


@pytest.mark.parametrize(
    "ask", ["PRIVMSG NickServ :INFO", "privmsg nickserv INFO", "NS INFO", "NickServ :info"]
)
def test_a_service_answers_with_notices(ask: str) -> None:
    ann = World().register("ann")
    assert ann.send(ask).lines() == [f"{NICKSERV} NOTICE ann :You are not logged in."]


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda one: one.name)
def test_help_is_made_from_the_table(service: Service) -> None:
    ann = World().register("ann")
    for ask in (f"PRIVMSG {service.name} :HELP", service.aliases[0]):
        first, *rest = ann.send(ask).lines()
        assert first.endswith(f"{service.name} {service.about}. Its commands:")
        assert [line.split(" ")[3] for line in rest] == [f":{name}" for name in service.commands]
    for name, command in service.commands.items():
        lines = ann.send(f"{service.aliases[0]} HELP {name.lower()}").lines()
        assert lines[0].endswith(f":Syntax: {name} {command.syntax}".rstrip())
        assert lines[1].endswith(f":{name} {command.about}.")
        if command.least and not command.account:
            assert (
                ann.send(f"{service.aliases[0]} {name}")
                .lines()[0]
                .endswith(f"Syntax: {name} {command.syntax}")
            )


def test_what_a_service_does_not_know_is_said() -> None:
    ann = World().register("ann")
    assert "There is no such command." in ann.send("NS DANCE").lines()[0]
    assert "There is no help on DANCE." in ann.send("NS HELP DANCE").lines()[0]


def test_a_message_to_a_service_is_echoed_to_who_asked_for_that() -> None:
    """echo-message, message-tags."""
    ann = World().register("ann", "echo-message", "message-tags")
    first, second = ann.send("@+x=y PRIVMSG nickserv :INFO").lines()
    assert first.endswith(";+x=y :ann!ann@192.0.2.1 PRIVMSG NickServ :INFO")
    assert second.endswith("You are not logged in.")


def test_a_service_is_told_things_alone_and_never_answers_a_notice() -> None:
    world = World()
    ann, bob = world.register("ann", "message-tags"), world.register("bob")
    assert ann.send("NOTICE NickServ :INFO", "NOTICE NickServ,bob :x").lines() == []
    assert ann.send("@+typing=active TAGMSG NickServ").lines() == []
    assert ann.send("PRIVMSG NickServ,bob :INFO").numerics() == ["401"]
    assert [line.split(" ")[1] for line in bob.lines()] == ["NOTICE", "PRIVMSG"]


def test_an_answer_of_a_service_carries_the_label() -> None:
    """labeled-response."""
    ann = World().register("ann", "labeled-response", "batch")
    assert ann.send("@label=x NS INFO").lines() == [f"@label=x {NICKSERV} NOTICE ann :You are not logged in."]


def test_nobody_can_have_the_nick_of_a_service() -> None:
    world = World()
    ann, stranger = world.register("ann"), world.connect()
    assert ann.send("NICK NICKSERV").numerics() == ["432"]
    assert stranger.send("NICK nickserv").numerics() == ["432"]


def test_a_service_is_no_user_but_whois_knows_it() -> None:
    ann = World().register("ann")
    assert ann.send("WHOIS nickserv").numerics() == ["311", "312", "313", "318"]
    assert ann.send("INVITE NickServ #tea", "KICK #tea NickServ").numerics() == ["401", "403"]
