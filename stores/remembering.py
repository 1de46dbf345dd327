"""How history is written: what is remembered gathers in a deque, which each batch empties.

A batch of rows is one statement, for sqlite3 takes the interpreter's lock anew at each, and the loop
waits for it meanwhile.  What has to go for what comes is looked for now and then, in the same batch.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from protocols.chat.network.deliveries import EVENT, Remember, milliseconds
from protocols.chat.network.multiline import Multiline
from protocols.chat.settings import ChatHistory
from stores.database import Database

log = logging.getLogger("stores")

COLUMNS: Final = "time, msgid, author, account, bot, text, tags, pieces"
INSERTED: Final = "place, kind, open, " + COLUMNS
TRIPLE: Final = "json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')"
"""A list of three in JSON as columns."""
MOST_WAITING: Final = 10_000
"""Lines that may wait for a file that can't be written, and as many that were taken from there; the oldest
give way."""
AT_ONCE: Final = 512
"""Rows of one statement; SQLite allows 32,766 parameters."""
AT_A_TIME: Final = 10_000
"""Rows that one batch deletes at the most where there are too many in all: others wait for it meanwhile."""


class Remembering:
    """What waits to be written.  `add` and `limit` are said on the loop, the rest in the writer's thread
    (`stores.database.Behind`)."""

    def __init__(self, database: Database, settings: ChatHistory) -> None:
        self._database = database
        self._waiting: deque[Remember] = deque(maxlen=MOST_WAITING)
        self._in_hand: list[Remember] = []
        """Written, and not known to be committed."""
        self._scheduled = False
        self._lost = 0
        self._unnoticed: dict[tuple[str, int], int] = {}
        """By place and kind: how many may still come before too many are looked for."""
        self._count: int | None = None
        """How many there are in all; None while that is not known."""
        self._count_then = 0
        """The same, once what is in hand is committed."""
        self.limit(settings)

    def limit(self, settings: ChatHistory) -> None:
        """From now on so much is kept."""
        self._settings = settings
        self._unnoticed = {}
        self._database.soon(self)

    def add(self, said: Remember) -> None:
        """Keep this, soon."""
        waiting = self._waiting
        if len(waiting) == MOST_WAITING:
            self._lost += 1
        waiting.append(said)
        if not self._scheduled:
            self._scheduled = True
            self._database.soon(self)

    def write(self, connection: sqlite3.Connection) -> None:
        self._scheduled = False  # what comes from now on is for the next batch
        waiting, rows = self._waiting, self._in_hand
        rows += [waiting.popleft() for _ in range(len(waiting))]
        if len(rows) > MOST_WAITING:
            self._lost += len(rows) - MOST_WAITING
            del rows[:-MOST_WAITING]
        for size, some in _portions(rows):
            places = ",".join(["(?,?,?,?,?,?,?,?,?,?,?)"] * size)
            values = [value for said in some for value in _values(said)]
            connection.execute(f"INSERT INTO message ({INSERTED}) VALUES {places}", values)
        owned = {(owner, said.place): nick for said in rows for owner, nick in said.owners}
        if owned:
            triples = [(owner, place, nick) for (owner, place), nick in owned.items()]
            connection.execute(
                "INSERT INTO conversation"
                f" SELECT {TRIPLE} FROM json_each(?) WHERE true"
                " ON CONFLICT (owner, place) DO UPDATE SET nick = excluded.nick",
                (msgspec.json.encode(triples).decode(),),
            )
        count, self._count = self._count, None  # not known until this is committed
        if count is None:
            (count,) = connection.execute("SELECT count(*) FROM message").fetchone()
        else:
            count += len(rows)
        count -= self._trim(rows, connection)
        self._count_then = count - self._trim_all(count, connection)

    def written(self) -> None:
        self._in_hand = []
        self._count = self._count_then
        if self._too_many(self._count):
            self._database.soon(self)
        if self._lost:
            log.warning("%s: %d lines of history were not kept", self._database.path, self._lost)
            self._lost = 0

    def _trim(self, rows: list[Remember], connection: sqlite3.Connection) -> int:
        """Places that have too many are shortened, now and then; by how many is returned."""
        settings, unnoticed = self._settings, self._unnoticed
        gone = 0
        for said in rows:
            key = (said.place, 1 if said.kind == EVENT else 0)
            left = unnoticed.get(key, 0) - 1
            if left < 0:
                on_channel = said.place.startswith("#")
                limit = settings.channel_messages if on_channel else settings.direct_messages
                gone += connection.execute(
                    "DELETE FROM message WHERE place = ?1 AND (kind = 1) = ?2 AND (time, number) <= ("
                    " SELECT time, number FROM message WHERE place = ?1 AND (kind = 1) = ?2"
                    " ORDER BY time DESC, number DESC LIMIT 1 OFFSET ?3)",
                    (*key, limit),
                ).rowcount
                left = limit // 8
            unnoticed[key] = left
        if len(unnoticed) > MOST_WAITING:
            unnoticed.clear()
        return gone

    def _too_many(self, count: int) -> bool:
        most = self._settings.messages
        return bool(most) and count > most + most // 64

    def _trim_all(self, count: int, connection: sqlite3.Connection) -> int:
        """If there are too many in all the oldest go, wherever they are; how many is returned."""
        if not self._too_many(count):
            return 0
        number = min(count - self._settings.messages, AT_A_TIME)
        oldest = "FROM message ORDER BY number LIMIT ?"
        places = connection.execute(
            f"SELECT DISTINCT place FROM (SELECT place {oldest}) WHERE place NOT LIKE '#%'", (number,)
        ).fetchall()
        connection.execute(f"DELETE FROM message WHERE number IN (SELECT number {oldest})", (number,))
        if places:
            # Of a conversation of which nothing is left, nobody need know.
            connection.execute(
                "DELETE FROM conversation WHERE place IN (SELECT value FROM json_each(?)) AND NOT EXISTS"
                " (SELECT 1 FROM message WHERE message.place = conversation.place)",
                (msgspec.json.encode([place for (place,) in places]).decode(),),
            )
        return number


def _portions(rows: list[Remember]) -> Iterator[tuple[int, list[Remember]]]:
    """In sizes of which there are few: sqlite3 keeps the statements that it has prepared."""
    at, size = 0, AT_ONCE
    while at < len(rows):
        while size > len(rows) - at:
            size //= 2
        yield size, rows[at : at + size]
        at += size


def _values(said: Remember) -> tuple[Any, ...]:
    line = said.line
    return (
        said.place,
        said.kind,
        said.open,
        milliseconds(line.time),
        line.msgid,
        said.author,
        line.account,
        line.bot,
        line.text,
        msgspec.json.encode(line.tags).decode() if line.tags else "",
        msgspec.json.encode(line.pieces).decode() if isinstance(line, Multiline) else "",
    )
