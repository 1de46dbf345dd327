"""What chat's clients rely on, through sockets: order, wholeness, limits of input, races."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.chat_clients import Meet


def said(lines: list[str], command: str = "PRIVMSG") -> list[str]:
    """The last parameters of these commands."""
    return [line.partition(" :")[2] for line in lines if line.split(" ")[1] == command]


# -- order and wholeness -----------------------------------------------------------------------


def test_everybody_reads_everything_in_the_order_of_each_sender(meet: Meet) -> None:
    """RFC 2812 §1.3 makes a channel one conversation: no line is lost, cut, or out of its order."""
    members = [meet(f"m{at}").join("#tea") for at in range(20)]
    ann, bob, *others = members
    for at in range(0, 300, 30):
        for one in (ann, bob):
            one.send(*(f"PRIVMSG #tea :{one.nick} {n} {'x' * (n % 200)}" for n in range(at, at + 30)))
    ann.lines(), bob.lines()
    for other in others:
        heard = said(other.lines())
        assert len(heard) == 600
        for one in (ann, bob):
            mine = [line for line in heard if line.startswith(f"{one.nick} ")]
            assert mine == [f"{one.nick} {n} {'x' * (n % 200)}" for n in range(300)]


def test_answers_and_what_others_say_never_interleave(meet: Meet) -> None:
    """Lines are whole, however much is sent to one reader at the same time."""
    ann, bob = meet("ann").join("#mixed"), meet("bob").join("#mixed")
    for _ in range(20):
        ann.send(*(f"PRIVMSG #mixed :{'y' * 300}" for _ in range(20)))
        bob.send("VERSION", "LUSERS", "HELP")
    ann.lines()
    lines = bob.lines()
    assert all(line.startswith(":") for line in lines)
    assert said(lines) == ["y" * 300] * 400
    assert sum(" 351 " in line for line in lines) == sum(" 706 " in line for line in lines) == 20


@pytest.mark.parametrize("over", ["tcp", "tls", "unix"])
def test_all_kinds_of_connections_meet(meet: Meet, over: str) -> None:
    ann, bob = meet("ann", over=over).join("#all"), meet("bob").join("#all")
    ann.lines()
    ann.send("PRIVMSG #all :from ann")
    bob.send("PRIVMSG #all :from bob")
    assert said(ann.until(":from bob")) == ["from bob"]
    assert said(bob.until(":from ann")) == ["from ann"]


def test_a_lost_connection_is_told_with_its_reason(meet: Meet) -> None:
    ann, bob, cyd = (meet(nick).join("#lost") for nick in ("ann", "bob", "cyd"))
    ann.lines()
    bob.client.reset()
    assert ann.read() == ":bob!bob@127.0.0.1 QUIT :Connection reset by peer"
    cyd.client.half_close()
    assert cyd.rest()[-1] == "ERROR :Closing Link: 127.0.0.1 (Connection closed)"
    assert ann.read() == ":cyd!cyd@127.0.0.1 QUIT :Connection closed"


# -- what is read ------------------------------------------------------------------------------


def test_a_line_too_long_is_refused_and_the_next_is_understood(meet: Meet) -> None:
    ann = meet("ann")
    ann.send("PRIVMSG ann :" + "x" * 500, "@+a=" + "x" * 5000 + " PING x", "PING " + "x" * 12_000)
    assert [line.split(" ")[1] for line in ann.lines()] == ["417"] * 3


@pytest.mark.parametrize("piece", [1024, 16_384], ids=["in pieces", "at once"])
def test_16_kib_without_a_line_end_end_the_connection(meet: Meet, piece: int) -> None:
    ann, bob = meet("ann").join("#end"), meet("bob").join("#end")
    ann.lines()
    with suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(16_385 // piece + 1):
            ann.client.send(b"x" * piece)
    assert ann.rest() == [
        ":irc.example.org 417 ann :Input line was too long",
        "ERROR :Closing Link: 127.0.0.1 (Request too long)",
    ]
    assert bob.read() == ":ann!ann@127.0.0.1 QUIT :Request too long"


def test_what_is_not_utf_8_is_told_to_nobody(meet: Meet) -> None:
    """UTF8ONLY."""
    ann, bob = meet("ann").join("#utf8"), meet("bob").join("#utf8")
    ann.lines()
    ann.client.send(b"PRIVMSG #utf8 :\xe9\r\nTOPIC #utf8 :\xff\r\nPRIVMSG #utf8 :\xc3\xa9\r\n")
    answers = ann.lines()
    assert [line.split(" ")[1:4] for line in answers] == [
        ["FAIL", "PRIVMSG", "INVALID_UTF8"],
        ["FAIL", "TOPIC", "INVALID_UTF8"],
    ]
    assert said(bob.lines()) == ["\u00e9"]


def test_lines_may_end_in_lf_alone(meet: Meet) -> None:
    ann = meet("ann")
    ann.client.send(b"PING one\nPING two\r\n\n\r\nPING three\n")
    assert said(ann.lines(), "PONG") == ["one", "two", "three"]


# -- races -------------------------------------------------------------------------------------


def test_a_nick_that_many_want_at_the_same_instant_is_had_by_one(meet: Meet) -> None:
    """RFC 2812 §3.1.2: 433 for all others, who go on with another nick."""
    many = [meet() for _ in range(20)]
    for one in many:
        one.send("USER many 0 * :Many").lines()
    for one in many:
        one.send("NICK prize")
    heard = [one.lines() for one in many]
    won = [any(" 001 prize " in line for line in lines) for lines in heard]
    assert sum(won) == 1
    for at, (one, lines) in enumerate(zip(many, heard, strict=True)):
        if not won[at]:
            assert lines == [":irc.example.org 433 * prize :Nickname is already in use"]
            assert any(f" 001 other{at} " in line for line in one.send(f"NICK other{at}").lines())


def test_a_nick_that_many_change_to_at_the_same_instant_is_had_by_one(meet: Meet) -> None:
    many = [meet(f"many{at}") for at in range(20)]
    for one in many:
        one.send("NICK Prize")
    heard = [one.lines() for one in many]
    assert sorted(line.split(" ")[1] for (line,) in heard) == ["433"] * 19 + ["NICK"]


def test_a_storm_of_nicks_is_told_in_its_order(meet: Meet) -> None:
    ann, bob = meet("ann").join("#storm"), meet("bob").join("#storm")
    ann.lines()
    nicks = [f"ann{at % 7}" for at in range(500)]
    ann.send(*(f"NICK {nick}" for nick in nicks))
    ann.lines()
    assert [line.split(" ")[2] for line in bob.lines()] == nicks
    assert bob.send("ISON ann2 ann").lines() == [f":irc.example.org 303 bob :{nicks[-1]}"]


def test_who_joins_and_leaves_by_turns_never_hears_what_it_should_not(meet: Meet) -> None:
    """Nobody reads a message of a channel that they are not on."""
    ann, bob = meet("ann").join("#turns"), meet("bob")
    for at in range(30):
        bob.send("JOIN #turns").lines()
        ann.send(f"PRIVMSG #turns :in {at}").lines()
        bob.send("PART #turns")
        heard = bob.lines()
        assert said(heard) == [f"in {at}"]
        ann.send(f"PRIVMSG #turns :out {at}").lines()
    assert bob.lines() == []


# -- who has not registered --------------------------------------------------------------------


def test_what_irssi_says_first_is_answered_with_451(meet: Meet) -> None:
    """irssi sends `JOIN :` before anything else."""
    new = meet()
    assert new.send("JOIN :").lines() == [":irc.example.org 451 * :You have not registered"]
    new.register("new")


def test_a_nick_that_was_only_asked_for_is_free(meet: Meet) -> None:
    """Who registers first has it, not who named it first."""
    new, other = meet(), meet()
    new.send("NICK ghost").lines()
    other.register("ghost")
    assert new.send("USER ghost 0 * :Ghost").lines() == [
        ":irc.example.org 433 * ghost :Nickname is already in use"
    ]


def test_several_are_served_in_turn(meet: Meet) -> None:
    """One that asks for much does not keep the others waiting: its answer comes in portions."""
    ann, bob = meet("ann"), meet("bob")
    ann.send(*["HELP", "VERSION"] * 500)
    assert bob.lines() == []
    assert sum(" 351 " in line for line in ann.lines()) == 500
