"""How often one address may do something dear."""

from __future__ import annotations

import pytest

from protocols.chat import throttle
from protocols.chat.settings import ChatAccounts
from protocols.chat.throttle import Throttle, network
from tests.core.chat import World, make_accounts


def test_an_address_may_so_often_and_again_when_time_has_passed() -> None:
    some = Throttle(60.0)
    assert [some.take("192.0.2.1", 2, now) for now in (0.0, 1.0, 2.0, 59.9)] == [True, True, False, False]
    assert some.take("192.0.2.2", 2, 2.0)
    assert [some.take("192.0.2.1", 2, now) for now in (60.0, 60.5, 61.0)] == [True, False, True]
    assert all(some.take("192.0.2.1", 0, 61.0) for _ in range(9))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("0::1", "::/64"),
        ("localhost", "localhost"),
    ],
)
def test_what_is_one_address(address: str, expected: str) -> None:
    assert network(address) == expected


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
