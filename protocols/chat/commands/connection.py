"""Registration and the life of a connection: PASS NICK USER CAP PING PONG QUIT ERROR."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from protocols.chat.caps import CAP_NOTIFY, STANDARD_REPLIES
from protocols.chat.casemap import fold, is_nick, username
from protocols.chat.commands.accounts import log_trouble, logged_in_as
from protocols.chat.commands.metadata import forget, is_aware, own_metadata
from protocols.chat.commands.sasl import abort
from protocols.chat.commands.server import lusers, motd
from protocols.chat.message import LINE, Message, cut_text
from protocols.chat.modes import MODE_LETTERS
from protocols.chat.network.deliveries import Line
from protocols.chat.network.events import Arrive, Rename
from protocols.chat.network.lines import ROOM, in_lines
from protocols.chat.numerics import (
    ERR_ERRONEUSNICKNAME,
    ERR_INVALIDCAPCMD,
    ERR_NICKNAMEINUSE,
    ERR_NONICKNAMEGIVEN,
    ERR_PASSWDMISMATCH,
    RPL_CREATED,
    RPL_ISUPPORT,
    RPL_MYINFO,
    RPL_NOWAWAY,
    RPL_WELCOME,
    RPL_YOURHOST,
    Refusal,
)
from protocols.chat.registration import REALNAME, USERNAME
from protocols.chat.services.nickserv import NICKSERV
from protocols.chat.services.table import SERVICES
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.chat.network.records import User
    from protocols.chat.session import ChatSession


def pass_(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.1.1."""
    session.registration.password = message.params[0]


def nick(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.1.2."""
    if not message.params or not message.params[0]:
        raise Refusal(ERR_NONICKNAMEGIVEN)
    wanted = message.params[0]
    if not is_nick(wanted, session.server.limits.nick) or fold(wanted) in SERVICES:
        raise Refusal(ERR_ERRONEUSNICKNAME, wanted)
    if session.user is not None:
        _with_owner(session, wanted, lambda free: _rename(session, wanted, free))
        return
    registration = session.registration
    holder = session.server.network.nicks.get(fold(wanted))
    if holder is not None and not (
        holder.account and (registration.negotiating or holder.account == registration.account)
    ):
        # Told early, so that the client can choose another; `Arrive` decides.  Not to who may still
        # log in to the account of the nick's holder, and share it.
        raise Refusal(ERR_NICKNAMEINUSE, wanted)
    registration.nick = wanted
    register(session)


def _rename(session: ChatSession, nick: str, free: bool) -> None:
    session.apply(Rename(session.name, session.wall(), nick, free))
    if session.nick != nick:
        _tell_of_owner(session, nick)


def _with_owner(session: ChatSession, nick: str, then: Callable[[bool], None]) -> None:
    """Go on, knowing whether the nick is kept for nobody.

    Where the network believes that it is another account's, the store is asked: the account may have
    been removed meanwhile, and by somebody else.
    """
    server = session.server
    if server.accounts is None or not server.settings.accounts.reserve_nicks:
        then(True)
    elif fold(nick) not in server.network.owned or fold(nick) == fold(logged_in_as(session)):
        then(False)
    else:

        def found(account: Any, now: float) -> None:
            if isinstance(account, Exception):
                log_trouble(account)
            else:
                session.known(nick, account.created if account is not None else None)
            then(account is None)

        session.call(Call(server.accounts.find, (nick,)), found)


def _tell_of_owner(session: ChatSession, nick: str) -> None:
    """Why a nick that nobody has can't be had."""
    network = session.server.network
    if fold(nick) not in network.owned or fold(nick) in network.nicks:
        return
    words = "That nick belongs to an account, and you are not logged in to it"
    if session.caps & STANDARD_REPLIES:
        session.fail("NICK", "NICKNAME_RESERVED", words, nick)
    else:
        NICKSERV.answer(session, f"{words}.")


def user(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.1.3."""
    registration = session.registration
    registration.username = username(message.params[0], USERNAME)
    registration.realname = cut_text(message.params[3], REALNAME) or registration.username
    register(session)


def ping(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.7.2."""
    session.say(f"PONG {session.server.name} :{message.params[0]}")


def pong(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.7.3.  That something arrived is all it says, and that is known."""


def quit_(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.1.7: "The server acknowledges this by sending an ERROR message"."""
    reason = message.params[0] if message.params else ""
    session.end(f"Quit: {reason}" if reason else "Quit", reason or "Quit")


def error(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.7.4: for servers to say.  "it MUST NOT be accepted from any normal unknown clients"."""


# -- capabilities ----------------------------------------------------------------------


def cap(session: ChatSession, message: Message, now: float) -> None:
    """Capability Negotiation."""
    subcommand, words = message.params[0].upper(), message.params[1:]
    before = session.user is None
    if subcommand == "LS":
        if before:
            session.registration.negotiating = True
        said = words[0] if words else ""
        version = int(said) if said.isascii() and said.isdigit() and len(said) < 6 else 301
        session.version = max(session.version, version)
        if session.version >= 302:
            # Version 302 has cap-notify without asking for it.
            _change(session, session.caps | CAP_NOTIFY)
        _list(session, "LS", session.server.offer.listed(session.version))
    elif subcommand == "LIST":
        _list(session, "LIST", session.server.offer.names(session.caps))
    elif subcommand == "REQ":
        if before:
            session.registration.negotiating = True
        _request(session, words[0] if words else "")
    elif subcommand == "END":
        if before:
            session.registration.negotiating = False
            register(session)
    else:
        raise Refusal(ERR_INVALIDCAPCMD, message.params[0])


def _request(session: ChatSession, wanted: str) -> None:
    words = wanted.split()
    caps = session.server.offer.requested(words, session.caps, session.version)
    answer = "NAK" if caps is None else "ACK"
    lines = in_lines(words, " ") or [""]
    if caps is None and len(wanted.encode()) <= ROOM:
        lines = [wanted]  # refused as it was asked for, to the last space
    for line in lines:
        session.say(f"CAP {session.nick} {answer} :{line}")
    if caps is not None:
        _change(session, caps)


def _change(session: ChatSession, caps: int) -> None:
    if caps != session.caps:
        session.caps = caps
        if session.user is not None:
            session.server.here.regroup(session.user)
        if not is_aware(session):
            forget(session)


def _list(session: ChatSession, subcommand: str, names: list[str]) -> None:
    lines = in_lines(names, " ") or [""]
    if session.version < 302:
        # One line has to do, and half a name would be another one.
        room = LINE - 2 - len(f":{session.server.name} CAP {session.nick} {subcommand} :")
        lines = (in_lines(names, " ", room) or [""])[:1]
    for line in lines[:-1]:
        session.say(f"CAP {session.nick} {subcommand} * :{line}")
    session.say(f"CAP {session.nick} {subcommand} :{lines[-1]}")


def tell_offer(session: ChatSession, new: list[str], gone: list[str]) -> list[Line]:
    """What changed of the offer, for who has cap-notify."""
    lines = []
    for subcommand, names in (("NEW", new), ("DEL", gone)):
        for some in in_lines(names, " "):
            words = f":{session.server.name} CAP {session.nick} {subcommand} :{some}"
            lines.append(Line(words, session.wall()))
    return lines


# -- registration ----------------------------------------------------------------------


def register(session: ChatSession) -> None:
    """Be on the network, once all is said that it takes."""
    server, registration = session.server, session.registration
    if session.user is not None or not registration.complete:
        return
    if session.exchange is not None:
        # SASL 3.2: who registers before the end of an exchange has given it up.
        abort(session)
    password = server.settings.password
    said = registration.password or ""
    if password and not hmac.compare_digest(said.encode(), password.encode()):
        session.reply(ERR_PASSWDMISMATCH)
        session.end("Bad password")
        return
    _with_owner(session, registration.nick, lambda free: _arrive(session, free))


def _arrive(session: ChatSession, free: bool) -> None:
    server, registration = session.server, session.registration
    event = Arrive(
        session.name,
        session.wall(),
        server.host.token(),
        registration.nick,
        registration.username,
        registration.realname,
        session.host,
        session.address,
        registration.account,
        session.peer.tls is not None,
        server.settings.default_user_modes,
        server.settings.accounts.multiclient and registration.multiclient is not False,
        free,
        registration.metadata,
        tuple(registration.subscribed),
    )
    deliveries = server.network.apply(event)
    session.user = server.network.sessions.get(session.name)
    if session.user is None:
        nick, registration.nick = registration.nick, ""
        session.deliver(deliveries)
        _tell_of_owner(session, nick)
        return
    server.arrived(session)
    _welcome(session)
    session.deliver(deliveries)


def _welcome(session: ChatSession) -> None:
    """Modern IRC, "Connection Registration": 001 to 004, 005, LUSERS, the message of the day."""
    server, user = session.server, session.user
    assert user is not None
    session.reply(RPL_WELCOME, server.settings.network, user.source)
    session.reply(RPL_YOURHOST, server.name, server.version)
    session.reply(RPL_CREATED, server.created_words)
    session.reply(RPL_MYINFO, server.name, server.version, *MODE_LETTERS)
    for tokens in server.isupport:
        session.reply(RPL_ISUPPORT, tokens)
    lusers(session, Message("LUSERS", []), 0.0)
    for line in own_metadata(session):
        session.emit(line)
    motd(session, Message("MOTD", []), 0.0)
    if user.modes:
        session.emit(Line(f"MODE {user.nick} :+{''.join(sorted(user.modes))}", session.wall(), user))
    # Its account's other connections may have gone away, or joined channels, before.
    if user.away:
        session.reply(RPL_NOWAWAY)
    if user.channels:
        session.stream(_channels(session, user))


def _channels(session: ChatSession, user: User) -> Iterator[None]:
    """The channels that the user is on already, for as long as it is."""
    for name, channel in tuple(user.channels.items()):
        if user.channels.get(name) is channel:
            session.emit(Line(f"JOIN {channel.name}", session.wall(), user))
            for line in session.shown(channel):
                session.emit(line)
                yield
