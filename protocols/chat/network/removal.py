"""How connections and users go, whoever ended it: what is forgotten, and who is told."""

from __future__ import annotations

from protocols.chat.casemap import fold
from protocols.chat.network.callerid import forget_accepted
from protocols.chat.network.deliveries import Delivery, End, Line, Say
from protocols.chat.network.kept import keep_event
from protocols.chat.network.metadata import forget_subscriptions
from protocols.chat.network.monitors import forget_monitors, tell_offline
from protocols.chat.network.records import Former, User
from protocols.chat.network.state import State


def remove(network: State, user: User, quit: str, time: float, out: list[Delivery], why: str) -> None:
    """Somebody is put out: others read `quit`, its own connections `why`."""
    sessions = tuple(user.sessions)
    for session in sessions:
        forget_session(network, user, session)
    leave_all(network, user, quit, time, out)
    out.append(End(sessions, why))


def forget_session(network: State, user: User, session: str) -> None:
    del user.sessions[session]
    del network.sessions[session]
    forget_monitors(network, session)
    forget_subscriptions(network, session)
    for channel in user.channels.values():
        channel.generation += 1


def leave_all(network: State, user: User, reason: str, time: float, out: list[Delivery]) -> None:
    near = network.neighbours(user)
    del near[user]
    line = Line(f"QUIT :{reason}", time, user, network.next_id(time))
    out.append(Say(line, users=near))
    for channel in tuple(user.channels.values()):
        keep_event(channel, line, user, out)
        channel.leave(user)
        if not channel.members:
            network.emptied(channel)
    for channel in user.invites.values():
        del channel.invited[user]
    user.invites.clear()
    forget_accepted(user)
    remember(network, user, time)
    del network.users[user.id]
    del network.nicks[fold(user.nick)]
    network.operators.pop(user, None)
    network.invisible.pop(user, None)
    tell_offline(network, user.nick, out)


def remember(network: State, user: User, time: float) -> None:
    former = Former(user.nick, user.username, user.host, user.realname, user.account, time)
    network.former.append(former)
