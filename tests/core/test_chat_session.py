"""One connection's life: registration, limits of what is read, silence, floods, the end."""

from __future__ import annotations

import pytest

from protocols.chat.settings import ChatHistory, ChatLimits, ChatSettings, ChatTimeouts
from protocols.session import Reason, Refused
from tests.core.chat import World


def test_the_welcome_is_in_order() -> None:
    """RFC 2812 §5.1: "The server sends Replies 001 to 004 to a user upon successful registration"."""
    client = World().connect().send("NICK ann", "USER ann 0 * :Ann")
    expected = [
        "001",
        "002",
        "003",
        "004",
        "005",
        "005",
        "005",
        "251",
        "255",
        "265",
        "266",
    ]
    assert client.numerics() == [*expected, "422"]
    client.send("MODE ann", "MODE ann +i", "MODE ann")
    assert client.lines() == [
        ":irc.example.org 221 ann +",
        ":ann!ann@192.0.2.1 MODE ann :+i",
        ":irc.example.org 221 ann +i",
    ]


def test_the_message_of_the_day_is_shown() -> None:
    client = World(motd=("one", "two")).connect().send("NICK ann", "USER ann 0 * :Ann")
    assert client.numerics()[-4:] == ["375", "372", "372", "376"]


def test_a_bare_join_before_registration_is_not_registered() -> None:
    """irssi sends `JOIN :` first and expects 451."""
    client = World().connect().send("JOIN :", "PRIVMSG", "NOTHING", "PING x", "USER a")
    assert client.numerics() == ["451", "451", "421", "461"]


def test_a_wrong_password_ends_the_connection() -> None:
    world = World(password="sesame")
    for words, expected in ((["PASS wrong"], True), ([], True), (["PASS sesame"], False)):
        client = world.connect().send(*words, "NICK ann", "USER ann 0 * :Ann")
        assert client.closed is expected
        assert ("464" in client.numerics()) is expected


def test_a_nick_race_is_won_once() -> None:
    """Both were free to take it when they asked."""
    world = World()
    ann, other = world.connect(), world.connect()
    ann.send("NICK ann")
    other.send("NICK ANN", "USER other 0 * :Other")
    assert other.session.user is not None
    ann.send("USER ann 0 * :Ann")
    assert ann.lines() == [":irc.example.org 433 * ann :Nickname is already in use"]
    assert ann.send("NICK ann2").numerics()[:1] == ["001"]


def test_registering_twice_is_refused() -> None:
    ann = World().register("ann")
    assert ann.send("USER a 0 * :A", "PASS x").numerics() == ["462", "462"]


def test_a_nick_that_can_not_be() -> None:
    client = World().connect().send("NICK", "NICK :", "NICK 9a", "NICK :a b", "NICK #a")
    assert client.numerics() == ["431", "431", "432", "432", "432"]


# -- capabilities ----------------------------------------------------------------------


def test_registration_waits_for_the_end_of_the_negotiation() -> None:
    client = World().connect().send("CAP LS 302", "NICK ann", "USER ann 0 * :Ann")
    assert client.session.user is None
    assert all(line.startswith(":irc.example.org CAP ") for line in client.lines())
    assert client.send("CAP REQ :batch nothing", "CAP LIST").lines() == [
        ":irc.example.org CAP ann NAK :batch nothing",
        ":irc.example.org CAP ann LIST :cap-notify",
    ]
    assert client.send("CAP REQ :batch  setname").lines() == [":irc.example.org CAP ann ACK :batch setname"]
    assert client.send("CAP REQ :nothing   batch ").lines() == [
        ":irc.example.org CAP ann NAK :nothing   batch "
    ]
    assert client.send("CAP END").numerics()[0] == "001"


def test_before_302_the_list_is_one_line_without_values() -> None:
    world = World(sts="duration=1")
    (line,) = world.connect().send("CAP LS").lines()
    assert "=" not in line
    assert " * LS * :" not in line
    assert "sts=duration=1" in " ".join(world.connect().send("CAP LS 302").lines())
    world = World(name="x" * 63, limits=ChatLimits(nick=64))
    client = world.connect().send("NICK " + "n" * 64)
    for words in ("CAP LS", "CAP REQ :" + " ".join(world.server.offer.caps), "CAP LIST"):
        (line,) = client.send(words).lines()
        assert set(line.rpartition(" :")[2].split(" ")) <= set(world.server.offer.caps), "half a name"


def test_capabilities_change_after_registration() -> None:
    world = World()
    ann, bob = world.together("ann", "bob")
    ann.send("CAP REQ :server-time").lines()
    bob.send("PRIVMSG #tea :hi")
    (line,) = ann.lines()
    assert line.startswith("@time=2001-09-09T01:46:40.250Z :bob!bob@192.0.2.1 PRIVMSG")
    ann.send("CAP REQ :-server-time").lines()
    bob.send("PRIVMSG #tea :hi")
    assert ann.lines() == [":bob!bob@192.0.2.1 PRIVMSG #tea :hi"]
    assert ann.send("CAP WHAT").numerics() == ["410"]


# -- time ------------------------------------------------------------------------------


def test_who_does_not_register_in_time_is_gone() -> None:
    world = World(timeouts=ChatTimeouts(register=5))
    client = world.connect().send("NICK ann")
    world.pass_time(4)
    assert not client.closed
    client.send("PING x")
    world.pass_time(2)
    assert client.closed
    assert client.lines()[-1] == "ERROR :Closing Link: 192.0.2.1 (Registration timed out)"
    assert not world.server.newcomers


def test_silence_is_pinged_once_and_then_ended() -> None:
    """RFC 2812 §3.7.2."""
    world = World(timeouts=ChatTimeouts(ping=60))
    ann, bob = world.together("ann", "bob")
    world.pass_time(59)
    bob.send("PING x").lines()
    world.pass_time(2)
    assert ann.lines() == ["PING :irc.example.org"]
    world.pass_time(50)
    assert ann.lines() == []
    bob.send("PONG x").lines()
    world.pass_time(30)
    assert ann.closed
    assert ann.lines() == ["ERROR :Closing Link: 192.0.2.1 (Ping timeout: 120 seconds)"]
    assert bob.lines()[0] == ":ann!ann@192.0.2.1 QUIT :Ping timeout: 120 seconds"
    assert not bob.closed


def test_an_answer_to_ping_is_heard() -> None:
    world = World(timeouts=ChatTimeouts(ping=60))
    ann = world.register("ann")
    for _ in range(5):
        world.pass_time(70)
        assert ann.lines() == ["PING :irc.example.org"]
        ann.send("PONG :irc.example.org")
    assert not ann.closed


# -- the end ---------------------------------------------------------------------------


def test_quit_is_told_to_the_channel() -> None:
    """RFC 2812 §3.1.7."""
    ann, bob = World().together("ann", "bob")
    ann.send_bytes(b"QUIT :bye\r\nPRIVMSG #tea :not this\r\n")
    assert bob.lines() == [":ann!ann@192.0.2.1 QUIT :bye"]
    assert ann.lines() == ["ERROR :Closing Link: 192.0.2.1 (Quit: bye)"]
    assert ann.closed


@pytest.mark.parametrize(
    ("reason", "words"),
    [(Reason.SEND_QUEUE, "SendQ exceeded"), (Reason.RESET, "Connection reset by peer"),
     (Reason.EOF, "Connection closed")],
)  # fmt: skip
def test_a_lost_connection_is_told(reason: Reason, words: str) -> None:
    world = World()
    ann, bob = world.together("ann", "bob")
    ann.lose(reason)
    assert bob.lines() == [f":ann!ann@192.0.2.1 QUIT :{words}"]
    assert [user.nick for user in world.server.network.users.values()] == ["bob"]
    assert list(world.server.here.sessions.values()) == [bob.session]


def test_the_end_of_what_is_sent_is_answered_first() -> None:
    ann = World().register("ann")
    ann.send_bytes(b"PING 1\r\nPING 2")
    ann.end()
    lines = ann.lines()
    assert [line.rpartition(" ")[2] for line in lines[:2]] == [":1", ":2"]
    assert lines[2].startswith("ERROR :Closing Link")
    assert ann.closed


def test_a_stop_is_announced_and_nobody_is_told_of_the_others() -> None:
    world = World()
    ann, bob = world.together("ann", "bob")
    for client in (ann, bob):
        world.carry_out(client, client.session.drained(0.0))
    for client in (ann, bob):
        assert client.lines()[-2:] == [
            f":irc.example.org NOTICE {client.session.nick} :The server is stopping",
            "ERROR :Server closing",
        ]
        assert client.closed
    assert not world.server.network.users


def test_a_connection_that_was_never_registered_leaves_nothing() -> None:
    world = World()
    client = world.connect().send("NICK ann")
    client.lose()
    assert not world.server.newcomers
    assert not world.server.network.users


def test_who_is_turned_away_is_told_why() -> None:
    assert World().server.refusal(Refused.CONNECTIONS) == b"ERROR :Closing Link: (too many connections)\r\n"


def test_the_offer_changes_with_the_settings() -> None:
    """cap-notify: CAP NEW and CAP DEL."""
    world = World()
    ann = world.register("ann", "cap-notify")
    world.register("bob")
    world.server.reload(world.server.settings.__class__(sts="duration=1"))
    world.carry_out(None, world.host.told)
    assert ann.lines() == [":irc.example.org CAP ann NEW :sts=duration=1"]


def test_who_is_not_registered_yet_hears_of_a_changed_offer_as_well() -> None:
    """cap-notify: what is gone is on no more, and may be asked for when it is there again."""
    world = World()
    ann, bob = world.connect(), world.connect()
    ann.send("NICK ann", "CAP LS 302", "CAP REQ draft/chathistory").lines()
    bob.send("CAP REQ draft/chathistory").lines()
    for enabled, said in ((False, "DEL"), (True, "NEW")):
        world.server.reload(ChatSettings(history=ChatHistory(enabled=enabled)))
        world.carry_out(None, world.host.told)
        world.host.told.clear()
        (line,) = ann.lines()
        assert line.startswith(f":irc.example.org CAP ann {said} :draft/chathistory")
        assert bob.lines() == []
        assert bob.send("CAP LIST").lines() == [":irc.example.org CAP * LIST :"]
    ann.send("QUIT")
    assert world.server.newcomers == {bob.session}


def test_whowas_remembers_as_many_as_the_settings_say_now() -> None:
    """The newest stay; more may be remembered from then on."""
    world = World(limits=ChatLimits(whowas=3))
    ann = world.register("ann")
    for nick in ("a", "b", "c"):
        world.register(nick).send("QUIT")
    for whowas, known in ((1, ["c"]), (2, ["c", "d"])):
        world.server.reload(ChatSettings(limits=ChatLimits(whowas=whowas)))
        if whowas == 2:
            world.register("d").send("QUIT")
        ann.lines()
        assert [one for one in "abcd" if ann.send(f"WHOWAS {one}").numerics()[0] == "314"] == known


def test_an_address_is_cloaked_alike_each_time() -> None:
    world = World(cloak=True)
    first, second, other = world.connect("2001:db8::1"), world.connect("2001:db8::1"), world.connect("::1")
    assert first.session.host == second.session.host != other.session.host
    assert first.session.host.endswith(".cloak")
    assert World().connect("::1").session.host == "0::1"


def test_what_happens_is_on_the_log_and_what_is_said_is_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "protocols.chat")
    world = World()
    ann, bob = world.together("ann", "bob")
    ann.send("PRIVMSG #tea :secret", "QUIT :secret")
    bob.lose(Reason.SEND_QUEUE)
    assert [record.getMessage() for record in caplog.records] == [
        "192.0.2.1:40000: connected",
        "192.0.2.1:40000: registered as ann",
        "192.0.2.1:40000: connected",
        "192.0.2.1:40000: registered as bob",
        "192.0.2.1:40000: ann: Quit",
        "192.0.2.1:40000: bob: SendQ exceeded",
    ]
