"""What the chat service keeps: one database, and the file with its message of the day."""

from __future__ import annotations

import secrets
import sqlite3
from collections import deque
from pathlib import Path
from typing import Final

import msgspec

from protocols.chat.accounts import Unavailable
from protocols.chat.history import History
from protocols.chat.settings import ChatSettings
from protocols.chat.stores import News, Stores
from protocols.listen import CannotStart
from protocols.settings import SettingsError
from stores.accounts import TABLE as ACCOUNT_TABLE
from stores.accounts import SqlAccounts
from stores.accounts.watch import Watch
from stores.database import Database
from stores.history import TABLES as HISTORY_TABLES
from stores.history import SqlHistory
from stores.history_memory import MemoryHistory, most_of
from stores.lasting import TABLE as LASTING_TABLE
from stores.lasting import SqlKeeper

MIGRATIONS: Final = (
    """
    CREATE TABLE kept (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID
    """,
    ACCOUNT_TABLE,
    LASTING_TABLE,
    HISTORY_TABLES,
)
"""From each version of the schema to the next."""


def open_stores(settings: ChatSettings) -> Stores:
    """Open the database that the settings name, or one in memory.  Blocks; raises CannotStart."""
    database = Database(settings.database, MIGRATIONS)
    accounts = SqlAccounts(database)
    try:
        secret = database.write(_secret)
        owned = tuple(accounts.every())
        history = _history(settings, database)
    except (sqlite3.Error, Unavailable) as error:
        database.close()
        raise CannotStart(f"cannot use the database {settings.database}: {error}") from None
    news: deque[News] = deque()
    Watch(database, owned, news)
    return Stores(accounts, secret, database.close, SqlKeeper(database), owned, news, history)


def _history(settings: ChatSettings, database: Database) -> History:
    if settings.database:
        return SqlHistory(database, settings.history)
    said = settings.history
    return MemoryHistory(said.channel_messages, said.direct_messages, most_of(said))


def _secret(connection: sqlite3.Connection) -> bytes:
    connection.execute("INSERT OR IGNORE INTO kept VALUES ('secret', ?)", (secrets.token_bytes(32),))
    secret: bytes = connection.execute("SELECT value FROM kept WHERE name = 'secret'").fetchone()[0]
    return secret


def with_motd(settings: ChatSettings) -> ChatSettings:
    """The settings with the message of the day from its file, if they name one.  Raises SettingsError."""
    if not settings.motd_file:
        return settings
    try:
        text = Path(settings.motd_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SettingsError(f"chat.motd_file: {settings.motd_file}: {why}") from None
    return msgspec.structs.replace(settings, motd=tuple(text.splitlines()))
