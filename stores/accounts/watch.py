"""Accounts that another process made or removed: noticed, and told to the server."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable

from protocols.chat.accounts import Account
from protocols.chat.casemap import fold
from protocols.chat.stores import News
from stores.database import Database


class Watch:
    """Compares the accounts with those there were, whenever somebody else has changed the file."""

    def __init__(self, database: Database, known: Iterable[Account], news: deque[News]) -> None:
        self._known = {fold(one.name): one.created for one in known}
        self._news = news
        database.watch(self._look)

    def _look(self, connection: sqlite3.Connection) -> None:
        found: dict[str, float] = dict(connection.execute("SELECT folded, created FROM account").fetchall())
        before, self._known = self._known, found
        for name in before.keys() | found.keys():
            if before.get(name) != found.get(name):
                self._news.append((name, found.get(name)))
