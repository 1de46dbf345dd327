"""NickServ: accounts, for people and clients that know neither SASL nor REGISTER."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.chat.services.service import Service, ServiceCommand

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession


def info(session: ChatSession, arguments: list[str]) -> None:
    """Who one is logged in as."""
    assert session.user is not None
    account = session.user.account
    NICKSERV.answer(session, f"You are logged in as {account}." if account else "You are not logged in.")


NICKSERV = Service(
    "NickServ",
    "keeps accounts",
    ("NS", "NICKSERV"),
    {
        "INFO": ServiceCommand(info, 0, "", "tells which account you are logged in to"),
    },
)
