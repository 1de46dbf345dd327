"""WHO and WHOX: finding users by channel, by nick and by mask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protocols.chat.caps import MULTI_PREFIX
from protocols.chat.casemap import fold, matches
from protocols.chat.message import Message
from protocols.chat.modes import sigils
from protocols.chat.numerics import RPL_ENDOFWHO, RPL_WHOREPLY, RPL_WHOSPCRPL

if TYPE_CHECKING:
    from protocols.chat.network.records import Channel, User
    from protocols.chat.session import ChatSession

FIELDS = "tcuihsnfdlaor"
"""WHOX: in this order, whatever the order in which they were asked for."""
HIDDEN = "255.255.255.255"
"""WHOX, `i`: instead of an address that is not the asker's to know."""


def who(session: ChatSession, message: Message, now: float) -> Iterator[None]:
    """RFC 2812 §3.6.1."""
    network, asker = session.server.network, session.user
    assert asker is not None
    mask = message.params[0] if message.params else "*"
    options = message.params[1] if len(message.params) > 1 else ""
    flags, percent, fields = options.partition("%")
    wanted, _, token = fields.partition(",")
    extended = percent and any(field in FIELDS for field in wanted)
    channel = network.channels.get(fold(mask)) if mask.startswith("#") else None
    found: list[User]
    if mask.startswith("#"):
        found = []
        if channel is not None and network.shows(channel, asker):
            found = [one for one in channel.members if asker in channel.members or network.sees(asker, one)]
    elif fold(mask) in network.nicks:
        found = [network.nicks[fold(mask)]]
    else:
        everybody = mask in ("*", "0")
        found = [
            one
            for one in network.users.values()
            if network.sees(asker, one) and (everybody or _is_meant(mask, one))
        ]
    for user in found:
        # A long answer is given in pieces: somebody may have left between two of them.
        if user.id not in network.users or (channel is not None and user not in channel.members):
            continue
        place = channel if channel is not None else _common(asker, user)
        if "o" in flags and "o" not in user.modes:
            continue
        if extended:
            _extended(session, asker, user, place, wanted, token)
        else:
            where = place.name if place is not None else "*"
            session.reply(
                RPL_WHOREPLY, where, user.username, user.host, session.server.name, user.nick,
                _flags(session, user, place), user.realname,
            )  # fmt: skip
        yield
    session.reply(RPL_ENDOFWHO, mask)


def _is_meant(mask: str, user: User) -> bool:
    """RFC 2812 §3.6.1: "matched against users' host, server, real name and nickname"."""
    said = (user.nick, user.username, user.host, user.realname, user.account, user.source)
    return any(matches(mask, one) for one in said)


def _common(asker: User, user: User) -> Channel | None:
    """A channel to name beside the user: the first that the asker may know of."""
    for channel in user.channels.values():
        if asker in channel.members:
            return channel
    return None


def _flags(session: ChatSession, user: User, channel: Channel | None) -> str:
    """H or G for here or gone, * for operators, B for bots, and the prefixes on the channel."""
    flags = "G" if user.away else "H"
    if "o" in user.modes:
        flags += "*"
    if "B" in user.modes:
        flags += "B"
    if channel is not None:
        flags += sigils(channel.members[user], bool(session.caps & MULTI_PREFIX))
    return flags


def _extended(
    session: ChatSession, asker: User, user: User, channel: Channel | None, wanted: str, token: str
) -> None:
    knows = asker is user or "o" in asker.modes
    values = {
        "t": token[:3] if token.isascii() and token.isdigit() else "0",
        "c": channel.name if channel is not None else "*",
        "u": user.username,
        "i": user.address if knows else HIDDEN,
        "h": user.host,
        "s": session.server.name,
        "n": user.nick,
        "f": _flags(session, user, channel),
        "d": "0",
        "l": str(max(0, int(session.wall() - user.idle))),
        "a": user.account or "0",
        "o": "n/a",
        "r": ":" + user.realname,
    }
    session.reply(RPL_WHOSPCRPL, " ".join(values[field] for field in FIELDS if field in wanted))
