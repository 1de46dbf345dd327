"""METADATA: who may set what, what is kept of it, who is told, and the limits (draft/metadata-3)."""

from __future__ import annotations

import pytest

from protocols.chat.commands.metadata import is_key, value_limit
from protocols.chat.lasting import Keeper
from protocols.chat.message import LINE
from protocols.chat.settings import ChatFlood, ChatLimits, ChatSettings, Oper
from protocols.session import CHUNK
from stores.chat import MIGRATIONS
from stores.database import Database
from stores.lasting import SqlKeeper
from tests.core.chat import Client, World, make_accounts
from tests.core.chat_accounts import log_in

CAPS = ("draft/metadata-3", "batch")
ACCOUNTS = make_accounts(ann="sesame")


def world(keeper: Keeper | None = None, **limits: int) -> World:
    opers = (Oper(name="admin", password="sesame"),)
    return World(ACCOUNTS, keeper=keeper, limits=ChatLimits(**limits), oper=opers)


def said(client: Client) -> list[list[str]]:
    """The lines about metadata, without tags, the server's name and the receiver's nick."""
    lines = [line.partition(" ")[2] if line.startswith("@") else line for line in client.lines()]
    words = [line.split(" ", 3) for line in lines]
    return [[one[1], *one[3:]] for one in words if one[1][:2] in ("76", "77")]


@pytest.mark.parametrize("key", ["a", "display-name", "x/y.z_0-9", "k" * 48])
def test_a_key(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize("key", ["", "A", "a b", ":a", "a:b", "é", "k" * 49, "a\n", "*"])
def test_no_key(key: str) -> None:
    """ "Key names are restricted to the ranges a-z, 0-9, and _./-"."""
    assert not is_key(key)


@pytest.mark.parametrize("limits", [{}, {"channel": 200, "nick": 64}])
def test_the_longest_value_fits_on_a_line(limits: dict[str, int]) -> None:
    settings = ChatSettings(limits=ChatLimits(**limits), name="n" * 63)
    nick, channel = "n" * settings.limits.nick, "#" + "c" * (settings.limits.channel - 1)
    line = f":{settings.name} 761 {nick} {channel} {'k' * 48} * :{'v' * value_limit(settings)}"
    assert len(line) <= LINE - 2


def test_a_value_that_is_too_long_is_refused() -> None:
    ann = world().register("ann", *CAPS)
    assert ann.send(f"METADATA * SET url :{'é' * 150}").numerics() == ["761"]
    (line,) = ann.send(f"METADATA * SET url :{'é' * 151}").lines()
    assert line == ":irc.example.org FAIL METADATA INVALID_VALUE url :The value is too long"


def test_a_target_has_so_many_keys() -> None:
    """LIMIT_REACHED names the subcommand, the target and the limit; a key that is set can be changed."""
    ann = world(metadata_keys=2).register("ann", *CAPS)
    ann.send("METADATA * SET a 1", "METADATA * SET b 2").lines()
    (line,) = ann.send("METADATA * SET c 3").lines()
    assert line == ":irc.example.org FAIL METADATA LIMIT_REACHED SET ann 2 :Metadata limit reached"
    assert ann.send("METADATA * SET a 4").numerics() == ["761"]


def test_so_many_keys_are_subscribed_to_and_the_first_too_many_is_named() -> None:
    ann = world(metadata_subs=2).register("ann", *CAPS)
    lines = ann.send("METADATA * SUB a b a c d").lines()
    assert lines[0] == ":irc.example.org 770 ann a b"
    assert lines[1].startswith(":irc.example.org FAIL METADATA LIMIT_REACHED SUB c 2 :")
    assert ann.send("METADATA * SUBS").numerics() == ["772"]


@pytest.mark.parametrize("gone", CAPS)
def test_without_the_capability_nothing_is_subscribed_to(gone: str) -> None:
    """ "servers MUST clear that client's subscription list"."""
    where = world()
    ann = where.register("ann", *CAPS)
    ann.send("METADATA * SUB a", f"CAP REQ -{gone}")
    assert not where.server.network.subscribers
    assert ann.send("METADATA * SUBS").numerics()[-1] == "421"
    ann.send(f"CAP REQ {gone}").lines()
    assert len(ann.send("METADATA * SUBS").lines()) == 2, "an empty batch"


def test_who_is_near_or_watches_is_told_and_nobody_else() -> None:
    where = world()
    ann, bob, cyd, eve = (where.register(nick, *CAPS) for nick in ("ann", "bob", "cyd", "eve"))
    ann.send("JOIN #tea"), bob.send("JOIN #tea"), cyd.send("MONITOR + ann")
    for client in (bob, cyd, eve):
        client.send("METADATA * SUB a").lines()
    ann.send("METADATA * SET a :x y", "METADATA * SET b 1")
    assert said(bob) == said(cyd) == [["761", "ann a * :x y"]]
    assert said(eve) == []
    ann.send("METADATA * SET a :x y")
    assert said(bob) == [], "nothing changed"
    ann.send("METADATA * CLEAR")
    assert said(bob) == [["766", "ann a :key not set"]]


def test_who_is_monitored_comes_with_its_metadata() -> None:
    where = world()
    cyd = where.register("cyd", *CAPS)
    cyd.send("METADATA * SUB a", "MONITOR + ann").lines()
    ann = where.connect().send("CAP REQ :draft/metadata-3 batch", "METADATA * SET a 1")
    ann.send("NICK ann", "USER ann 0 * :Ann", "CAP END")
    lines = cyd.lines()
    assert lines[0].endswith(" 730 cyd :ann!ann@192.0.2.1")
    assert lines[1].endswith(" metadata ann")
    assert lines[2].endswith(" 761 cyd ann a * :1")
    assert len(cyd.send("MONITOR S").lines()) == 4


def test_a_large_channel_is_synced_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.chat.commands.metadata.AT_ONCE", 1)
    where = world()
    where.together("ann")
    bob = where.register("bob", *CAPS)
    bob.send("METADATA * SUB a").lines()
    assert said(bob.send("JOIN #tea")) == [["774", "#tea 0 :Try again later"]]
    assert len(bob.send("METADATA #tea SYNC").lines()) == 2


def test_all_of_which_one_hears_is_synced() -> None:
    where = world()
    ann, bob, cyd = (where.register(nick, *CAPS) for nick in ("ann", "bob", "cyd"))
    ann.send("METADATA * SET a 1", "JOIN #tea", "METADATA #tea SET a 2")
    cyd.send("METADATA * SET a 3")
    bob.send("JOIN #tea", "MONITOR + cyd", "METADATA * SUB a")
    bob.lines()
    expected = [["761", "#tea a * :2"], ["761", "ann a * :1"], ["761", "cyd a * :3"]]
    assert sorted(said(bob.send("METADATA *ALL SYNC"))) == expected


@pytest.mark.parametrize("mode", ["+i", "+s", "+k key"])
def test_a_closed_channels_metadata_is_for_its_members(mode: str) -> None:
    where = world()
    ann, bob = where.register("ann", *CAPS), where.register("bob", *CAPS)
    ann.send("JOIN #tea", "METADATA #tea SET a secret")
    assert "secret" in "".join(bob.send("METADATA #tea GET a").lines())
    ann.send(f"MODE #tea {mode}")
    for words in ("GET a", "LIST", "SYNC", "SET a x"):
        (line,) = bob.send(f"METADATA #tea {words}").lines()
        assert " FAIL METADATA INVALID_TARGET #tea " in line


def test_an_operator_of_a_channel_sets_its_metadata() -> None:
    where = world()
    ann, bob = where.together("ann", "bob", caps=CAPS)
    assert "KEY_NO_PERMISSION #tea a" in bob.send("METADATA #tea SET a 1").lines()[0]
    ann.send("MODE #tea +o bob")
    bob.lines()
    assert bob.send("METADATA #tea SET a 1").numerics() == ["761"]


def test_an_accounts_metadata_is_that_of_all_who_are_logged_in_to_it() -> None:
    """What was set before the login is the account's from then on."""
    where = world()
    one, two = where.register("one", "sasl", *CAPS), where.register("two", "sasl", *CAPS)
    for client in (one, two):
        client.send("METADATA * SUB a b", "JOIN #tea").lines()
    one.send("METADATA * SET a 1")
    log_in(one), log_in(two)
    assert said(one) == [["761", "two a * :1"]]
    two.lines()
    two.send("METADATA * SET b 2")
    assert said(one) == [["761", "one b * :2"], ["761", "two b * :2"]]
    two.lines()
    two.send("NS LOGOUT")
    assert said(one) == [["766", "two a :key not set"], ["766", "two b :key not set"]]
    assert len(two.send("METADATA * LIST").lines()[-2:]) == 2


def test_what_one_more_connection_brings_is_told() -> None:
    """It sets metadata before it is complete, and shares the nick of its account."""
    where = world()
    ann, bob = where.register("ann", "sasl", *CAPS), where.register("bob", *CAPS)
    log_in(ann)
    for client in (ann, bob):
        client.send("JOIN #tea", "METADATA * SUB a").lines()
    ann.lines()
    more = where.connect().send("CAP REQ :draft/metadata-3 batch sasl", "NICK ann", "USER ann 0 * :Ann")
    log_in(more)
    more.send("METADATA * SET a 1", "CAP END")
    assert more.session.user is ann.session.user
    assert said(ann) == said(bob) == [["761", "ann a * :1"]]


def test_metadata_of_accounts_and_registered_channels_is_there_after_a_restart() -> None:
    keeper = SqlKeeper(Database("", MIGRATIONS))
    ann = world(keeper).register("ann", "sasl", *CAPS)
    log_in(ann)
    ann.send("JOIN #tea", "CS REGISTER #tea", "METADATA #tea SET url :http://tea.example.org")
    ann.send("METADATA * SET a 1", "METADATA * SET b 2", "METADATA * SET b")
    guest = world(keeper).register("guest", *CAPS)
    guest.send("METADATA * SET a nothing")
    keeper.settle()
    again = world(keeper).register("ann2", "sasl", *CAPS)
    log_in(again)
    again.lines()
    assert said(again.send("METADATA * LIST")) == [["761", "ann2 a * :1"]]
    assert said(again.send("METADATA #tea LIST")) == [["761", "#tea url * :http://tea.example.org"]]


def test_an_answer_is_one_batch_inside_the_labeled_one() -> None:
    """ "the metadata batch MUST be nested within the labeled-response batch"."""
    ann = world().register("ann", "labeled-response", *CAPS)
    ann.send("METADATA * SET a 1").lines()
    lines = ann.send("@label=x METADATA * SUB a").lines()
    outer = lines[0].split("BATCH +")[1].split(" ")[0]
    assert lines[0].startswith("@label=x ")
    assert lines[1].startswith(f"@batch={outer} :irc.example.org 770 ")
    inner = lines[2].split("BATCH +")[1].split(" ")[0]
    assert lines[2].startswith(f"@batch={outer} ")
    assert lines[3] == f"@batch={inner} :irc.example.org 761 ann ann a * :1"
    assert lines[4] == f"@batch={outer} :irc.example.org BATCH -{inner}"
    assert lines[5] == f":irc.example.org BATCH -{outer}"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("SET Bad 1", "INVALID_KEY Bad"),
        ("SUB", "INVALID_PARAMS SUB"),
        (":: hi!", "INVALID_PARAMS"),
    ],
)
def test_what_is_wrong_has_its_code(words: str, code: str) -> None:
    ann = world().register("ann", *CAPS)
    assert f" FAIL METADATA {code} " in ann.send(f"METADATA * {words}").lines()[0]


def test_before_the_connection_is_complete_one_has_limits_as_well() -> None:
    client = world(metadata_keys=1, metadata_subs=1).connect()
    client.send("CAP REQ :draft/metadata-3 batch", "METADATA * SET a 1", "METADATA * SUB a").lines()
    assert " LIMIT_REACHED SET * 1 " in client.send("METADATA * SET b 1").lines()[0]
    assert " LIMIT_REACHED SUB b 1 " in client.send("METADATA * SUB b").lines()[0]
    assert client.send("METADATA * CLEAR", "METADATA * SET b 1").numerics() == ["766", "761"]
    assert " INVALID_TARGET *ALL " in client.send("METADATA *ALL SYNC").lines()[0]


def test_what_is_known_of_all_that_one_monitors_is_told_in_pieces() -> None:
    """Answers are bounded: 100 nicks with 100 keys each would be 4 MiB at once."""
    where = World()
    ann = where.register("ann", *CAPS)
    for at in range(20):
        other = where.register(f"n{at}", *CAPS)
        for key in range(20):
            other.send(f"METADATA * SET key{key} :{'x' * 250}")
        ann.send(f"MONITOR + n{at}")
    ann.send("METADATA * SUB " + " ".join(f"key{key}" for key in range(15)))
    ann.send("METADATA * SUB " + " ".join(f"key{key}" for key in range(15, 20)))
    ann.lines()
    orders = ann.session.received(b"MONITOR S\r\n", where.now)
    assert ann.session.more
    assert sum(len(order) for order in orders if isinstance(order, bytes)) < CHUNK + 1024
    where.carry_out(ann, orders)
    where.settle()
    assert sum(" 761 " in line for line in ann.lines()) == 400


def test_asking_for_the_metadata_of_everybody_is_dear() -> None:
    """All the members of all one's channels are looked at for it."""
    where = World(flood=ChatFlood(burst=44, rate=1))
    ann = where.register("ann", *CAPS).send("METADATA * SUB key")
    ann.lines()
    ends = [line for line in ann.send(*["METADATA *ALL SYNC"] * 40).lines() if " BATCH -" in line]
    assert len(ends) == 12
