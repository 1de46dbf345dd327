"""Commands about channels, through whole sessions."""

from __future__ import annotations

import pytest

from protocols.chat.settings import ChatLimits
from tests.core.chat import World


def test_a_join_shows_topic_and_names() -> None:
    ann, bob = World().together("ann", "bob")
    ann.send("TOPIC #tea :green").lines()
    bob.lines()
    bob.send("PART #tea", "JOIN #TEA")
    assert bob.lines() == [
        ":bob!bob@192.0.2.1 PART #tea",
        ":bob!bob@192.0.2.1 JOIN #tea",
        ":irc.example.org 332 bob #tea :green",
        ":irc.example.org 333 bob #tea ann!ann@192.0.2.1 1000000000",
        ":irc.example.org 353 bob = #tea :@ann bob",
        ":irc.example.org 366 bob #tea :End of /NAMES list",
    ]
    assert bob.send("JOIN #tea", "TOPIC #tea").numerics() == ["332", "333"]
    assert bob.send("TOPIC #x", "TOPIC #tea :x").numerics() == ["403", "482"]


def test_join_takes_lists_and_zero() -> None:
    world = World(limits=ChatLimits(channels=3))
    ann = world.register("ann")
    assert ann.send("JOIN #a,#b,c,#d\x07,#e,#f x,y").numerics() == [
        "353", "366", "353", "366", "403", "476", "353", "366", "405",
    ]  # fmt: skip
    assert [line.split(" ")[1] for line in ann.send("JOIN 0").lines()] == ["PART"] * 3
    assert ann.send("JOIN :", "JOIN ,").numerics() == ["461", "461"]
    assert not world.server.network.channels


def test_an_empty_name_in_a_list_is_nothing() -> None:
    """JOIN takes its keys by position (RFC 2812 §3.2.1), also beside a comma too many."""
    world = World()
    ann, bob = world.register("ann"), world.register("bob")
    ann.send("JOIN #a,,#b one,,two", "MODE #a +k one", "MODE #b +k two").lines()
    assert bob.send("JOIN ,#a,,#b, ,one,,two").numerics() == ["353", "366"] * 2
    assert bob.send("NAMES #a,,#b,").numerics() == ["353", "366"] * 2
    assert [line.split(" ")[1] for line in bob.send("PART #a,,#b,").lines()] == ["PART", "PART"]
    for words in ("PART ,", "NAMES ,", "KICK #a ,", "JOIN ,,"):
        assert bob.send(words).numerics() == ["461"], words


def test_no_name_is_cut_at_the_end_of_a_line() -> None:
    """Long names take less of them on a line, not a piece of the last one."""
    channel, nicks = "#" + "c" * 63, [f"{at:x}".rjust(32, "n") for at in range(40)]
    world = World(name="x" * 63)
    clients = world.together(*nicks, channel=channel)
    lines = clients[0].send(f"NAMES {channel}").lines()
    assert max(map(len, lines)) <= 510
    names = " ".join(line.partition(" :")[2] for line in lines[:-1]).split(" ")
    assert names == ["@" + nicks[0], *nicks[1:]]
    for at in range(20):
        clients[0].send(f"JOIN {channel[:-2]}{at:02}").lines()
    lines = [line for line in clients[0].send(f"WHOIS {nicks[0]}").lines() if " 319 " in line]
    assert sum(len(line.partition(" :")[2].split(" ")) for line in lines) == 21
    assert max(len(line) for line in lines) <= 510
    lines = clients[0].send(f"ISON {' '.join(nicks[:14])}").lines()
    assert " ".join(line.partition(" :")[2] for line in lines).split(" ") == nicks[:14]


def test_no_change_is_cut_at_the_end_of_a_mode() -> None:
    ann, bob = World().together("a" * 32, "bob", channel="#" + "c" * 63)
    masks = [f"{at}{'m' * 91}!*@*" for at in range(4)]
    ann.send(f"MODE #{'c' * 63} +bbbb {' '.join(masks)}")
    told = bob.lines()
    assert [one for line in told for one in line.split(" ")[4:]] == masks
    assert [len(line.split(" ")[3]) - 1 for line in told] == [len(line.split(" ")[4:]) for line in told]


def test_names_are_full_only_for_who_asked() -> None:
    world = World()
    ann, _ = world.together("ann", "bob")
    ann.send("MODE #tea +v ann", "MODE ann +i", "NAMES #tea")
    assert ":irc.example.org 353 ann = #tea :@ann bob" in ann.lines()
    ann.send("CAP REQ :multi-prefix userhost-in-names", "NAMES #tea")
    assert ":irc.example.org 353 ann = #tea :@+ann!ann@192.0.2.1 bob!bob@192.0.2.1" in ann.lines()
    cyd = world.register("cyd")
    assert cyd.send("NAMES #tea", "NAMES").lines() == [
        ":irc.example.org 353 cyd = #tea :bob",
        ":irc.example.org 366 cyd #tea :End of /NAMES list",
        ":irc.example.org 366 cyd * :End of /NAMES list",
    ]
    ann.send("MODE #tea +s")
    assert cyd.send("NAMES #tea", "LIST", "WHO #tea").numerics() == ["366", "321", "323", "315"]


def test_extended_join_and_away_notify() -> None:
    world = World()
    (ann,) = world.together("ann", caps=["extended-join", "away-notify"])
    bob = world.register("bob")
    bob.send("AWAY :out", "JOIN #tea")
    assert ann.lines() == [
        ":bob!bob@192.0.2.1 JOIN #tea * :Bob",
        ":bob!bob@192.0.2.1 AWAY :out",
    ]
    bob.send("AWAY")
    assert ann.lines() == [":bob!bob@192.0.2.1 AWAY"]


def test_an_invitation_is_seen_by_operators_who_asked() -> None:
    world = World()
    ann, bob, cyd = world.together("ann", "bob", "cyd", caps=["invite-notify"])
    dan = world.register("dan")
    ann.send("MODE #tea +o bob").lines()
    bob.lines(), cyd.lines()
    assert ann.send("INVITE dan #tea").numerics() == ["341"]
    assert dan.lines() == bob.lines() == [":ann!ann@192.0.2.1 INVITE dan #tea"]
    assert cyd.lines() == []
    assert dan.send("INVITE").numerics() == ["336", "337"]
    assert dan.send("INVITE ann").numerics() == ["461"]


def test_kick_takes_several_nicks() -> None:
    ann, bob, cyd = World().together("ann", "bob", "cyd")
    ann.send("KICK #tea bob,nobody,cyd :out")
    assert bob.lines() == [":ann!ann@192.0.2.1 KICK #tea bob :out"]
    assert cyd.lines()[-1] == ":ann!ann@192.0.2.1 KICK #tea cyd :out"


def test_who_is_kicked_beyond_targmax_is_named() -> None:
    """TARGMAX=KICK:4: the rest is refused, not forgotten."""
    ann, *_ = World().together("ann", "b0", "b1", "b2", "b3", "b4")
    lines = ann.send("KICK #tea b0,b1,b2,b3,b4").lines()
    assert [line.split(" ")[1] for line in lines] == ["KICK"] * 4 + ["407"]
    assert lines[-1] == ":irc.example.org 407 ann b4 :Too many targets"


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ("", {"#tea", "#talk", "#x"}),
        ("#t*", {"#tea", "#talk"}),
        ("!#t*", {"#x"}),
        (">1", {"#tea"}),
        ("<2", {"#talk", "#x"}),
        ("#t*,<2", {"#talk"}),
        ("#t* <2", {"#talk"}),
        ("#tea,#x,#nothing", {"#tea", "#x"}),
        ("#tea,,", {"#tea"}),
        ("C<5", {"#x"}),
        ("C>5", {"#tea", "#talk"}),
        ("T<5", set()),
        ("T>5", {"#tea"}),
    ],
)
def test_list_takes_conditions(conditions: str, expected: set[str]) -> None:
    """ELIST=CMNTU."""
    world = World()
    ann, _ = world.together("ann", "bob")
    ann.send("TOPIC #tea :x", "JOIN #talk")
    world.host.now += 600
    ann.send("JOIN #x").lines()
    lines = ann.send(f"LIST {conditions}").lines()
    assert {line.split(" ")[3] for line in lines if line.split(" ")[1] == "322"} == expected
