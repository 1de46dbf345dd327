"""Commands about users, through whole sessions."""

from __future__ import annotations

from protocols.chat.settings import Oper
from tests.core.chat import World


def test_whois_tells_what_the_asker_may_know() -> None:
    world = World(oper=(Oper(name="admin", password="sesame", title="is in charge"),))
    ann, bob = world.together("ann", "bob")
    ann.send("MODE ann +B", "AWAY :out", "JOIN #secret", "MODE #secret +s", "OPER admin sesame").lines()
    world.host.now += 10
    assert bob.send("WHOIS ann").numerics() == ["311", "319", "312", "301", "313", "335", "317", "318"]
    assert ann.send("WHOIS ann").numerics() == [
        "311", "319", "312", "301", "313", "335", "378", "338", "379", "317", "318",
    ]  # fmt: skip
    lines = bob.send("WHOIS irc.example.org ann").lines()
    assert ":irc.example.org 319 bob ann :@#tea" in lines
    assert lines[-2] == ":irc.example.org 317 bob ann 10 1000000000 :seconds idle, signon time"
    assert bob.send("WHOIS nobody", "WHOIS a*", "WHOIS", "WHOIS ann,bob").numerics()[:2] == ["401", "318"]
    ann.send("MODE ann +i", "PART #tea")
    assert bob.send("WHOIS a*").numerics() == ["401", "318"]
    secure = world.connect(tls="TLSv1.3").send("NICK tom", "USER tom 0 * :Tom")
    secure.lines()
    assert "671" in bob.send("WHOIS tom").numerics()


def test_whois_of_too_many_names_who_is_left_out() -> None:
    """TARGMAX=WHOIS:4."""
    ann = World().register("ann")
    lines = ann.send("WHOIS ,a,b,c,d,e").lines()
    assert [line.split(" ")[1] for line in lines] == ["401", "318"] * 4 + ["407"]
    assert lines[-1] == ":irc.example.org 407 ann e :Too many targets"
    assert ann.send("WHOIS ,", "WHOIS :").numerics() == ["431", "431"]


def test_whowas_is_newest_first() -> None:
    world = World()
    ann = world.register("ann")
    for name in ("One", "Two", "Three"):
        bob = world.connect().send("NICK bob", f"USER {name} 0 * :{name}")
        bob.send("QUIT")
    assert ann.send("WHOWAS BOB").numerics() == ["314", "312"] * 3 + ["369"]
    lines = ann.send("WHOWAS bob 1").lines()
    assert lines[0] == ":irc.example.org 314 ann bob Three 192.0.2.1 * :Three"
    assert len(lines) == 3
    assert ann.send("WHOWAS nobody", "WHOWAS").numerics() == ["406", "369", "431"]


def test_who_finds_by_channel_by_nick_and_by_mask() -> None:
    world = World()
    ann, bob = world.together("ann", "bob")
    bob.send("MODE bob +iB", "AWAY :x")
    cyd = world.register("cyd")
    cyd.send("MODE cyd +i").lines()
    assert ann.send("WHO #tea").lines() == [
        ":irc.example.org 352 ann #tea ann 192.0.2.1 irc.example.org ann H@ :0 Ann",
        ":irc.example.org 352 ann #tea bob 192.0.2.1 irc.example.org bob GB :0 Bob",
        ":irc.example.org 315 ann #tea :End of WHO list",
    ]
    assert ann.send("WHO *").numerics() == ["352", "352", "315"]
    assert ann.send("WHO cyd").numerics() == ["352", "315"]
    assert cyd.send("WHO *").numerics() == ["352", "352", "315"]
    assert ann.send("WHO b*", "WHO * o", "WHO #nothing").numerics() == ["352", "315", "315", "315"]


def test_whox_gives_fields_in_their_order() -> None:
    ann, _ = World().together("ann", "bob")
    assert ann.send("WHO bob %rtuhniacfsdlo,42").lines()[0] == (
        ":irc.example.org 354 ann 42 #tea bob 255.255.255.255 192.0.2.1 irc.example.org bob H 0 0 0 n/a :Bob"
    )
    assert ann.send("WHO ann %ina").lines()[0] == ":irc.example.org 354 ann 192.0.2.1 ann 0"
    # Without a field that is known it is the old answer.
    assert ann.send("WHO ann %", "WHO ann %xyz").numerics() == ["352", "315"] * 2


def test_userhost_and_ison() -> None:
    ann, bob = World().together("ann", "bob")
    bob.send("AWAY :x")
    assert ann.send("USERHOST ANN nobody bob", "ISON bob nobody :ann x").lines() == [
        ":irc.example.org 302 ann :ann=+ann@192.0.2.1 bob=-bob@192.0.2.1",
        ":irc.example.org 303 ann :bob ann",
    ]


def test_setname_is_seen() -> None:
    ann, bob = World().together("ann", "bob", caps=["setname"])
    ann.send("SETNAME :New Name")
    assert ann.lines() == bob.lines() == [":ann!ann@192.0.2.1 SETNAME :New Name"]
    ann.send("SETNAME :" + "x" * 200)
    assert ann.lines()[0].startswith(":irc.example.org FAIL SETNAME INVALID_REALNAME :")


def test_monitor_watches() -> None:
    world = World()
    ann = world.register("ann", "extended-monitor", "away-notify")
    assert ann.send("MONITOR + bob,cyd", "MONITOR L", "MONITOR S").numerics() == ["731", "732", "733", "731"]
    bob = world.register("bob")
    assert ann.lines() == [":irc.example.org 730 ann :bob!bob@192.0.2.1"]
    bob.send("AWAY :out")
    assert ann.lines() == [":bob!bob@192.0.2.1 AWAY :out"]
    bob.send("QUIT")
    assert ann.lines() == [":irc.example.org 731 ann :bob"]
    assert ann.send("MONITOR C", "MONITOR L", "MONITOR +").numerics() == ["733", "461"]
    assert ann.send("MONITOR X", "MONITOR").numerics() == ["461", "461"]
