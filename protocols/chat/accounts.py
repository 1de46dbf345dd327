"""What the chat service asks of a store of accounts, and the keys that it keeps for SCRAM.

The store is plain blocking code, reached through `Call`s; what it says is what holds at that moment,
since accounts are also changed beside a running server.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from typing import Protocol

import msgspec


class Unavailable(Exception):
    """The store can't be asked, or can't keep anything, now: locked, full, broken."""


class Account(msgspec.Struct, frozen=True):
    """What is known of one account; never its password."""

    name: str
    """As it was registered."""
    created: float = 0.0
    """Seconds since 1970, UTC."""
    email: str = ""
    multiclient: bool | None = None
    """May its connections share a nick?  None: as the server's settings say."""


class Keys(msgspec.Struct, frozen=True):
    """What RFC 5802 §3 lets a server keep instead of a password."""

    account: str
    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes
    multiclient: bool | None = None
    created: float = 0.0


class Accounts(Protocol):
    """A store of accounts, whose names are the same however their letters are cased.

    Every method blocks, and raises `Unavailable`.  What one returned from is kept, also if the server
    is killed the moment after.
    """

    def verify(self, name: str, password: str) -> Account | None:
        """The account, if the password is its own.  Takes as long where there is no such account."""
        ...

    def keys(self, name: str) -> Keys | None:
        """The account's keys, if there is such an account."""
        ...

    def find(self, name: str) -> Account | None:
        """The account of this name."""
        ...

    def register(self, name: str, password: str, email: str, time: float, iterations: int) -> Account | None:
        """Make an account; None if there is one of that name, also if it was made this instant."""
        ...

    def set_password(self, name: str, password: str, iterations: int) -> bool:
        """From now on this is its password; False if there is no such account."""
        ...

    def set_multiclient(self, name: str, multiclient: bool | None) -> bool:
        """May its connections share a nick?  False if there is no such account."""
        ...


def normalized(password: str) -> str:
    """RFC 5802 §2.2 wants SASLprep (RFC 4013), whose main step is the normal form KC."""
    return unicodedata.normalize("NFKC", password)


def make_keys(account: str, password: str, salt: bytes, iterations: int) -> Keys:
    """RFC 5802 §3, with SHA-256 (RFC 7677)."""
    salted = hashlib.pbkdf2_hmac("sha256", normalized(password).encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return Keys(account, salt, iterations, hashlib.sha256(client_key).digest(), server_key)
