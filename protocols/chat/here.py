"""The connections that are on this machine, and how what the network says reaches them.

A line is built once for each distinct set of its receivers' capabilities, and sent by one `To` for
each; lines that follow each other to the same receivers share their `To`.  A channel's connections are
kept grouped by their capabilities until its members change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

from protocols.chat.caps import FORMS
from protocols.chat.lasting import Forgetful, Keeper
from protocols.chat.network.deliveries import (
    Delivery,
    Drop,
    Echo,
    End,
    Entered,
    Fail,
    Line,
    Note,
    Remember,
    Reply,
    Save,
    Say,
    Sync,
    Tell,
)
from protocols.chat.network.records import Channel, User
from protocols.session import CLOSE, Order, To

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

Groups: TypeAlias = "Mapping[int, Sequence[ChatSession]]"


class Audience:
    """Who hears a line beside the connection that asked, and what they were told last."""

    __slots__ = ("_end", "_out", "_told", "but", "channel", "generation", "groups")

    def __init__(self, groups: Groups, but: ChatSession | None) -> None:
        self.groups = groups
        self.but = but
        """Its own connection is not among them."""
        self.channel: Channel | None = None
        self.generation = 0
        self._out: list[Order] | None = None
        self._end = 0
        self._told: dict[int, list[bytes]] = {}

    def tell(self, out: list[Order], line: Line, needs: int, lacks: int) -> None:
        """Append the orders that tell a line to who has all of `needs` and none of `lacks`."""
        if self._out is not out or any(type(order) is not bytes for order in out[self._end :]):
            # Another fact, or something else was said to somebody: what comes now comes after it.
            self._out, self._told = out, {}
        told = self._told
        built: dict[int, bytes] = {}
        for caps, sessions in self.groups.items():
            if caps & needs != needs or caps & lacks:
                continue
            form = caps & FORMS
            data = built.get(form)
            if data is None:
                data = built[form] = line.build(form)
            if caps in told:
                told[caps].append(data)
            else:
                told[caps] = [data]
                out.append(To(sessions, told[caps]))
        self._end = len(out)


def nothing(said: Remember) -> None:
    """Nothing is kept."""


class Here:
    """Registered connections by their names."""

    def __init__(self) -> None:
        self.sessions: dict[str, ChatSession] = {}
        self.keeper: Keeper = Forgetful()
        """Who is handed what outlives the process."""
        self.remember: Callable[[Remember], None] = nothing
        """What is worth keeping is handed to this."""
        self._groups: WeakKeyDictionary[Channel, tuple[int, Groups]] = WeakKeyDictionary()
        """Of each channel, the generation of which these are the groups."""
        self._audience = Audience({}, None)
        """Who heard the last line to a channel: who speaks often speaks again."""

    def add(self, session: ChatSession) -> None:
        """The connection is registered."""
        self.sessions[session.name] = session

    def remove(self, session: ChatSession) -> None:
        """The connection is over."""
        self.sessions.pop(session.name, None)
        if self._audience.but is session:
            self._audience = Audience({}, None)

    def regroup(self, user: User) -> None:
        """One of the user's connections has other capabilities now."""
        for channel in user.channels.values():
            self._groups.pop(channel, None)
        self._audience = Audience({}, None)

    def of(self, user: User) -> Iterator[ChatSession]:
        """The user's connections here."""
        sessions = self.sessions
        return (sessions[name] for name in user.sessions if name in sessions)

    def deliver(self, deliveries: Iterable[Delivery], origin: ChatSession | None, out: list[Order]) -> None:
        """Turn deliveries into orders, in their order.

        What goes to `origin`, the connection that asked, is emitted there, so that it can be part
        of a labeled answer; everybody else gets it as it is.
        """
        for one in deliveries:
            kind = type(one)
            if kind is Say:
                self._say(one, origin, out)  # type: ignore[arg-type]
            elif kind is Remember:
                self.remember(one)  # type: ignore[arg-type]
            elif isinstance(one, Reply):
                if origin is not None:
                    origin.reply(one.numeric, *one.arguments)
            elif isinstance(one, Echo):
                if origin is not None and origin.caps & one.needs == one.needs:
                    origin.emit(one.line)
            elif isinstance(one, Fail):
                if origin is not None:
                    origin.fail(one.command, one.code, one.words, *one.context)
            elif isinstance(one, Tell):
                self._tell(one, origin, out)
            elif isinstance(one, Sync):
                self._sync(one, origin, out)
            elif isinstance(one, Note):
                if origin is not None:
                    origin.notice(one.words, one.service)
            elif isinstance(one, Save):
                self.keeper.save(one.thing)
            elif isinstance(one, Drop):
                self.keeper.drop(one.thing)
            elif isinstance(one, Entered):
                self._enter(one, origin, out)
            elif isinstance(one, End):
                self._end(one, origin, out)

    # -- lines to many -----------------------------------------------------------------

    def _say(self, say: Say, origin: ChatSession | None, out: list[Order]) -> None:
        if say.channel is not None and not say.rank and say.but is None:
            audience = self._members(say.channel, origin)
            among = origin is not None and origin.user in say.channel.members
        else:
            receivers = [one for one in self._receivers(say) if one.user is not say.but]
            among = origin in receivers
            audience = Audience(_grouped(one for one in receivers if one is not origin), origin)
        audience.tell(out, say.line, say.needs, say.lacks)
        if not among or not say.origin or origin is None:
            return
        if origin.caps & say.needs == say.needs and not origin.caps & say.lacks:
            (origin.aside if say.aside else origin.emit)(say.line)

    def _members(self, channel: Channel, but: ChatSession | None) -> Audience:
        audience = self._audience
        if (
            audience.channel is not channel
            or audience.generation != channel.generation
            or audience.but is not but
        ):
            groups = self._channel(channel)
            if but is not None and but.caps in groups:
                groups = {**groups, but.caps: [one for one in groups[but.caps] if one is not but]}
            audience = self._audience = Audience(groups, but)
            audience.channel, audience.generation = channel, channel.generation
        return audience

    def _channel(self, channel: Channel) -> Groups:
        known = self._groups.get(channel)
        if known is not None and known[0] == channel.generation:
            return known[1]
        # As `of` and `_grouped` do, in half the time: a joining crowd makes this again and again.
        groups: dict[int, list[ChatSession]] = {}
        sessions = self.sessions
        for user in channel.members:
            for name in user.sessions:
                session = sessions.get(name)
                if session is not None:
                    try:
                        groups[session.caps].append(session)
                    except KeyError:
                        groups[session.caps] = [session]
        self._groups[channel] = channel.generation, groups
        return groups

    def _receivers(self, say: Say) -> Iterable[ChatSession]:
        users = say.users
        if say.channel is not None:
            users = [user for user, rank in say.channel.members.items() if rank >= say.rank]
        if say.sessions:
            sessions = self.sessions
            return [sessions[name] for name in say.sessions if name in sessions]
        return chain.from_iterable(map(self.of, users))

    # -- what each gets for itself -----------------------------------------------------

    def _tell(self, tell: Tell, origin: ChatSession | None, out: list[Order]) -> None:
        for name in tell.sessions:
            session = self._named(name, origin)
            if session is origin and origin is not None:
                origin.reply(tell.numeric, *tell.arguments)
            elif session is not None:
                line = session.numeric(tell.numeric, *tell.arguments)
                out.append(To((session,), (line.build(session.caps),)))

    def _named(self, name: str, origin: ChatSession | None) -> ChatSession | None:
        """The connection of this name; one that is not registered is known only while it asks."""
        session = self.sessions.get(name)
        return origin if session is None and origin is not None and origin.name == name else session

    def _sync(self, sync: Sync, origin: ChatSession | None, out: list[Order]) -> None:
        for name in sync.sessions:
            session = self.sessions.get(name)
            if session is None:
                continue
            lines = session.synced(sync.user)
            if session is origin:
                for line in lines:
                    session.emit(line)
            else:
                _tell_unasked(session, lines, out)

    def _enter(self, entered: Entered, origin: ChatSession | None, out: list[Order]) -> None:
        for session in self.of(entered.user):
            if session is origin:
                session.entered.append(entered.channel)
            else:
                _tell_unasked(session, session.shown(entered.channel), out)

    def _end(self, end: End, origin: ChatSession | None, out: list[Order]) -> None:
        for name in end.sessions:
            session = self._named(name, origin)
            if session is None:
                continue
            if session is origin:
                session.end(end.why)
            else:
                out.append(To((session,), (session.over(end.why), CLOSE)))


def _tell_unasked(session: ChatSession, lines: Iterable[Line], out: list[Order]) -> None:
    """Somebody else's command makes this known to the session; much of it is told bit by bit."""
    told = session.unasked(lines)
    if told:
        out.append(To((session,), told))
    if session.more:
        out.append(To((session,), ()))


def _grouped(sessions: Iterable[ChatSession]) -> Groups:
    groups: dict[int, list[ChatSession]] = {}
    for session in sessions:
        group = groups.get(session.caps)
        if group is None:
            groups[session.caps] = [session]
        else:
            group.append(session)
    return groups
