"""MODE of a channel: each change is allowed or refused by itself, what was done is told as one."""

from __future__ import annotations

from protocols.chat.casemap import fold
from protocols.chat.isupport import MODES_AT_ONCE
from protocols.chat.lasting import Listed
from protocols.chat.message import LINE
from protocols.chat.modes import BY_LETTER, FOUNDER, HALFOP, PREFIX_BY_LETTER, Change, shown
from protocols.chat.network import masks
from protocols.chat.network.channels import outranks
from protocols.chat.network.deliveries import Delivery, Line, Reply, Say
from protocols.chat.network.events import SetChannelModes
from protocols.chat.network.kept import keep_event
from protocols.chat.network.records import Channel, User
from protocols.chat.network.registered import is_founder, save
from protocols.chat.network.state import State
from protocols.chat.numerics import (
    ERR_BANLISTFULL,
    ERR_CHANOPRIVSNEEDED,
    ERR_INVALIDKEY,
    ERR_INVALIDMODEPARAM,
    ERR_UNKNOWNMODE,
    ERR_USERNOTINCHANNEL,
    RPL_BANLIST,
    RPL_CHANNELMODEIS,
    RPL_CREATIONTIME,
    RPL_ENDOFBANLIST,
    RPL_ENDOFEXCEPTLIST,
    RPL_ENDOFINVEXLIST,
    RPL_EXCEPTLIST,
    RPL_INVEXLIST,
    Refusal,
)

REPLIES = {
    "b": (RPL_BANLIST, RPL_ENDOFBANLIST),
    "e": (RPL_EXCEPTLIST, RPL_ENDOFEXCEPTLIST),
    "I": (RPL_INVEXLIST, RPL_ENDOFINVEXLIST),
}
KEY = 23
"""Bytes of a key: RFC 2812 §2.3.1 has 1 to 23."""
MASK = 200
"""Bytes of a mask (ours)."""


def set_channel_modes(network: State, author: User, event: SetChannelModes, out: list[Delivery]) -> None:
    """RFC 2812 §3.2.3; a channel's modes, or what they are."""
    channel = network.channel(event.channel)
    if not event.changes:
        member = author in channel.members
        out.append(Reply(RPL_CHANNELMODEIS, (channel.name, channel.modes(key=member))))
        out.append(Reply(RPL_CREATIONTIME, (channel.name, int(channel.created))))
        return
    done: list[Change] = []
    seen: set[object] = set()
    parameters = 0
    for change in event.changes:
        if change.parameter is not None:
            parameters += 1
            if parameters > MODES_AT_ONCE:
                continue
        try:
            changed = _change(network, channel, author, change, event.time, out, seen)
        except Refusal as refusal:
            # One answer for each fault, however many letters have it.
            fault = (refusal.numeric, refusal.arguments)
            if fault not in seen:
                seen.add(fault)
                out.append(Reply(refusal.numeric, refusal.arguments))
            continue
        if changed is not None:
            done.append(changed)
    around = len(f":{author.source} MODE {channel.name} ".encode())
    for some in _portions(done, LINE - 2 - around):
        words = f"MODE {channel.name} {shown(some)}"
        line = Line(words, event.time, author, network.next_id(event.time))
        out.append(Say(line, channel=channel))
        keep_event(channel, line, author, out)
    if any(change.letter in BY_LETTER for change in done):
        save(channel, out)


def _portions(done: list[Change], room: int) -> list[list[Change]]:
    """As few MODEs as the changes fit in: a cut one would tell of changes that were not made."""
    portions: list[list[Change]] = []
    left = 0
    for change in done:
        size = 3 + len((change.parameter or "").encode())
        if left < size:
            portions.append([])
            left = room
        portions[-1].append(change)
        left -= size
    return portions


def _change(
    network: State,
    channel: Channel,
    author: User,
    change: Change,
    time: float,
    out: list[Delivery],
    seen: set[object],
) -> Change | None:
    """Make one change; returns it as it is told, or None if nothing changed."""
    letter = change.letter
    mode, prefix = BY_LETTER.get(letter), PREFIX_BY_LETTER.get(letter)
    if mode is None and prefix is None:
        raise Refusal(ERR_UNKNOWNMODE, letter)
    if mode is not None and mode.kind == "list" and change.parameter is None:
        if letter not in seen:
            seen.add(letter)
            _show(channel, letter, out)
        return None
    if prefix is not None:
        return _rank(network, channel, author, change)
    if channel.members.get(author, 0) < HALFOP:
        raise Refusal(ERR_CHANOPRIVSNEEDED, channel.name)
    assert mode is not None
    if mode.kind == "list":
        return _mask(network, channel, author, change, time)
    if mode.kind == "key":
        return _key(channel, change)
    if mode.kind == "limit":
        return _limit(channel, change)
    if change.add is (letter in channel.flags):
        return None
    (channel.flags.add if change.add else channel.flags.discard)(letter)
    return change


def _show(channel: Channel, letter: str, out: list[Delivery]) -> None:
    one, end = REPLIES[letter]
    for listed in channel.lists[letter].values():
        out.append(Reply(one, (channel.name, listed.mask, listed.setter, int(listed.time))))
    out.append(Reply(end, (channel.name,)))


def _rank(network: State, channel: Channel, author: User, change: Change) -> Change | None:
    prefix = PREFIX_BY_LETTER[change.letter]
    own = channel.members.get(author, 0)
    if change.parameter is None:
        raise _wrong(channel, change, "a nick is missing")
    if own < HALFOP and fold(change.parameter) != fold(author.nick):
        raise Refusal(ERR_CHANOPRIVSNEEDED, channel.name)
    user = network.user(change.parameter)
    rank = channel.members.get(user)
    if rank is None:
        raise Refusal(ERR_USERNOTINCHANNEL, user.nick, channel.name)
    # Anybody may step down; else one needs the rank for it, and not to be outranked by the other.
    steps_down = user is author and not change.add
    if not steps_down and (own < prefix.setter or outranks(rank, own)):
        raise Refusal(ERR_CHANOPRIVSNEEDED, channel.name)
    if change.add is bool(rank & prefix.bit):
        return None
    if change.add and prefix.bit == FOUNDER and not is_founder(channel, user.account):
        raise _wrong(channel, change, "only who the channel is registered to has that")
    channel.promote(user, rank ^ prefix.bit)
    return Change(change.add, change.letter, user.nick)


def _mask(network: State, channel: Channel, author: User, change: Change, time: float) -> Change | None:
    said = change.parameter or ""
    if not said or said[0] == ":" or " " in said or len(said.encode()) > MASK:
        raise _wrong(channel, change, "not a mask")
    mask = masks.complete(said)
    there = channel.lists[change.letter]
    key = masks.key(mask)
    if change.add is (key in there):
        return None
    if not change.add:
        return Change(False, change.letter, there.pop(key).mask)
    if sum(map(len, channel.lists.values())) >= network.limits.list_modes:
        raise Refusal(ERR_BANLISTFULL, channel.name, mask)
    there[key] = Listed(mask, author.source, time)
    return Change(True, change.letter, mask)


def _key(channel: Channel, change: Change) -> Change | None:
    key = change.parameter
    if not change.add:
        # Some clients don't know the key they take away; there is only one.
        before, channel.key = channel.key, ""
        return Change(False, "k", before) if before else None
    if key is None or not key or " " in key:
        raise _wrong(channel, change, "a key is one word")
    if key[0] == ":" or "," in key or len(key.encode()) > KEY:
        raise Refusal(ERR_INVALIDKEY, channel.name)
    if key == channel.key:
        return None
    channel.key = key
    return change


def _limit(channel: Channel, change: Change) -> Change | None:
    if not change.add:
        before, channel.limit = channel.limit, 0
        return change if before else None
    said = change.parameter or ""
    if not (said.isascii() and said.isdigit() and len(said) < 10 and int(said)):
        raise _wrong(channel, change, "a limit is a number")
    if int(said) == channel.limit:
        return None
    channel.limit = int(said)
    return Change(True, "l", str(channel.limit))


def _wrong(channel: Channel, change: Change, why: str) -> Refusal:
    return Refusal(ERR_INVALIDMODEPARAM, channel.name, change.letter, change.parameter or "*", why)
