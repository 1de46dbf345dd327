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


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ("", {"#tea", "#talk", "#x"}),
        ("#t*", {"#tea", "#talk"}),
        ("!#t*", {"#x"}),
        (">1", {"#tea"}),
        ("<2", {"#talk", "#x"}),
        ("#t*,<2", {"#talk"}),
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
