"""How often one address may do something dear."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from protocols.chat import throttle
from protocols.chat.settings import ChatAccounts, Oper
from protocols.chat.throttle import Throttle
from protocols.delays import MOST_DELAYS
from tests.core.chat import Client, World, make_accounts
from tests.core.chat_accounts import log_in, world


def test_an_address_may_so_often_and_again_when_time_has_passed() -> None:
    some = Throttle(60.0)
    assert [some.take("192.0.2.1", 2, now) for now in (0.0, 1.0, 2.0, 59.9)] == [True, True, False, False]
    assert some.take("192.0.2.2", 2, 2.0)
    assert [some.take("192.0.2.1", 2, now) for now in (60.0, 60.5, 61.0)] == [True, False, True]
    assert all(some.take("192.0.2.1", 0, 61.0) for _ in range(9))


def test_only_so_many_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_KEYS", 2)
    some = Throttle(60.0)
    assert [some.take(one, 1, 0.0) for one in ("a", "b", "c", "b", "a")] == [True, True, True, False, True]


def test_accounts_that_one_address_may_make_are_counted_over_its_connections() -> None:
    """RATE_LIMITED; names and passwords that are refused anyway do not count."""
    where = World(make_accounts(), accounts=ChatAccounts(register_limit=2))
    answers = []
    for nick in ("ann", "bob", "cyd"):
        client = where.register(nick)
        answers += client.send("REGISTER * * short", "REGISTER * * opensesame").lines()[:2]
        client.send("QUIT")
    assert [line.split(" ")[1:4] for line in answers[1::2]] == [
        ["REGISTER", "SUCCESS", "ann"],
        ["REGISTER", "SUCCESS", "bob"],
        ["FAIL", "REGISTER", "RATE_LIMITED"],
    ]
    other = where.connect("192.0.2.7").send("NICK dan", "USER d 0 * :D", "REGISTER * * opensesame")
    assert "REGISTER SUCCESS dan" in other.lines()[-2]
    where.pass_time(3600)
    assert "REGISTER SUCCESS cyd" in where.register("cyd").send("REGISTER * * opensesame").lines()[0]


def test_who_comes_over_a_unix_socket_has_no_address_to_count() -> None:
    where = World(make_accounts(), accounts=ChatAccounts(register_limit=1))
    for nick in ("ann", "bob"):
        client = where.connect("").send(f"NICK {nick}", "USER u 0 * :U", "REGISTER * * opensesame")
        assert "REGISTER SUCCESS" in client.lines()[-2]


# -- wrong passwords ---------------------------------------------------------------------


def sasl(client: Client, password: str) -> list[str]:
    """PLAIN, in one go."""
    return log_in(client, "ann", password)


def nickserv(client: Client, password: str) -> list[str]:
    """As a user who is registered; 900 for a right one, 904 for a wrong one."""
    client.lines()
    return heard(client.send(f"NS IDENTIFY ann {password}"))


def oper(client: Client, password: str) -> list[str]:
    client.lines()
    return client.send(f"OPER admin {password}").numerics()


def heard(client: Client) -> list[str]:
    lines = client.lines()
    return [
        {"900": "903"}.get(one.split(" ")[1], "904")
        for one in lines
        if " 900 " in one or "There is no" in one
    ]


@pytest.mark.parametrize("guess", [sasl, nickserv])
def test_more_connections_make_no_more_guesses(guess: Callable[[Client, str], list[str]]) -> None:
    """The delay is the address's, and a right password has to wait for the wrong ones before it."""
    where = world(login_delay=2.0)
    clients = [where.register(nick, "sasl") for nick in ("bob", "cyd", "dan")]
    for client, password in zip(clients, ("x", "y", "sesame"), strict=True):
        assert guess(client, password) == []
    other = where.connect("192.0.2.77").send("CAP REQ sasl", "NICK eve", "USER e 0 * :E", "CAP END")
    assert guess(other, "sesame")[-1:] == ["903"]
    told = []
    for _ in range(2):
        where.pass_time(2.0)
        told.append([heard(client) if guess is nickserv else client.numerics()[-1:] for client in clients])
    assert told == [[["904"], [], []], [[], ["904"], ["903"]]]


def test_scram_is_delayed_as_plain_is() -> None:
    """What a client proves is a guess as well; a registered connection is told when the time is over."""
    where = world(login_delay=2.0)
    bob = where.register("bob", "sasl")
    bob.send("AUTHENTICATE SCRAM-SHA-256", "AUTHENTICATE " + base64.b64encode(b"n,,n=ann,r=abc").decode())
    server_first = base64.b64decode(bob.lines()[-1].split(" ")[1]).decode()
    nonce = server_first.split(",")[0][2:]
    final = f"c=biws,r={nonce},p={base64.b64encode(bytes(32)).decode()}"
    bob.send("AUTHENTICATE " + base64.b64encode(final.encode()).decode(), "PING after")
    assert bob.lines() == []
    where.pass_time(2.0)
    assert [line.split(" ")[1] for line in bob.lines()] == ["904", "PONG"]


def test_a_wrong_operators_password_is_answered_late() -> None:
    where = World(accounts=ChatAccounts(login_delay=2.0), oper=(Oper(name="admin", password="sesame"),))
    ann = where.register("ann")
    assert oper(ann, "x") == []
    where.pass_time(1.9)
    assert ann.send("PING a").lines() == []
    where.pass_time(0.2)
    assert [line.split(" ")[1] for line in ann.lines()] == ["464", "PONG"]
    assert oper(ann, "sesame") == ["381"]


def test_nobody_is_locked_out_by_who_guesses_from_the_same_address() -> None:
    where = world(login_delay=2.0)
    for _ in range(50):
        log_in(where.connect().send("CAP REQ sasl"), "ann", "x")
    client = where.connect().send("CAP REQ sasl")
    log_in(client)
    where.pass_time(2.0 * MOST_DELAYS)
    assert client.numerics() == ["900", "903"]


def test_who_is_gone_before_the_delay_is_over_is_told_nothing() -> None:
    where = world(login_delay=2.0)
    client = where.connect().send("CAP REQ sasl")
    log_in(client, "ann", "x")
    client.lose()
    where.pass_time(5.0)
    assert client.session.deadline is None


def test_over_a_unix_socket_nothing_is_delayed() -> None:
    """It has no address, and whoever uses it is on this machine."""
    where = world(login_delay=2.0)
    assert log_in(where.connect("").send("CAP REQ sasl"), "ann", "x") == ["904"]
