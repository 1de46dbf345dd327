"""What of all that happens is worth keeping, and where; and what is done to it afterwards.

Not in here: the store.  `Remember` and `Forget` are what `apply` has to say to it.
"""

from __future__ import annotations

from typing import Final

from protocols.chat.caps import MESSAGE_REDACTION, READ_MARKER
from protocols.chat.casemap import fold
from protocols.chat.modes import OP
from protocols.chat.network.deliveries import (
    EVENT,
    MESSAGE,
    TAGS,
    Delivery,
    Fail,
    Forget,
    Line,
    Remember,
    Say,
    milliseconds,
    stamp,
)
from protocols.chat.network.events import MarkRead, Redact, Speak
from protocols.chat.network.records import Channel, User
from protocols.chat.network.state import State

GUEST: Final = "*"
"""Stands before what names somebody who is not logged in: no account begins with it."""
CLOSED: Final = frozenset("is")
"""The modes of a channel that not everybody may find or enter; so is one with a key."""


def identity(account: str, nick: str) -> str:
    """Who somebody is, in the name of a place: an account, or whoever has the nick by now."""
    return fold(account) if account else GUEST + fold(nick)


def place_of(one: str, other: str) -> str:
    """Where two people talk, by who they are."""
    return f"{one} {other}" if one < other else f"{other} {one}"


def author_of(user: User) -> str:
    """Who wrote it: an account, or this one user, whoever has its nick afterwards."""
    return fold(user.account) if user.account else GUEST + user.id


def keep_message(channel: Channel, line: Line, author: User, event: Speak, out: list[Delivery]) -> None:
    """What all members hear is kept; what only some do (STATUSMSG, +U) could be shown to the others."""
    is_open = not channel.key and channel.flags.isdisjoint(CLOSED)
    kind = TAGS if event.command == "TAGMSG" else MESSAGE
    out.append(Remember(fold(channel.name), line, kind, author_of(author), is_open))


def keep_direct(author: User, target: User, line: Line, event: Speak, out: list[Delivery]) -> None:
    """What two people say to each other is kept for those of them who are logged in.

    Nobody else could show later that it was theirs: whoever comes next may have the same nick.
    """
    owners = []
    if author.account:
        owners.append((fold(author.account), target.nick))
    if target.account and target.account != author.account:
        owners.append((fold(target.account), author.nick))
    if owners:
        place = place_of(identity(author.account, author.nick), identity(target.account, target.nick))
        kind = TAGS if event.command == "TAGMSG" else MESSAGE
        out.append(Remember(place, line, kind, author_of(author), True, tuple(owners)))


def keep_event(channel: Channel, line: Line, author: User, out: list[Delivery]) -> None:
    """Who came, went, was renamed, and what was changed (draft/event-playback)."""
    is_open = not channel.key and channel.flags.isdisjoint(CLOSED)
    out.append(Remember(fold(channel.name), line, EVENT, author_of(author), is_open))


# -- afterwards ------------------------------------------------------------------------


def redact(network: State, author: User, event: Redact, out: list[Delivery]) -> None:
    """draft/message-redaction: one's own messages, and on a channel, for its operators, everybody's."""
    target, name = event.target, event.target
    operator = False
    users: list[User] = []
    if target.startswith("#"):
        channel = network.channels.get(fold(target))
        if channel is None or author not in channel.members:
            out.append(_fail("INVALID_TARGET", "You cannot delete messages from there", target))
            return
        name = channel.name
        operator = channel.members[author] >= OP
        users.extend(channel.members)
    else:
        other = network.nicks.get(fold(target))
        users.append(author)
        if other is not None and other is not author and _talked_there(other, event):
            users.append(other)
    if not event.place:
        why = "This message does not exist or is too old"
        out.append(_fail("UNKNOWN_MSGID", why, target, event.redacted))
    elif not operator and event.author not in (author_of(author), GUEST + author.id):
        why = "You are not authorised to delete this message"
        out.append(_fail("REDACT_FORBIDDEN", why, target, event.redacted))
    elif not operator and event.window and event.time > event.said + event.window:
        why = "You can no longer delete this message"
        out.append(_fail("REDACT_WINDOW_EXPIRED", why, target, event.redacted, f"{event.window:g}"))
    else:
        reason = f" :{event.reason}" if event.reason else ""
        line = Line(f"REDACT {name} {event.redacted}{reason}", event.time, author, event.msgid)
        out.append(Forget(event.place, event.redacted))
        out.append(Say(line, users=users, needs=MESSAGE_REDACTION))


def _talked_there(user: User, event: Redact) -> bool:
    """Is this who the message was said to, and not only somebody with that nick by now?

    A guest is who has had the nick since before it was said: nobody else had it meanwhile.
    """
    if user.account and fold(user.account) in event.place.split(" ")[:2]:
        return not _retired(event.place)
    guest = identity("", user.nick) in event.place.split(" ")[:2]
    return guest and milliseconds(user.named) <= milliseconds(event.said)


def _retired(place: str) -> bool:
    """Has one of the two lost its account since?  Which one is not known, and its name may be another's."""
    return place.count(" ") > 1


def _fail(code: str, words: str, *context: str) -> Fail:
    return Fail("REDACT", code, words, context)


def mark_read(network: State, author: User, event: MarkRead, out: list[Delivery]) -> None:
    """draft/read-marker: to "all the clients of the user", and to nobody else."""
    line = Line(f":{event.server} MARKREAD {event.target} timestamp={stamp(event.read)}", event.time)
    users = [author]
    if author.account:
        users = [user for user in network.users.values() if user.account == author.account]
    out.append(Say(line, users=users, needs=READ_MARKER))
