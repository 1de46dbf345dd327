"""Lengths and counts: what ISUPPORT promises is what is done."""

from __future__ import annotations

import pytest

from protocols.chat.settings import ChatFlood, ChatLimits
from tests.core.chat import World, make_accounts


def test_what_is_too_long_is_cut_where_isupport_says() -> None:
    """Modern IRC: AWAYLEN, KICKLEN, TOPICLEN are bytes, and no character is split; names are refused."""
    limits = ChatLimits(away=10, kick=11, topic=12, nick=9, channel=10)
    ann, bob = World(limits=limits).together("ann", "bob")
    ann.send("TOPIC #tea :" + "\u00e9" * 10, "AWAY :" + "\u00e9" * 10, "KICK #tea bob :" + "\u00e9" * 10)
    assert [line.partition(" :")[2] for line in bob.lines()] == ["\u00e9" * 6, "\u00e9" * 5]
    assert ":irc.example.org 301 bob ann :" + "\u00e9" * 5 in bob.send("WHOIS ann").lines()
    assert bob.send("NICK " + "b" * 9, "NICK " + "b" * 10).numerics() == ["432"]
    assert bob.send("JOIN #" + "c" * 9, "JOIN #" + "c" * 10).numerics() == ["353", "366", "476"]


def test_one_mode_has_as_many_parameters_as_isupport_says() -> None:
    """MODES=6: what is beyond is left out, flags are not counted."""
    (ann,) = World().together("ann")
    (line,) = ann.send("MODE #tea +bbbbbbbms 1 2 3 4 5 6 7").lines()
    assert line == ":ann!ann@192.0.2.1 MODE #tea +bbbbbbms " + " ".join(f"{n}!*@*" for n in range(1, 7))


@pytest.mark.parametrize("words", ["NICK :", "NICK", "nick  "])
def test_a_nick_that_is_none_is_431(words: str) -> None:
    assert World().connect().send(words).numerics() == ["431"]


@pytest.mark.parametrize("nick", ["*", "#ann", "@ann", "ann!", "1ann", "\u00e9", "a,b", "n" * 33, "~ann"])
def test_a_nick_that_could_mean_something_else_is_432(nick: str) -> None:
    assert World().connect().send(f"NICK {nick}").numerics() == ["432"]


def test_a_nick_may_have_what_rfc_2812_calls_special() -> None:
    """RFC 2812 §2.3.1, special: these are letters of a nick, and not each other's lower case (ascii)."""
    world = World()
    for nick in ("[a]", "{a}", "^a", "~a"[1:] + "\\", "a|", "`a`", "_-"):
        world.register(nick)
    assert len(world.server.network.nicks) == 7


def test_pong_gives_the_token_back() -> None:
    """RFC 2812 §3.7.2; an empty token is one."""
    client = World().connect()
    assert client.send("PING :", "PING a b", "PING :a b").lines() == [
        ":irc.example.org PONG irc.example.org :",
        ":irc.example.org PONG irc.example.org :a",
        ":irc.example.org PONG irc.example.org :a b",
    ]


def test_a_source_that_a_client_names_is_ignored() -> None:
    """Modern IRC, "Source": clients "MUST NOT include a source"; who does speaks for itself alone."""
    ann, bob = World().together("ann", "bob")
    ann.send(":bob!bob@192.0.2.1 PRIVMSG #tea :hi")
    assert bob.lines() == [":ann!ann@192.0.2.1 PRIVMSG #tea :hi"]


def test_the_start_of_the_last_parameter_is_the_first_colon() -> None:
    """sic and ii take the first " :" of a line for it: nothing before it may look like one."""
    world = World()
    ann, bob = world.together("ann", "bob")
    ann.send("TOPIC #tea ::-) :-(", "PRIVMSG #tea ::", "MODE #tea +b :x!*@*")
    said = [line.partition(" :")[2] for line in bob.lines()]
    assert said == [":-) :-(", ":", ""]
    assert bob.send("PRIVMSG :x y").numerics() == ["412"]


@pytest.mark.parametrize(
    ("line", "answer", "answers"),
    [
        ("PING x", "PONG", 40),
        ("JOIN #tea{}", "366", 20),
        ("JOIN #a{0},#b{0}", "366", 28),
        ("PRIVMSG x{0},y{0} :hi", "401", 40),
        ("NICK ann{}", "NICK", 20),
        ("WHO x", "315", 20),
        ("OPER x y", "491", 8),
        ("AUTHENTICATE X", "904", 7),
    ],
)
def test_what_costs_the_others_more_is_dearer(line: str, answer: str, answers: int) -> None:
    """chat.md, floods: with 40 tokens so much is answered at once, and the rest has to wait."""
    world = World(make_accounts(), flood=ChatFlood(burst=43, rate=1))
    ann = world.register("ann")
    lines = ann.send(*(line.format(at) for at in range(60))).lines()
    assert sum(one.split(" ")[1] == answer for one in lines) == answers
