"""History in its file: restarts, kill -9, disks that are full, locked or read-only."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.chat.lasting import AccountMetadata
from protocols.chat.network.deliveries import MESSAGE, Line, Remember
from protocols.chat.settings import ChatHistory
from stores.chat import MIGRATIONS
from stores.database import Database
from stores.history import SqlHistory
from stores.lasting import SqlKeeper
from stores.remembering import AT_ONCE
from tests.core.history import START, ask, fill, said
from tests.databases import locked


def test_what_was_told_and_marked_is_there_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "chat.db")
    database = Database(path, MIGRATIONS)
    history = SqlHistory(database, ChatHistory())
    fill(history, range(AT_ONCE + 77))
    history.mark("ann", "#tea", 5)
    database.close()
    database = Database(path, MIGRATIONS)
    history = SqlHistory(database, ChatHistory())
    assert ask(history, "LATEST", limit=10_000) == list(range(AT_ONCE + 77))
    assert history.marker("ann", "#tea") == 5
    database.close()


KILLED = """
import os, signal, sys
from protocols.chat.history import Query
from protocols.chat.network.deliveries import Line, Remember
from protocols.chat.settings import ChatHistory
from stores.chat import MIGRATIONS
from stores.database import Database
from stores.history import SqlHistory
history = SqlHistory(Database(sys.argv[1], MIGRATIONS), ChatHistory())
for number in range(3):
    line = Line(f":a PRIVMSG #tea :{number}", 1e9 + number, None, f"id{number}")
    history.remember(Remember("#tea", line, 0, "ann"))
assert len(history.query(Query("LATEST", (("#tea", 0),), None, None, 9, False))) == 3
history.redact("#tea", "id1")
history.mark("ann", "#tea", 5)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_answered_is_there_after_kill_9(tmp_path: Path) -> None:
    """docs/operations.md: what CHATHISTORY has shown, MARKREAD and REDACT have answered."""
    file = str(tmp_path / "chat.db")
    subprocess.run([sys.executable, "-c", KILLED, file], env=os.environ | {"PYTHONPATH": os.getcwd()})
    database = Database(file, MIGRATIONS)
    history = SqlHistory(database, ChatHistory())
    assert ask(history, "LATEST") == [0, 2]
    assert history.marker("ann", "#tea") == 5
    database.close()


def filled_up(database: Database) -> None:
    """As on a disk that is full: not a page more."""
    database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchall())


def freed(database: Database) -> None:
    connection = database._writer
    connection.execute("PRAGMA max_page_count = 1000000").fetchall()


def test_a_full_disk_keeps_what_it_kept_and_takes_the_rest_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("stores.database.BUSY", 0.05)
    monkeypatch.setattr("stores.database.RETRY", 0.01)
    database = Database(str(tmp_path / "chat.db"), MIGRATIONS)
    history = SqlHistory(database, ChatHistory())
    fill(history, range(5))
    assert ask(history, "LATEST") == [0, 1, 2, 3, 4]
    filled_up(database)
    long = Line(":a PRIVMSG #tea :" + "x" * 5000, START + 5, None, "id5")
    history.remember(Remember("#tea", long, MESSAGE, "ann"))
    with pytest.raises(sqlite3.OperationalError):
        ask(history, "LATEST")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        history.redact("#tea", "id1")
    history.remember(said(6))
    freed(database)
    monkeypatch.setattr("stores.database.BUSY", 30)
    assert ask(history, "LATEST") == [0, 1, 2, 3, 4, 5, 6]
    assert "disk is full" in caplog.text
    assert "xxx" not in caplog.text
    database.close()


def test_a_locked_file_loses_nothing_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("stores.database.BUSY", 0.05)
    monkeypatch.setattr("stores.database.RETRY", 0.01)
    file = str(tmp_path / "chat.db")
    database = Database(file, MIGRATIONS)
    monkeypatch.setattr("stores.remembering.MOST_WAITING", 50)
    history = SqlHistory(database, ChatHistory(channel_messages=100_000))
    with locked(file):
        fill(history, range(60))
        with pytest.raises(sqlite3.OperationalError, match="not written yet"):
            ask(history, "LATEST")
    monkeypatch.setattr("stores.database.BUSY", 30)
    with caplog.at_level(logging.WARNING):
        assert ask(history, "LATEST", limit=100) == list(range(10, 60))
    assert "10 lines of history were not kept" in caplog.text
    database.close()


def test_history_goes_on_after_a_lock_however_much_else_was_to_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else waits for the same file never takes history's place."""
    monkeypatch.setattr("stores.database.BUSY", 0.05)
    monkeypatch.setattr("stores.database.RETRY", 0.01)
    file = str(tmp_path / "chat.db")
    database = Database(file, MIGRATIONS)
    history, keeper = SqlHistory(database, ChatHistory()), SqlKeeper(database)
    with locked(file):
        fill(history, range(3))
        for number in range(11_000):
            keeper.save(AccountMetadata(f"account{number}", {"a": "b"}))
        with pytest.raises(sqlite3.OperationalError, match="not written yet"):
            ask(history, "LATEST")
    monkeypatch.setattr("stores.database.BUSY", 30)
    fill(history, range(3, 5))
    assert ask(history, "LATEST") == [0, 1, 2, 3, 4]
    assert len(keeper.everything()) == 11_000
    database.close()


def test_while_nothing_can_be_inserted_no_more_is_held_than_may_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try takes what has come since the last, and it is one bound for all of it."""
    monkeypatch.setattr("stores.database.BUSY", 0.05)
    monkeypatch.setattr("stores.database.RETRY", 0.01)
    monkeypatch.setattr("stores.remembering.MOST_WAITING", 10)
    database = Database(str(tmp_path / "chat.db"), MIGRATIONS)
    history = SqlHistory(database, ChatHistory())
    fill(history, range(5))
    assert len(ask(history, "LATEST")) == 5
    database._writer.execute("PRAGMA query_only = ON")
    for number in range(5, 50):
        history.remember(said(number))
        if not number % 9:
            with pytest.raises(sqlite3.OperationalError):
                ask(history, "LATEST")
    held = history._remembering
    assert len(held._in_hand) + len(held._waiting) <= 20
    database._writer.execute("PRAGMA query_only = OFF")
    monkeypatch.setattr("stores.database.BUSY", 30)
    assert ask(history, "LATEST")[-4:] == [46, 47, 48, 49]
    database.close()


def counted(database: Database, table: str) -> int:
    number: int = database.read(lambda one: one.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    return number


def test_in_all_the_oldest_give_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever they were said; a conversation of which nothing is left is forgotten as well."""
    monkeypatch.setattr("stores.remembering.AT_A_TIME", 7)
    database = Database(str(tmp_path / "chat.db"), MIGRATIONS)
    history = SqlHistory(database, ChatHistory(channel_messages=30, messages=40))
    line = Line(":ann PRIVMSG bob :1", START, None, "direct")
    history.remember(Remember("ann bob", line, MESSAGE, "ann", True, (("ann", "bob"),)))
    fill(history, range(30))
    assert history.conversations("ann", "bob") == ["ann bob"]
    for number in range(30):
        line = Line(f":a PRIVMSG #other :{number}", START + 100 + number, None, f"other{number}")
        history.remember(Remember("#other", line, MESSAGE, "ann"))
        assert counted(database, "message") <= 40  # each in a batch of its own
    assert ask(history, "LATEST") == list(range(20, 30))
    assert history.conversations("ann", "bob") == []
    # A limit that was lowered holds before anything else is said.
    history.limit(ChatHistory(messages=5))
    while counted(database, "message") > 5:
        pass
    assert ask(history, "LATEST") == []
    database.close()


def test_what_is_counted_is_what_is_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a full disk sends back is not counted twice, nor what was trimmed of a place."""
    monkeypatch.setattr("stores.database.BUSY", 0.05)
    monkeypatch.setattr("stores.database.RETRY", 0.01)
    database = Database(str(tmp_path / "chat.db"), MIGRATIONS)
    history = SqlHistory(database, ChatHistory(channel_messages=8))
    for number in range(40):
        if number == 20:
            database._writer.execute("PRAGMA query_only = ON")
            history.remember(said(number))
            with pytest.raises(sqlite3.OperationalError):
                ask(history, "LATEST")
            database._writer.execute("PRAGMA query_only = OFF")
        else:
            history.remember(said(number))
        if number != 20:
            ask(history, "LATEST")
    assert history._remembering._count == counted(database, "message") < 20
    database.close()


def test_a_file_that_turned_read_only_fails_who_asks_and_remembers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.database.BUSY", 0.05)
    monkeypatch.setattr("stores.database.RETRY", 0.01)
    database = Database(str(tmp_path / "chat.db"), MIGRATIONS)
    history = SqlHistory(database, ChatHistory())
    fill(history, range(2))
    assert ask(history, "LATEST") == [0, 1]
    database._writer.execute("PRAGMA query_only = ON")
    history.remember(said(2))
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        history.mark("ann", "#tea", 5)
    assert history.marker("ann", "#tea") == 0
    database._writer.execute("PRAGMA query_only = OFF")
    monkeypatch.setattr("stores.database.BUSY", 30)
    assert ask(history, "LATEST") == [0, 1, 2]
    database.close()
