"""History and read markers in SQLite.

How it is written is in `remembering`.  Read markers are few and small: they are kept in memory as well,
and asked for there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from protocols.chat.history import (
    LAST,
    MARKERS,
    Kept,
    Place,
    Position,
    Query,
    Slice,
    Target,
    UnknownMessage,
    slices,
)
from protocols.chat.network.deliveries import MESSAGE, Remember
from protocols.chat.settings import ChatHistory
from stores.database import Database
from stores.remembering import COLUMNS, TRIPLE, Remembering

TABLES: Final = """
    CREATE TABLE message (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        place TEXT NOT NULL,
        time INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        open INTEGER NOT NULL,
        msgid TEXT NOT NULL,
        author TEXT NOT NULL,
        account TEXT NOT NULL,
        bot INTEGER NOT NULL,
        text TEXT NOT NULL,
        tags TEXT NOT NULL,
        pieces TEXT NOT NULL
    );
    CREATE INDEX message_place ON message (place, time);
    CREATE TABLE conversation (
        owner TEXT NOT NULL,
        place TEXT NOT NULL,
        nick TEXT NOT NULL COLLATE NOCASE,
        PRIMARY KEY (owner, place)
    ) WITHOUT ROWID;
    CREATE TABLE marker (
        account TEXT NOT NULL,
        target TEXT NOT NULL,
        time INTEGER NOT NULL,
        touched INTEGER NOT NULL,
        PRIMARY KEY (account, target)
    ) WITHOUT ROWID
"""
"""`text` is empty where a message was redacted.  NOCASE is what casemap.fold does: A to Z."""


class SqlHistory:
    """The store of a server that has a database."""

    def __init__(self, database: Database, settings: ChatHistory) -> None:
        self._database = database
        self._remembering = Remembering(database, settings)
        self._markers = database.read(_markers)

    def remember(self, said: Remember) -> None:
        self._remembering.add(said)

    def limit(self, settings: ChatHistory) -> None:
        self._remembering.limit(settings)

    # -- asking ------------------------------------------------------------------------

    def query(self, query: Query) -> list[Kept]:
        return self._database.read(lambda connection: _query(connection, query))

    def conversations(self, owner: str, nick: str) -> list[str]:
        rows = self._ask("SELECT place FROM conversation WHERE owner = ? AND nick = ?", owner, nick)
        return [place for (place,) in rows]

    def targets(
        self, owner: str, channels: Mapping[str, Place], after: int, before: int, limit: int
    ) -> list[Target]:
        asked = [(name, *place) for name, place in channels.items()]
        rows = self._ask(
            "WITH asked (name, place, since) AS ("
            f" SELECT {TRIPLE} FROM json_each(?)"
            " UNION ALL SELECT nick COLLATE NOCASE, place, 0 FROM conversation WHERE owner = ?"
            "), latest AS ("
            " SELECT name, (SELECT time FROM message WHERE message.place = asked.place AND kind = 0"
            "   AND text != '' AND (open OR time >= since) ORDER BY time DESC LIMIT 1) AS time FROM asked"
            ") SELECT name, max(time) AS last FROM latest GROUP BY name COLLATE NOCASE"
            " HAVING last > ? AND last < ? ORDER BY last LIMIT ?",
            msgspec.json.encode(asked).decode(),
            owner,
            after,
            before,
            limit,
        )
        return [Target(name, time) for name, time in rows]

    def find(self, places: tuple[Place, ...], msgid: str) -> tuple[str, Kept] | None:
        for name, since in places:
            rows = self._ask(
                f"SELECT {COLUMNS} FROM message WHERE place = ? AND msgid = ? AND kind != 1 AND text != ''"
                " AND (open OR time >= ?)",
                name,
                msgid,
                since,
            )
            if rows:
                return name, _kept(rows[0])
        return None

    def _ask(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        return self._database.read(lambda connection: connection.execute(statement, arguments).fetchall())

    # -- what is answered when it is committed -------------------------------------------

    def redact(self, place: str, msgid: str) -> None:
        def change(connection: sqlite3.Connection) -> None:
            # What refers to it by its id still finds where it was.
            connection.execute(
                "UPDATE message SET text = '', tags = '', pieces = '', account = ''"
                " WHERE place = ? AND msgid = ?",
                (place, msgid),
            )

        self._database.write(change)

    def marker(self, account: str, target: str) -> int:
        return self._markers.get(account, {}).get(target, 0)

    def mark(self, account: str, target: str, time: int) -> int:
        def change(connection: sqlite3.Connection) -> int:
            (touched,) = connection.execute("SELECT coalesce(max(touched), 0) + 1 FROM marker").fetchone()
            connection.execute(
                "INSERT INTO marker VALUES (?, ?, ?, ?) ON CONFLICT (account, target) DO UPDATE"
                " SET time = max(time, excluded.time), touched = excluded.touched",
                (account, target, time, touched),
            )
            (kept,) = connection.execute(
                "SELECT time FROM marker WHERE account = ? AND target = ?", (account, target)
            ).fetchone()
            connection.execute(
                "DELETE FROM marker WHERE account = ?1 AND target IN (SELECT target FROM marker"
                " WHERE account = ?1 ORDER BY touched DESC LIMIT -1 OFFSET ?2)",
                (account, MARKERS),
            )
            return int(kept)

        kept = self._database.write(change)
        mine = self._markers.setdefault(account, {})
        # Two at once may come back in the other order.
        mine[target] = kept = max(kept, mine.pop(target, 0))
        while len(mine) > MARKERS:
            mine.pop(next(iter(mine)), None)
        return kept

    def forget_markers(self, account: str) -> None:
        self._markers.pop(account, None)

    def forget_account(self, account: str) -> None:
        self._database.write(lambda connection: forget_account(connection, account))
        self.forget_markers(account)


def forget_account(connection: sqlite3.Connection, account: str) -> None:
    """Who gets the account's name next gets nothing else of it; a change that a database can be told."""
    (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM message").fetchone()
    mine = "place IN (SELECT place FROM conversation WHERE owner = ?2)"
    # For the others it stays what it was; only the place's name is not to be had again.
    retired = (f" {last}", account)
    connection.execute(f"UPDATE message SET place = place || ?1 WHERE {mine}", retired)
    connection.execute(f"UPDATE conversation SET place = place || ?1 WHERE owner != ?2 AND {mine}", retired)
    connection.execute("DELETE FROM conversation WHERE owner = ?", (account,))
    connection.execute("DELETE FROM marker WHERE account = ?", (account,))


def _kept(row: tuple[Any, ...]) -> Kept:
    time, msgid, author, account, bot, text, tags, pieces = row
    return Kept(
        time,
        msgid,
        author,
        account,
        bool(bot),
        text,
        msgspec.json.decode(tags, type=dict[str, str]) if tags else {},
        msgspec.json.decode(pieces, type=tuple[tuple[str, bool], ...]) if pieces else (),
    )


def _markers(connection: sqlite3.Connection) -> dict[str, dict[str, int]]:
    markers: dict[str, dict[str, int]] = {}
    for account, target, time in connection.execute(
        "SELECT account, target, time FROM marker ORDER BY touched"
    ):
        markers.setdefault(account, {})[target] = time
    return markers


def _query(connection: sqlite3.Connection, query: Query) -> list[Kept]:
    def find(msgid: str) -> Position:
        for name, since in query.places:
            row: Position | None = connection.execute(
                "SELECT time, number FROM message WHERE place = ? AND msgid = ? AND (open OR time >= ?)",
                (name, msgid, since),
            ).fetchone()
            if row is not None:
                return row
        raise UnknownMessage(msgid)

    # One view for all of it: what is trimmed or written meanwhile is not seen by half of it.
    connection.execute("BEGIN")
    try:
        return [
            kept
            for one in slices(query, find)
            for kept in _several(connection, query.places, one, query.events)
        ]
    finally:
        connection.execute("COMMIT")


def _several(connection: sqlite3.Connection, places: Iterable[Place], one: Slice, events: bool) -> list[Kept]:
    """Of a conversation with somebody who had several identities, all are one."""
    rows = [row for place in places for row in _slice(connection, place, one, events)]
    rows.sort(key=lambda row: row[:2])
    rows = rows[max(0, len(rows) - one.limit) :] if one.newest else rows[: one.limit]
    return [_kept((row[0], *row[2:])) for row in rows]


def _slice(connection: sqlite3.Connection, place: Place, one: Slice, events: bool) -> list[tuple[Any, ...]]:
    name, since = place
    order = "DESC" if one.newest else "ASC"
    return connection.execute(
        f"SELECT time, number, {COLUMNS.removeprefix('time, ')} FROM message"
        " WHERE place = ? AND (time, number) > (?, ?) AND (time, number) < (?, ?)"
        " AND (open OR time >= ?) AND text != '' AND kind <= ?"
        f" ORDER BY time {order}, number {order} LIMIT ?",
        (name, *one.after, *one.before, since, LAST if events else MESSAGE, one.limit),
    ).fetchall()
