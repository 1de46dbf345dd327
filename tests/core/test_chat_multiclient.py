"""Several connections of one account that share its nick: one user, however many clients."""

from __future__ import annotations

import pytest

from protocols.session import CHUNK, To
from tests.core.chat import Client, World
from tests.core.chat_accounts import log_in, share, world


def test_a_client_that_says_its_nick_before_it_logs_in_shares_it_all_the_same() -> None:
    where = world()
    first, second = share(where), share(where, "ANN")
    assert first.session.user is second.session.user
    lines = second.lines()
    assert any(line.startswith(":irc.example.org 001 ann :") for line in lines)


@pytest.mark.parametrize("setting", [{"multiclient": False}, {}])
def test_who_does_not_want_to_share_does_not(setting: dict[str, bool]) -> None:
    where = world(**setting)
    first = share(where)
    if not setting:
        first.send("NS SET MULTICLIENT OFF")
        assert "MULTICLIENT is OFF" in first.lines()[-1]
    second = where.connect().send("CAP LS 302", "NICK ann", "USER a 0 * :A", "CAP REQ :sasl")
    log_in(second)
    assert second.send("CAP END").numerics() == ["433"]
    assert second.send("NICK ann2").numerics()[0] == "001"


def test_a_stranger_does_not_share() -> None:
    where = world()
    share(where)
    assert where.connect().send("NICK ann").numerics() == ["433"]
    negotiating = where.connect().send("CAP LS 302", "NICK ann", "USER a 0 * :A")
    negotiating.lines()
    assert negotiating.send("CAP END").numerics() == ["433"]


def test_each_connection_sees_what_its_user_does() -> None:
    """chat.md: "several connections of one account may share its nick, each gets the messages"."""
    where = world()
    one = share(where, "ann", "away-notify")
    two = share(where, "ann", "message-tags", "echo-message", "away-notify")
    bob = where.register("bob")
    one.send("JOIN #tea")
    bob.send("JOIN #tea")
    for client in (one, two, bob):
        client.lines()
    steps = {
        "PRIVMSG #tea :hi": ["PRIVMSG #tea :hi"],
        "PRIVMSG bob :psst": ["PRIVMSG bob :psst"],
        "AWAY :tea": ["AWAY :tea"],
        "AWAY": ["AWAY"],
        "TOPIC #tea :green": ["TOPIC #tea :green"],
        "MODE ann +w": ["MODE ann :+w"],
        "NICK Anna": ["NICK Anna"],
        "PART #tea": ["PART #tea"],
    }
    for line, seen in steps.items():
        own = one.send(line).lines()
        assert not [said for said in own if " AWAY" in said]
        words = [said.partition(" ")[2] if said[0] == "@" else said for said in two.lines()]
        assert [said.partition(" ")[2] for said in words] == seen, line
    assert bob.lines()[-1].endswith(" PART #tea")


def test_a_connection_that_goes_takes_only_itself() -> None:
    where = world()
    one, two = share(where), share(where)
    bob = where.register("bob", "away-notify")
    for client in (one, bob):
        client.send("JOIN #tea")
    two.send("MONITOR + bob")
    for client in (one, two, bob):
        client.lines()
    one.send("QUIT :gone")
    assert one.closed
    assert bob.lines() == two.lines() == []
    bob.send("PRIVMSG ann :still there?", "PRIVMSG #tea :and here?")
    assert [line.split(" ")[1] for line in two.lines()] == ["PRIVMSG", "PRIVMSG"]
    two.lose()
    assert bob.lines() == [":ann!ann@192.0.2.1 QUIT :Connection reset by peer"]
    assert not where.server.network.monitored


def test_each_connection_has_its_own_capabilities() -> None:
    where = world()
    plain, rich = share(where), share(where, "ann", "server-time", "account-tag")
    bob = where.register("bob")
    plain.lines(), rich.lines()
    bob.send("PRIVMSG ann :hi")
    assert plain.lines() == [":bob!bob@192.0.2.1 PRIVMSG ann :hi"]
    assert rich.lines() == ["@time=2001-09-09T01:46:40.250Z :bob!bob@192.0.2.1 PRIVMSG ann :hi"]


def test_an_account_that_connections_share_is_not_changed_by_one_of_them() -> None:
    """SASL 3.1, 907: else the others would be somebody whom they did not log in as."""
    where = world()
    where.register("dan").send("REGISTER dora * opensesame")
    one, two = share(where), share(where)
    assert log_in(one) == ["900", "903"]
    assert log_in(one, "dora", "opensesame") == ["907"]
    two.lines()
    assert "Your other connections keep you" in one.send("NS LOGOUT").lines()[-1]
    two.send("QUIT")
    assert log_in(one, "dora", "opensesame") == ["900", "903"]


def test_who_comes_later_is_told_how_things_are() -> None:
    where = world()
    one = share(where)
    one.send("MODE ann +w", "AWAY :tea", "JOIN #tea").lines()
    lines = [line.partition(" ")[2] for line in share(where).lines()]
    assert lines[-5:] == [
        "MODE ann :+w",
        "306 ann :You have been marked as being away",
        "JOIN #tea",
        "353 ann = #tea :@ann",
        "366 ann #tea :End of /NAMES list",
    ]


# -- much to be told without having asked ------------------------------------------------

KNOWING = ("batch", "draft/metadata-3")


def crowded(where: World, channel: str) -> int:
    """A channel with some 400 KB of metadata, which is more than CHUNK by far; how many values these are."""
    for number in range(40):
        member = where.register(f"m{number}", *KNOWING)
        member.send(*(f"METADATA * SET k{key} :{'x' * 250}" for key in range(40)), f"JOIN {channel}")
    return 40 * 40


def subscribed(where: World) -> Client:
    client = share(where, "ann", *KNOWING)
    client.send(f"METADATA * SUB {' '.join(f'k{key}' for key in range(40))}").lines()
    return client


def test_what_a_connection_is_shown_of_a_channel_that_another_joined_is_told_bit_by_bit() -> None:
    where = world()
    one, two = subscribed(where), subscribed(where)
    values = crowded(where, "#tea")
    orders = one.session.received(b"JOIN #tea\r\n", where.now)
    at_once = [order for order in orders if isinstance(order, To) and two.session in order.sessions]
    assert sum(len(data) for order in at_once for data in order.orders) < CHUNK + 1024
    assert at_once[-1].orders == ()
    assert two.session.more
    where.carry_out(one, orders)
    where.settle()
    mine, its = one.numerics(), two.numerics()
    assert its == mine
    assert its.count("761") == values
    assert not two.session.more


def test_a_connection_that_comes_later_is_shown_its_channels_bit_by_bit() -> None:
    where = world()
    one = subscribed(where)
    values = crowded(where, "#tea")
    one.send("JOIN #tea", "JOIN #milk").lines()
    two = where.connect().send(
        "CAP LS 302", f"CAP REQ :sasl {' '.join(KNOWING)}", "NICK ann", "USER a 0 * :A"
    )
    log_in(two)
    two.send(f"METADATA * SUB {' '.join(f'k{key}' for key in range(40))}").lines()
    orders = two.session.received(b"CAP END\r\nPING after\r\n", where.now)
    assert sum(len(data) for data in orders if isinstance(data, bytes)) < CHUNK + 1024
    where.carry_out(two, orders)
    where.settle()
    lines = two.lines()
    assert sum(" 761 ann m" in line for line in lines) == values
    assert [line.rpartition(" ")[2] for line in lines if " JOIN " in line] == ["#tea", "#milk"]
    assert lines[-1].endswith("PONG irc.example.org :after")


def test_who_has_left_meanwhile_is_shown_nothing_more_of_it() -> None:
    where = world()
    one, two = subscribed(where), subscribed(where)
    crowded(where, "#tea")
    orders = one.session.received(b"JOIN #tea,#milk\r\n", where.now)
    where.carry_out(one, orders)
    while one.session.more:
        where.carry_out(one, one.session.resumed(where.now))
    where.carry_out(one, one.session.received(b"PART #milk\r\n", where.now))
    where.settle()
    assert [line.split(" ")[3] for line in two.lines() if " 366 " in line] == ["#tea"]


def test_who_is_gone_is_told_nothing_more() -> None:
    where = world()
    one, two = subscribed(where), subscribed(where)
    crowded(where, "#tea")
    where.carry_out(one, one.session.received(b"JOIN #tea\r\n", where.now))
    two.send("QUIT")
    assert two.closed
    assert not two.session.more
    assert two.lines()[-1].startswith("ERROR ")
