"""What outlives the process, in SQLite: what was said last holds, and trouble has a clear answer."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from protocols.chat.accounts import Unavailable
from protocols.chat.lasting import Access, AccountMetadata, Ban, LastingChannel, Listed
from protocols.listen import CannotStart
from protocols.passwords import Cost
from stores.accounts import SqlAccounts
from stores.chat import MIGRATIONS
from stores.database import Database
from stores.lasting import SqlKeeper
from tests.databases import locked

TEA = LastingChannel(
    "#Tea", "ann", 2.0, 1.0, "green, 緑茶", "ann!a@h", 3.0, ("n", "t"), "key", 7,
    {"b": (Listed("evil!*@*", "ann!a@h", 4.0),)}, (Access("bob", 4),), {"url": "http://example.org"},
)  # fmt: skip


def channel(name: str, topic: str = "") -> LastingChannel:
    return LastingChannel(name, "ann", 2.0, 1.0, topic, "", 0.0, (), "", 0, {}, (), {})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


def test_what_is_kept_comes_back_as_it_was(file: Path) -> None:
    database = Database(str(file), MIGRATIONS)
    SqlKeeper(database).save(TEA)
    database.close()
    assert SqlKeeper(Database(str(file), MIGRATIONS)).everything() == [TEA]


def test_the_last_word_holds_and_the_order_stays(file: Path) -> None:
    keeper = SqlKeeper(Database(str(file), MIGRATIONS))
    for one in (channel("#a"), channel("#b"), channel("#c"), channel("#A", "new")):
        keeper.save(one)
    keeper.drop(channel("#B", "whatever it was by then"))
    assert keeper.everything() == [channel("#A", "new"), channel("#c")]


def test_settled_is_committed(file: Path) -> None:
    """Another connection to the file sees it."""
    keeper = SqlKeeper(Database(str(file), MIGRATIONS))
    keeper.save(TEA)
    keeper.settle()
    assert SqlKeeper(Database(str(file), MIGRATIONS)).everything() == [TEA]


def test_a_full_disk_is_said_and_what_waits_is_written_later(file: Path) -> None:
    database = Database(str(file), MIGRATIONS)
    keeper = SqlKeeper(database)
    pages = database.read(lambda one: one.execute("PRAGMA page_count").fetchone()[0])
    database.write(lambda one: one.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    keeper.save(channel("#tea", "x" * 100_000))
    with pytest.raises(Unavailable, match="full"):
        keeper.settle()
    database._writer.execute("PRAGMA max_page_count = 1000000").fetchone()
    keeper.settle()
    assert keeper.everything() == [channel("#tea", "x" * 100_000)]


def test_however_much_changes_while_the_file_is_locked_the_last_word_holds(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is bounded by what there is, and so nothing has to give way."""
    monkeypatch.setattr("stores.database.BUSY", 0.05)
    monkeypatch.setattr("stores.database.RETRY", 0.01)
    database = Database(str(file), MIGRATIONS)
    keeper = SqlKeeper(database)
    keeper.save(channel("#first"))
    keeper.save(channel("#gone"))
    keeper.settle()
    with locked(file):
        keeper.save(channel("#first", "said first"))
        keeper.drop(channel("#gone"))
        for number in range(20_000):
            keeper.save(channel("#busy", str(number)))
            if not number % 5_000:
                with pytest.raises(Unavailable, match="locked"):
                    keeper.settle()
    keeper.settle()
    assert keeper.everything() == [channel("#first", "said first"), channel("#busy", "19999")]
    database.close()


@pytest.mark.parametrize("state", ["", "{}", "[1", '{"type": "teapot"}', '{"type": "channel", "name": 7}'])
def test_a_row_that_is_broken_is_named_at_the_start(file: Path, state: str) -> None:
    database = Database(str(file), MIGRATIONS)
    insert = "INSERT INTO lasting (kind, name, state) VALUES ('channel', '#tea', ?)"
    database.write(lambda one: one.execute(insert, (state,)))
    with pytest.raises(CannotStart, match=r"cannot use the database .*chat\.db: channel #tea: "):
        SqlKeeper(database).everything()


def test_what_was_an_accounts_goes_with_it(file: Path) -> None:
    database = Database(str(file), MIGRATIONS)
    keeper, accounts = SqlKeeper(database), SqlAccounts(database, Cost(ln=4))
    for name in ("ann", "bob"):
        accounts.register(name, "sesame", "", 0.0, 4096)
        keeper.save(AccountMetadata(name, {"a": name}))
    keeper.save(TEA)
    bobs = msgspec.structs.replace(
        TEA, name="#bob", founder="Bob", access=(Access("ANN", 4), Access("cyd", 1))
    )
    keeper.save(bobs)
    ban = Ban("D", "192.0.2.1", "", "root", 0.0, 0.0)
    keeper.save(ban)
    assert accounts.remove("Ann")
    left = msgspec.structs.replace(bobs, access=(Access("cyd", 1),))
    assert keeper.everything() == [AccountMetadata("bob", {"a": "bob"}), left, ban]
