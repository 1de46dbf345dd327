"""The database: what `write` returned from is there after a kill, and trouble is everybody's to know."""

from __future__ import annotations

import os
import queue
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.listen import CannotStart
from stores.database import Change, Database
from tests.databases import locked

TABLE = ("CREATE TABLE word (word TEXT PRIMARY KEY)",)


def add(word: str) -> Change[object]:
    return lambda connection: connection.execute("INSERT INTO word VALUES (?)", (word,))


class Gathered:
    """`stores.database.Behind`: changes, and those that are committed."""

    def __init__(self, *changes: Change[object]) -> None:
        self.changes = list(changes)
        self.in_hand: list[Change[object]] = []
        self.done: list[Change[object]] = []

    def write(self, connection: sqlite3.Connection) -> None:
        self.in_hand += self.changes
        self.changes = []
        for change in self.in_hand:
            change(connection)

    def written(self) -> None:
        self.done += self.in_hand
        self.in_hand = []


def words(database: Database) -> list[str]:
    return [
        row[0]
        for row in database.read(lambda connection: connection.execute("SELECT * FROM word").fetchall())
    ]


@pytest.fixture(params=["file", "memory"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "some.db") if request.param == "file" else ""


def test_what_was_queued_is_seen_by_the_next_read(path: str) -> None:
    database = Database(path, TABLE)
    for number in range(100):
        database.soon(Gathered(add(str(number))))
    assert len(words(database)) == 100
    database.close()


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """It holds hashes of passwords; the mode of one that is there is left alone."""
    database = Database(str(tmp_path / "some.db"), TABLE)
    database.write(add("one"))
    assert {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()} == {
        "some.db": 0o600,
        "some.db-wal": 0o600,
        "some.db-shm": 0o600,
    }
    database.close()
    (tmp_path / "some.db").chmod(0o640)
    Database(str(tmp_path / "some.db"), TABLE).close()
    assert (tmp_path / "some.db").stat().st_mode & 0o777 == 0o640


def test_a_change_that_fails_costs_no_other(path: str) -> None:
    database = Database(path, TABLE)
    database.write(add("one"))
    with pytest.raises(sqlite3.IntegrityError):
        database.write(add("one"))
    database.write(add("two"))
    assert words(database) == ["one", "two"]
    database.close()


def test_a_change_with_a_bug_ends_no_writing(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is dropped, with its traceback on the log; those beside it are written."""

    def buggy(connection: sqlite3.Connection) -> None:
        raise ValueError("a bug")

    database = Database(path, TABLE)
    database.soon(Gathered(add("half of it"), buggy))
    database.soon(Gathered(add("a")))
    assert words(database) == ["a"]
    assert [record.exc_info is not None for record in caplog.records] == [True]
    database.close()


def test_what_waits_at_the_end_is_committed(tmp_path: Path) -> None:
    file = str(tmp_path / "some.db")
    database = Database(file, TABLE)
    database.soon(Gathered(add("last")))
    database.close()
    database = Database(file, TABLE)
    assert words(database) == ["last"]
    database.close()


KILLED = """
import os, signal, sys
from stores.database import Database
from tests.core.test_database import Gathered, add
database = Database(sys.argv[1], ("CREATE TABLE word (word TEXT PRIMARY KEY)",))
database.soon(Gathered(add("soon")))
database.write(lambda connection: connection.execute("INSERT INTO word VALUES ('waited for')"))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_waited_for_is_there_after_kill_9(tmp_path: Path) -> None:
    file = str(tmp_path / "some.db")
    subprocess.run([sys.executable, "-c", KILLED, file], env=os.environ | {"PYTHONPATH": os.getcwd()})
    database = Database(file, TABLE)
    assert words(database) == ["soon", "waited for"]
    database.close()


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    file = str(tmp_path / "some.db")
    Database(file, (*TABLE, "CREATE TABLE more (x)")).close()
    with pytest.raises(CannotStart, match=r"some\.db: made by a newer version \(schema 2, ours is 1\)"):
        Database(file, TABLE)


def test_an_older_file_is_brought_to_the_newest_schema(tmp_path: Path) -> None:
    file = str(tmp_path / "some.db")
    database = Database(file, TABLE)
    database.write(add("kept"))
    database.close()
    database = Database(file, (*TABLE, "CREATE TABLE more (x); INSERT INTO more VALUES (1)"))
    assert words(database) == ["kept"]
    assert database.read(lambda connection: connection.execute("SELECT * FROM more").fetchall()) == [(1,)]
    database.close()


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "some.db"
    file.write_bytes(b"this is a letter, not a database, and it is longer than a header" * 100)
    with pytest.raises(CannotStart, match=r"cannot open the database .*: file is not a database"):
        Database(str(file), TABLE)


def test_a_folder_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="unable to open database file"):
        Database(str(tmp_path / "nowhere" / "some.db"), TABLE)


def test_a_locked_file_fails_who_waits_and_keeps_what_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("stores.database.BUSY", 0.05)
    monkeypatch.setattr("stores.database.RETRY", 0.01)
    file = str(tmp_path / "some.db")
    database = Database(file, TABLE)
    with locked(file):
        kept = Gathered(add("kept"))
        database.soon(kept)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            database.write(add("refused"))
        for _ in range(3):
            with pytest.raises(sqlite3.OperationalError, match=r"not written yet: .*locked"):
                words(database)
        assert kept.done == []
    monkeypatch.setattr("stores.database.BUSY", 30)
    assert words(database) == ["kept"]
    assert len(kept.done) == 1
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "database is locked" in caplog.text
    assert "written again" in caplog.text
    database.close()


def test_once_the_file_is_locked_nobody_waits_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first to meet the lock waits as long as a lock may last; from then on it is known."""
    monkeypatch.setattr("stores.database.BUSY", 0.05)
    monkeypatch.setattr("stores.database.AGAIN", 0.01)
    file = str(tmp_path / "some.db")
    database = Database(file, TABLE)
    patience: list[object] = []
    database._writer.set_trace_callback(
        lambda said: patience.append(said.rpartition(" ")[2]) if "busy_timeout" in said else None
    )
    with locked(file):
        for _ in range(3):
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                database.write(add("refused"))
    database.write(add("taken"))
    database.write(add("too"))
    assert patience[:3] == ["50", "10", "10"]
    assert patience[-1] == "50"
    database.close()


ANOTHER = r"not there any more|another file has its name"


@pytest.mark.parametrize("how", ["deleted", "replaced", "replaced by nothing"])
def test_a_file_that_is_another_fails_who_asks_and_takes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """SQLite goes on in a file without a name, and what it acknowledges is gone with the process."""
    monkeypatch.setattr("stores.database.RETRY", 0.01)
    file, aside = tmp_path / "some.db", tmp_path / "aside.db"
    database = Database(str(file), TABLE)
    database.write(add("one"))
    another = Database(str(tmp_path / "another.db"), TABLE)
    another.write(add("another's"))
    another.close()
    theirs = (tmp_path / "another.db").read_bytes()
    file.rename(aside)
    if how == "replaced":
        (tmp_path / "another.db").rename(file)
    elif how == "replaced by nothing":
        file.touch()
    kept = Gathered(add("kept"))
    database.soon(kept)
    for _ in range(3):
        with pytest.raises(sqlite3.OperationalError, match=ANOTHER):
            database.write(add("refused"))
        with pytest.raises(sqlite3.OperationalError, match=ANOTHER):
            database.read(lambda one: one.execute("SELECT * FROM word").fetchall(), settled=False)
    assert kept.done == []
    assert len(caplog.records) == 1
    if how == "replaced":
        assert file.read_bytes() == theirs
    assert file.exists() is (how != "deleted")
    aside.rename(file)  # put back, all goes on
    assert words(database) == ["one", "kept"]
    database.close()
    database = Database(str(file), TABLE)
    assert words(database) == ["one", "kept"]
    database.close()


def test_what_could_not_be_written_at_the_end_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "some.db"
    database = Database(str(file), TABLE)
    file.unlink()
    database.soon(Gathered(add("lost")))
    database.close()
    assert "closed with changes that could not be written: the file is not there any more" in caplog.text


def test_what_somebody_else_changes_is_noticed_and_what_we_do_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite, PRAGMA data_version: "different if changes were committed ... by any other connection"."""
    monkeypatch.setattr("stores.database.LOOK", 0.01)
    file = str(tmp_path / "some.db")
    ours, theirs = Database(file, TABLE), Database(file, TABLE)
    seen: queue.Queue[int] = queue.Queue()

    def look(connection: sqlite3.Connection) -> None:
        seen.put(connection.execute("SELECT count(*) FROM word").fetchone()[0])

    ours.watch(look)
    assert seen.get(timeout=30) == 0
    for word in "abc":
        ours.write(add(word))
    theirs.write(add("theirs"))
    assert seen.get(timeout=30) == 4
    ours.write(add("last"))
    ours.close()
    assert seen.empty()
    theirs.close()


def test_who_looks_and_has_a_bug_ends_no_writing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def buggy(connection: sqlite3.Connection) -> None:
        raise ValueError("a bug")

    database = Database(str(tmp_path / "some.db"), TABLE)
    database.watch(buggy)
    for word in "ab":
        database.write(add(word))
    assert words(database) == ["a", "b"]
    assert [record.exc_info is not None for record in caplog.records] == [True]
    database.close()
