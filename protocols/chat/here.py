"""The connections that are on this machine, and how what the network says reaches them.

A line is built once for each distinct set of its receivers' capabilities, and sent by one `To` for
each.  A channel's connections are kept grouped by their capabilities until its members change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

from protocols.chat.caps import FORMS
from protocols.chat.network.deliveries import Delivery, Echo, End, Entered, Line, Reply, Say, Tell
from protocols.chat.network.records import Channel, User
from protocols.session import CLOSE, Order, To

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

Groups: TypeAlias = "Mapping[int, Sequence[ChatSession]]"


class Here:
    """Registered connections by their names."""

    def __init__(self) -> None:
        self.sessions: dict[str, ChatSession] = {}
        self._groups: WeakKeyDictionary[Channel, tuple[int, Groups]] = WeakKeyDictionary()
        """Of each channel, the generation of which these are the groups."""

    def add(self, session: ChatSession) -> None:
        """The connection is registered."""
        self.sessions[session.name] = session

    def remove(self, session: ChatSession) -> None:
        """The connection is over."""
        self.sessions.pop(session.name, None)

    def regroup(self, user: User) -> None:
        """One of the user's connections has other capabilities now."""
        for channel in user.channels.values():
            self._groups.pop(channel, None)

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
            elif isinstance(one, Reply):
                if origin is not None:
                    origin.reply(one.numeric, *one.arguments)
            elif isinstance(one, Echo):
                if origin is not None and origin.caps & one.needs == one.needs:
                    origin.emit(one.line)
            elif isinstance(one, Tell):
                self._tell(one, origin, out)
            elif isinstance(one, Entered):
                self._enter(one, origin, out)
            elif isinstance(one, End):
                self._end(one, origin, out)

    # -- lines to many -----------------------------------------------------------------

    def _say(self, say: Say, origin: ChatSession | None, out: list[Order]) -> None:
        if say.channel is not None and not say.rank:
            groups = self._channel(say.channel)
        else:
            groups = _grouped(self._receivers(say))
        needs, lacks, but, line = say.needs, say.lacks, say.but, say.line
        built: dict[int, bytes] = {}
        mine = False
        for caps, sessions in groups.items():
            if caps & needs != needs or caps & lacks:
                continue
            if but is not None:
                sessions = [one for one in sessions if one.user is not but]
            if origin is not None and caps == origin.caps and origin in sessions:
                mine = True
                sessions = [one for one in sessions if one is not origin]
            if sessions:
                form = caps & FORMS
                data = built.get(form)
                if data is None:
                    data = built[form] = line.build(form)
                out.append(To(sessions, (data,)))
        if mine and say.origin and origin is not None:
            origin.emit(line)

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
            session = self.sessions.get(name)
            if session is origin and origin is not None:
                origin.reply(tell.numeric, *tell.arguments)
            elif session is not None:
                line = session.numeric(tell.numeric, *tell.arguments)
                out.append(To((session,), (line.build(session.caps),)))

    def _enter(self, entered: Entered, origin: ChatSession | None, out: list[Order]) -> None:
        for session in self.of(entered.user):
            if session is origin:
                session.entered.append(entered.channel)
            else:
                lines: Iterator[Line] = session.shown(entered.channel)
                out.append(To((session,), [line.build(session.caps) for line in lines]))

    def _end(self, end: End, origin: ChatSession | None, out: list[Order]) -> None:
        for name in end.sessions:
            session = self.sessions.get(name)
            if session is None:
                continue
            if session is origin:
                session.end(end.why)
            else:
                out.append(To((session,), (session.over(end.why), CLOSE)))


def _grouped(sessions: Iterable[ChatSession]) -> Groups:
    groups: dict[int, list[ChatSession]] = {}
    for session in sessions:
        group = groups.get(session.caps)
        if group is None:
            groups[session.caps] = [session]
        else:
            group.append(session)
    return groups
