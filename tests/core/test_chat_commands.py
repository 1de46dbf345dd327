"""What commands answer, and what the others see, through whole sessions."""

from __future__ import annotations

import pytest

from protocols.chat.commands.table import COMMANDS
from protocols.chat.settings import ChatLimits, Oper
from protocols.session import To
from tests.core.chat import World

TIME = "time=2001-09-09T01:46:40.250Z"


def test_every_command_that_is_promised_is_there() -> None:
    promised = """PASS NICK USER CAP AUTHENTICATE PING PONG QUIT ERROR JOIN PART TOPIC NAMES LIST INVITE KICK
    MODE PRIVMSG NOTICE TAGMSG WHO WHOIS WHOWAS USERHOST AWAY SETNAME MONITOR ISON OPER KILL HELP HELPOP INFO
    LUSERS TIME MOTD VERSION ADMIN REHASH"""
    assert set(promised.split()) <= set(COMMANDS)


@pytest.mark.parametrize(
    "name", [name for name, one in COMMANDS.items() if one.least and one.when != "before"]
)
def test_a_command_without_its_parameters_is_refused(name: str) -> None:
    ann = World().register("ann")
    assert ann.send(name).numerics() == ["461"]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_there_for_every_command(name: str) -> None:
    ann = World().register("ann")
    assert ann.send(f"HELP {name.lower()}").numerics() == ["704", "705", "706"]
    assert ann.send("HELPOP nothing").numerics() == ["524"]
    assert ann.send("HELP").numerics()[0] == "704"


# -- messages --------------------------------------------------------------------------


def test_a_line_is_built_once_for_each_set_of_capabilities() -> None:
    """Design §4: one order for all who read the same bytes."""
    world = World()
    ann, *others = world.together(*(f"n{at}" for at in range(9)))
    for client in others[:3]:
        client.send("CAP REQ :server-time message-tags").lines()
    for client in others[3:5]:
        client.send("CAP REQ :server-time").lines()
    orders = ann.session.received(b"PRIVMSG #tea :hi\r\n", 0.0)
    assert all(isinstance(order, To) for order in orders)
    by_line = {order.orders[0]: list(order.sessions) for order in orders if isinstance(order, To)}
    assert {len(sessions) for sessions in by_line.values()} == {2, 3}
    assert len(by_line) == len(orders) == 3
    again = ann.session.received(b"PRIVMSG #tea :ho\r\n", 0.0)
    assert [order.sessions for order in again if isinstance(order, To)] == list(by_line.values())


def test_who_has_no_tags_gets_none() -> None:
    world = World()
    ann, bob, cyd = world.together("ann", "bob", "cyd")
    ann.send("CAP REQ :message-tags echo-message server-time")
    bob.send("CAP REQ :message-tags")
    ann.lines(), bob.lines()
    ann.send(
        "@+draft/reply=1;secret=2;+x=a\\sb PRIVMSG #tea :hi", "@+typing=active TAGMSG #tea", "TAGMSG #tea"
    )
    assert cyd.lines() == [":ann!ann@192.0.2.1 PRIVMSG #tea :hi"]
    said, tagged = bob.lines()
    tags = "+draft/reply=1;+x=a\\sb"
    msgid = said.split(";")[0]
    assert said == f"{msgid};{tags} :ann!ann@192.0.2.1 PRIVMSG #tea :hi"
    assert tagged.endswith("+typing=active :ann!ann@192.0.2.1 TAGMSG #tea")
    echo, tagged_echo = ann.lines()
    # The same msgid for who said it and who hears it (message-ids).
    assert echo == f"@{TIME};{msgid[1:]};{tags} :ann!ann@192.0.2.1 PRIVMSG #tea :hi"
    assert tagged_echo.startswith(f"@{TIME};msgid=")


def test_each_target_is_answered_by_itself() -> None:
    world = World(limits=ChatLimits(targets=3))
    ann, bob = world.together("ann", "bob")
    assert ann.send("PRIVMSG", "PRIVMSG bob", "PRIVMSG bob :", "TAGMSG").numerics() == [
        "411",
        "412",
        "412",
        "411",
    ]
    assert ann.send("NOTICE", "NOTICE bob", "NOTICE nobody :x").lines() == []
    assert ann.send("PRIVMSG nobody,bob,#tea,x,bob :hi").numerics() == ["407", "401"]
    assert [line.split(" ")[2] for line in bob.lines()] == ["bob", "#tea"]


def test_a_message_to_oneself_comes_once_and_echoes_once() -> None:
    ann = World().register("ann")
    assert len(ann.send("PRIVMSG ann :hi").lines()) == 1
    ann.send("CAP REQ :echo-message").lines()
    assert len(ann.send("PRIVMSG ann :hi").lines()) == 2


def test_a_status_message_reaches_the_rank_alone() -> None:
    ann, bob, cyd = World().together("ann", "bob", "cyd")
    ann.send("MODE #tea +v bob").lines()
    bob.lines(), cyd.lines()
    cyd.send("PRIVMSG @#tea :ops", "PRIVMSG +#tea :voices")
    assert len(ann.lines()) == 2
    assert bob.lines() == [":cyd!cyd@192.0.2.1 PRIVMSG +#tea :voices"]


def test_a_long_line_is_cut_between_characters() -> None:
    ann, bob = World().together("ann", "bob")
    ann.send_bytes("PRIVMSG #tea :{}\r\n".format("\U0001f375" * 124).encode())
    (data,) = bob.data.split(b"\r\n")[:1]
    assert 505 < len(data) <= 510
    data.decode()


# -- labels ----------------------------------------------------------------------------


def test_a_labeled_command_is_answered_with_one_label() -> None:
    """labeled-response: one line, several in a batch, or ACK for none."""
    world = World()
    ann = world.register("ann", "labeled-response", "batch")
    assert ann.send("@label=a PING x").lines() == ["@label=a :irc.example.org PONG irc.example.org :x"]
    assert ann.send("@label=b PONG x").lines() == ["@label=b :irc.example.org ACK"]
    assert ann.send("@label=c\\: NOTHING").lines() == [
        "@label=c\\: :irc.example.org 421 ann NOTHING :Unknown command"
    ]
    lines = ann.send("@label=d MODE #x", "@label=e JOIN #c").lines()
    assert lines[0] == "@label=d :irc.example.org 403 ann #x :No such channel"
    start = lines[1].split(" ")
    assert start[0] == "@label=e"
    reference = start[3][1:]
    assert lines[1] == f"@label=e :irc.example.org BATCH +{reference} labeled-response"
    assert lines[-1] == f":irc.example.org BATCH -{reference}"
    assert [line.split(" ")[2] for line in lines[2:-1]] == ["JOIN", "353", "366"]
    assert all(line.startswith(f"@batch={reference} ") for line in lines[2:-1])


def test_others_never_see_a_label() -> None:
    world = World()
    ann, bob = world.together(
        "ann", "bob", caps=["labeled-response", "batch", "echo-message", "message-tags"]
    )
    ann.send("@label=x PRIVMSG #tea :hi")
    assert "label" not in bob.lines()[0]
    (echo,) = ann.lines()
    assert echo.startswith("@label=x;msgid=")
    ann.send("@label=y QUIT")
    assert ann.lines() == ["ERROR :Closing Link: 192.0.2.1 (Quit)"]


def test_a_label_without_the_capability_is_no_label() -> None:
    ann = World().register("ann", "batch")
    assert ann.send("@label=a PING x").lines() == [":irc.example.org PONG irc.example.org :x"]


def test_a_label_waits_for_a_slow_answer() -> None:
    world = World(run_calls=False, oper=(Oper(name="admin", password="sesame"),))
    ann = world.register("ann", "labeled-response", "batch")
    ann.send("@label=a OPER admin sesame", "PING x")
    assert ann.lines() == []
    world.answer(ann, ann.calls.pop())
    lines = ann.lines()
    assert lines[0].startswith("@label=a :irc.example.org BATCH +")
    assert [line.split(" ")[2] for line in lines[1:3]] == ["381", "MODE"]
    assert lines[3].startswith(":irc.example.org BATCH -")
    assert lines[-1].endswith("PONG irc.example.org :x")


# -- channels --------------------------------------------------------------------------


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


# -- users -----------------------------------------------------------------------------


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


# -- operators and the server ----------------------------------------------------------


def test_oper_and_kill() -> None:
    world = World(oper=(Oper(name="admin", password="sesame"),))
    ann, bob = world.together("ann", "bob")
    assert ann.send("KILL bob :x", "OPER nobody x", "OPER admin wrong").numerics() == ["481", "491", "464"]
    assert ann.send("OPER admin sesame").numerics() == ["381"]
    assert ann.send("KILL nobody").numerics() == ["401"]
    ann.send("KILL bob :spam")
    assert bob.lines() == [
        ":ann!ann@192.0.2.1 KILL bob :spam",
        "ERROR :Closing Link: 192.0.2.1 (Killed (ann (spam)))",
    ]
    assert bob.closed
    assert ann.lines() == [":bob!bob@192.0.2.1 QUIT :Killed (ann (spam))"]
    ann.send("WALLOPS :hello")
    ann.send("KILL ann :me")
    assert ann.closed
    assert not world.server.network.users
    assert not world.server.here.sessions
    assert world.server.unregistered == 0


def test_rehash_is_the_launchers() -> None:
    world = World(oper=(Oper(name="admin", password="sesame"),))
    asked: list[bool] = []
    world.server.rehash = lambda: asked.append(True)
    ann = world.register("ann")
    assert ann.send("REHASH", "OPER admin sesame", "REHASH").numerics() == ["481", "381", "382"]
    assert asked == [True]


def test_the_server_tells_of_itself() -> None:
    world = World(admin=("here", "us", "root@example.org"))
    ann = world.register("ann")
    assert ann.send("VERSION", "TIME", "ADMIN", "INFO", "LINKS").numerics() == [
        "351", "005", "005", "391", "256", "257", "258", "259", "371", "371", "374", "364", "365",
    ]  # fmt: skip
    assert ann.send("LUSERS").numerics() == ["251", "252", "253", "254", "255", "265", "266"]
    assert ann.send("VERSION other", "MOTD other").numerics() == ["402", "402"]
    assert World().register("ann").send("ADMIN").numerics() == ["423"]
