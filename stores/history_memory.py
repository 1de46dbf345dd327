"""History that is forgotten with the process: for a server without a database, and for tests."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import Final

from protocols.chat.casemap import fold
from protocols.chat.history import (
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
from protocols.chat.network.deliveries import EVENT, MESSAGE, Remember, milliseconds
from protocols.chat.network.multiline import Multiline
from protocols.chat.settings import ChatHistory

MOST: Final = 100_000
"""Lines kept in all (ours, some 60 MB); places where nothing was said for longest give way."""


def most_of(settings: ChatHistory) -> int:
    """Lines kept in all, as the settings have it."""
    return min(settings.messages or MOST, MOST)


class _Row:
    __slots__ = ("kept", "kind", "number", "open")

    def __init__(self, kept: Kept, number: int, kind: int, is_open: bool) -> None:
        self.kept = kept
        self.number = number
        self.kind = kind
        self.open = is_open

    @property
    def position(self) -> Position:
        return (self.kept.time, self.number)


class _There:
    """What is kept of one place: what was said, and what happened, each up to its own limit."""

    def __init__(self, limit: int) -> None:
        self.said: deque[_Row] = deque(maxlen=limit)
        self.happened: deque[_Row] = deque(maxlen=limit)

    def limit(self, limit: int) -> None:
        """From now on so many: the newest stay."""
        self.said = deque(self.said, limit)
        self.happened = deque(self.happened, limit)

    def rows(self) -> list[_Row]:
        return sorted([*self.said, *self.happened], key=lambda row: row.position)

    def __len__(self) -> int:
        return len(self.said) + len(self.happened)


class MemoryHistory:
    """The twin of the store in SQLite: the same answers, from deques."""

    def __init__(self, channel_messages: int, direct_messages: int, most: int = MOST) -> None:
        self._channel_messages = channel_messages
        self._direct_messages = direct_messages
        self._most = most
        self._lock = threading.Lock()
        self._places: OrderedDict[str, _There] = OrderedDict()
        self._owned: dict[str, dict[str, str]] = {}
        """Of an account, the last nick of the other in each place."""
        self._markers: dict[str, dict[str, int]] = {}
        self._count = 0
        self._held = 0

    def limit(self, settings: ChatHistory) -> None:
        with self._lock:
            self._channel_messages = settings.channel_messages
            self._direct_messages = settings.direct_messages
            self._most = most_of(settings)
            for name, there in self._places.items():
                there.limit(self._limit(name))
            self._held = sum(map(len, self._places.values()))
            self._give_way()

    def _limit(self, place: str) -> int:
        return self._channel_messages if place.startswith("#") else self._direct_messages

    def remember(self, said: Remember) -> None:
        with self._lock:
            self._count += 1
            there = self._places.get(said.place)
            if there is None:
                there = self._places[said.place] = _There(self._limit(said.place))
            rows = there.happened if said.kind == EVENT else there.said
            before = len(rows)
            rows.append(_Row(kept_of(said), self._count, said.kind, said.open))
            self._held += len(rows) - before
            self._places.move_to_end(said.place)
            for owner, nick in said.owners:
                self._owned.setdefault(owner, {})[said.place] = nick
            self._give_way()

    def _give_way(self) -> None:
        while self._held > self._most and len(self._places) > 1:
            _, gone = self._places.popitem(last=False)
            self._held -= len(gone)

    def query(self, query: Query) -> list[Kept]:
        with self._lock:
            rows = self._rows(query.places)
        positions = [row.position for row in rows]

        def find(msgid: str) -> Position:
            for row in rows:
                if row.kept.msgid == msgid:
                    return row.position
            raise UnknownMessage(msgid)

        wanted = slices(query, find)
        return [row.kept for one in wanted for row in _cut(rows, positions, one, query.events)]

    def _rows(self, places: Iterable[Place]) -> list[_Row]:
        found = [
            row
            for name, since in places
            if name in self._places
            for row in self._places[name].rows()
            if row.open or row.kept.time >= since
        ]
        return sorted(found, key=lambda row: row.position)

    def conversations(self, owner: str, nick: str) -> list[str]:
        with self._lock:
            places = self._owned.get(owner, {})
            return [place for place, name in places.items() if fold(name) == fold(nick)]

    def targets(
        self, owner: str, channels: Mapping[str, Place], after: int, before: int, limit: int
    ) -> list[Target]:
        with self._lock:
            places = {name: [place] for name, place in channels.items()}
            for place, nick in self._owned.get(owner, {}).items():
                same = next((name for name in places if fold(name) == fold(nick)), nick)
                places.setdefault(same, []).append((place, 0))
            found = []
            for name, some in places.items():
                times = [row.kept.time for row in self._rows(some) if row.kind == MESSAGE and row.kept.text]
                if times and after < times[-1] < before:
                    found.append(Target(name, times[-1]))
        return sorted(found, key=lambda target: target.time)[:limit]

    def find(self, places: tuple[Place, ...], msgid: str) -> tuple[str, Kept] | None:
        with self._lock:
            for name, since in places:
                for row in self._rows([(name, since)]):
                    if row.kept.msgid == msgid and row.kept.text and row.kind != EVENT:
                        return name, row.kept
        return None

    def redact(self, place: str, msgid: str) -> None:
        with self._lock:
            for row in self._places[place].said if place in self._places else ():
                if row.kept.msgid == msgid:
                    # What refers to it by its id still finds where it was.
                    row.kept = Kept(row.kept.time, msgid, row.kept.author, "", False, "")

    def marker(self, account: str, target: str) -> int:
        return self._markers.get(account, {}).get(target, 0)

    def mark(self, account: str, target: str, time: int) -> int:
        with self._lock:
            mine = self._markers.setdefault(account, {})
            mine[target] = time = max(time, mine.pop(target, 0))
            if len(mine) > MARKERS:
                del mine[next(iter(mine))]
            return time

    def forget_markers(self, account: str) -> None:
        with self._lock:
            self._markers.pop(account, None)

    def forget_account(self, account: str) -> None:
        with self._lock:
            self._markers.pop(account, None)
            for place in self._owned.pop(account, {}):
                # For the others it stays what it was; only the place's name is not to be had again.
                other = f"{place} {self._count}"
                if place in self._places:
                    self._places[other] = self._places.pop(place)
                for places in self._owned.values():
                    if place in places:
                        places[other] = places.pop(place)


def _cut(rows: list[_Row], positions: list[Position], one: Slice, events: bool) -> list[_Row]:
    some = rows[bisect_right(positions, one.after) : bisect_left(positions, one.before)]
    some = [row for row in some if row.kept.text and (events or row.kind == MESSAGE)]
    if one.newest:
        return some[max(0, len(some) - one.limit) :]
    return some[: one.limit]


def kept_of(said: Remember) -> Kept:
    """What is remembered as it is kept."""
    line = said.line
    pieces = line.pieces if isinstance(line, Multiline) else ()
    return Kept(
        milliseconds(line.time),
        line.msgid,
        said.author,
        line.account,
        line.bot,
        line.text,
        dict(line.tags or {}),
        pieces,
    )
