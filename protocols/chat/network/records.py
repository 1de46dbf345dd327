"""What the network remembers: users, channels, masks on lists, and users that were."""

from __future__ import annotations

from typing import Any

import msgspec

from protocols.chat.casemap import fold
from protocols.chat.lasting import Access, Listed
from protocols.chat.modes import DEFAULT_CHANNEL_MODES, LISTS

OWN = frozenset({"accepted", "accepted_by", "channels", "invites", "metadata", "modes", "sessions"})
"""What of a user is not plain data as it is."""


class User:
    """Somebody on the network: a record, not a connection; it may have several, or none here."""

    __slots__ = (
        "accepted",
        "accepted_by",
        "account",
        "address",
        "away",
        "called",
        "channels",
        "host",
        "id",
        "idle",
        "invites",
        "metadata",
        "modes",
        "named",
        "nick",
        "realname",
        "sessions",
        "signon",
        "source",
        "title",
        "username",
    )

    def __init__(
        self, id: str, nick: str, username: str, realname: str, host: str, address: str, time: float
    ) -> None:
        self.id = id
        self.nick = nick
        self.username = username
        self.realname = realname
        self.host = host
        self.address = address
        self.account = ""
        self.away = ""
        self.title = ""
        """What an operator is called."""
        self.modes: set[str] = set()
        self.accepted: dict[User, None] = {}
        self.accepted_by: dict[User, None] = {}
        """Whose messages it accepts whatever its modes are, and who accepts its own."""
        self.called = 0.0
        """When it was last told of somebody whom +g held off."""
        self.metadata: dict[str, str] = {}
        """Its account's own, if it is logged in: `metadata.take_account`."""
        self.signon = self.named = time
        """Since when it is here, and has its nick."""
        self.idle = time
        """When it last spoke."""
        self.sessions: dict[str, bool] = {}
        """Its connections, and whether each is secure."""
        self.channels: dict[str, Channel] = {}
        self.invites: dict[str, Channel] = {}
        """Both by folded name."""
        self.name_itself()

    def name_itself(self) -> None:
        """After the nick or the host changed: what stands before what it says."""
        self.source = f"{self.nick}!{self.username}@{self.host}"

    @property
    def secure(self) -> bool:
        """Over TLS, with all its connections."""
        return all(self.sessions.values())

    def __repr__(self) -> str:
        return f"<User {self.source}>"

    def snapshot(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in OWN}
        return plain | {
            "accepted": [user.id for user in self.accepted],
            "accepted_by": [user.id for user in self.accepted_by],
            "metadata": list(self.metadata.items()),
            "modes": sorted(self.modes),
            "sessions": dict(self.sessions),
            "channels": sorted(self.channels),
            "invites": sorted(self.invites),
        }


class Channel:
    """Members with their ranks, modes, lists and a topic."""

    __slots__ = (
        "__weakref__",
        "access",
        "created",
        "flags",
        "founder",
        "generation",
        "invited",
        "key",
        "limit",
        "lists",
        "members",
        "metadata",
        "name",
        "registered",
        "topic",
        "topic_setter",
        "topic_time",
    )

    def __init__(self, name: str, time: float) -> None:
        self.name = name
        self.created = time
        self.topic = ""
        self.topic_setter = ""
        self.topic_time = 0.0
        self.flags = set(DEFAULT_CHANNEL_MODES)
        self.key = ""
        self.limit = 0
        self.lists: dict[str, dict[str, Listed]] = {letter: {} for letter in LISTS}
        """Masks by their folded form, for each letter."""
        self.members: dict[User, int] = {}
        self.invited: dict[User, None] = {}
        """Who may come in past bans, +i and +l, once."""
        self.founder = ""
        """The account that it is registered to: it stays when its last member leaves."""
        self.registered = 0.0
        """When it was."""
        self.access: dict[str, Access] = {}
        """Who has which rank whenever they come, by folded account; the founder is not among them."""
        self.metadata: dict[str, str] = {}
        self.generation = 0
        """Changes with the members: what was made of them before is stale."""

    def enter(self, user: User, rank: int) -> None:
        self.members[user] = rank
        user.channels[fold(self.name)] = self
        self.generation += 1

    def leave(self, user: User) -> None:
        del self.members[user]
        del user.channels[fold(self.name)]
        self.generation += 1

    def promote(self, user: User, rank: int) -> None:
        self.members[user] = rank
        self.generation += 1

    def modes(self, key: bool) -> str:
        """What RPL_CHANNELMODEIS says; the key only for who may know it."""
        letters, parameters = "".join(sorted(self.flags)), []
        if self.key:
            letters += "k"
            parameters.append(self.key if key else "*")
        if self.limit:
            letters += "l"
            parameters.append(str(self.limit))
        return " ".join(["+" + letters, *parameters])

    def __repr__(self) -> str:
        return f"<Channel {self.name}>"

    def snapshot(self) -> dict[str, Any]:
        own = ("__weakref__", "access", "members", "flags", "generation", "invited", "lists", "metadata")
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in own}
        return plain | {
            "access": list(self.access.values()),
            "metadata": list(self.metadata.items()),
            "flags": sorted(self.flags),
            "invited": [user.id for user in self.invited],
            "lists": {letter: list(masks.values()) for letter, masks in self.lists.items()},
            "members": {user.id: rank for user, rank in self.members.items()},
        }


class Former(msgspec.Struct, frozen=True, gc=False):
    """Somebody who had a nick, for WHOWAS."""

    nick: str
    username: str
    host: str
    realname: str
    account: str
    time: float
