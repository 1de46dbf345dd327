"""Capabilities (IRCv3 Capability Negotiation 302), in one table.

A session's capabilities are one int: each has its bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Given: TypeAlias = Literal["", "accounts", "history", "register", "sts"]


@dataclass(frozen=True, slots=True)
class Cap:
    """One capability that can be offered.

    `given` names what must be there for it: "accounts", "register" for accounts that clients may make,
    "history", or "sts" for a policy in the settings.
    `forms` is true if the lines that one receives look different with it.
    """

    name: str
    bit: int
    about: str
    given: Given = ""
    forms: bool = False
    requested: bool = True


CAPS: Final[dict[str, Cap]] = {}
"""By name, in the order in which they are listed."""


def _cap(name: str, about: str, *, given: Given = "", forms: bool = False, requested: bool = True) -> int:
    CAPS[name] = Cap(name, 1 << len(CAPS), about, given, forms, requested)
    return CAPS[name].bit


ACCOUNT_NOTIFY = _cap("account-notify", "ACCOUNT when somebody near logs in or out", given="accounts")
ACCOUNT_TAG = _cap("account-tag", "the author's account as a tag", given="accounts", forms=True)
AWAY_NOTIFY = _cap("away-notify", "AWAY when somebody near goes or returns")
ACCOUNT_REGISTRATION = _cap("draft/account-registration", "REGISTER makes an account", given="register")
BATCH = _cap("batch", "lines that belong together say so")
CAP_NOTIFY = _cap("cap-notify", "CAP NEW and CAP DEL when the offer changes")
CHATHISTORY = _cap("draft/chathistory", "CHATHISTORY: what was said before", given="history")
CHGHOST = _cap("chghost", "CHGHOST instead of QUIT and JOIN when somebody's host changes")
ECHO_MESSAGE = _cap("echo-message", "one's own messages come back")
EVENT_PLAYBACK = _cap("draft/event-playback", "history also tells who came and went", given="history")
EXTENDED_JOIN = _cap("extended-join", "JOIN tells the account and the real name")
EXTENDED_MONITOR = _cap("extended-monitor", "away, account and name changes of those monitored")
INVITE_NOTIFY = _cap("invite-notify", "INVITE is seen by those who may invite")
LABELED_RESPONSE = _cap("labeled-response", "the answer to a labeled command carries its label")
MESSAGE_TAGS = _cap("message-tags", "client-only tags, TAGMSG, msgid", forms=True)
MESSAGE_REDACTION = _cap("draft/message-redaction", "REDACT: a message is withdrawn", given="history")
METADATA = _cap("draft/metadata-3", "METADATA: keys and values of users and channels")
MULTI_PREFIX = _cap("multi-prefix", "all of a member's prefixes, not only the highest")
MULTILINE = _cap("draft/multiline", "messages of several lines", forms=True)
READ_MARKER = _cap("draft/read-marker", "MARKREAD: how far one has read", given="history")
SASL = _cap("sasl", "AUTHENTICATE", given="accounts")
SERVER_TIME = _cap("server-time", "when each line was said", forms=True)
SETNAME = _cap("setname", "SETNAME, and being told of it")
STANDARD_REPLIES = _cap("standard-replies", "FAIL, WARN and NOTE")
STS = _cap("sts", "come back over TLS", given="sts", requested=False)
USERHOST_IN_NAMES = _cap("userhost-in-names", "NAMES shows nick!user@host")

FORMS: Final = sum(cap.bit for cap in CAPS.values() if cap.forms)
"""The bits that change how a line looks to its receiver."""


class Offer:
    """What one server offers at a time, and with which values."""

    def __init__(
        self,
        mechanisms: Iterable[str] = (),
        sts: str = "",
        register: str = "",
        history: bool = False,
        multiline: str = "",
        metadata: str = "",
    ) -> None:
        self.values = {
            "sasl": ",".join(mechanisms),
            "sts": sts,
            "draft/account-registration": register,
            "draft/multiline": multiline,
            "draft/metadata-3": metadata,
        }
        given = {
            "": True,
            "accounts": bool(self.values["sasl"]),
            "sts": bool(sts),
            "register": bool(register),
            "history": history,
        }
        self.caps = {name: cap for name, cap in CAPS.items() if given[cap.given]}

    def listed(self, version: int) -> list[str]:
        """What CAP LS says: with values from version 302 on."""
        if version < 302:
            return list(self.caps)
        values = self.values
        return [f"{name}={values[name]}" if values.get(name) else name for name in self.caps]

    def requested(self, words: Iterable[str], now: int, version: int) -> int | None:
        """The capabilities after a CAP REQ, or None: "The server MUST NOT make any change to any
        capabilities if it replies with a NAK"."""
        for word in words:
            cap = self.caps.get(word.lstrip("-"))
            if cap is None or not cap.requested or word.startswith("--"):
                return None
            if not word.startswith("-"):
                now |= cap.bit
            elif cap.bit == CAP_NOTIFY and version >= 302:
                # With version 302 it is on without being asked for, and stays on.
                return None
            else:
                now &= ~cap.bit
        return now

    def names(self, caps: int) -> list[str]:
        """What CAP LIST says."""
        return [name for name, cap in self.caps.items() if caps & cap.bit]
