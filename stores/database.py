"""One SQLite file: a thread that writes, in batches, and connections that read.

What is written together is committed together: while one commit is under way, the changes that come
meanwhile gather for the next (WAL, synchronous=NORMAL: what is committed outlives the process, and
the file outlives the machine).  Whoever waits for its change (`write`) returns when it is committed;
whoever does not (`write_soon`) may lose what the process had not yet committed when it was killed.

Everything that blocks belongs into a `Call`; `write_soon` alone may be said on the loop.  A path of ""
is a database in memory, forgotten with the process.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, Final, TypeAlias, TypeVar

from protocols.listen import CannotStart

log = logging.getLogger("stores")

T = TypeVar("T")
Change: TypeAlias = "Callable[[sqlite3.Connection], T]"

BUSY: Final = 5.0
"""Seconds that another process may keep the file locked, and that a reader waits for what is queued."""
RETRY: Final = 1.0
"""Seconds until what could not be committed is tried again."""
GATHER: Final = 0.05
"""Seconds in which changes that nobody waits for may gather: each commit makes the loop wait for its turn."""
MOST_SOON: Final = 10_000
"""Changes that may wait for a file that can't be written; the oldest give way."""


class Database:
    """A file, brought to the newest schema.

    `migrations` are scripts: the first makes version 1 of version 0, and so on (PRAGMA user_version).
    Raises CannotStart for a file that can't be opened, is no database, or is newer than we are.
    """

    def __init__(self, path: str, migrations: Sequence[str]) -> None:
        self.path = path
        self._turn: AbstractContextManager[Any] = nullcontext() if path else threading.RLock()
        """Of a database in memory there is one connection, which threads take in turns."""
        self._idle: list[sqlite3.Connection] = []
        self._soon: deque[Change[Any]] = deque()
        self._awaited: deque[tuple[Change[Any], Future[Any]]] = deque()
        self._wake = threading.Condition()
        self._writing = False
        self._closing = False
        self._failing = False
        self._dropped = 0
        self._readers = 0
        """How many wait for what is queued."""
        _make_private(path)
        try:
            self._writer = self._connect()
            _migrate(self._writer, migrations)
        except sqlite3.Error as error:
            raise CannotStart(f"cannot open the database {path}: {error}") from None
        self._thread = threading.Thread(target=self._write_all, name="database", daemon=True)
        self._thread.start()

    # -- from any thread ---------------------------------------------------------------

    def write(self, change: Change[T]) -> T:
        """Do this and return what it returned, once it is committed.  Blocks; raises what it raised."""
        future: Future[T] = Future()
        with self._wake:
            if self._closing:
                raise sqlite3.ProgrammingError("the database is closed")
            self._awaited.append((change, future))
            self._wake.notify_all()
        return future.result()

    def write_soon(self, change: Change[object]) -> None:
        """Do this with the next batch; again, if that fails.  Never blocks, never raises."""
        with self._wake:
            if len(self._soon) >= MOST_SOON:
                self._soon.popleft()
                self._dropped += 1
            self._soon.append(change)
            self._wake.notify_all()

    def read(self, query: Change[T], settled: bool = True) -> T:
        """Ask this, with everything before it written.  Blocks; raises sqlite3.Error.

        Who only asks for what was waited for need not have it `settled`: a file that can't be
        written can still be read.
        """
        if settled:
            self._settle()
        with self._reader() as connection:
            return query(connection)

    def close(self) -> None:
        """Commit what waits, and close the file.  Blocks."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join()
        for connection in (*self._idle, self._writer):
            connection.close()

    # -- connections -------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path or ":memory:", timeout=BUSY, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        if not self.path:
            with self._turn:
                yield self._writer
            return
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def _settle(self) -> None:
        with self._wake:
            self._readers += 1
            self._wake.notify_all()
            settled = self._wake.wait_for(lambda: not (self._writing or self._soon or self._awaited), BUSY)
            self._readers -= 1
        if not settled:
            raise sqlite3.OperationalError("what was said before is not written yet")

    # -- the writer's thread -----------------------------------------------------------

    def _write_all(self) -> None:
        while True:
            with self._wake:
                self._writing = False
                self._wake.notify_all()
                if self._failing and not self._closing:
                    self._wake.wait_for(lambda: self._awaited or self._closing, RETRY)
                else:
                    self._wake.wait_for(lambda: self._soon or self._awaited or self._closing)
                    self._wake.wait_for(lambda: self._awaited or self._readers or self._closing, GATHER)
                soon, awaited = list(self._soon), list(self._awaited)
                self._soon.clear()
                self._awaited.clear()
                self._writing = True
                if not soon and not awaited and self._closing:
                    self._writing = False
                    return
            try:
                self._commit(soon, awaited)
            except sqlite3.Error as error:
                self._failed(error, soon, awaited)
                if self._closing:
                    return
            else:
                self._succeeded()

    def _commit(self, soon: list[Change[Any]], awaited: list[tuple[Change[Any], Future[Any]]]) -> None:
        results: list[tuple[Future[Any], Any]] = []
        connection = self._writer
        with self._turn:
            connection.execute("BEGIN IMMEDIATE")
            try:
                for change in soon:
                    self._do(change, connection)
                for change, future in awaited:
                    results.append((future, _attempt(connection, change)))
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
        for future, result in results:
            if isinstance(result, _Raised):
                future.set_exception(result.error)
            else:
                future.set_result(result)

    def _do(self, change: Change[Any], connection: sqlite3.Connection) -> None:
        """A change that nobody waits for.  One with a bug is not tried again: it would end the thread."""
        try:
            change(connection)
        except sqlite3.Error:
            raise
        except Exception:
            log.exception("%s: a change was dropped", self.path or "database in memory")

    def _succeeded(self) -> None:
        if self._failing:
            self._failing = False
            log.warning("%s: written again; %d changes were lost meanwhile", self.path, self._dropped)
            self._dropped = 0

    def _failed(
        self,
        error: sqlite3.Error,
        soon: list[Change[Any]],
        awaited: list[tuple[Change[Any], Future[Any]]],
    ) -> None:
        if not self._failing:
            self._failing = True
            log.error("%s: can't be written: %s", self.path or "database in memory", error)
        with self._wake:
            self._soon.extendleft(reversed(soon))
        for _, future in awaited:
            future.set_exception(error)


class _Raised:
    def __init__(self, error: Exception) -> None:
        self.error = error


def _attempt(connection: sqlite3.Connection, change: Change[Any]) -> Any:
    """What the change returns; what it raises is its own, and undone alone."""
    connection.execute("SAVEPOINT one")
    try:
        result = change(connection)
    except sqlite3.OperationalError:
        raise  # the file's trouble, and so everybody's
    except Exception as error:
        connection.execute("ROLLBACK TO one")
        result = _Raised(error)
    connection.execute("RELEASE one")
    return result


def _make_private(path: str) -> None:
    """A new file is for its owner alone: there are hashes of passwords in it.  SQLite gives the files
    beside it (-wal, -shm) the mode that it has."""
    if path:
        with suppress(OSError):  # there is one, or there can't be: SQLite's own words tell better
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise sqlite3.DatabaseError(f"made by a newer version (schema {version}, ours is {len(migrations)})")
    for script in migrations[version:]:
        for statement in script.split(";"):  # executescript() would commit what is not whole
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(migrations)}")
    connection.execute("COMMIT")
