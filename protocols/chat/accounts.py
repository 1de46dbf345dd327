"""What the chat service asks of a store of accounts, and the keys that it keeps for SCRAM.

The store is plain blocking code, reached through `Call`s.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from typing import Protocol

import msgspec


class Keys(msgspec.Struct, frozen=True):
    """What RFC 5802 §3 lets a server keep instead of a password."""

    account: str
    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


class Accounts(Protocol):
    """A store of accounts.  Both methods block, and may raise OSError."""

    def verify(self, name: str, password: str) -> str | None:
        """The account's name as it was registered, if the password is its own."""
        ...

    def keys(self, name: str) -> Keys | None:
        """The account's keys, if there is such an account."""
        ...


def prepared(password: str) -> bytes:
    """RFC 5802 §2.2 wants SASLprep (RFC 4013), whose main step is the normal form KC."""
    return unicodedata.normalize("NFKC", password).encode()


def make_keys(account: str, password: str, salt: bytes, iterations: int) -> Keys:
    """RFC 5802 §3, with SHA-256 (RFC 7677)."""
    salted = hashlib.pbkdf2_hmac("sha256", prepared(password), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return Keys(account, salt, iterations, hashlib.sha256(client_key).digest(), server_key)
