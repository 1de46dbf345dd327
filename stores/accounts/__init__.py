"""Accounts, kept in SQLite: what is checked against a password, and never the password itself.

A change is committed when its method returns.  Every question reads the file anew, without waiting
for what others have queued to be written: `python -m stores.accounts` changes it beside a running
server, and a file that can't be written can still be read.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from protocols.chat.accounts import Account, Keys, Unavailable, make_keys, normalized
from protocols.chat.casemap import fold
from protocols.passwords import INTERACTIVE, Cost, make_secret, verify
from stores.database import Database
from stores.history import forget_account
from stores.lasting import forget_account as forget_lasting

T = TypeVar("T")

SALT: Final = 16
"""Bytes; RFC 7914 §12's examples and NIST SP 800-132 §5.1 ("at least 128 bits") agree."""

PLACES: Final = 8
"""Changes that may wait for the file at once: while it is locked they must not hold all threads that a
server has for its calls (`Server.threads`), since a login needs one as well."""

TABLE: Final = """
    CREATE TABLE account (
        folded TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        created REAL NOT NULL,
        email TEXT NOT NULL,
        multiclient INTEGER,
        secret TEXT NOT NULL,
        salt BLOB NOT NULL,
        iterations INTEGER NOT NULL,
        stored_key BLOB NOT NULL,
        server_key BLOB NOT NULL
    ) WITHOUT ROWID
"""
"""`secret` is for PLAIN, in the PHC string format; from `salt` on it is what SCRAM-SHA-256 needs."""

ACCOUNT: Final = "name, created, email, multiclient"
KEYS: Final = "name, salt, iterations, stored_key, server_key, multiclient, created"


class SqlAccounts:
    """`protocols.chat.accounts.Accounts`, and what only those who run the server may do."""

    def __init__(self, database: Database, cost: Cost = INTERACTIVE) -> None:
        self._database = database
        self._cost = cost
        self._places = threading.BoundedSemaphore(PLACES)
        self._nobody = make_secret("", bytes(SALT), cost)
        """Compared with where there is no account, so that it takes as long."""

    def verify(self, name: str, password: str) -> Account | None:
        """The account, if the password is its own."""
        row = self._one(f"SELECT {ACCOUNT}, secret FROM account WHERE folded = ?", name)
        right = verify(row[4] if row else self._nobody, normalized(password))
        return _account(row) if row and right else None

    def keys(self, name: str) -> Keys | None:
        """What SCRAM asks for."""
        row = self._one(f"SELECT {KEYS} FROM account WHERE folded = ?", name)
        if row is None:
            return None
        name, salt, iterations, stored_key, server_key, multiclient, created = row
        return Keys(name, salt, iterations, stored_key, server_key, _or_none(multiclient), created)

    def find(self, name: str) -> Account | None:
        """The account of this name."""
        row = self._one(f"SELECT {ACCOUNT} FROM account WHERE folded = ?", name)
        return _account(row) if row else None

    def every(self) -> list[Account]:
        """All accounts, by name."""
        rows = self._asked(lambda connection: connection.execute(
            f"SELECT {ACCOUNT} FROM account ORDER BY folded").fetchall())  # fmt: skip
        return [_account(row) for row in rows]

    def register(self, name: str, password: str, email: str, time: float, iterations: int) -> Account | None:
        """Make an account, unless there is one of that name."""
        columns = (fold(name), name, time, email, *self._hashed(name, password, iterations))

        def change(connection: sqlite3.Connection) -> bool:
            made = connection.execute(
                "INSERT INTO account (folded, name, created, email, secret, salt, iterations, stored_key,"
                " server_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                columns,
            ).rowcount
            if made:
                # Who was still logged in to one of that name when it was removed may have left something.
                _forget(connection, name)
            return made > 0

        return Account(name, time, email) if self._changed(change) else None

    def set_password(self, name: str, password: str, iterations: int) -> bool:
        """Another password."""
        return self._done(
            "UPDATE account SET secret = ?, salt = ?, iterations = ?, stored_key = ?, server_key = ?"
            " WHERE folded = ?",
            (*self._hashed(name, password, iterations), fold(name)),
        )

    def set_multiclient(self, name: str, multiclient: bool | None) -> bool:
        """May its connections share a nick?"""
        return self._done("UPDATE account SET multiclient = ? WHERE folded = ?", (multiclient, fold(name)))

    def remove(self, name: str) -> bool:
        """There is no such account any more; who has its name next gets nothing that was its own."""

        def change(connection: sqlite3.Connection) -> bool:
            _forget(connection, name)
            return connection.execute("DELETE FROM account WHERE folded = ?", (fold(name),)).rowcount > 0

        return self._changed(change)

    # -- how ---------------------------------------------------------------------------

    def _hashed(self, name: str, password: str, iterations: int) -> tuple[object, ...]:
        """`secret` and what follows it, made before the file is touched: it is slow."""
        password = normalized(password)
        keys = make_keys(name, password, os.urandom(SALT), iterations)
        secret = make_secret(password, os.urandom(SALT), self._cost)
        return secret, keys.salt, keys.iterations, keys.stored_key, keys.server_key

    def _one(self, query: str, name: str) -> Any:
        return self._asked(lambda connection: connection.execute(query, (fold(name),)).fetchone())

    def _asked(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return self._database.read(query, settled=False)
        except sqlite3.Error as error:
            raise Unavailable(str(error)) from error

    def _done(self, statement: str, values: tuple[object, ...]) -> bool:
        return self._changed(lambda connection: connection.execute(statement, values).rowcount > 0)

    def _changed(self, change: Callable[[sqlite3.Connection], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise Unavailable("too many changes wait for the file")
        try:
            return self._database.write(change)
        except sqlite3.Error as error:
            raise Unavailable(str(error)) from error
        finally:
            self._places.release()


def _forget(connection: sqlite3.Connection, name: str) -> None:
    """What belonged to an account of this name is nobody's."""
    forget_account(connection, fold(name))
    forget_lasting(connection, fold(name))


def _account(row: tuple[Any, ...]) -> Account:
    name, created, email, multiclient = row[:4]
    return Account(name, created, email, _or_none(multiclient))


def _or_none(multiclient: int | None) -> bool | None:
    return None if multiclient is None else bool(multiclient)
