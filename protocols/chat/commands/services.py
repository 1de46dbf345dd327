"""The commands that are short for a message to a service: NS NICKSERV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from protocols.chat.message import Message
from protocols.chat.services.service import Service
from protocols.chat.services.table import SERVICES

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

BY_ALIAS: Final[dict[str, Service]] = {
    alias: service for service in SERVICES.values() for alias in service.aliases
}


def ask(session: ChatSession, message: Message, now: float) -> Iterator[None] | None:
    """As PRIVMSG to the service, but it can reach nobody else, whoever has which nick."""
    return BY_ALIAS[message.command].hear(session, " ".join(message.params))
