"""Fan-out: a line is built once for each set of capabilities, and nobody reads lines out of order."""

from __future__ import annotations

from protocols.chat.session import ChatSession
from protocols.session import Orders, To
from tests.core.chat import Client, World


def said(client: Client, *lines: str) -> Orders:
    """The orders of one chunk."""
    data = "".join(f"{line}\r\n" for line in lines).encode()
    return client.session.received(data, client.world.now)


def receivers(order: To) -> list[ChatSession]:
    return list(order.sessions)  # type: ignore[arg-type]


def test_lines_to_the_same_members_share_one_order() -> None:
    world = World()
    ann, bob, eve = world.together("ann", "bob", "eve")
    (order,) = said(ann, "PRIVMSG #tea :one", "PRIVMSG #tea :two", "PRIVMSG #tea :three")
    assert isinstance(order, To)
    assert receivers(order) == [bob.session, eve.session]
    assert b"".join(order.orders).count(b"PRIVMSG #tea") == 3  # type: ignore[arg-type]


def test_each_set_of_capabilities_has_its_own_form_and_order() -> None:
    world = World()
    ann, bob = world.together("ann", "bob")
    (eve,) = world.together("eve", caps=["server-time"])
    ann.lines(), bob.lines()
    plain, timed = said(ann, "PRIVMSG #tea :one", "PRIVMSG #tea :two")
    assert receivers(plain) == [bob.session]
    assert receivers(timed) == [eve.session]
    assert [line[:6] for line in timed.orders] == [b"@time="] * 2  # type: ignore[index]


def test_what_is_said_in_between_keeps_its_place() -> None:
    """RFC 1459 §8.1 and every reader: lines arrive in the order in which they were said."""
    world = World()
    ann, bob, eve = world.together("ann", "bob", "eve")
    ann.send_bytes(b"PRIVMSG #tea :one\r\nPRIVMSG bob :two\r\nPRIVMSG #tea :three\r\nPRIVMSG #tea :four\r\n")
    assert [line.rpartition(":")[2] for line in bob.lines()] == ["one", "two", "three", "four"]
    assert [line.rpartition(":")[2] for line in eve.lines()] == ["one", "three", "four"]


def test_who_speaks_hears_itself_only_if_it_asked_to() -> None:
    world = World()
    ann, bob = world.together("ann", "bob", caps=["echo-message"])
    ann.send_bytes(b"PRIVMSG #tea :one\r\nPRIVMSG #tea :two\r\n")
    assert [line.rpartition(":")[2] for line in ann.lines()] == ["one", "two"]
    assert [line.rpartition(":")[2] for line in bob.lines()] == ["one", "two"]


def test_who_comes_and_goes_between_two_lines_hears_what_it_should() -> None:
    world = World()
    ann, bob, eve = world.together("ann", "bob", "eve")
    ann.send("PRIVMSG #tea :one")
    bob.send("PART #tea")
    ann.send("PRIVMSG #tea :two")
    eve.send("CAP REQ :server-time")
    ann.send("PRIVMSG #tea :three")
    bob.send("JOIN #tea")
    ann.send("PRIVMSG #tea :four")
    heard = [line.rpartition(":")[2] for line in bob.lines() if "PRIVMSG" in line]
    assert heard == ["one", "four"]
    lines = [line for line in eve.lines() if "PRIVMSG" in line]
    assert [line.rpartition(":")[2] for line in lines] == ["one", "two", "three", "four"]
    assert [line.startswith("@time=") for line in lines] == [False, False, True, True]
