"""Server bans: whom they mean, how long they hold, and who may set them."""

from __future__ import annotations

import logging

import pytest

from protocols.chat.commands.bans import LONGEST, duration
from protocols.chat.lasting import Ban
from protocols.chat.network.bans import means
from protocols.chat.settings import Oper
from stores.chat import MIGRATIONS
from stores.database import Database
from stores.lasting import SqlKeeper
from tests.core.chat import Client, World
from tests.core.chat_keeping import Memory

OPER = Oper(name="admin", password="sesame")


def operator(where: World, host: str = "203.0.113.5") -> Client:
    """root, who comes from elsewhere."""
    root = where.connect(host).send("NICK root", "USER root 0 * :Root", "OPER admin sesame")
    root.lines()
    return root


@pytest.mark.parametrize(
    ("word", "seconds"),
    [("0", 0), ("90", 5400), ("1h30m", 5400), ("1d", 86_400), ("1mo2w", 3_801_600), ("10s", 10),
     ("1Y", 31_536_000), ("999999999", LONGEST), ("99y", LONGEST)],
)  # fmt: skip
def test_a_duration_is_minutes_or_has_units(word: str, seconds: int) -> None:
    assert duration(word) == seconds


@pytest.mark.parametrize("word", ["", "h", "1", "1h2", "1x", "-5", "1 h", "\u0661", "*!*@*"])
def test_what_is_no_duration(word: str) -> None:
    assert (duration(word) is None) is (word != "1")


@pytest.mark.parametrize(
    ("kind", "mask", "meant"),
    [
        ("K", "bob!*@*", True),
        ("K", "*!b@*", True),
        ("K", "*!*@192.0.2.*", True),
        ("K", "*!*@*.cloak", True),
        ("K", "*!*@198.51.100.*", False),
        ("D", "192.0.2.7", True),
        ("D", "192.0.2.0/24", True),
        ("D", "192.0.2.8/29", False),
        ("D", "2001:db8::/32", False),
    ],
)
def test_whom_a_ban_means(kind: str, mask: str, meant: bool) -> None:
    """By the address where somebody really is as well: others see a cloak."""
    ban = Ban(kind, mask, "", "", 0.0, 0.0)  # type: ignore[arg-type]
    assert means(ban, "bob", "b", "0123456789abcdef.cloak", "192.0.2.7") is meant


@pytest.mark.parametrize("address", ["::ffff:192.0.2.7", "192.0.2.7"])
def test_an_ipv4_address_inside_ipv6_is_the_same(address: str) -> None:
    assert means(Ban("D", "192.0.2.0/24", "", "", 0.0, 0.0), "n", "u", "h", address)


def test_a_unix_sockets_peer_is_in_no_network() -> None:
    assert not means(Ban("D", "::/0", "", "", 0.0, 0.0), "n", "u", "localhost", "localhost")


def test_whom_a_k_line_means_leaves_and_does_not_come_back() -> None:
    where = World(oper=(OPER,))
    root, bob = operator(where), where.register("bob")
    root.send("JOIN #tea"), bob.send("JOIN #tea").lines()
    root.lines()
    assert root.send("KLINE *!b*@* :spam and more").lines() == [
        ":bob!bob@192.0.2.1 QUIT :Banned (spam and more)",
        ":irc.example.org NOTICE root :K-line on *!b*@*, for good.",
    ]
    assert bob.closed
    assert bob.lines() == [
        ":irc.example.org 465 bob :You are banned from this server (spam and more)",
        "ERROR :Closing Link: 192.0.2.1 (You are banned from this server: spam and more)",
    ]
    again = where.connect().send("NICK bill", "USER b 0 * :B")
    assert again.lines()[0] == ":irc.example.org 465 * :You are banned from this server (spam and more)"
    assert again.closed
    assert "bill" not in where.server.network.nicks
    root.send("UNKLINE *!B*@*")
    where.register("bob")


def test_a_d_line_is_said_before_anybody_is_asked_who_it_is() -> None:
    where = World(oper=(OPER,))
    root = operator(where)
    root.send("DLINE 1h 192.0.2.77/24 spam").lines()
    stranger = where.connect()
    assert stranger.lines() == ["ERROR :Closing Link: 192.0.2.1 (You are banned from this server: spam)"]
    assert stranger.closed
    assert not where.server.newcomers
    where.pass_time(3599)
    assert where.connect().closed
    where.pass_time(1)
    assert not where.connect().closed, "the hour is over"


def test_who_is_still_registering_is_kept_out_as_well() -> None:
    where = World(oper=(OPER,))
    root, slow = operator(where), where.connect()
    root.send("DLINE 192.0.2.1")
    assert slow.send("NICK bob", "USER b 0 * :B").numerics() == ["465"]
    assert slow.closed


def test_a_ban_that_is_over_is_dropped() -> None:
    keeper = Memory()
    where = World(keeper=keeper, oper=(OPER,))
    operator(where).send("KLINE 10s bob!*@*")
    assert len(keeper.kept) == 1
    where.pass_time(10)
    where.register("bob")
    assert not keeper.kept
    assert not where.server.network.bans


def test_one_does_not_ban_oneself() -> None:
    where = World(oper=(OPER,))
    root = operator(where)
    assert root.send("KLINE *!*@*").lines() == [":irc.example.org NOTICE root :*!*@* means you as well."]
    assert root.send("DLINE 203.0.113.0/24").lines()[0].endswith("203.0.113.0/24 means you as well.")
    assert not where.server.network.bans


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("KLINE", "End of the K-lines."),
        ("DLINE LIST", "End of the D-lines."),
        ("DLINE 10m nowhere", "That is no address, and no network such as 192.0.2.0/24."),
        ("DLINE 192.0.2.0/64", "That is no address, and no network such as 192.0.2.0/24."),
        ("KLINE :a b!c@d", "That is no mask such as nick!user@host."),
        ("UNKLINE x", "There is no K-line on x!*@*."),
        ("UNDLINE 192.0.2.1", "There is no D-line on 192.0.2.1."),
        ("KLINE ANDKILL 1h x spam", "K-line on x!*@*, until 2001-09-09T02:46:40.250Z."),
        ("KLINE 5", "K-line on 5!*@*, for good."),
    ],
)
def test_what_is_said_of_it(line: str, answer: str) -> None:
    root = operator(World(oper=(OPER,)))
    assert root.send(line).lines() == [f":irc.example.org NOTICE root :{answer}"]


def test_bans_are_listed() -> None:
    root = operator(World(oper=(OPER,)))
    root.send("KLINE 1h bob :spam", "DLINE 192.0.2.1", "KLINE cyd").lines()
    assert [line.partition(" :")[2] for line in root.send("KLINE LIST").lines()] == [
        "K-line on bob!*@*, by root, until 2001-09-09T02:46:40.250Z: spam",
        "K-line on cyd!*@*, by root, for good: no reason given",
        "End of the K-lines.",
    ]


@pytest.mark.parametrize("command", ["KLINE x", "UNKLINE x", "DLINE 192.0.2.1", "UNDLINE 192.0.2.1"])
def test_only_operators_ban(command: str) -> None:
    assert World(oper=(OPER,)).register("ann").send(command).numerics() == ["481"]


def test_who_did_what_is_on_the_log(caplog: pytest.LogCaptureFixture) -> None:
    root = operator(World(oper=(OPER,)))
    with caplog.at_level(logging.INFO, "protocols.chat"):
        root.send("KLINE 1h bob :spam", "UNKLINE bob")
    assert [record.getMessage() for record in caplog.records] == [
        "203.0.113.5:40000: root set a K-line on bob!*@*, until 2001-09-09T02:46:40.250Z",
        "203.0.113.5:40000: root lifted the K-line on bob!*@*",
    ]


def test_bans_hold_after_a_restart_and_those_that_are_over_do_not() -> None:
    keeper = SqlKeeper(Database("", MIGRATIONS))
    operator(World(keeper=keeper, oper=(OPER,))).send("DLINE 192.0.2.1 spam", "KLINE 0s bob", "KLINE 1s cyd")
    keeper.settle()
    where = World(keeper=keeper)
    where.pass_time(1)
    assert where.connect().closed
    where.server.network.bans.pop("D 192.0.2.1")
    where.register("cyd")
