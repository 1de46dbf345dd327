"""Channels: JOIN PART TOPIC NAMES LIST INVITE KICK MODE."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING

from protocols.chat.caps import MULTI_PREFIX, READ_MARKER, USERHOST_IN_NAMES
from protocols.chat.casemap import fold, is_channel, matches
from protocols.chat.commands.history import marker
from protocols.chat.commands.metadata import entered
from protocols.chat.message import Message, cut_text
from protocols.chat.modes import PREFIXES, channel_changes, sigils, user_changes
from protocols.chat.network.events import (
    Invite,
    Join,
    Kick,
    Part,
    SetChannelModes,
    SetTopic,
    SetUserModes,
)
from protocols.chat.network.lines import in_lines
from protocols.chat.numerics import (
    ERR_BADCHANMASK,
    ERR_NEEDMOREPARAMS,
    ERR_NOSUCHCHANNEL,
    ERR_NOTONCHANNEL,
    ERR_TOOMANYTARGETS,
    RPL_ENDOFINVITELIST,
    RPL_ENDOFNAMES,
    RPL_INVITELIST,
    RPL_LIST,
    RPL_LISTEND,
    RPL_LISTSTART,
    RPL_NAMREPLY,
    RPL_NOTOPIC,
    RPL_TOPIC,
    RPL_TOPICWHOTIME,
    Refusal,
)

if TYPE_CHECKING:
    from protocols.chat.network.deliveries import Line
    from protocols.chat.network.records import Channel, User
    from protocols.chat.session import ChatSession


def _user(session: ChatSession) -> User:
    """Who asks; the table lets nobody else come here."""
    assert session.user is not None
    return session.user


# -- coming and going ------------------------------------------------------------------


def join(session: ChatSession, message: Message, now: float) -> Iterator[None] | None:
    """RFC 2812 §3.2.1."""
    names = message.params[0].split(",")
    keys = message.params[1].split(",")[: len(names)] if len(message.params) > 1 else []
    wanted = [(name, key) for name, key in zip_longest(names, keys, fillvalue="") if name]
    if not wanted:
        raise Refusal(ERR_NEEDMOREPARAMS, "JOIN")
    if [name for name, _ in wanted] == ["0"]:
        for channel in tuple(_user(session).channels.values()):
            session.apply(Part(session.name, session.wall(), channel.name))
        return None
    session.charge(len(wanted) - 1)
    return _join(session, wanted)


def _join(session: ChatSession, wanted: list[tuple[str, str]]) -> Iterator[None]:
    for name, key in wanted:
        if not name.startswith("#"):
            session.reply(ERR_NOSUCHCHANNEL, name)
        elif not is_channel(name, session.server.limits.channel):
            session.reply(ERR_BADCHANMASK, name)
        else:
            session.apply(Join(session.name, session.wall(), name, key))
            while session.entered:
                for line in shown(session, session.entered.pop(0)):
                    session.emit(line)
                    yield
        yield


def shown(session: ChatSession, channel: Channel) -> Iterator[Line]:
    """What RFC 2812 §3.2.1 has after JOIN: "the channel's topic (using RPL_TOPIC) and the list of
    users who are on the channel (using RPL_NAMREPLY)".  Who has left meanwhile is shown nothing."""
    if session.user not in channel.members:
        return
    if channel.topic:
        yield session.numeric(RPL_TOPIC, channel.name, channel.topic)
        yield session.numeric(RPL_TOPICWHOTIME, channel.name, channel.topic_setter, int(channel.topic_time))
    yield from _names(session, channel)
    if session.caps & READ_MARKER:
        # read-marker: "MUST be sent before the RPL_ENDOFNAMES reply for that channel".
        yield marker(session, channel.name)
    yield session.numeric(RPL_ENDOFNAMES, channel.name)
    yield from entered(session, channel)


def _several(message: Message, at: int) -> list[str]:
    """What a parameter lists; an empty one is a missing one."""
    listed = [one for one in message.params[at].split(",") if one]
    if not listed:
        raise Refusal(ERR_NEEDMOREPARAMS, message.command)
    return listed


def part(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.2.2."""
    reason = message.params[1] if len(message.params) > 1 else ""
    for name in _several(message, 0):
        session.apply(Part(session.name, session.wall(), name, reason))


def kick(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.2.8."""
    limits = session.server.limits
    channel, nicks = message.params[0], _several(message, 1)
    reason = cut_text(message.params[2], limits.kick) if len(message.params) > 2 else ""
    for nick in nicks[: limits.targets]:
        session.apply(Kick(session.name, session.wall(), channel, nick, reason))
    if len(nicks) > limits.targets:
        session.reply(ERR_TOOMANYTARGETS, nicks[limits.targets])


def invite(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.2.7; without parameters, where one is invited to (Modern IRC)."""
    if not message.params:
        for channel in _user(session).invites.values():
            session.reply(RPL_INVITELIST, channel.name)
        session.reply(RPL_ENDOFINVITELIST)
    elif len(message.params) < 2:
        raise Refusal(ERR_NEEDMOREPARAMS, "INVITE")
    else:
        session.apply(Invite(session.name, session.wall(), message.params[1], message.params[0]))


# -- topic and modes -------------------------------------------------------------------


def topic(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.2.4."""
    if len(message.params) > 1:
        words = cut_text(message.params[1], session.server.limits.topic)
        session.apply(SetTopic(session.name, session.wall(), message.params[0], words))
        return
    network = session.server.network
    channel = network.channel(message.params[0])
    if not network.shows(channel, _user(session)):
        raise Refusal(ERR_NOTONCHANNEL, channel.name)
    if not channel.topic:
        session.reply(RPL_NOTOPIC, channel.name)
        return
    session.reply(RPL_TOPIC, channel.name, channel.topic)
    session.reply(RPL_TOPICWHOTIME, channel.name, channel.topic_setter, int(channel.topic_time))


def mode(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.1.5 and §3.2.3."""
    target, words = message.params[0], message.params[1:]
    if target.startswith("#"):
        session.apply(SetChannelModes(session.name, session.wall(), target, tuple(channel_changes(words))))
    else:
        session.apply(SetUserModes(session.name, session.wall(), target, tuple(user_changes(words))))


# -- names and lists -------------------------------------------------------------------


def names(session: ChatSession, message: Message, now: float) -> Iterator[None] | None:
    """RFC 2812 §3.2.5; without a channel there is no list to give."""
    if not message.params:
        session.reply(RPL_ENDOFNAMES, "*")
        return None
    return _names_of(session, _several(message, 0))


def _names_of(session: ChatSession, asked: list[str]) -> Iterator[None]:
    network = session.server.network
    for name in asked:
        channel = network.channels.get(fold(name))
        if channel is not None and network.shows(channel, _user(session)):
            for line in _names(session, channel):
                session.emit(line)
                yield
        session.reply(RPL_ENDOFNAMES, name)
        yield


def _names(session: ChatSession, channel: Channel) -> Iterator[Line]:
    """RPL_NAMREPLY: "@" is used for secret channels, "=" for others."""
    caps, user = session.caps, session.user
    every, full = bool(caps & MULTI_PREFIX), bool(caps & USERHOST_IN_NAMES)
    member = user in channel.members
    prefixes = [sigils(rank, every) for rank in range(2 * PREFIXES[0].bit)]
    shown = [
        prefixes[rank] + (one.source if full else one.nick)
        for one, rank in channel.members.items()
        if member or "i" not in one.modes
    ]
    symbol = "@" if "s" in channel.flags else "="
    for line in in_lines(shown, " ", session.room(RPL_NAMREPLY, symbol, channel.name)):
        yield session.numeric(RPL_NAMREPLY, symbol, channel.name, line)


def list_(session: ChatSession, message: Message, now: float) -> Iterator[None]:
    """RFC 2812 §3.2.6, and ELIST=CMNTU (Modern IRC, "LIST"): of several masks one is enough."""
    wall = session.wall()
    asked = [one for param in message.params for one in param.split(",") if one]
    masks, conditions = [], []
    for one in asked:
        condition = _condition(one, wall)
        if condition is None:
            masks.append(one)
        else:
            conditions.append(condition)
    network = session.server.network
    session.reply(RPL_LISTSTART)
    for channel in tuple(network.channels.values()):
        if (
            network.shows(channel, _user(session))
            and all(holds(channel) for holds in conditions)
            and (not masks or any(matches(mask, channel.name) for mask in masks))
        ):
            session.reply(RPL_LIST, channel.name, len(channel.members), channel.topic)
            yield
    session.reply(RPL_LISTEND)


def _condition(text: str, wall: float) -> Callable[[Channel], bool] | None:
    """One condition of LIST: !mask, <n, >n, C<n, C>n, T<n or T>n; None for a mask."""
    kind = text[0].upper() if text[0] in "CTct" and text[1:2] in ("<", ">") else ""
    sign, number = text[len(kind) : len(kind) + 1], text[len(kind) + 1 :]
    if sign in ("<", ">") and number.isascii() and number.isdigit() and len(number) < 12:
        most = int(number)
        more = sign == ">"
        if not kind:
            return lambda channel: (len(channel.members) > most) if more else (len(channel.members) < most)
        # Minutes ago, of the channel's making or its topic's.
        then = wall - 60 * most
        if kind == "C":
            return lambda channel: (channel.created < then) if more else (channel.created > then)
        return lambda channel: (
            bool(channel.topic) and ((channel.topic_time < then) if more else (channel.topic_time > then))
        )
    if text.startswith("!"):
        return lambda channel: not matches(text[1:], channel.name)
    return None
