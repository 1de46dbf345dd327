"""Whose messages one accepts: ACCEPT, and the user mode +g, which refuses all others.

Whom one has accepted may also pass one's +R.  An acceptance is of a user, whatever its nick becomes, and is
over when either of the two leaves.
"""

from __future__ import annotations

from typing import Final

from protocols.chat.casemap import fold
from protocols.chat.network.deliveries import Delivery, Reply, Tell
from protocols.chat.network.events import Accept, Speak
from protocols.chat.network.lines import in_lines
from protocols.chat.network.records import User
from protocols.chat.network.state import State
from protocols.chat.numerics import (
    ERR_ACCEPTEXIST,
    ERR_ACCEPTFULL,
    ERR_ACCEPTNOT,
    ERR_NEEDREGGEDNICK,
    ERR_NOSUCHNICK,
    RPL_ACCEPTLIST,
    RPL_ENDOFACCEPT,
    RPL_TARGNOTIFY,
    RPL_TARGUMODEG,
    RPL_UMODEGMSG,
    Refusal,
)

ACCEPTED: Final = 100
"""Users that one may accept (ours)."""
AGAIN: Final = 60.0
"""Seconds after which one is told again that somebody is held off."""


def accept(network: State, author: User, event: Accept, out: list[Delivery]) -> None:
    """Each nick, or -nick, or * for the list."""
    for said in event.nicks:
        if said == "*":
            nicks = [user.nick for user in author.accepted]
            out.extend(Reply(RPL_ACCEPTLIST, (line,)) for line in in_lines(nicks, " "))
            out.append(Reply(RPL_ENDOFACCEPT, ()))
            continue
        nick = said.removeprefix("-")
        user = network.nicks.get(fold(nick))
        if user is None:
            out.append(Reply(ERR_NOSUCHNICK, (nick,)))
        elif said is not nick:
            _drop(author, user, out)
        elif user in author.accepted:
            out.append(Reply(ERR_ACCEPTEXIST, (user.nick,)))
        elif len(author.accepted) >= ACCEPTED:
            out.append(Reply(ERR_ACCEPTFULL, ()))
        else:
            _take(author, user)


def _take(author: User, user: User) -> None:
    author.accepted[user] = None
    user.accepted_by[author] = None


def _drop(author: User, user: User, out: list[Delivery]) -> None:
    if user not in author.accepted:
        out.append(Reply(ERR_ACCEPTNOT, (user.nick,)))
        return
    del author.accepted[user]
    del user.accepted_by[author]


def forget_accepted(user: User) -> None:
    """The user leaves."""
    for one in user.accepted:
        one.accepted_by.pop(user, None)
    for one in user.accepted_by:
        one.accepted.pop(user, None)
    user.accepted.clear()
    user.accepted_by.clear()


def let_in(author: User, target: User, event: Speak, out: list[Delivery]) -> bool:
    """May the author's message reach the target?  Raises what keeps it out, or says so."""
    if author is target:
        return True
    if "g" in author.modes and target not in author.accepted and len(author.accepted) < ACCEPTED:
        # Who speaks to somebody wants to read the answer.
        _take(author, target)
    if author in target.accepted:
        return True
    if "R" in target.modes and not author.account:
        raise Refusal(ERR_NEEDREGGEDNICK, target.nick)
    if "g" not in target.modes or "o" in author.modes:
        return True
    if event.command == "TAGMSG":
        return False  # nobody wrote anything yet
    if event.command == "PRIVMSG":
        out.append(Reply(RPL_TARGUMODEG, (target.nick,)))
    if event.time >= target.called + AGAIN:
        target.called = event.time
        if event.command == "PRIVMSG":
            out.append(Reply(RPL_TARGNOTIFY, (target.nick,)))
        whence = f"{author.username}@{author.host}"
        out.append(Tell(tuple(target.sessions), RPL_UMODEGMSG, (author.nick, whence)))
    return False
