"""REGISTER, VERIFY, and nicks that are kept for their accounts (IRCv3 account-registration)."""

from __future__ import annotations

import base64

import pytest

from protocols.chat.accounts import Unavailable
from protocols.chat.settings import ChatAccounts, ChatFlood, ChatSettings
from stores.accounts import SqlAccounts
from tests.core.chat import World, make_accounts
from tests.core.chat_accounts import log_in, share, world


def offered(where: World) -> str:
    client = where.connect().send("CAP LS 302")
    words = " ".join(client.lines()).split(" ")
    return next((word for word in words if word.startswith("draft/account-registration")), "")


# -- REGISTER --------------------------------------------------------------------------


def test_the_offer_says_what_a_registration_takes() -> None:
    name = "draft/account-registration="
    assert offered(world()) == name + "custom-account-name"
    both = world(register_before_connect=True, register_email=True)
    assert offered(both) == name + "before-connect,email-required,custom-account-name"
    assert offered(world(register=False)) == ""


def test_a_change_of_the_offer_is_told() -> None:
    """cap-notify."""
    where = world()
    bob = where.connect().send("CAP LS 302", "NICK bob", "USER b 0 * :B", "CAP END")
    bob.lines()
    for accounts, said in (
        (
            ChatAccounts(register_email=True),
            "NEW :draft/account-registration=email-required,custom-account-name",
        ),
        (ChatAccounts(register=False), "DEL :draft/account-registration"),
        (ChatAccounts(), "NEW :draft/account-registration=custom-account-name"),
    ):
        where.server.reload(ChatSettings(accounts=accounts))
        where.carry_out(None, where.host.told)
        where.host.told.clear()
        assert bob.lines() == [f":irc.example.org CAP bob {said}"]


def test_registering_logs_in_and_is_told() -> None:
    """ "Afterward, the client is assumed to be authenticated"; account-notify."""
    bob, cyd = world().together("bob", "cyd", caps=["account-notify"])
    assert bob.send("REGISTER * * opensesame").lines() == [
        ":irc.example.org REGISTER SUCCESS bob :Account created",
        ":bob!bob@192.0.2.1 ACCOUNT bob",
        ":irc.example.org 900 bob bob!bob@192.0.2.1 bob :You are now logged in as bob",
    ]
    assert cyd.lines() == [":bob!bob@192.0.2.1 ACCOUNT bob"]
    accounts = bob.world.server.accounts
    assert accounts is not None
    account = accounts.verify("bob", "opensesame")
    assert account is not None
    assert account.created == bob.world.host.now


def test_an_account_may_be_called_otherwise_than_its_maker() -> None:
    """ "the account name can be different from the user's current nickname"."""
    bob = world().register("bob")
    assert "REGISTER SUCCESS Bobby" in bob.send("REGISTER Bobby bob@example.org opensesame").lines()[0]
    assert bob.session.user is not None
    assert bob.session.user.account == "Bobby"


@pytest.mark.parametrize(
    ("line", "code", "name"),
    [
        ("REGISTER ann * opensesame", "ACCOUNT_EXISTS", "ann"),
        ("REGISTER cyd * opensesame", "ACCOUNT_EXISTS", "cyd"),
        ("REGISTER 9 * opensesame", "BAD_ACCOUNT_NAME", "9"),
        ("REGISTER NickServ * opensesame", "BAD_ACCOUNT_NAME", "NickServ"),
        ("REGISTER * * short", "WEAK_PASSWORD", "bob"),
        ("REGISTER * * :two words", "UNACCEPTABLE_PASSWORD", "bob"),
        ("REGISTER * nonsense opensesame", "INVALID_EMAIL", "bob"),
        ("VERIFY bob 1234", "INVALID_CODE", "bob"),
    ],
)
def test_a_refusal_has_its_code(line: str, code: str, name: str) -> None:
    """account-registration, "Responses"."""
    bob, _ = world().together("bob", "cyd")
    (said,) = bob.send(line).lines()
    command = line.partition(" ")[0]
    assert said.startswith(f":irc.example.org FAIL {command} {code} {name} :")


def test_too_few_words_are_461() -> None:
    assert world().register("bob").send("REGISTER bob opensesame", "VERIFY bob").numerics() == ["461", "461"]


def test_who_is_logged_in_registers_nothing() -> None:
    bob = world().register("bob")
    bob.send("REGISTER * * opensesame").lines()
    first, second = bob.send("REGISTER bobby * opensesame", "VERIFY bob 1").lines()
    assert first.startswith(":irc.example.org FAIL REGISTER ALREADY_AUTHENTICATED bobby :")
    assert second.startswith(":irc.example.org FAIL VERIFY ALREADY_AUTHENTICATED bob :")


def test_an_address_may_be_required() -> None:
    bob = world(register_email=True).register("bob")
    assert "FAIL REGISTER INVALID_EMAIL bob :" in bob.send("REGISTER * * opensesame").lines()[0]
    assert "REGISTER SUCCESS bob" in bob.send("REGISTER * bob@example.org opensesame").lines()[0]


def test_where_nobody_may_register_that_is_said() -> None:
    bob = world(register=False).register("bob")
    assert "FAIL REGISTER TEMPORARILY_UNAVAILABLE bob :" in bob.send("REGISTER * * opensesame").lines()[0]


def test_before_the_connection_is_complete_one_registers_only_where_it_is_offered() -> None:
    early = world().connect().send("NICK bob", "REGISTER * * opensesame", "VERIFY bob 1")
    assert [line.split(" ")[1:4] for line in early.lines()] == [
        ["FAIL", "REGISTER", "COMPLETE_CONNECTION_REQUIRED"],
        ["FAIL", "VERIFY", "COMPLETE_CONNECTION_REQUIRED"],
    ]
    early = world(register_before_connect=True).connect().send("CAP LS 302", "REGISTER * * opensesame")
    assert early.lines()[-1] == ":irc.example.org FAIL REGISTER NEED_NICK * :Say NICK first"
    early.send("NICK bob", "REGISTER * * opensesame")
    assert early.lines() == [
        ":irc.example.org REGISTER SUCCESS bob :Account created",
        ":irc.example.org 900 bob bob!*@192.0.2.1 bob :You are now logged in as bob",
    ]
    early.send("USER bob 0 * :Bob", "CAP END")
    assert early.session.user is not None
    assert early.session.user.account == "bob"


def test_the_servers_password_is_not_bypassed() -> None:
    """ "cannot be used to bypass any authentication restrictions"."""
    where = world(register_before_connect=True, password="secret")
    assert "before-connect" not in offered(where)
    assert (
        "COMPLETE_CONNECTION_REQUIRED" in where.connect().send("NICK b", "REGISTER * * opensesame").lines()[0]
    )


def test_of_two_who_register_one_name_at_the_same_instant_one_wins() -> None:
    where = world(run_calls=False)
    clients = where.register("bob"), where.register("cyd")
    for client in clients:
        client.send("REGISTER dan * opensesame")
    for client in clients:
        where.answer(client, client.calls.pop())
    assert [client.lines()[0].split(" ")[1:4] for client in clients] == [
        ["REGISTER", "SUCCESS", "dan"],
        ["FAIL", "REGISTER", "ACCOUNT_EXISTS"],
    ]


def test_a_store_that_fails_is_told_and_logged_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    where = world(run_calls=False)
    bob = where.register("bob").send("REGISTER * * opensesame", "PING x")
    call = bob.calls.pop()
    assert bob.lines() == []
    where.carry_out(bob, bob.session.failed(call, Unavailable("database is locked"), 0.0))
    failed, pong = bob.lines()
    assert failed.startswith(":irc.example.org FAIL REGISTER TEMPORARILY_UNAVAILABLE bob :")
    assert "PONG" in pong
    assert caplog.messages[-1] == "accounts can't be reached: database is locked"
    assert "opensesame" not in caplog.text


def test_registering_is_dear() -> None:
    """chat.md: "JOIN, REGISTER, OPER and failed SASL are dearer"."""
    where = World(make_accounts(), flood=ChatFlood())
    bob = where.register("bob")
    bob.send(*(f"REGISTER name{number} * x" for number in range(9)))
    assert 2 < len(bob.lines()) < 6


# -- nicks that are kept ---------------------------------------------------------------


def test_the_nick_of_an_account_is_only_for_it() -> None:
    where = world(owned=("Ann",))
    stranger = where.connect().send("CAP REQ :standard-replies", "NICK ann", "USER a 0 * :A", "CAP END")
    lines = stranger.lines()
    assert lines[-2].startswith(":irc.example.org 433 * ann :")
    assert lines[-1].startswith(":irc.example.org FAIL NICK NICKNAME_RESERVED ann :")
    stranger.send("NICK bob")
    assert stranger.numerics()[0] == "001"
    assert stranger.send("NICK ANN", "CAP REQ -standard-replies").numerics() == ["433"]
    assert stranger.send("NICK ANN").lines()[1] == (
        ":NickServ!NickServ@irc.example.org NOTICE bob"
        " :That nick belongs to an account, and you are not logged in to it."
    )
    ann = share(where)
    assert ann.session.nick == "ann"


def test_a_nick_is_kept_from_the_first_login_or_registration_on() -> None:
    where = world()
    where.register("bob").send("REGISTER * * opensesame", "QUIT")
    assert where.connect().send("NICK bob", "USER b 0 * :B").numerics() == ["433"]
    share(where).send("QUIT")
    assert where.connect().send("NICK ann", "USER b 0 * :B").numerics() == ["433"]


def test_who_logs_in_later_may_take_the_nick_then() -> None:
    where = world(owned=("Ann",))
    bob = where.register("bob", "sasl")
    assert bob.send("NICK ann").numerics() == ["433"]
    log_in(bob)
    assert bob.send("NICK Ann").lines() == [":bob!bob@192.0.2.1 NICK Ann"]


def test_the_nick_of_an_account_that_was_removed_is_free() -> None:
    """It is removed beside the server, which asks before it refuses."""
    where = world(owned=("Ann", "bob"))
    assert where.register("bob").send("NICK ann").numerics() == ["433"]
    accounts = where.server.accounts
    assert isinstance(accounts, SqlAccounts)
    accounts.remove("ann")
    assert where.register("ann").session.nick == "ann"


def test_a_nick_stays_kept_while_the_store_cant_be_asked(caplog: pytest.LogCaptureFixture) -> None:
    where = world(run_calls=False, owned=("Ann",))
    stranger = where.connect().send("NICK ann", "USER a 0 * :A")
    (call,) = stranger.calls
    where.carry_out(stranger, stranger.session.failed(call, Unavailable("locked"), 0.0))
    assert stranger.numerics() == ["433"]
    assert caplog.messages[-1] == "accounts can't be reached: locked"


def test_nicks_are_kept_for_nobody_where_the_settings_say_so() -> None:
    where = world(owned=("Ann",), reserve_nicks=False)
    assert where.register("ann").send("NICK bob", "NICK ANN").numerics() == []


def test_the_case_of_a_nick_that_one_has_may_change() -> None:
    where = world()
    ann = where.register("ann")
    where.register("bob", "sasl")
    share(where, "ann2").lines()
    assert "ann" in where.server.network.owned
    assert ann.send("NICK ANN").lines() == [":ann!ann@192.0.2.1 NICK ANN"]
    assert ann.send("NICK bobby", "NICK ann").numerics() == ["433"]


# -- the exchange, and what comes after ------------------------------------------------


def test_another_account_can_be_logged_in_to_later() -> None:
    """SASL 3.2, "SASL Reauthentication"."""
    where = world()
    bob, cyd = where.together("bob", "cyd", caps=["account-notify", "sasl"])
    assert log_in(bob) == ["900", "903"]
    where.register("dan").send("REGISTER dora * opensesame")
    cyd.lines()
    assert log_in(bob, "dora", "opensesame") == ["900", "903"]
    assert cyd.lines() == [":bob!bob@192.0.2.1 ACCOUNT dora"]
    assert log_in(bob, "dora", "wrong") == ["904"]
    assert bob.session.user is not None
    assert bob.session.user.account == "dora"


def test_an_exchange_may_be_cut_at_every_byte() -> None:
    said = base64.b64encode(b"\0ann\0sesame")
    whole = b"NICK ann\r\nUSER a 0 * :A\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE %b\r\nCAP END\r\n" % said
    accounts = make_accounts(ann="sesame")
    for at in range(len(whole) + 1):
        client = World(accounts, owned=("ann",)).connect().send("CAP REQ :sasl")
        for piece in (whole[:at], whole[at:]):
            if piece:
                client.send_bytes(piece)
        numerics = client.numerics()
        assert numerics[:3] == ["900", "903", "001"], at
    for at in range(len(whole)):
        client = World(accounts, owned=("ann",)).connect().send("CAP REQ :sasl")
        if at:
            client.send_bytes(whole[:at])
        client.end()
        assert client.closed
        assert not client.world.server.network.users


def test_calls_carry_no_secret_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    share(world())
    assert "sesame" not in caplog.text
    assert "is logged in as Ann" in caplog.text
