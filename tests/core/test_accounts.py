"""The store of accounts: what it keeps, what it never keeps, and what trouble it may meet."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import passwords
from protocols.chat.accounts import Account, Accounts, Unavailable
from protocols.chat.lasting import AccountMetadata
from protocols.chat.naming import Unacceptable, check_email, check_name, check_password
from protocols.chat.services.table import SERVICES
from protocols.chat.settings import ChatHistory
from protocols.chat.stores import News
from stores.accounts import SqlAccounts
from stores.accounts.watch import Watch
from stores.chat import MIGRATIONS
from stores.database import Database
from stores.history import SqlHistory
from stores.lasting import SqlKeeper
from tests.core.chat import CHEAP
from tests.databases import locked


@pytest.fixture(params=["file", "memory"])
def accounts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlAccounts]:
    database = Database(str(tmp_path / "chat.db") if request.param == "file" else "", MIGRATIONS)
    accounts = SqlAccounts(database, CHEAP)
    accounts.register("Ann", "sesame", "ann@example.org", 17.5, 4096)
    yield accounts
    database.close()


def test_an_account_is_found_however_it_is_cased(accounts: SqlAccounts) -> None:
    """CASEMAPPING=ascii; the name is the one that was registered."""
    whole: Accounts = accounts
    ann = Account("Ann", 17.5, "ann@example.org", None)
    assert whole.find("aNN") == whole.verify("ANN", "sesame") == ann
    keys = whole.keys("ann")
    assert keys is not None
    assert (keys.account, keys.iterations, len(keys.salt)) == ("Ann", 4096, 16)
    assert whole.verify("ann", "Sesame") is whole.verify("bob", "sesame") is whole.find("bob") is None
    assert whole.keys("bob") is None


def test_a_name_is_registered_once(accounts: SqlAccounts) -> None:
    assert accounts.register("ANN", "other", "", 1.0, 4096) is None
    assert accounts.verify("ann", "sesame") is not None
    assert [one.name for one in accounts.every()] == ["Ann"]


def test_of_many_who_register_one_name_at_the_same_instant_one_wins(accounts: SqlAccounts) -> None:
    start = threading.Barrier(8)
    made: list[tuple[int, Account | None]] = []

    def register(number: int) -> None:
        start.wait()
        made.append((number, accounts.register("bob", f"password {number}", "", 0.0, 4096)))

    threads = [threading.Thread(target=register, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((winner, _),) = [(number, account) for number, account in made if account is not None]
    assert [number for number in range(8) if accounts.verify("bob", f"password {number}")] == [winner]


def test_another_password_is_the_only_one(accounts: SqlAccounts) -> None:
    before = accounts.keys("ann")
    assert accounts.set_password("ANN", "open", 5000)
    assert accounts.verify("ann", "sesame") is None
    assert accounts.verify("ann", "open") is not None
    after = accounts.keys("ann")
    assert before is not None
    assert after is not None
    assert after.iterations == 5000
    assert after.salt != before.salt
    assert after.stored_key != before.stored_key
    assert not accounts.set_password("bob", "open", 5000)


def test_an_account_has_its_own_setting(accounts: SqlAccounts) -> None:
    for wanted in (True, False, None):
        assert accounts.set_multiclient("ann", wanted)
        known, keys = accounts.find("ann"), accounts.keys("ann")
        assert known is not None
        assert keys is not None
        assert known.multiclient is keys.multiclient is wanted
    assert not accounts.set_multiclient("bob", True)


def test_who_is_removed_is_gone(accounts: SqlAccounts) -> None:
    assert accounts.remove("ann")
    assert not accounts.remove("ann")
    assert accounts.find("ann") is None


def test_a_password_is_never_kept_and_the_hash_says_how_it_was_made(tmp_path: Path) -> None:
    """PHC string format; RFC 5802 §3: StoredKey and ServerKey."""
    file = tmp_path / "chat.db"
    database = Database(str(file), MIGRATIONS)
    SqlAccounts(database).register("ann", "open sesame", "", 0.0, 4096)
    (secret,) = database.read(lambda one: one.execute("SELECT secret FROM account").fetchone())
    database.close()
    assert secret.startswith("$scrypt$ln=14,r=8,p=1$")
    assert passwords.verify(secret, "open sesame")
    assert b"sesame" not in file.read_bytes()


def test_nobody_is_compared_at_the_same_cost(accounts: SqlAccounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a refusal takes does not tell whether there is such an account."""
    costs = []

    def verify(secret: str, said: str) -> bool:
        costs.append(secret.split("$")[2])
        return passwords.verify(secret, said)

    monkeypatch.setattr("stores.accounts.verify", verify)
    assert accounts.verify("ann", "wrong") is accounts.verify("bob", "wrong") is None
    assert costs[0] == costs[1]


def test_the_same_characters_composed_otherwise_are_the_same_password(accounts: SqlAccounts) -> None:
    """RFC 4013 §2.2: normalization form KC."""
    accounts.register("zoe", "na\u00efvet\u00e9", "", 0.0, 4096)
    assert accounts.verify("zoe", "nai\u0308vete\u0301") is not None


def test_a_locked_file_takes_nothing_new_and_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.database.BUSY", 0.05)
    database = Database(str(tmp_path / "chat.db"), MIGRATIONS)
    accounts = SqlAccounts(database, CHEAP)
    accounts.register("ann", "sesame", "", 0.0, 4096)
    with locked(tmp_path / "chat.db"):
        SqlKeeper(database).drop(AccountMetadata("ann", {}))
        with pytest.raises(Unavailable, match="locked"):
            accounts.register("bob", "sesame", "", 0.0, 4096)
        assert accounts.verify("ann", "sesame") is not None
    assert accounts.register("bob", "sesame", "", 0.0, 4096) is not None
    database.close()


def test_while_the_file_is_locked_only_so_many_threads_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are told at once, and logins find a thread."""
    monkeypatch.setattr("stores.accounts.PLACES", 1)
    database = Database(str(tmp_path / "chat.db"), MIGRATIONS)
    accounts = SqlAccounts(database, CHEAP)
    accounts.register("ann", "sesame", "", 0.0, 4096)
    with locked(tmp_path / "chat.db"):
        waiting = threading.Thread(target=accounts.remove, args=("ann",))
        waiting.start()
        while database._awaited or not database._writing:
            pass
        with pytest.raises(Unavailable, match="too many"):
            accounts.set_multiclient("ann", True)
    waiting.join()
    assert not accounts.set_multiclient("ann", True)
    database.close()


def test_a_full_disk_takes_nothing_new(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "chat.db"), MIGRATIONS)
    accounts = SqlAccounts(database, CHEAP)
    pages = database.read(lambda one: one.execute("PRAGMA page_count").fetchone()[0])
    database.write(lambda one: one.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    with pytest.raises(Unavailable, match="full"):
        accounts.register("ann", "sesame", "x" * 100_000, 0.0, 4096)
    assert accounts.find("bob") is None
    database.close()


def test_a_file_that_breaks_under_us_is_unavailable(tmp_path: Path) -> None:
    file = tmp_path / "chat.db"
    Database(str(file), MIGRATIONS).close()
    database = Database(str(file), MIGRATIONS)
    accounts = SqlAccounts(database, CHEAP)
    file.write_bytes(b"this was a database once, and now it is something else" * 1000)
    with pytest.raises(Unavailable):
        accounts.find("ann")
    database.close()


# -- names, passwords, addresses -------------------------------------------------------


@pytest.mark.parametrize("name", ["", "9ann", "a b", "ann!", "a" * 33, "\u00e9ve", "#ann", "*", "NickServ"])
def test_a_name_that_cant_be(name: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        check_name(name, 32, SERVICES)
    assert refused.value.code == "BAD_ACCOUNT_NAME"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "UNACCEPTABLE_PASSWORD"),
        ("with space", "UNACCEPTABLE_PASSWORD"),
        (":colonfirst", "UNACCEPTABLE_PASSWORD"),
        ("tab\there123", "UNACCEPTABLE_PASSWORD"),
        ("x" * 301, "UNACCEPTABLE_PASSWORD"),
        ("\u00e9" * 151, "UNACCEPTABLE_PASSWORD"),
        ("short12", "WEAK_PASSWORD"),
        ("ANNABELLA", "WEAK_PASSWORD"),
    ],
)
def test_a_password_that_cant_be(password: str, code: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        check_password("Annabella", password)
    assert refused.value.code == code
    if code == "WEAK_PASSWORD":
        check_password("Annabella", password, weak=True)


def test_an_address_is_one_or_none() -> None:
    assert check_email("*", required=False) == ""
    assert check_email("ann@example.org", required=True) == "ann@example.org"
    for wrong in ("ann", "@example.org", "ann@", "a@b@c", "a b@c", "ann@example.org,bob@c", "a@" + "b" * 253):
        with pytest.raises(Unacceptable, match="not an email address"):
            check_email(wrong, required=False)
    with pytest.raises(Unacceptable, match="required"):
        check_email("*", required=True)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_words_are_more_than_refused(name: str, words: str) -> None:
    with suppress(Unacceptable):
        check_name(name, 32, SERVICES)
    with suppress(Unacceptable):
        check_password(name, words)
    with suppress(Unacceptable):
        check_email(words, required=True)


def test_accounts_that_somebody_else_makes_and_removes_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.database.LOOK", 0.01)
    ours, theirs = (Database(str(tmp_path / "chat.db"), MIGRATIONS) for _ in range(2))
    mine, others = SqlAccounts(ours, CHEAP), SqlAccounts(theirs, CHEAP)
    mine.register("Ann", "sesame", "", 1.0, 4096)
    news: deque[News] = deque()
    Watch(ours, mine.every(), news)
    mine.register("bob", "sesame", "", 2.0, 4096)
    others.register("Cyd", "sesame", "", 3.0, 4096)
    told: dict[str, float | None] = {}
    while "cyd" not in told:
        told.update([news.popleft()] if news else [])
    others.remove("ann")
    others.register("ann", "sesame", "", 4.0, 4096)
    others.remove("bob")
    while "ann" not in told or told.get("bob") is not None:
        told.update([news.popleft()] if news else [])
    while told["ann"] is None:
        told.update([news.popleft()] if news else [])
    assert told == {"cyd": 3.0, "ann": 4.0, "bob": None}
    ours.close()
    theirs.close()


def test_a_new_account_finds_nothing_of_one_that_had_its_name(tmp_path: Path) -> None:
    """Who was still logged in when the account was removed may have left something since."""
    database = Database(str(tmp_path / "chat.db"), MIGRATIONS)
    keeper, accounts = SqlKeeper(database), SqlAccounts(database, CHEAP)
    keeper.save(AccountMetadata("ann", {"a": "b"}))
    SqlHistory(database, ChatHistory()).mark("ann", "#tea", 5)
    accounts.register("Ann", "sesame", "", 0.0, 4096)
    assert keeper.everything() == []
    assert SqlHistory(database, ChatHistory()).marker("ann", "#tea") == 0
    keeper.save(AccountMetadata("ann", {"a": "b"}))
    assert accounts.register("ANN", "sesame", "", 0.0, 4096) is None
    assert keeper.everything() == [AccountMetadata("ann", {"a": "b"})]
    database.close()
