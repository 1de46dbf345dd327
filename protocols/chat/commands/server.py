"""The server and its operators: OPER KILL REHASH WALLOPS, HELP INFO LUSERS TIME MOTD VERSION ADMIN LINKS."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from protocols.chat.commands.accounts import judged
from protocols.chat.commands.help import HELP
from protocols.chat.message import Message
from protocols.chat.network.deliveries import End, stamp
from protocols.chat.network.events import BecomeOper, Kill, Wallops
from protocols.chat.numerics import (
    ERR_HELPNOTFOUND,
    ERR_NOADMININFO,
    ERR_NOMOTD,
    ERR_NOOPERHOST,
    ERR_NOSUCHSERVER,
    ERR_PASSWDMISMATCH,
    RPL_ADMINEMAIL,
    RPL_ADMINLOC1,
    RPL_ADMINLOC2,
    RPL_ADMINME,
    RPL_ENDOFHELP,
    RPL_ENDOFINFO,
    RPL_ENDOFLINKS,
    RPL_ENDOFMOTD,
    RPL_GLOBALUSERS,
    RPL_HELPSTART,
    RPL_HELPTXT,
    RPL_INFO,
    RPL_ISUPPORT,
    RPL_LINKS,
    RPL_LOCALUSERS,
    RPL_LUSERCHANNELS,
    RPL_LUSERCLIENT,
    RPL_LUSERME,
    RPL_LUSEROP,
    RPL_LUSERUNKNOWN,
    RPL_MOTD,
    RPL_MOTDSTART,
    RPL_REHASHING,
    RPL_TIME,
    RPL_VERSION,
    Refusal,
)
from protocols.passwords import verify
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

log = logging.getLogger("protocols.chat")


def _here(session: ChatSession, message: Message) -> None:
    """Raises 402 for a question to another server."""
    if message.params and message.params[0].lower() not in (session.server.name.lower(), "*"):
        raise Refusal(ERR_NOSUCHSERVER, message.params[0])


# -- operators -------------------------------------------------------------------------


def oper(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.1.4.  A password may be hashed, and that takes time: it is compared in a thread."""
    name, password = message.params[0], message.params[1]
    known = next((one for one in session.server.settings.oper if one.name == name), None)
    if known is None:
        log.warning("%s: %s failed to become an operator", session.peer, session.nick)
        raise Refusal(ERR_NOOPERHOST)

    def compared(result: Any, now: float) -> None:
        judged(session, result is True, lambda: told(result is True), now)

    def told(right: bool) -> None:
        if not right:
            log.warning("%s: %s failed to become operator %s", session.peer, session.nick, known.name)
            raise Refusal(ERR_PASSWDMISMATCH)
        log.info("%s: %s is operator %s", session.peer, session.nick, known.name)
        session.apply(BecomeOper(session.name, session.wall(), known.name, known.title, known.host))

    session.call(Call(verify, (known.password, password)), compared)


def kill(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.7.1."""
    reason = message.params[1] if len(message.params) > 1 else "no reason"
    said = session.server.network.apply(Kill(session.name, session.wall(), message.params[0], reason))
    if any(isinstance(one, End) for one in said):
        log.info("%s: %s kills %s", session.peer, session.nick, message.params[0])
    session.deliver(said)


def wallops(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §4.7."""
    session.apply(Wallops(session.name, session.wall(), message.params[0]))


def rehash(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §4.2: whoever runs the server reads the settings again."""
    session.reply(RPL_REHASHING, "settings")
    session.server.rehash()


# -- what the server says of itself ----------------------------------------------------


def motd(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.4.1."""
    _here(session, message)
    lines = session.server.settings.motd
    if not lines:
        session.reply(ERR_NOMOTD)
        return
    session.reply(RPL_MOTDSTART, session.server.name)
    for line in lines:
        session.reply(RPL_MOTD, line)
    session.reply(RPL_ENDOFMOTD)


def lusers(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.4.2."""
    server = session.server
    network = server.network
    users = len(network.users)
    invisible = len(network.invisible)
    session.reply(RPL_LUSERCLIENT, users - invisible, invisible)
    # RFC 2812 §5.1: "The other replies are only sent back if a non-zero count is found for them."
    for numeric, some in (
        (RPL_LUSEROP, len(network.operators)),
        (RPL_LUSERUNKNOWN, len(server.newcomers)),
        (RPL_LUSERCHANNELS, len(network.channels)),
    ):
        if some:
            session.reply(numeric, some)
    session.reply(RPL_LUSERME, users)
    session.reply(RPL_LOCALUSERS, users, network.most, users, network.most)
    session.reply(RPL_GLOBALUSERS, users, network.most, users, network.most)


def version(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.4.3; with what RPL_ISUPPORT says, as Modern IRC has it."""
    _here(session, message)
    session.reply(RPL_VERSION, session.server.version, session.server.name, session.server.settings.network)
    for tokens in session.server.isupport:
        session.reply(RPL_ISUPPORT, tokens)


def time(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.4.6."""
    _here(session, message)
    wall = session.wall()
    session.reply(RPL_TIME, session.server.name, int(wall), stamp(wall))


def admin(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.4.9."""
    _here(session, message)
    words = session.server.settings.admin
    if not words:
        raise Refusal(ERR_NOADMININFO, session.server.name)
    session.reply(RPL_ADMINME, session.server.name)
    for numeric, text in zip((RPL_ADMINLOC1, RPL_ADMINLOC2, RPL_ADMINEMAIL), words):  # noqa: B905
        session.reply(numeric, text)


def info(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.4.10."""
    _here(session, message)
    session.reply(RPL_INFO, f"{session.server.version}: an IRC server, specified once, implemented twice")
    session.reply(RPL_INFO, f"Up since {session.server.created_words}")
    session.reply(RPL_ENDOFINFO)


def links(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.4.5: there is one server."""
    server = session.server
    session.reply(RPL_LINKS, server.name, server.name, server.settings.description)
    session.reply(RPL_ENDOFLINKS, message.params[-1] if message.params else "*")


def help_(session: ChatSession, message: Message, now: float) -> None:
    """Modern IRC, "HELP": what a command is for, or which there are."""
    subject = message.params[0].upper() if message.params else ""
    lines = HELP.get(subject)
    shown = subject or "INDEX"
    if lines is None:
        raise Refusal(ERR_HELPNOTFOUND, message.params[0])
    first, *rest = lines
    session.reply(RPL_HELPSTART, shown, first)
    for line in rest:
        session.reply(RPL_HELPTXT, shown, line)
    session.reply(RPL_ENDOFHELP, shown, "End of /HELP")
