"""What happens on channels: coming and going, topics, invitations."""

from __future__ import annotations

from protocols.chat.caps import AWAY_NOTIFY, EXTENDED_JOIN, INVITE_NOTIFY
from protocols.chat.casemap import fold
from protocols.chat.modes import HALFOP, OP
from protocols.chat.network.deliveries import Delivery, Entered, Line, Reply, Say
from protocols.chat.network.events import Invite, Join, Kick, Part, SetTopic
from protocols.chat.network.kept import keep_event
from protocols.chat.network.masks import banned, listed
from protocols.chat.network.records import Channel, User
from protocols.chat.network.registered import own_rank, passes, promote, save
from protocols.chat.network.state import State
from protocols.chat.numerics import (
    ERR_BADCHANNELKEY,
    ERR_BANNEDFROMCHAN,
    ERR_CHANNELISFULL,
    ERR_CHANOPRIVSNEEDED,
    ERR_INVITEONLYCHAN,
    ERR_TOOMANYCHANNELS,
    ERR_USERNOTINCHANNEL,
    ERR_USERONCHANNEL,
    RPL_AWAY,
    RPL_INVITING,
    Refusal,
)


def join(network: State, author: User, event: Join, out: list[Delivery]) -> None:
    """RFC 2812 §3.2.1.  Who makes a channel is its operator; on a registered one ranks go by account."""
    folded = fold(event.channel)
    if folded in author.channels:
        return
    if len(author.channels) >= network.limits.channels:
        raise Refusal(ERR_TOOMANYCHANNELS, event.channel)
    channel = network.channels.get(folded)
    if channel is None:
        channel = network.channels[folded] = Channel(event.channel, event.time)
        rank = OP
    else:
        if not passes(channel, author):
            _admit(channel, author, event.key, folded in author.invites)
        rank = 0
    if author.invites.pop(folded, None):
        del channel.invited[author]
    channel.enter(author, rank)
    msgid = network.next_id(event.time)
    short = Line(f"JOIN {channel.name}", event.time, author, msgid)
    # extended-join: "an account name, or * if ... not logged in", and the real name.
    account = author.account or "*"
    long = Line(f"JOIN {channel.name} {account} :{author.realname}", event.time, author, msgid)
    out.append(Say(short, channel=channel, lacks=EXTENDED_JOIN))
    out.append(Say(long, channel=channel, needs=EXTENDED_JOIN))
    keep_event(channel, short, author, out)
    promote(network, channel, author, rank | own_rank(channel, author.account), event.time, out)
    if author.away:
        # away-notify: also "when a user joins and has an away message set".
        away = Line(f"AWAY :{author.away}", event.time, author)
        out.append(Say(away, channel=channel, needs=AWAY_NOTIFY, but=author))
    out.append(Entered(author, channel))


def _admit(channel: Channel, user: User, key: str, invited: bool) -> None:
    """Raises the first thing that keeps the user out.  An invitation passes bans, +i and +l."""
    if not invited:
        if banned(channel, user):
            raise Refusal(ERR_BANNEDFROMCHAN, channel.name)
        if "i" in channel.flags and not listed(channel, "I", user):
            raise Refusal(ERR_INVITEONLYCHAN, channel.name)
    if channel.key and key != channel.key:
        raise Refusal(ERR_BADCHANNELKEY, channel.name)
    if not invited and channel.limit and len(channel.members) >= channel.limit:
        raise Refusal(ERR_CHANNELISFULL, channel.name)


def part(network: State, author: User, event: Part, out: list[Delivery]) -> None:
    """RFC 2812 §3.2.2."""
    channel = network.joined(author, event.channel)
    reason = f" :{event.reason}" if event.reason else ""
    line = Line(f"PART {channel.name}{reason}", event.time, author, network.next_id(event.time))
    out.append(Say(line, users=tuple(channel.members)))
    keep_event(channel, line, author, out)
    _leave(network, channel, author)


def kick(network: State, author: User, event: Kick, out: list[Delivery]) -> None:
    """RFC 2812 §3.2.8."""
    channel = network.joined(author, event.channel)
    own = channel.members[author]
    if own < HALFOP:
        raise Refusal(ERR_CHANOPRIVSNEEDED, channel.name)
    victim = network.user(event.nick)
    rank = channel.members.get(victim)
    if rank is None:
        raise Refusal(ERR_USERNOTINCHANNEL, victim.nick, channel.name)
    if outranks(rank, own) and victim is not author:
        raise Refusal(ERR_CHANOPRIVSNEEDED, channel.name)
    reason = event.reason or author.nick
    words = f"KICK {channel.name} {victim.nick} :{reason}"
    line = Line(words, event.time, author, network.next_id(event.time))
    out.append(Say(line, users=tuple(channel.members)))
    keep_event(channel, line, author, out)
    _leave(network, channel, victim)


def outranks(rank: int, other: int) -> bool:
    """Is the highest of `rank` above the highest of `other`?"""
    return rank.bit_length() > other.bit_length() and rank >= HALFOP


def _leave(network: State, channel: Channel, user: User) -> None:
    channel.leave(user)
    if not channel.members:
        network.emptied(channel)


def invite(network: State, author: User, event: Invite, out: list[Delivery]) -> None:
    """RFC 2812 §3.2.7."""
    guest = network.user(event.nick)
    channel = network.joined(author, event.channel)
    if "i" in channel.flags and channel.members[author] < HALFOP:
        raise Refusal(ERR_CHANOPRIVSNEEDED, channel.name)
    if guest in channel.members:
        raise Refusal(ERR_USERONCHANNEL, guest.nick, channel.name)
    # Any member may invite, but only who could lift what keeps others out can let a guest past it.
    if channel.members[author] >= HALFOP:
        guest.invites[fold(channel.name)] = channel
        channel.invited[guest] = None
    out.append(Reply(RPL_INVITING, (guest.nick, channel.name)))
    if guest.away:
        out.append(Reply(RPL_AWAY, (guest.nick, guest.away)))
    line = Line(f"INVITE {guest.nick} {channel.name}", event.time, author)
    out.append(Say(line, users=[guest]))
    out.append(Say(line, channel=channel, rank=HALFOP, needs=INVITE_NOTIFY, but=author))


def set_topic(network: State, author: User, event: SetTopic, out: list[Delivery]) -> None:
    """RFC 2812 §3.2.4."""
    channel = network.joined(author, event.channel)
    if "t" in channel.flags and channel.members[author] < HALFOP:
        raise Refusal(ERR_CHANOPRIVSNEEDED, channel.name)
    channel.topic = event.topic
    channel.topic_setter = author.source if event.topic else ""
    channel.topic_time = event.time if event.topic else 0.0
    line = Line(f"TOPIC {channel.name} :{channel.topic}", event.time, author, network.next_id(event.time))
    out.append(Say(line, channel=channel))
    keep_event(channel, line, author, out)
    save(channel, out)
