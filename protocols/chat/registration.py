"""What a client has said of itself before it is registered."""

from __future__ import annotations

USERNAME = 18
"""Bytes of a user name (ours)."""
REALNAME = 150
"""Bytes of a real name (ours)."""


class Registration:
    """Gathered from PASS, NICK, USER, CAP and AUTHENTICATE, until all is there."""

    __slots__ = (
        "account",
        "metadata",
        "multiclient",
        "negotiating",
        "nick",
        "password",
        "realname",
        "subscribed",
        "username",
    )

    def __init__(self) -> None:
        self.nick = ""
        self.username = ""
        self.realname = ""
        self.password: str | None = None
        self.account = ""
        self.metadata: dict[str, str] = {}
        self.subscribed: dict[str, None] = {}
        """What was set of its metadata, and which keys it subscribed to."""
        self.multiclient: bool | None = None
        """The account's own setting."""
        self.negotiating = False
        """CAP LS or REQ was said, and CAP END was not: "registration ... is suspended"."""

    @property
    def complete(self) -> bool:
        """Is there all it takes?"""
        return bool(self.nick and self.username) and not self.negotiating
