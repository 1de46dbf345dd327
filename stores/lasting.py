"""What of chat's network outlives the process, kept in SQLite: registered channels, and what else lasts.

One row for each thing, its state as JSON.  Changes are written behind, in their order, with the next
batch; `settle` returns when all that was said before it is committed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from protocols.chat.accounts import Unavailable
from protocols.chat.casemap import fold
from protocols.chat.lasting import AccountMetadata, Lasting, LastingChannel
from protocols.listen import CannotStart
from stores.database import Database

TABLE: Final = """
    CREATE TABLE lasting (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        state TEXT NOT NULL,
        UNIQUE (kind, name)
    )
"""
SAVE: Final = (
    "INSERT INTO lasting (kind, name, state) VALUES (?, ?, ?)"
    " ON CONFLICT (kind, name) DO UPDATE SET state = excluded.state"
)
EVERYTHING: Final = "SELECT kind, name, state FROM lasting ORDER BY id"
DROP: Final = "DELETE FROM lasting WHERE kind = ? AND name = ?"


class SqlKeeper:
    """`protocols.chat.lasting.Keeper`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, thing: Lasting) -> None:
        """Keep it soon; what it is now is read at once."""
        values = (*thing.kept_as, msgspec.json.encode(thing).decode())
        self._database.write_soon(lambda connection: connection.execute(SAVE, values))

    def drop(self, thing: Lasting) -> None:
        """Keep it no longer."""
        self._database.write_soon(lambda connection: connection.execute(DROP, thing.kept_as))

    def settle(self) -> None:
        """Return once everything is committed: what is awaited is written after what is not."""
        try:
            self._database.write(lambda connection: None)
        except sqlite3.Error as error:
            raise Unavailable(str(error)) from error

    def everything(self) -> Sequence[Lasting]:
        """All of it, the oldest first."""
        path = self._database.path
        try:
            rows = self._database.read(lambda connection: connection.execute(EVERYTHING).fetchall())
        except sqlite3.Error as error:
            raise CannotStart(f"cannot use the database {path}: {error}") from None
        found = []
        for kind, name, state in rows:
            try:
                found.append(msgspec.json.decode(state, type=Lasting))
            except msgspec.MsgspecError as error:
                raise CannotStart(f"cannot use the database {path}: {kind} {name}: {error}") from None
        return found


def forget_account(connection: sqlite3.Connection, account: str) -> None:
    """Its channels and its metadata go with it; a change that a database can be told."""
    connection.execute(DROP, AccountMetadata(account, {}).kept_as)
    for kind, _, state in connection.execute(EVERYTHING).fetchall():
        thing = msgspec.json.decode(state, type=Lasting) if kind == "channel" else None
        if not isinstance(thing, LastingChannel):
            continue
        access = tuple(one for one in thing.access if fold(one.account) != account)
        if fold(thing.founder) == account:
            connection.execute(DROP, thing.kept_as)
        elif access != thing.access:
            changed = msgspec.structs.replace(thing, access=access)
            connection.execute(SAVE, (*changed.kept_as, msgspec.json.encode(changed).decode()))
