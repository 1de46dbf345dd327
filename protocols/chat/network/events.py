"""What can happen to the network, as plain data.

`session` names the connection of the author, `time` is seconds since 1970, UTC.  Names are as the
author wrote them; that they could be names at all was looked at before.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from protocols.chat.lasting import Lasting
from protocols.chat.modes import Change


class Event(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Something that somebody asks for.  It may still be refused: `apply` decides."""

    session: str
    time: float


class Arrive(Event, frozen=True, tag=True, gc=False):
    """A connection is registered.  `user` is the id of the record, should one be made."""

    user: str
    nick: str
    username: str
    realname: str
    host: str
    address: str
    account: str = ""
    secure: bool = False
    modes: str = ""
    shares: bool = False
    """May it share the nick of its own account?"""
    free: bool = False
    """The nick is kept for nobody, whatever the network believes."""
    metadata: dict[str, str] = {}
    subscribed: tuple[str, ...] = ()
    """What was set of the user's metadata, and which keys subscribed to, before."""


class Leave(Event, frozen=True, tag=True, gc=False):
    """A connection is over."""

    reason: str


class Rename(Event, frozen=True, tag=True, gc=False):
    """NICK.  `free` as for `Arrive`."""

    nick: str
    free: bool = False


class SetAway(Event, frozen=True, tag=True, gc=False):
    """AWAY; an empty message is a return."""

    message: str


class SetRealname(Event, frozen=True, tag=True, gc=False):
    """SETNAME."""

    realname: str


class SetAccount(Event, frozen=True, tag=True, gc=False):
    """Logged in, or, with no account, out."""

    account: str


class SetHost(Event, frozen=True, tag=True, gc=False):
    """Others see this host from now on."""

    host: str


class SetUserModes(Event, frozen=True, tag=True, gc=False):
    """MODE of a nick; without changes a question."""

    nick: str
    changes: tuple[Change, ...]


class BecomeOper(Event, frozen=True, tag=True, gc=False):
    """OPER, with the right password."""

    name: str
    title: str
    host: str = ""
    """What others see instead of its host from then on, if anything."""


class Kill(Event, frozen=True, tag=True, gc=False):
    """KILL."""

    nick: str
    reason: str


class Wallops(Event, frozen=True, tag=True, gc=False):
    """WALLOPS."""

    text: str


class Join(Event, frozen=True, tag=True, gc=False):
    """JOIN of one channel."""

    channel: str
    key: str = ""


class Part(Event, frozen=True, tag=True, gc=False):
    """PART of one channel."""

    channel: str
    reason: str = ""


class Kick(Event, frozen=True, tag=True, gc=False):
    """KICK of one nick."""

    channel: str
    nick: str
    reason: str = ""


class Invite(Event, frozen=True, tag=True, gc=False):
    """INVITE."""

    channel: str
    nick: str


class SetTopic(Event, frozen=True, tag=True, gc=False):
    """TOPIC; an empty one clears it."""

    channel: str
    topic: str


class SetChannelModes(Event, frozen=True, tag=True, gc=False):
    """MODE of a channel; without changes a question."""

    channel: str
    changes: tuple[Change, ...]


class Register(Event, frozen=True, tag=True, gc=False):
    """A channel is to be registered to the author's account."""

    channel: str


class Unregister(Event, frozen=True, tag=True, gc=False):
    """A channel is to be as others again."""

    channel: str


class SetAccess(Event, frozen=True, tag=True, gc=False):
    """An account, which there is, has the rank of this letter on a channel whenever it comes; or not."""

    channel: str
    account: str
    letter: str
    add: bool


class TakeRank(Event, frozen=True, tag=True, gc=False):
    """The author wants the rank that its account has on a channel."""

    channel: str


class Accept(Event, frozen=True, tag=True, gc=False):
    """ACCEPT, of nicks; one that begins with - is accepted no more, and * asks for the list."""

    nicks: tuple[str, ...]


class SetMetadata(Event, frozen=True, tag=True, gc=False):
    """METADATA SET; without a value the key is removed.  The target * is the author."""

    target: str
    key: str
    value: str


class ClearMetadata(Event, frozen=True, tag=True, gc=False):
    """METADATA CLEAR."""

    target: str


class Subscribe(Event, frozen=True, tag=True, gc=False):
    """METADATA SUB, of keys that could be keys."""

    keys: tuple[str, ...]


class Unsubscribe(Event, frozen=True, tag=True, gc=False):
    """METADATA UNSUB; no keys are all keys."""

    keys: tuple[str, ...]


class SetBan(Event, frozen=True, tag=True, gc=False):
    """KLINE or DLINE, for so many seconds; 0 is for good."""

    kind: Literal["K", "D"]
    mask: str
    duration: float
    reason: str


class LiftBan(Event, frozen=True, tag=True, gc=False):
    """UNKLINE or UNDLINE."""

    kind: Literal["K", "D"]
    mask: str


class NewAccount(Event, frozen=True, tag=True, gc=False):
    """An account was made: what one of its name had before is not its own.  Without a session."""

    account: str


class LoseAccount(Event, frozen=True, tag=True, gc=False):
    """An account was removed: what it had is nobody's, and its name is free.  Without a session."""

    account: str


class Restore(Event, frozen=True, tag=True, gc=False):
    """What was kept from before the server started.  Nobody's, so without a session."""

    thing: Lasting


class Speak(Event, frozen=True, tag=True, gc=False):
    """PRIVMSG, NOTICE or TAGMSG to one target; `tags` are the client-only ones, as they came."""

    command: str
    target: str
    text: str
    msgid: str
    tags: dict[str, str] = {}
    pieces: tuple[tuple[str, bool], ...] = ()
    """Of a message of several lines: each, and whether it goes on with the one before."""


class Redact(Event, frozen=True, tag=True, gc=False):
    """REDACT of one message.  `place`, `author` and `said` are what the store knows of it; nothing, if
    it knows no such message.  `window` is how many seconds authors have for it; 0 is for ever."""

    target: str
    redacted: str
    reason: str
    msgid: str
    place: str = ""
    author: str = ""
    said: float = 0.0
    window: float = 0.0


class MarkRead(Event, frozen=True, tag=True, gc=False):
    """MARKREAD: by now the user has read as far as `read`, seconds since 1970.

    `server` is who says so to the user's connections.
    """

    target: str
    read: float
    server: str


class Monitor(Event, frozen=True, tag=True, gc=False):
    """MONITOR + or -."""

    nicks: tuple[str, ...]
    add: bool


class Unmonitor(Event, frozen=True, tag=True, gc=False):
    """MONITOR C."""
