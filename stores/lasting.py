"""What of chat's network outlives the process, kept in SQLite: registered channels, and what else lasts.

One row for each thing, its state as JSON.  Changes are written behind, with the next batch; `settle`
returns when all that was said before it is committed.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from typing import Final, TypeAlias

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


Waiting: TypeAlias = "dict[tuple[str, str], str | None]"
"""By kind and name: the state to be kept, or None for a thing that is to be dropped."""


class SqlKeeper:
    """`protocols.chat.lasting.Keeper`.

    Of each thing only what it is now waits to be written: however long the file can't be, nothing is
    lost, and no more waits than the network holds and has let go of.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._waiting: Waiting = {}
        self._in_hand: Waiting = {}
        """Written, and not known to be committed."""

    def save(self, thing: Lasting) -> None:
        """Keep it soon; what it is now is read at once."""
        self._behind(thing.kept_as, msgspec.json.encode(thing).decode())

    def drop(self, thing: Lasting) -> None:
        """Keep it no longer."""
        self._behind(thing.kept_as, None)

    def _behind(self, name: tuple[str, str], state: str | None) -> None:
        with self._lock:
            self._waiting[name] = state
        self._database.soon(self)

    # -- in the writer's thread (`Behind`) -----------------------------------------------

    def write(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            self._in_hand.update(self._waiting)
            self._waiting = {}
        for name, state in self._in_hand.items():
            if state is None:
                connection.execute(DROP, name)
            else:
                connection.execute(SAVE, (*name, state))

    def written(self) -> None:
        self._in_hand = {}

    # -- in a call's ---------------------------------------------------------------------

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
