"""What is true of every command, and those about the server and its operators, through whole sessions."""

from __future__ import annotations

import pytest

from protocols.chat.commands.table import COMMANDS
from protocols.chat.settings import Oper
from tests.core.chat import World


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
    assert not world.server.newcomers


def test_the_log_has_who_and_why_and_nobodys_words(caplog: pytest.LogCaptureFixture) -> None:
    """chat.md: what happens is on the log, never what is said."""
    caplog.set_level("INFO", "protocols.chat")
    world = World(oper=(Oper(name="admin", password="sesame"),), password="open")
    ann, bob, cyd = (world.connect() for _ in range(3))
    for client, nick in ((ann, "ann"), (bob, "bob"), (cyd, "cyd")):
        client.send("PASS open", f"NICK {nick}", f"USER {nick} 0 * :words")
    ann.send("JOIN #tea", "PRIVMSG bob :words", "OPER admin sesame", "KILL nobody", "KILL bob :words")
    ann.send("KILL ann :words")
    cyd.send("OPER words words", "OPER admin words", "AWAY :words", "QUIT :words")
    world.connect().send("PASS words", "NICK dan", "USER dan 0 * :words")
    peer = "192.0.2.1:40000"
    assert [record.getMessage() for record in caplog.records] == [
        *[f"{peer}: connected"] * 3,
        *[f"{peer}: registered as {nick}" for nick in ("ann", "bob", "cyd")],
        f"{peer}: ann is operator admin",
        f"{peer}: ann kills bob",
        f"{peer}: bob: killed",
        f"{peer}: ann kills ann",
        f"{peer}: ann: Killed",
        f"{peer}: cyd failed to become an operator",
        f"{peer}: cyd failed to become operator admin",
        f"{peer}: cyd: Quit",
        f"{peer}: connected",
        f"{peer}: dan: Bad password",
    ]


def test_rehash_is_the_launchers() -> None:
    world = World(oper=(Oper(name="admin", password="sesame"),))
    asked: list[bool] = []
    world.server.rehash = lambda: asked.append(True)
    ann = world.register("ann")
    assert ann.send("REHASH", "OPER admin sesame", "REHASH").numerics() == ["481", "381", "382"]
    assert asked == [True]


def test_lusers_says_only_what_there_is() -> None:
    """RFC 2812 §5.1: "The other replies are only sent back if a non-zero count is found for them"."""
    world = World(oper=(Oper(name="admin", password="sesame"),))
    ann = world.register("ann")
    assert ann.send("LUSERS").numerics() == ["251", "255", "265", "266"]
    world.connect()
    ann.send("OPER admin sesame", "JOIN #tea").numerics()
    assert ann.send("LUSERS").numerics() == ["251", "252", "253", "254", "255", "265", "266"]


def test_the_server_tells_of_itself() -> None:
    world = World(admin=("here", "us", "root@example.org"))
    ann = world.register("ann")
    assert ann.send("VERSION", "TIME", "ADMIN", "INFO", "LINKS").numerics() == [
        "351", "005", "005", "005", "391", "256", "257", "258", "259", "371", "371", "374", "364", "365",
    ]  # fmt: skip
    assert ann.send("VERSION other", "MOTD other").numerics() == ["402", "402"]
    assert World().register("ann").send("ADMIN").numerics() == ["423"]
