"""History: what is kept of what was said, how it is asked for, and what a store of it must offer.

A *place* is where something was said: a channel's folded name, or, for two people, who they are.  What
is kept has its order there: by its time, and by when it came in.  Not in here: who may see what
(`commands.history`), and how it is kept (`stores/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from protocols.chat.network.deliveries import Line, Remember
from protocols.chat.network.multiline import Multiline, Piece
from protocols.chat.settings import ChatHistory

MARKERS: Final = 500
"""Read markers that an account may have (ours); the one that was not touched for longest gives way."""

Position: TypeAlias = "tuple[int, int]"
"""When something was said, in milliseconds, and its number: what comes later is larger."""
LAST: Final = 1 << 62
"""More than any number."""


class Kept(msgspec.Struct, frozen=True, gc=False):
    """One line as it is kept.  `time` is milliseconds since 1970; `author` is nobody else's."""

    time: int
    msgid: str
    author: str
    account: str
    bot: bool
    text: str
    tags: Mapping[str, str] = {}
    pieces: tuple[Piece, ...] = ()

    def line(self) -> Line:
        """As it was, to be said again."""
        seconds = self.time / 1000
        line = Line(self.text, seconds, None, self.msgid, self.tags)
        if self.pieces:
            line = Multiline(self.text, self.pieces, seconds, None, self.msgid, self.tags)
        line.account, line.bot = self.account, self.bot
        return line


class Reference(msgspec.Struct, frozen=True):
    """A message that is named by its id, or a time, in milliseconds."""

    msgid: str = ""
    time: int = 0


class UnknownMessage(Exception):
    """No message is kept there under that id."""


Place: TypeAlias = "tuple[str, int]"
"""A place's name, and the milliseconds since which also what was said behind closed doors is shown."""


class Query(msgspec.Struct, frozen=True):
    """What CHATHISTORY asks for.  `first` and `second` are its references, `events` says whether
    more than PRIVMSG and NOTICE is wanted."""

    subcommand: Literal["LATEST", "BEFORE", "AFTER", "BETWEEN", "AROUND"]
    places: tuple[Place, ...]
    first: Reference | None
    second: Reference | None
    limit: int
    events: bool


class Slice(msgspec.Struct, frozen=True):
    """What a store is asked for: what comes after one position and before another, both excluded,
    and which end of that if it is more than `limit`."""

    after: Position
    before: Position
    limit: int
    newest: bool


Find = Callable[[str], Position]
"""The position of a message by its id; raises UnknownMessage."""


def slices(query: Query, find: Find) -> list[Slice]:
    """A query as slices, in the order in which their lines are told.  Raises UnknownMessage."""

    def after(reference: Reference | None) -> Position:
        if reference is None:
            return (-1, 0)
        return find(reference.msgid) if reference.msgid else (reference.time, LAST)

    def before(reference: Reference | None) -> Position:
        if reference is None:
            return (LAST, LAST)
        return find(reference.msgid) if reference.msgid else (reference.time, 0)

    first, limit = query.first, query.limit
    if query.subcommand == "LATEST":
        return [Slice(after(first), before(None), limit, True)]
    if query.subcommand == "BEFORE":
        return [Slice(after(None), before(first), limit, True)]
    if query.subcommand == "AFTER":
        return [Slice(after(first), before(None), limit, False)]
    if query.subcommand == "BETWEEN":
        # "The returned messages MUST start from and exclude the first message selector, while
        # finishing on and excluding the second - this may be forwards or backwards in time."
        if before(first) <= before(query.second):
            return [Slice(after(first), before(query.second), limit, False)]
        return [Slice(after(query.second), before(first), limit, True)]
    time, number = before(first)
    centre = (time, number - 1)
    ahead = limit // 2
    return [
        Slice(after(None), (time, number), ahead, True),
        Slice(centre, before(None), limit - ahead, False),
    ]


class Target(msgspec.Struct, frozen=True):
    """One conversation, and when its last message was said, in milliseconds."""

    name: str
    time: int


class History(Protocol):
    """A store of what was said.

    `remember`, `marker`, `forget_markers` and `limit` are quick, and said on the loop.  The rest blocks, and
    may raise OSError or sqlite3.Error: it is reached through `Call`s, and sees what was remembered before.
    """

    def remember(self, said: Remember) -> None:
        """Keep this, soon."""
        ...

    def limit(self, settings: ChatHistory) -> None:
        """From now on so much is kept."""
        ...

    def query(self, query: Query) -> list[Kept]:
        """What is asked for, oldest first.  Raises UnknownMessage."""
        ...

    def conversations(self, owner: str, nick: str) -> list[str]:
        """Where an account has talked to somebody whose last known nick was this."""
        ...

    def targets(
        self, owner: str, channels: Mapping[str, Place], after: int, before: int, limit: int
    ) -> list[Target]:
        """Conversations whose last message is between two times, both excluded; the oldest first.

        `channels` are those of the asker by the names to be told, `owner` its account, if any.
        """
        ...

    def find(self, places: tuple[Place, ...], msgid: str) -> tuple[str, Kept] | None:
        """A message that was not redacted, and where it is."""
        ...

    def redact(self, place: str, msgid: str) -> None:
        """Forget what a message said.  When this returns it is gone for good."""
        ...

    def marker(self, account: str, target: str) -> int:
        """How far an account has read, in milliseconds; 0 if it never said."""
        ...

    def mark(self, account: str, target: str, time: int) -> int:
        """It has read that far; returns how far it has, which never decreases, and is kept by now."""
        ...

    def forget_markers(self, account: str) -> None:
        """What is known in memory of how far an account has read is another's.  Quick."""
        ...

    def forget_account(self, account: str) -> None:
        """Who gets the account's name next gets nothing else of it."""
        ...
