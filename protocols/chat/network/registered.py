"""Registered channels: to whom they belong, who has which rank on them, and what of them is kept.

A registered channel has a founder, which is an account.  Only connections that are logged in to it
have `~`, and have it whenever they come; other accounts have the rank that the founder gave them with
AMODE.  What MODE gives lasts as long as the member stays, as on any channel.
"""

from __future__ import annotations

from typing import Final

from protocols.chat.casemap import fold
from protocols.chat.lasting import Access, LastingChannel
from protocols.chat.modes import FOUNDER, HALFOP, OP, PREFIX_BY_LETTER, PREFIXES, Change, shown
from protocols.chat.network.deliveries import Delivery, Drop, Line, Save, Say
from protocols.chat.network.events import Register, SetAccess, TakeRank, Unregister
from protocols.chat.network.kept import keep_event
from protocols.chat.network.records import Channel, User
from protocols.chat.network.state import State
from protocols.chat.numerics import Denial

CHANSERV: Final = "ChanServ"


# -- what is kept ----------------------------------------------------------------------


def lasting(channel: Channel) -> LastingChannel:
    """All of a registered channel that outlives the process."""
    return LastingChannel(
        channel.name,
        channel.founder,
        channel.registered,
        channel.created,
        channel.topic,
        channel.topic_setter,
        channel.topic_time,
        tuple(sorted(channel.flags)),
        channel.key,
        channel.limit,
        {letter: tuple(masks.values()) for letter, masks in channel.lists.items()},
        tuple(channel.access.values()),
        dict(channel.metadata),
    )


def save(channel: Channel, out: list[Delivery]) -> None:
    """Something of the channel changed: it is kept if it is registered."""
    if channel.founder:
        out.append(Save(lasting(channel)))


def restore(network: State, kept: LastingChannel) -> None:
    """The channel as it was kept, with nobody on it."""
    channel = Channel(kept.name, kept.created)
    channel.founder, channel.registered = kept.founder, kept.registered
    channel.topic, channel.topic_setter = kept.topic, kept.topic_setter
    channel.topic_time = kept.topic_time
    channel.flags = set(kept.flags)
    channel.key, channel.limit = kept.key, kept.limit
    for letter, masks in kept.lists.items():
        channel.lists[letter] = {fold(one.mask): one for one in masks}
    channel.access = {fold(one.account): one for one in kept.access}
    channel.metadata = dict(kept.metadata)
    network.channels.setdefault(fold(kept.name), channel)


# -- ranks -----------------------------------------------------------------------------


def is_founder(channel: Channel, account: str) -> bool:
    """Is the channel registered to this account?"""
    return bool(account and channel.founder) and fold(account) == fold(channel.founder)


def own_rank(channel: Channel, account: str) -> int:
    """The rank that is the account's whenever it comes; 0 for none."""
    if is_founder(channel, account):
        return FOUNDER
    access = channel.access.get(fold(account)) if account else None
    return access.rank if access is not None else 0


def passes(channel: Channel, user: User) -> bool:
    """Does nothing keep this user out?  The founder would else be locked out of an empty channel."""
    return own_rank(channel, user.account) >= HALFOP


def account_changed(network: State, author: User, time: float, out: list[Delivery]) -> None:
    """Logged in, the user has the ranks of its account; `~` goes with the account."""
    for channel in author.channels.values():
        if channel.founder:
            rank = channel.members[author] & ~FOUNDER
            promote(network, channel, author, rank | own_rank(channel, author.account), time, out)


def promote(
    network: State, channel: Channel, user: User, rank: int, time: float, out: list[Delivery]
) -> None:
    """From now on the member has these ranks; those on the channel are told."""
    before = channel.members[user]
    if before == rank:
        return
    changes = [
        Change(bool(rank & prefix.bit), prefix.letter, user.nick)
        for prefix in PREFIXES
        if (rank ^ before) & prefix.bit
    ]
    channel.promote(user, rank)
    changes.sort(key=lambda change: not change.add)
    words = f":{CHANSERV} MODE {channel.name} {shown(changes)}"
    line = Line(words, time, msgid=network.next_id(time))
    out.append(Say(line, channel=channel))
    keep_event(channel, line, user, out)


def _each_of(channel: Channel, account: str) -> list[User]:
    """The members that are logged in to this account."""
    return [user for user in channel.members if user.account and fold(user.account) == fold(account)]


# -- what ChanServ does ----------------------------------------------------------------


def register(network: State, author: User, event: Register, out: list[Delivery]) -> None:
    """An operator of a channel makes it its own."""
    channel = _channel(network, event.channel)
    if not author.account:
        raise _denial("You must be logged in to an account for that.")
    if channel.founder:
        raise _denial(f"{channel.name} is registered already.")
    if channel.members.get(author, 0) < OP:
        raise _denial(f"You must be an operator of {channel.name} for that.")
    mine = sum(is_founder(one, author.account) for one in network.channels.values())
    if mine >= network.limits.registered_channels:
        raise _denial(f"You have registered {mine} channels, which is as many as you may.")
    channel.founder, channel.registered = author.account, event.time
    save(channel, out)
    for user in _each_of(channel, author.account):
        promote(network, channel, user, channel.members[user] | FOUNDER, event.time, out)


def unregister(network: State, author: User, event: Unregister, out: list[Delivery]) -> None:
    """The founder, or an operator of the server, lets go of a channel."""
    channel = _registered(network, event.channel)
    if not is_founder(channel, author.account) and "o" not in author.modes:
        raise _denial(f"Only its founder may do that to {channel.name}.")
    _let_go(network, channel, event.time, out)


def forget_account(network: State, account: str, time: float, out: list[Delivery]) -> None:
    """The account's channels are nobody's, and it has no rank on others'."""
    for channel in tuple(network.channels.values()):
        if is_founder(channel, account):
            _let_go(network, channel, time, out)
        elif channel.access.pop(fold(account), None) is not None:
            save(channel, out)


def _let_go(network: State, channel: Channel, time: float, out: list[Delivery]) -> None:
    out.append(Drop(lasting(channel)))
    founders = _each_of(channel, channel.founder)
    channel.founder, channel.registered = "", 0.0
    channel.access.clear()
    for user in founders:
        promote(network, channel, user, channel.members[user] & ~FOUNDER | OP, time, out)
    if not channel.members:
        network.emptied(channel)


def set_access(network: State, author: User, event: SetAccess, out: list[Delivery]) -> None:
    """The founder says which rank an account has whenever it comes."""
    channel = _registered(network, event.channel)
    if not is_founder(channel, author.account):
        raise _denial(f"Only its founder may do that to {channel.name}.")
    if is_founder(channel, event.account):
        raise _denial(f"{channel.founder} is the founder of {channel.name}, and has every right.")
    folded, bit = fold(event.account), PREFIX_BY_LETTER[event.letter].bit
    before = channel.access.get(folded)
    if event.add:
        if before is None and len(channel.access) >= network.limits.list_modes:
            raise _denial(f"{channel.name} has as many accounts with ranks as it may.")
        channel.access[folded] = Access(event.account, bit)
    elif before is None or before.rank != bit:
        raise _denial(f"{event.account} does not have that rank on {channel.name}.")
    else:
        del channel.access[folded]
    save(channel, out)
    for user in _each_of(channel, event.account):
        rank = channel.members[user] & ~(before.rank if before is not None else 0)
        promote(network, channel, user, rank | bit if event.add else rank, event.time, out)


def take_rank(network: State, author: User, event: TakeRank, out: list[Delivery]) -> None:
    """Somebody who stepped down, or was made to, has its own rank again."""
    channel = _registered(network, event.channel)
    rank = own_rank(channel, author.account)
    if author not in channel.members:
        raise _denial(f"You are not on {channel.name}.")
    if not rank:
        raise _denial(f"You have no rank on {channel.name}.")
    promote(network, channel, author, channel.members[author] | rank, event.time, out)


def _channel(network: State, name: str) -> Channel:
    channel = network.channels.get(fold(name))
    if channel is None:
        raise _denial(f"There is no channel {name}.")
    return channel


def _registered(network: State, name: str) -> Channel:
    channel = _channel(network, name)
    if not channel.founder:
        raise _denial(f"{channel.name} is not registered.")
    return channel


def _denial(words: str) -> Denial:
    return Denial(words, CHANSERV)
