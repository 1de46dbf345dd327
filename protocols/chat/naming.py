"""Which names, passwords and addresses an account may have (IRCv3 account-registration)."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final

from protocols.chat.casemap import fold, is_nick

PASSWORD: Final = 300
"""Bytes; account-registration: "300 bytes should be a safe reasonable limit"."""
SHORT: Final = 8
"""Characters; NIST SP 800-63B §5.1.1: passwords "SHALL be at least 8 characters in length"."""
EMAIL: Final = 254
"""Bytes; RFC 5321 §4.5.3.1.3 has 256 for a path, the brackets included."""

# RFC 5322 §3.4.1 allows much more than what mail is delivered to: one @, a name before it, a domain
# after it.  Whether it is somebody's nobody can tell from how it looks.
_EMAIL = re.compile(r"[^\s@,:;<>()\[\]\\\"\x00-\x1f\x7f]+@[^\s@,:;<>()\[\]\\\"_\x00-\x1f\x7f]+")


class Unacceptable(Exception):
    """It can't be; the code is one of account-registration's, the words say why."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


def check_name(name: str, most: int, reserved: Container[str]) -> None:
    """An account's name is one that could be a nick, of at most so many bytes, and no service's."""
    if not is_nick(name, most):
        raise Unacceptable("BAD_ACCOUNT_NAME", "An account's name must be one that could be a nick")
    if fold(name) in reserved:
        raise Unacceptable("BAD_ACCOUNT_NAME", "That is the name of a service")


def check_password(name: str, password: str, weak: bool = False) -> None:
    """Raises for what could not be said to NickServ, and, unless it may be `weak`, for what is guessed."""
    if not password or password[0] == ":" or not password.isprintable() or " " in password:
        raise Unacceptable("UNACCEPTABLE_PASSWORD", "A password has no spaces, and no colon to begin with")
    if len(password.encode()) > PASSWORD:
        raise Unacceptable("UNACCEPTABLE_PASSWORD", f"A password has at most {PASSWORD} bytes")
    if not weak and (len(password) < SHORT or fold(password) == fold(name)):
        raise Unacceptable("WEAK_PASSWORD", f"A password has {SHORT} characters or more, and is not the name")


def check_email(email: str, required: bool) -> str:
    """The address as it is kept; "*" is none."""
    if email == "*":
        if required:
            raise Unacceptable("INVALID_EMAIL", "An email address is required")
        return ""
    if len(email.encode()) > EMAIL or not _EMAIL.fullmatch(email):
        raise Unacceptable("INVALID_EMAIL", "That is not an email address")
    return email
