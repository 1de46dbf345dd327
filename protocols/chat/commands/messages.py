"""Messages: PRIVMSG NOTICE TAGMSG."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protocols.chat.caps import ECHO_MESSAGE, MESSAGE_TAGS
from protocols.chat.casemap import fold
from protocols.chat.message import Message
from protocols.chat.network.deliveries import Line
from protocols.chat.network.events import Speak
from protocols.chat.numerics import (
    ERR_NORECIPIENT,
    ERR_NOTEXTTOSEND,
    ERR_TOOMANYTARGETS,
    Refusal,
)
from protocols.chat.services.service import Service
from protocols.chat.services.table import SERVICES

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession


def privmsg(session: ChatSession, message: Message, now: float) -> Iterator[None] | None:
    """RFC 2812 §3.3.1."""
    params = message.params
    if not params or not params[0]:
        raise Refusal(ERR_NORECIPIENT, message.command)
    if len(params) < 2 or not params[1]:
        raise Refusal(ERR_NOTEXTTOSEND)
    service = SERVICES.get(fold(params[0]))
    if service is not None:
        return _to_service(session, message, service)
    _speak(session, message, params[1])
    return None


def _to_service(session: ChatSession, message: Message, service: Service) -> Iterator[None] | None:
    """A service is told things alone: one of several targets would read its password as well."""
    if session.caps & ECHO_MESSAGE:
        words = f"PRIVMSG {service.name} :{message.params[1]}"
        msgid, tags = session.server.next_msgid(), relayed(session, message)
        session.emit(Line(words, session.wall(), session.user, msgid, tags))
    return service.hear(session, message.params[1])


def notice(session: ChatSession, message: Message, now: float) -> None:
    """RFC 2812 §3.3.2: never answered, not even where something is wrong."""
    params = message.params
    if len(params) > 1 and params[0] and params[1]:
        _speak(session, message, params[1])


def tagmsg(session: ChatSession, message: Message, now: float) -> None:
    """message-tags: tags and nothing else; without client-only tags there is nothing to send."""
    if not message.params or not message.params[0]:
        raise Refusal(ERR_NORECIPIENT, message.command)
    if relayed(session, message):
        _speak(session, message, "")


def relayed(session: ChatSession, message: Message) -> dict[str, str]:
    """ "client-only tags ... prefixed with a plus sign" are for others, the rest is for us."""
    if not message.tags or not session.caps & MESSAGE_TAGS:
        return {}
    return {key: value for key, value in message.tags.items() if key[0] == "+" and len(key) > 1}


def _speak(session: ChatSession, message: Message, text: str) -> None:
    server, command = session.server, message.command
    tags = relayed(session, message)
    targets = message.params[0].split(",") if "," in message.params[0] else [message.params[0]]
    if len(targets) > 1:
        distinct: dict[str, str] = {}
        for target in filter(None, targets):
            distinct.setdefault(fold(target), target)
        targets = list(distinct.values())
        if not targets and command != "NOTICE":
            raise Refusal(ERR_NORECIPIENT, command)
        if len(targets) > server.limits.targets:
            if command != "NOTICE":
                session.reply(ERR_TOOMANYTARGETS, targets[server.limits.targets])
            targets = targets[: server.limits.targets]
        session.charge(len(targets) - 1)
    for target in targets:
        if command != "PRIVMSG" and fold(target) in SERVICES:
            continue  # that somebody is typing to it, say
        session.apply(Speak(session.name, session.wall(), command, target, text, server.next_msgid(), tags))
