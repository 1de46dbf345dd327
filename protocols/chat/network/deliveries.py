"""What an event has to say, to whom: lines that are not yet in anybody's form.

Not in here: connections.  `here` knows which receivers are on this machine, and turns these into
orders for their sessions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from protocols.chat.caps import ACCOUNT_TAG, MESSAGE_TAGS, SERVER_TIME
from protocols.chat.message import LINE, cut, format_tags

if TYPE_CHECKING:
    from protocols.chat.lasting import Lasting
    from protocols.chat.network.records import Channel, User
    from protocols.chat.numerics import Numeric


def milliseconds(seconds: float) -> int:
    """A time as the `time` tag has it: what is told once and what is kept must be the same time."""
    return round(seconds * 1_000_000) // 1000


def stamp(seconds: float) -> str:
    """The `time` tag's value: ISO 8601, UTC, milliseconds (server-time)."""
    whole, part = divmod(milliseconds(seconds), 1000)
    return f"{datetime.fromtimestamp(whole, timezone.utc):%Y-%m-%dT%H:%M:%S}.{part:03}Z"


class Line:
    """One line, and all that may stand before it as tags."""

    __slots__ = ("_stamp", "account", "bot", "msgid", "tags", "text", "time")

    def __init__(
        self,
        text: str,
        time: float,
        author: User | None = None,
        msgid: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.text = text if author is None else f":{author.source} {text}"
        self.time = time
        self.account = author.account if author is not None else ""
        self.bot = author is not None and "B" in author.modes
        self.msgid = msgid
        self.tags = tags
        self._stamp = ""

    def build(self, caps: int, first: str = "") -> bytes:
        """The line for who has these capabilities; `first` is a tag that goes before the others.

        RFC 2812 §2.3: at most 512 bytes without the tags; what is longer is cut.
        """
        tags = [first] if first else []
        if caps & SERVER_TIME:
            if not self._stamp:
                self._stamp = stamp(self.time)
            tags.append("time=" + self._stamp)
        if caps & MESSAGE_TAGS:
            if self.msgid:
                tags.append("msgid=" + self.msgid)
            if self.bot:
                tags.append("bot")
            if self.tags:
                tags.append(format_tags(dict(self.tags)))
        if caps & ACCOUNT_TAG and self.account:
            tags.append("account=" + self.account)
        text = cut(self.text.encode(), LINE - 2)
        if not tags:
            return text + b"\r\n"
        return b"@%b %b\r\n" % (";".join(tags).encode(), text)


@dataclass(slots=True, eq=False)
class Reply:
    """A numeric for the connection that asked."""

    numeric: Numeric
    arguments: tuple[object, ...]


@dataclass(slots=True, eq=False)
class Echo:
    """The author's own message, for the connection that said it, if it has echo-message."""

    line: Line
    needs: int


@dataclass(slots=True, eq=False)
class Say:
    """A line for members of a channel from a rank on, for users and for single connections.

    Who receives it has all capabilities of `needs` and none of `lacks`.  `but` is a user who does
    not get it; without `origin`, the connection that asked does not, and `aside` it is told as
    everybody else is, beside the answer to what it asked.
    """

    line: Line
    channel: Channel | None = None
    users: Collection[User] = ()
    sessions: Collection[str] = ()
    rank: int = 0
    needs: int = 0
    lacks: int = 0
    but: User | None = None
    origin: bool = True
    aside: bool = False


@dataclass(slots=True, eq=False)
class Tell:
    """A numeric for some connections, whoever asked."""

    sessions: Collection[str]
    numeric: Numeric
    arguments: tuple[object, ...]


@dataclass(slots=True, eq=False)
class Entered:
    """The user is on the channel now: its connections are shown the topic and the names."""

    user: User
    channel: Channel


@dataclass(slots=True, eq=False)
class End:
    """These connections are over, and why."""

    sessions: Collection[str]
    why: str


@dataclass(slots=True, eq=False)
class Sync:
    """These connections now hear of the user: those who know metadata are told the user's."""

    sessions: Collection[str]
    user: User


@dataclass(slots=True, eq=False)
class Note:
    """What a service, or else the server, says in words to the connection that asked."""

    words: str
    service: str = ""


@dataclass(slots=True, eq=False)
class Save:
    """To be kept beyond the process, in place of what was kept of this name."""

    thing: Lasting


@dataclass(slots=True, eq=False)
class Drop:
    """To be kept no longer."""

    thing: Lasting


@dataclass(slots=True, eq=False)
class Fail:
    """standard-replies: why the command of the connection that asked failed."""

    command: str
    code: str
    words: str
    context: tuple[str, ...] = ()


MESSAGE, EVENT, TAGS = 0, 1, 2
"""What is kept: PRIVMSG and NOTICE, what happened on a channel, and TAGMSG."""


class Remember(msgspec.Struct, gc=False):
    """This is worth keeping, for those who ask later (`history`).

    `author` is an account, or `*` and a user's id: nobody else is ever called that.  `open` says that
    anybody might have heard it: the place was neither invite-only nor secret, and had no key.  `owners`
    are those of two people who are logged in, each with the nick of the other.
    """

    place: str
    line: Line
    kind: int
    author: str
    open: bool = True
    owners: tuple[tuple[str, str], ...] = ()


class Forget(msgspec.Struct, gc=False):
    """This is not to be kept any longer."""

    place: str
    msgid: str


Delivery: TypeAlias = (
    "Sync | Note | Save | Drop | Reply | Fail | Echo | Say | Tell | Entered | End | Remember | Forget"
)
