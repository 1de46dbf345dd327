"""NickServ: REGISTER IDENTIFY LOGOUT PASSWD SET INFO."""

from __future__ import annotations

import pytest

from protocols.chat.accounts import Unavailable
from protocols.chat.settings import ChatFlood
from stores.accounts import SqlAccounts
from tests.core.chat import Client, World, make_accounts
from tests.core.chat_accounts import share, world

SOURCE = ":NickServ!NickServ@irc.example.org NOTICE"


def ask(client: Client, words: str) -> list[str]:
    """What NickServ says to that, and the numerics before it."""
    client.lines()
    lines = client.send(f"NS {words}").lines()
    said = [line.partition(" :")[2] for line in lines if line.startswith(SOURCE)]
    return [line.split(" ")[1] for line in lines if not line.startswith(SOURCE)] + said


def test_an_account_of_ones_nick_is_registered_and_logged_in_to() -> None:
    bob = world().register("bob", "account-notify")
    assert ask(bob, "REGISTER opensesame bob@example.org") == [
        "ACCOUNT",
        "900",
        "The account bob is yours now.",
    ]
    assert ask(bob, "INFO") == [
        "You are logged in as bob.",
        "Registered: 2001-09-09T01:46:40.250Z",
        "Address: bob@example.org",
        "MULTICLIENT: DEFAULT",
    ]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("REGISTER short", "A password has 8 characters or more, and is not the name."),
        ("REGISTER opensesame nonsense", "That is not an email address."),
        ("IDENTIFY ann wrong", "There is no such account, or that is not its password."),
        ("IDENTIFY nobody sesame", "There is no such account, or that is not its password."),
        ("IDENTIFY sesame", "There is no such account, or that is not its password."),
        ("PASSWD sesame opensesame", "You must be logged in to an account for that."),
        ("LOGOUT", "You must be logged in to an account for that."),
        ("REGISTER", "Syntax: REGISTER <password> [<email>]"),
    ],
)
def test_what_is_refused_is_said_in_words(words: str, answer: str) -> None:
    assert ask(world().register("bob"), words) == [answer]


def test_a_name_that_is_taken_is_not_registered_again() -> None:
    where = world(reserve_nicks=False)
    assert ask(where.register("ann"), "REGISTER opensesame") == ["There is an account of that name."]


def test_identify_logs_in_with_and_without_a_name() -> None:
    where = world(reserve_nicks=False)
    assert ask(where.register("ann"), "IDENTIFY sesame") == ["900", "You are logged in as Ann."]
    assert ask(where.register("bob"), "IDENTIFY ANN sesame") == ["900", "You are logged in as Ann."]


def test_logout_is_told_by_901_and_leaves_the_nick() -> None:
    where = world()
    ann, bob = share(where), where.register("bob", "account-notify")
    for client in (ann, bob):
        client.send("JOIN #tea").lines()
    assert ask(ann, "LOGOUT") == ["901", "You are logged out."]
    assert bob.lines()[-1] == ":ann!ann@192.0.2.1 ACCOUNT *"
    assert ann.session.nick == "ann"
    assert ask(ann, "IDENTIFY sesame") == ["900", "You are logged in as Ann."]


def test_a_password_is_changed_by_who_knows_it() -> None:
    ann = share(world())
    assert ask(ann, "PASSWD wrong opensesame") == ["That is not your password."]
    assert ask(ann, "PASSWD sesame short") == ["A password has 8 characters or more, and is not the name."]
    assert ask(ann, "PASSWD sesame opensesame") == ["Your password is changed."]
    accounts = ann.world.server.accounts
    assert accounts is not None
    assert accounts.verify("ann", "opensesame") is not None
    assert accounts.verify("ann", "sesame") is None


def test_set_takes_what_it_knows() -> None:
    ann = share(world())
    for value in ("ON", "OFF", "DEFAULT"):
        assert ask(ann, f"SET multiclient {value}") == [
            f"MULTICLIENT is {value}, for connections from now on."
        ]
        assert ask(ann, "INFO")[-1] == f"MULTICLIENT: {value}"
    for wrong in ("SET MULTICLIENT MAYBE", "SET TEA ON"):
        assert ask(ann, wrong) == ["Syntax: SET MULTICLIENT ON | OFF | DEFAULT"]


@pytest.mark.parametrize("words", ["INFO", "SET MULTICLIENT ON"])
def test_an_account_that_was_removed_meanwhile_is_there_no_more(words: str) -> None:
    ann = share(world())
    accounts = ann.world.server.accounts
    assert isinstance(accounts, SqlAccounts)
    accounts.remove("ann")
    assert ask(ann, words) == ["Your account is there no more."]


@pytest.mark.parametrize("words", ["IDENTIFY ann sesame", "REGISTER opensesame"])
def test_a_store_that_fails_is_said_and_logged_in_one_line(
    words: str, caplog: pytest.LogCaptureFixture
) -> None:
    where = world(run_calls=False)
    bob = where.register("bob").send(f"PRIVMSG NickServ :{words}")
    where.carry_out(bob, bob.session.failed(bob.calls.pop(), Unavailable("database is locked"), 0.0))
    (line,) = bob.lines()
    assert line.startswith(SOURCE)
    assert "please try again later" in line.lower()
    assert caplog.messages[-1] == "accounts can't be reached: database is locked"


def test_where_there_are_no_accounts_that_is_said() -> None:
    bob = World().register("bob")
    assert ask(bob, "REGISTER opensesame") == ["Accounts can't be registered here."]
    assert ask(bob, "IDENTIFY ann sesame") == ["There are no accounts on this server."]


def test_registering_is_dear() -> None:
    bob = World(make_accounts(ann="sesame"), flood=ChatFlood()).register("bob")
    bob.send(*["NS REGISTER short"] * 9)
    assert 2 < len(bob.lines()) < 6


def test_guessing_is_dear() -> None:
    bob = World(make_accounts(ann="sesame"), flood=ChatFlood()).register("bob")
    bob.send(*["NS IDENTIFY ann wrong"] * 20)
    assert 2 < len(bob.lines()) < 8
