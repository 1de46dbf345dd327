"""Registered channels and ChanServ: who has which rank, what stays, and what is refused."""

from __future__ import annotations

import pytest

from protocols.chat.accounts import Unavailable
from protocols.chat.lasting import Forgetful, Keeper
from protocols.chat.settings import ChatAccounts, ChatLimits, Oper
from stores.accounts import SqlAccounts
from stores.chat import MIGRATIONS
from stores.database import Database
from stores.lasting import SqlKeeper
from tests.core.chat import Client, World, make_accounts
from tests.core.chat_accounts import log_in
from tests.core.chat_keeping import Memory

ACCOUNTS = make_accounts(ann="sesame", bob="sesame", cyd="sesame")
OPER = Oper(name="admin", password="sesame")
CHANSERV = ":ChanServ!ChanServ@irc.example.org NOTICE"


def world(keeper: Keeper | None = None, **limits: int) -> World:
    return World(ACCOUNTS, keeper=keeper, oper=(OPER,), limits=ChatLimits(**limits))


def somebody(where: World, nick: str, account: str = "") -> Client:
    """Registered, and logged in to the account of the nick's name unless another is named."""
    client = where.register(nick, "sasl")
    assert log_in(client, account or nick) == ["900", "903"]
    return client


def ask(client: Client, words: str) -> list[str]:
    """What ChanServ says to that."""
    client.lines()
    lines = client.send(f"CS {words}").lines()
    return [line.partition(" :")[2] for line in lines if line.startswith(CHANSERV)]


def founder(where: World, channel: str = "#tea") -> Client:
    """ann, whose channel this is."""
    ann = somebody(where, "ann")
    ann.send(f"JOIN {channel}")
    assert ask(ann, f"REGISTER {channel}") == [f"{channel} is registered to ann."]
    return ann


def test_a_registered_channel_outlives_its_last_member() -> None:
    where = world()
    ann = founder(where)
    ann.send("TOPIC #tea :green", "MODE #tea +kl-t key 7", "MODE #tea +b evil!*@*", "PART #tea").lines()
    bob = where.register("bob", "sasl")
    assert bob.send("JOIN #tea").numerics() == ["475"]
    lines = bob.send("JOIN #TEA key").lines()
    assert [line.split(" ")[1] for line in lines] == ["JOIN", "332", "333", "353", "366"]
    assert lines[0].endswith("JOIN #tea")
    assert lines[3].endswith(":bob"), "nobody is an operator by being first"
    assert bob.send("MODE #tea").lines()[0].endswith("324 bob #tea +nkl key 7")
    assert "367" in bob.send("MODE #tea b").numerics()


def test_an_unregistered_one_does_not() -> None:
    ann = somebody(world(), "ann")
    ann.send("JOIN #tea", "TOPIC #tea :green", "PART #tea").lines()
    assert ann.send("MODE #tea").numerics() == ["403"]


def test_only_the_founder_has_the_tilde_and_has_it_on_join() -> None:
    where = world()
    ann = founder(where)
    bob = somebody(where, "bob")
    bob.send("JOIN #tea").lines()
    ann.lines()
    assert ann.send("NAMES #tea").lines()[0].endswith(":~ann bob"), "the highest of two"
    assert ann.send("MODE #tea +q bob").numerics() == ["696"]
    bob.lines()
    ann.send("PART #tea", "JOIN #tea")
    assert bob.lines()[1:] == [":ann!ann@192.0.2.1 JOIN #tea", ":ChanServ MODE #tea +q ann"]


def test_who_logs_in_on_the_channel_gets_its_rank_and_loses_it_with_the_account() -> None:
    where = world()
    founder(where).send("QUIT")
    late = where.register("ann2", "sasl")
    late.send("JOIN #tea").lines()
    late.send("NS IDENTIFY ann sesame")
    assert ":ChanServ MODE #tea +q ann2" in late.lines()
    late.send("NS LOGOUT")
    assert ":ChanServ MODE #tea -q ann2" in late.lines()
    assert late.send("NAMES #tea").lines()[0].endswith(":ann2")


def test_the_founder_is_kept_out_by_nothing() -> None:
    where = world()
    ann = founder(where)
    ann.send("MODE #tea +ikb key *!*@*", "PART #tea").lines()
    assert ann.send("JOIN #tea").lines()[0].endswith("JOIN #tea")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("REGISTER #none", "There is no channel #none."),
        ("REGISTER #tea", "#tea is registered already."),
        ("REGISTER #bare", "You must be an operator of #bare for that."),
        ("UNREGISTER #bare", "#bare is not registered."),
        ("UNREGISTER #tea", "Only its founder may do that to #tea."),
        ("OP #tea", "You have no rank on #tea."),
        ("OP #bare", "#bare is not registered."),
        ("AMODE #tea", "You have no rank on #tea."),
        ("AMODE #tea +o bob", "Only its founder may do that to #tea."),
        ("AMODE #tea +q bob", "Syntax: AMODE <channel> +a | +o | +h | +v | -… <account>"),
        ("AMODE #tea +o nobody", "There is no account nobody."),
        ("INFO #none", "#none is not registered."),
        ("REGISTER", "Syntax: REGISTER <channel>"),
    ],
)
def test_what_is_refused_is_said_in_words(words: str, answer: str) -> None:
    where = world()
    founder(where)
    where.register("eve").send("JOIN #bare")
    bob = somebody(where, "bob")
    bob.send("JOIN #tea", "JOIN #bare")
    assert ask(bob, words) == [answer]


def test_who_is_not_logged_in_registers_nothing() -> None:
    bob = world().register("bob").send("JOIN #tea")
    assert ask(bob, "REGISTER #tea") == ["You must be logged in to an account for that."]


def test_an_account_registers_so_many_channels() -> None:
    ann = founder(world(registered_channels=1))
    ann.send("JOIN #two")
    assert ask(ann, "REGISTER #two") == ["You have registered 1 channels, which is as many as you may."]


def test_a_channel_is_let_go_of_after_a_second_thought() -> None:
    where = world()
    ann = founder(where)
    (words,) = ask(ann, "UNREGISTER #tea")
    code = words.rpartition(" ")[2]
    assert len(ask(ann, "UNREGISTER #tea 00000000")) == 1, "a wrong code is asked for again"
    ann.lines()
    lines = ann.send(f"CS UNREGISTER #tea {code}").lines()
    assert lines == [":ChanServ MODE #tea -q ann", f"{CHANSERV} ann :#tea is no longer registered."]
    ann.send("PART #tea").lines()
    assert ann.send("MODE #tea").numerics() == ["403"]


def test_an_operator_of_the_server_lets_go_of_an_empty_one() -> None:
    where = world()
    founder(where).send("QUIT")
    root = where.register("root").send("OPER admin sesame")
    (words,) = ask(root, "UNREGISTER #tea")
    assert ask(root, f"UNREGISTER #tea {words.rpartition(' ')[2]}") == ["#tea is no longer registered."]
    assert root.send("MODE #tea").numerics() == ["403"]


def test_ranks_are_an_accounts_whenever_it_comes() -> None:
    where = world()
    ann = founder(where)
    bob = somebody(where, "bob")
    bob.send("JOIN #tea")
    ann.lines()
    assert ask(ann, "AMODE #tea +o BOB") == ["bob has +o on #tea from now on."]
    assert ":ChanServ MODE #tea +o bob" in bob.lines(), "at once, where it is there"
    bob.send("PART #tea", "JOIN #tea")
    assert ":ChanServ MODE #tea +o bob" in bob.lines()
    assert ask(ann, "AMODE #tea +v bob") == ["bob has +v on #tea from now on."]
    assert ":ChanServ MODE #tea +v-o bob bob" in bob.lines()
    assert ask(bob, "AMODE #tea") == ["ann is the founder of #tea.", "bob has +v."]
    assert ask(ann, "AMODE #tea -o bob") == ["bob does not have that rank on #tea."]
    assert ask(ann, "AMODE #tea -v bob") == ["bob has it no more."]
    assert ":ChanServ MODE #tea -v bob" in bob.lines()
    assert ask(ann, "AMODE #tea +o ann") == ["ann is the founder of #tea, and has every right."]


def test_who_stepped_down_takes_its_rank_again() -> None:
    ann = founder(world())
    ann.send("MODE #tea -qo ann ann").lines()
    ann.send("CS OP #tea")
    assert ann.lines() == [":ChanServ MODE #tea +q ann"]


def test_a_secret_channel_is_not_told_of() -> None:
    where = world()
    founder(where).send("MODE #tea +s")
    bob = somebody(where, "bob")
    assert ask(bob, "INFO #tea") == ["#tea is not registered."]
    assert ask(bob, "LIST *") == ["End of the list."]


def test_channels_are_listed() -> None:
    where = world()
    ann = founder(where)
    assert ask(ann, "LIST") == ["#tea is registered to ann.", "End of the list."]
    assert ask(where.register("eve"), "LIST #t*") == ["#tea is registered to ann.", "End of the list."]
    assert ask(ann, "INFO #TEA") == [
        "#tea is registered to ann.",
        "It was registered at 2001-09-09T01:46:40.250Z.",
    ]


def test_all_of_a_channel_is_there_after_a_restart() -> None:
    keeper = SqlKeeper(Database("", MIGRATIONS))
    first = world(keeper)
    ann = founder(first)
    ann.send("TOPIC #tea :green, 緑茶", "MODE #tea +sk-t key", "MODE #tea +bI evil!*@* a:bob")
    ask(ann, "AMODE #tea +h cyd")
    ann.send("JOIN #gone", "CS REGISTER #gone")
    (words,) = ask(ann, "UNREGISTER #gone")
    ask(ann, f"UNREGISTER #gone {words.rpartition(' ')[2]}")
    keeper.settle()
    second = world(keeper)
    before = first.server.network.channels["#tea"].snapshot()
    assert second.server.network.channels["#tea"].snapshot() == {**before, "members": {}}
    assert "#gone" not in second.server.network.channels
    cyd = somebody(second, "cyd")
    assert ":ChanServ MODE #tea +h cyd" in cyd.send("JOIN #tea").lines()


def test_what_can_not_be_written_is_said_to_hold_until_a_restart() -> None:
    class Full(Forgetful):
        def settle(self) -> None:
            raise Unavailable("database or disk is full")

    ann = somebody(world(Full()), "ann")
    ann.send("JOIN #tea")
    first, second = ask(ann, "REGISTER #tea")
    assert first == "#tea is registered to ann."
    assert second == "This holds now, but can't be written: until it is, a restart of the server undoes it."


def test_registering_is_acknowledged_once_it_is_committed() -> None:
    where = world()
    ann = somebody(where, "ann")
    ann.send("JOIN #tea").lines()
    where.run_calls = False
    ann.send("CS REGISTER #tea")
    assert ann.lines() == [":ChanServ MODE #tea +q ann"]
    where.answer(ann, ann.calls.pop())
    assert ann.lines() == [f"{CHANSERV} ann :#tea is registered to ann."]


def test_who_gets_the_name_of_a_removed_account_gets_nothing_that_was_its_own() -> None:
    """The account is removed beside the running server, and then registered by somebody else."""
    accounts = make_accounts(ann="sesame", dan="sesame")
    keeper = Memory()
    where = World(accounts, keeper=keeper)
    dan = somebody(where, "dan")
    dan.send("JOIN #tea", "CS REGISTER #tea", "CAP REQ :draft/metadata-3 batch", "METADATA * SET a 1")
    ann = somebody(where, "ann")
    ann.send("JOIN #hers", "CS REGISTER #hers", "CS AMODE #hers +o dan")
    dan.send("QUIT")
    assert accounts.remove("dan")
    other = where.register("dan", "draft/metadata-3", "batch")
    other.send("NS REGISTER opensesame").lines()
    assert other.send("MODE #tea").numerics() == ["403"]
    other.send("JOIN #hers").lines()
    other.send("NAMES #hers")
    assert other.lines()[0].endswith(":~ann dan")
    assert len(other.send("METADATA * LIST").lines()) == 2
    assert list(keeper.kept) == [("channel", "#hers")]
    assert keeper.kept["channel", "#hers"].access == ()  # type: ignore[union-attr]


# -- accounts that are changed beside the server -----------------------------------------


def owned(**passwords: str) -> World:
    """A server that knows its accounts from the start."""
    settings = ChatAccounts(login_delay=0, reserve_nicks=False)
    return World(make_accounts(**passwords), owned=tuple(passwords), accounts=settings)


def test_with_an_account_that_was_removed_beside_the_server_go_its_channels_and_its_nick() -> None:
    """It is heard of with the next command, whoever says it."""
    where = owned(ann="sesame", bob="sesame")
    ann, bob = founder(where), somebody(where, "bob")
    ann.send("JOIN #empty", "CS REGISTER #empty", "PART #empty", "METADATA * SET a :b")
    where.server.news.append(("ann", None))
    assert ask(bob, "INFO #tea") == ["#tea is not registered."]
    assert "#empty" not in where.server.network.channels
    assert ":ChanServ MODE #tea -q ann" in ann.lines()
    assert where.server.network.owned == {"bob"}
    assert not where.server.news


def test_who_has_the_name_of_an_account_that_was_removed_gets_nothing_that_was_its_own() -> None:
    """Also if it logs in before anything else was heard of that."""
    where = owned(ann="sesame", bob="sesame")
    founder(where).send("QUIT")
    ann = where.register("ann2", "sasl")
    accounts = where.server.accounts
    assert isinstance(accounts, SqlAccounts)
    accounts.remove("ann")
    accounts.register("ann", "another", "", 7.0, 4096)
    assert log_in(ann, "ann", "another") == ["900", "903"]
    assert ask(ann, "INFO #tea") == ["#tea is not registered."]
    # What is heard late is no news.
    ann.send("JOIN #tea", "CS REGISTER #tea")
    where.server.news.extend([("ann", 7.0), ("ann", 3.0)])
    assert "#tea is registered to ann." in ask(ann, "INFO #tea")


def test_a_rank_that_was_given_to_an_account_made_beside_the_server_stays() -> None:
    where = owned(ann="sesame")
    ann = founder(where)
    accounts = where.server.accounts
    assert isinstance(accounts, SqlAccounts)
    accounts.register("bob", "sesame", "", 7.0, 4096)
    ask(ann, "AMODE #tea +o bob")
    where.server.news.append(("bob", 7.0))
    assert ":ChanServ MODE #tea +o bob" in somebody(where, "bob").send("JOIN #tea").lines()
