"""Users: WHOIS WHOWAS USERHOST ISON AWAY SETNAME MONITOR; WHO has a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protocols.chat.casemap import fold, is_nick, matches
from protocols.chat.commands.metadata import is_aware, synced
from protocols.chat.message import Message, cut_text
from protocols.chat.modes import sigils
from protocols.chat.network.deliveries import stamp
from protocols.chat.network.events import Accept, Monitor, SetAway, SetRealname, Unmonitor
from protocols.chat.network.lines import in_lines
from protocols.chat.numerics import (
    ERR_NEEDMOREPARAMS,
    ERR_NONICKNAMEGIVEN,
    ERR_NOSUCHNICK,
    ERR_TOOMANYTARGETS,
    ERR_WASNOSUCHNICK,
    RPL_AWAY,
    RPL_ENDOFMONLIST,
    RPL_ENDOFWHOIS,
    RPL_ENDOFWHOWAS,
    RPL_ISON,
    RPL_MONLIST,
    RPL_MONOFFLINE,
    RPL_MONONLINE,
    RPL_USERHOST,
    RPL_WHOISACCOUNT,
    RPL_WHOISACTUALLY,
    RPL_WHOISBOT,
    RPL_WHOISCHANNELS,
    RPL_WHOISHOST,
    RPL_WHOISIDLE,
    RPL_WHOISKEYVALUE,
    RPL_WHOISMODES,
    RPL_WHOISOPERATOR,
    RPL_WHOISSECURE,
    RPL_WHOISSERVER,
    RPL_WHOISUSER,
    RPL_WHOWASUSER,
    Refusal,
)
from protocols.chat.registration import REALNAME
from protocols.chat.services.service import Service
from protocols.chat.services.table import SERVICES

if TYPE_CHECKING:
    from protocols.chat.network.records import User
    from protocols.chat.session import ChatSession

USERHOSTS = 5
"""RFC 2812 §4.8: "a list of up to 5 nicknames"."""
MASKED = 20
"""Users that one mask of WHOIS shows (ours); WHO is for finding many."""


def whois(session: ChatSession, message: Message, now: float) -> Iterator[None]:
    """RFC 2812 §3.6.2; of two parameters the first names a server, and there is one."""
    if not message.params:
        raise Refusal(ERR_NONICKNAMEGIVEN)
    network, asker = session.server.network, session.user
    assert asker is not None
    asked = message.params[1] if len(message.params) > 1 else message.params[0]
    names, most = [name for name in asked.split(",") if name], session.server.limits.targets
    if not names:
        raise Refusal(ERR_NONICKNAMEGIVEN)
    for name in names[:most]:
        if fold(name) in SERVICES:
            _whois_service(session, SERVICES[fold(name)])
            session.reply(RPL_ENDOFWHOIS, name)
            continue
        if "*" in name or "?" in name:
            found = [
                one for one in network.users.values() if matches(name, one.nick) and network.sees(asker, one)
            ]
        else:
            found = [network.nicks[fold(name)]] if fold(name) in network.nicks else []
        if not found:
            session.reply(ERR_NOSUCHNICK, name)
        for user in found[:MASKED]:
            _whois(session, asker, user)
            yield
        session.reply(RPL_ENDOFWHOIS, name)
        yield
    if len(names) > most:
        session.reply(ERR_TOOMANYTARGETS, names[most])


def _whois(session: ChatSession, asker: User, user: User) -> None:
    server, network, nick = session.server, session.server.network, user.nick
    session.reply(RPL_WHOISUSER, nick, user.username, user.host, user.realname)
    shown = [
        sigils(channel.members[user]) + channel.name
        for channel in user.channels.values()
        if network.shows(channel, asker)
        and ("i" not in user.modes or asker in channel.members or "o" in asker.modes)
    ]
    for line in in_lines(shown, " ", session.room(RPL_WHOISCHANNELS, nick)):
        session.reply(RPL_WHOISCHANNELS, nick, line)
    session.reply(RPL_WHOISSERVER, nick, server.name, server.settings.description)
    if user.away:
        session.reply(RPL_AWAY, nick, user.away)
    if "o" in user.modes:
        session.reply(RPL_WHOISOPERATOR, nick, user.title)
    if user.account:
        session.reply(RPL_WHOISACCOUNT, nick, user.account)
    if "B" in user.modes:
        session.reply(RPL_WHOISBOT, nick, server.settings.network)
    if asker is user or "o" in asker.modes:
        # Where somebody really is, is for the user and for operators.
        userhost = f"{user.username}@{user.host}"
        session.reply(RPL_WHOISHOST, nick, userhost, user.address)
        session.reply(RPL_WHOISACTUALLY, nick, userhost, user.address)
        session.reply(RPL_WHOISMODES, nick, "+" + "".join(sorted(user.modes)))
    if user.secure:
        session.reply(RPL_WHOISSECURE, nick)
    if is_aware(session):
        for key, value in user.metadata.items():
            session.reply(RPL_WHOISKEYVALUE, nick, key, "*", value)
    idle = max(0, int(session.wall() - user.idle))
    session.reply(RPL_WHOISIDLE, nick, idle, int(user.signon))


def _whois_service(session: ChatSession, service: Service) -> None:
    server = session.server
    session.reply(RPL_WHOISUSER, service.name, service.name, server.name, f"{service.name} {service.about}")
    session.reply(RPL_WHOISSERVER, service.name, server.name, server.settings.description)
    session.reply(RPL_WHOISOPERATOR, service.name, "is a service")


def whowas(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.6.3: newest first; a count that is no positive number means all."""
    if not message.params or not message.params[0]:
        raise Refusal(ERR_NONICKNAMEGIVEN)
    nick = message.params[0]
    count = message.params[1] if len(message.params) > 1 else ""
    most = int(count) if count.isascii() and count.isdigit() and len(count) < 6 else 0
    found = [one for one in reversed(session.server.network.former) if fold(one.nick) == fold(nick)]
    if not found:
        session.reply(ERR_WASNOSUCHNICK, nick)
    for one in found[: most or None]:
        session.reply(RPL_WHOWASUSER, one.nick, one.username, one.host, one.realname)
        if one.account:
            session.reply(RPL_WHOISACCOUNT, one.nick, one.account)
        session.reply(RPL_WHOISSERVER, one.nick, session.server.name, stamp(one.time))
    session.reply(RPL_ENDOFWHOWAS, nick)


def userhost(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §4.8."""
    nicks, found = session.server.network.nicks, []
    for name in message.params[:USERHOSTS]:
        user = nicks.get(fold(name))
        if user is not None:
            oper, away = "*" if "o" in user.modes else "", "-" if user.away else "+"
            found.append(f"{user.nick}{oper}={away}{user.username}@{user.host}")
    session.reply(RPL_USERHOST, " ".join(found))


def ison(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §4.9."""
    nicks = session.server.network.nicks
    asked = [fold(name) for word in message.params for name in word.split()]
    here = (nicks[name].nick for name in asked if name in nicks)
    for line in in_lines(here, " ") or [""]:
        session.reply(RPL_ISON, line)


def away(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §4.1."""
    words = cut_text(message.params[0], session.server.limits.away) if message.params else ""
    session.apply(SetAway(session.name, session.wall(), words))


def setname(session: ChatSession, message: Message, now: float) -> None:
    """setname: INVALID_REALNAME where it can't be taken."""
    realname = message.params[0]
    if not realname or len(realname.encode()) > REALNAME:
        session.fail("SETNAME", "INVALID_REALNAME", "Realname is not valid")
    else:
        session.apply(SetRealname(session.name, session.wall(), realname))


def accept(session: ChatSession, message: Message, now: float) -> None:
    """Caller-id, as Solanum has it: `nick,-nick`, or * for the list."""
    said = [one for one in message.params[0].split(",") if one] if message.params else []
    # The list is shown once, wherever it was asked for and however often.
    said = [one for at, one in enumerate(said) if one != "*" or "*" not in said[:at]]
    session.apply(Accept(session.name, session.wall(), tuple(said) or ("*",)))


def monitor(session: ChatSession, message: Message, now: float) -> Iterator[None] | None:
    """Monitor: + and - take nicks, C clears, L lists, S says who is there."""
    what = message.params[0].upper()
    network = session.server.network
    mine = network.monitoring.get(session.name, {})
    if what in ("+", "-"):
        if len(message.params) < 2:
            raise Refusal(ERR_NEEDMOREPARAMS, "MONITOR")
        most = session.server.limits.nick
        nicks = tuple(one for one in message.params[1].split(",") if is_nick(one, most))
        session.apply(Monitor(session.name, session.wall(), nicks, what == "+"))
    elif what == "C":
        session.apply(Unmonitor(session.name, session.wall()))
    elif what == "L":
        for line in in_lines(mine.values()):
            session.reply(RPL_MONLIST, line)
        session.reply(RPL_ENDOFMONLIST)
    elif what == "S":
        return _watched(session, tuple(mine.items()))
    else:
        raise Refusal(ERR_NEEDMOREPARAMS, "MONITOR")
    return None


def _watched(session: ChatSession, mine: tuple[tuple[str, str], ...]) -> Iterator[None]:
    """Who of these is there, with what is known of them, and who is not."""
    nicks = session.server.network.nicks
    there = [nicks[one] for one, _ in mine if one in nicks]
    away = [nick for one, nick in mine if one not in nicks]
    for line in in_lines(user.source for user in there):
        session.reply(RPL_MONONLINE, line)
    for user in there:
        for said in synced(session, user):
            session.emit(said)
            yield
    for line in in_lines(away):
        session.reply(RPL_MONOFFLINE, line)
