"""The network's state, and how to ask it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from protocols.chat.casemap import fold
from protocols.chat.lasting import Ban
from protocols.chat.network.records import Channel, Former, User
from protocols.chat.numerics import (
    ERR_NOSUCHCHANNEL,
    ERR_NOSUCHNICK,
    ERR_NOTONCHANNEL,
    Refusal,
)
from protocols.chat.settings import ChatLimits


class State:
    """Users, channels, monitors and those who were.

    Everything is kept in the order in which it came about, so that two networks that were given
    the same events also list everything in the same order.
    """

    def __init__(self, limits: ChatLimits, owned: Iterable[str] = ()) -> None:
        self.limits = limits
        """Read at each use.  They are part of what makes two networks the same."""
        self.users: dict[str, User] = {}
        """By id."""
        self.nicks: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        """Both by folded name."""
        self.sessions: dict[str, User] = {}
        """The user of each registered connection."""
        self.owned = {fold(account) for account in owned}
        """Folded names of accounts: nobody else may have these nicks.  It may be behind what the store
        knows; `Arrive.free` corrects that."""
        self.operators: dict[User, None] = {}
        self.invisible: dict[User, None] = {}
        """Who has +o, and who has +i: LUSERS counts them at each registration."""
        self.monitored: dict[str, dict[str, None]] = {}
        """The connections that monitor a nick, by the nick's folded form."""
        self.monitoring: dict[str, dict[str, str]] = {}
        """The nicks that a connection monitors, as it wrote them, by their folded form."""
        self.metadata: dict[str, dict[str, str]] = {}
        """Accounts' keys and values, by folded account: what is of those who are logged in to it."""
        self.subscribers: dict[str, dict[str, None]] = {}
        """The connections that are told of a key's changes, by the key."""
        self.subscribed: dict[str, dict[str, None]] = {}
        """The keys of which a connection is told."""
        self.bans: dict[str, Ban] = {}
        """K-lines and D-lines, by their kind and folded mask; some of them may be over."""
        self.former: deque[Former] = deque(maxlen=limits.whowas)
        self.told = 0
        """How many things were given an id by `next_id`."""
        self.most = 0
        """How many users there were at the most."""

    def limit(self, limits: ChatLimits) -> None:
        """These hold from now on; of those who were, the newest stay."""
        self.limits = limits
        self.former = deque(self.former, limits.whowas)

    # -- asking ------------------------------------------------------------------------

    def user(self, nick: str) -> User:
        """Who has this nick; raises 401."""
        user = self.nicks.get(fold(nick))
        if user is None:
            raise Refusal(ERR_NOSUCHNICK, nick)
        return user

    def channel(self, name: str) -> Channel:
        """The channel of this name; raises 403."""
        channel = self.channels.get(fold(name))
        if channel is None:
            raise Refusal(ERR_NOSUCHCHANNEL, name)
        return channel

    def joined(self, user: User, name: str) -> Channel:
        """The channel of this name, if the user is on it; raises 403 or 442."""
        channel = self.channel(name)
        if channel not in user.channels.values():
            raise Refusal(ERR_NOTONCHANNEL, channel.name)
        return channel

    def neighbours(self, user: User) -> dict[User, None]:
        """Everybody on a channel with the user, and the user; each once."""
        near = {user: None}
        for channel in user.channels.values():
            near.update(dict.fromkeys(channel.members))
        return near

    def sees(self, asker: User, user: User) -> bool:
        """Is the user found by a mask?  Modern IRC: +i hides from who shares no channel."""
        return (
            "i" not in user.modes
            or asker is user
            or not user.channels.keys().isdisjoint(asker.channels)
            or "o" in asker.modes
        )

    def shows(self, channel: Channel, asker: User) -> bool:
        """Is the channel shown to the asker?"""
        return "s" not in channel.flags or asker in channel.members or "o" in asker.modes

    def monitors(self, nick: str) -> tuple[str, ...]:
        """The connections that monitor this nick."""
        return tuple(self.monitored.get(fold(nick), ()))

    # -- ending ------------------------------------------------------------------------

    def emptied(self, channel: Channel) -> None:
        """Nobody is on it: it is gone, and invitations to it mean nothing, unless it is registered."""
        if channel.founder:
            return
        folded = fold(channel.name)
        del self.channels[folded]
        for user in channel.invited:
            del user.invites[folded]
        channel.invited.clear()

    # -- ids -----------------------------------------------------------------------------

    def next_id(self, time: float) -> str:
        """message-ids: for what is no message, but is kept and can be referred to as one."""
        self.told += 1
        return f"{int(time * 1000):x}-{self.told:x}"

    # -- comparing ---------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """All of it as plain data: equal for networks that are equal."""
        return {
            "users": [user.snapshot() for user in self.users.values()],
            "nicks": {nick: user.id for nick, user in self.nicks.items()},
            "channels": {name: channel.snapshot() for name, channel in self.channels.items()},
            "sessions": {session: user.id for session, user in self.sessions.items()},
            "owned": sorted(self.owned),
            "operators": [user.id for user in self.operators],
            "invisible": [user.id for user in self.invisible],
            "monitored": {nick: list(who) for nick, who in self.monitored.items()},
            "monitoring": self.monitoring,
            "metadata": {name: list(values.items()) for name, values in self.metadata.items()},
            "subscribers": {key: list(who) for key, who in self.subscribers.items()},
            "subscribed": {session: list(keys) for session, keys in self.subscribed.items()},
            "bans": list(self.bans.values()),
            "former": list(self.former),
            "most": self.most,
            "told": self.told,
        }
