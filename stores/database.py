"""One SQLite file: a thread that writes, in batches, and connections that read.

What is written together is committed together: while one commit is under way, the changes that come
meanwhile gather for the next (WAL, synchronous=NORMAL: what is committed outlives the process, and
the file outlives the machine).  Whoever waits for its change (`write`) returns when it is committed;
what nobody waits for is gathered by its owner (`Behind`), and lost if the process is killed before the
next commit.  While the file can't be written, what is waited for fails soon, and the rest is kept.

Everything that blocks belongs into a `Call`; `soon` alone may be said on the loop.  A path of ""
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
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from protocols.listen import CannotStart
from stores.samefile import SameFile

log = logging.getLogger("stores")

T = TypeVar("T")
Change: TypeAlias = "Callable[[sqlite3.Connection], T]"

BUSY: Final = 2.0
"""Seconds that another process may keep the file locked, and that a reader waits for what is queued."""
AGAIN: Final = 0.1
"""The same, once a commit has failed: who asks while the file is locked is told so at once, and holds no
thread that a login needs."""
RETRY: Final = 1.0
"""Seconds until what could not be committed is tried again, if nobody asks."""
LOOK: Final = 2.0
"""Seconds until what another process has changed is noticed."""
GATHER: Final = 0.05
"""Seconds in which changes that nobody waits for may gather: each commit makes the loop wait for its turn."""


class Behind(Protocol):
    """What is written with nobody waiting for it: its owner gathers it, within bounds of its own.

    Both are said in the writer's thread.
    """

    def write(self, connection: sqlite3.Connection) -> None:
        """Write what has gathered, and what was written before but not committed.  Raises sqlite3.Error."""
        ...

    def written(self) -> None:
        """What `write` wrote last is committed, or must be given up: it has a bug."""
        ...


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
        self._soon: dict[Behind, None] = {}
        """Those who have gathered something."""
        self._awaited: deque[tuple[Change[Any], Future[Any]]] = deque()
        self._wake = threading.Condition()
        self._writing = False
        self._closing = False
        self._failing = False
        self._trouble = ""
        self._attempt = self._committed_attempt = self._failed_attempt = 0
        """The number of the batch that was begun last, of the last that is committed, and of the last that
        failed."""
        self._readers = 0
        """How many wait for what is queued."""
        self._look: Callable[[sqlite3.Connection], None] | None = None
        self._version: int | None = None
        """PRAGMA data_version: another number once somebody else has changed the file."""
        self._file = SameFile(path)
        _make_private(path)
        try:
            self._writer = self._connect()
            self._file.opened()
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

    def soon(self, behind: Behind) -> None:
        """This one has something for the next batch; and for the one after, if that fails.  Never blocks,
        never raises."""
        with self._wake:
            self._soon[behind] = None
            self._wake.notify_all()

    def read(self, query: Change[T], settled: bool = True) -> T:
        """Ask this, with everything before it written.  Blocks; raises sqlite3.Error.

        Who only asks for what was waited for need not have it `settled`: a file that can't be
        written can still be read.
        """
        if settled:
            self._settle()
        self._file.check()
        with self._reader() as connection:
            return query(connection)

    def watch(self, look: Callable[[sqlite3.Connection], None]) -> None:
        """Say this soon, and within LOOK seconds of each change that another process makes to the file, in
        the writer's thread."""
        if self.path:
            self._look = look
            with suppress(sqlite3.Error):  # then it looks a little later
                self.write(lambda connection: None)

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
            self._file.uri, timeout=BUSY, isolation_level=None, check_same_thread=False, uri=True
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
            mine = self._attempt + 1  # one that is under way may have begun too early
            self._readers += 1
            self._wake.notify_all()
            self._wake.wait_for(lambda: self._settled(mine) or self._failed_attempt >= mine, BUSY)
            self._readers -= 1
            if not self._settled(mine):
                trouble = f": {self._trouble}" if self._failing else ""
                raise sqlite3.OperationalError(f"what was said before is not written yet{trouble}")

    def _settled(self, attempt: int) -> bool:
        return self._committed_attempt >= attempt or not (self._writing or self._soon or self._awaited)

    # -- the writer's thread -----------------------------------------------------------

    def _write_all(self) -> None:
        while True:
            if self._look is not None:
                self._look_round(self._look)
            with self._wake:
                self._writing = False
                self._wake.notify_all()
                if self._failing and not self._closing:
                    self._wake.wait_for(lambda: self._awaited or self._readers or self._closing, RETRY)
                else:
                    # Who begins to watch wakes us, by a batch of nothing.
                    self._wake.wait_for(
                        lambda: self._soon or self._awaited or self._closing,
                        None if self._look is None else LOOK,
                    )
                    if not (self._soon or self._awaited or self._closing):
                        continue
                    self._wake.wait_for(lambda: self._awaited or self._readers or self._closing, GATHER)
                soon, awaited = list(self._soon), list(self._awaited)
                patience = AGAIN if self._failing and not self._closing else BUSY
                self._soon.clear()
                self._awaited.clear()
                self._attempt += 1
                self._writing = True
                if not soon and not awaited and self._closing:
                    self._writing = False
                    return
            try:
                self._commit(soon, awaited, patience)
            except sqlite3.Error as error:
                self._failed(error, soon, awaited)
                if self._closing:
                    return
            else:
                self._succeeded()

    def _commit(
        self, soon: list[Behind], awaited: list[tuple[Change[Any], Future[Any]]], patience: float
    ) -> None:
        results: list[tuple[Future[Any], Any]] = []
        connection = self._writer
        with self._turn:
            self._file.check()
            connection.execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                for behind in soon:
                    self._write_behind(behind, connection)
                for change, future in awaited:
                    results.append((future, _attempt(connection, change)))
                self._file.check()
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
        for behind in soon:
            behind.written()
        for future, result in results:
            if isinstance(result, _Raised):
                future.set_exception(result.error)
            else:
                future.set_result(result)

    def _look_round(self, look: Callable[[sqlite3.Connection], None]) -> None:
        """SQLite: "different if changes were committed to the database by any other connection"."""
        try:
            self._file.check()
            (version,) = self._writer.execute("PRAGMA data_version").fetchone()
            if version != self._version:
                look(self._writer)
                self._version = version
        except sqlite3.Error:
            pass  # it is asked again; who writes or reads tells of the trouble
        except Exception:
            log.exception("%s: what was changed by others is not known", self._name)
            self._look = None

    def _write_behind(self, behind: Behind, connection: sqlite3.Connection) -> None:
        """One with a bug costs what it has gathered, not the thread, and nobody else's changes."""
        result = _attempt(connection, behind.write)
        if isinstance(result, _Raised):
            log.error("%s: a change was dropped", self._name, exc_info=result.error)

    def _succeeded(self) -> None:
        self._committed_attempt = self._attempt
        if self._failing:
            self._failing = False
            log.warning("%s: written again", self._name)

    def _failed(
        self, error: sqlite3.Error, soon: list[Behind], awaited: list[tuple[Change[Any], Future[Any]]]
    ) -> None:
        if not self._failing:
            log.error("%s: can't be written: %s", self._name, error)
        if self._closing and soon:
            log.error("%s: closed with changes that could not be written: %s", self._name, error)
        with self._wake:
            self._failing, self._trouble = True, str(error)
            self._failed_attempt = self._attempt
            self._soon = dict.fromkeys([*soon, *self._soon])
        for _, future in awaited:
            future.set_exception(error)

    @property
    def _name(self) -> str:
        return self.path or "database in memory"


class _Raised:
    def __init__(self, error: Exception) -> None:
        self.error = error


def _attempt(connection: sqlite3.Connection, change: Change[Any]) -> Any:
    """What the change returns; what it raises is its own, and undone alone."""
    connection.execute("SAVEPOINT one")
    try:
        result = change(connection)
    except Exception as error:
        if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:
            raise  # the file's trouble, and so everybody's: full, locked, malformed
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
