"""Accounts that are forgotten with the process: for tests, and for a server without a database."""

from __future__ import annotations

import hashlib
import hmac
import os

from protocols.chat.accounts import Keys, make_keys
from protocols.chat.casemap import fold


class MemoryAccounts:
    """The twin of the store in SQLite: the same answers, kept in a dict."""

    def __init__(self, iterations: int = 4096) -> None:
        self._iterations = iterations
        self._keys: dict[str, Keys] = {}

    def add(self, name: str, password: str) -> bool:
        """Make an account, unless there is one of that name."""
        if fold(name) in self._keys:
            return False
        self._keys[fold(name)] = make_keys(name, password, os.urandom(16), self._iterations)
        return True

    def verify(self, name: str, password: str) -> str | None:
        """The account's name as it was registered, if the password is its own."""
        known = self._keys.get(fold(name))
        if known is None:
            # As slow as for an account that there is.
            hashlib.pbkdf2_hmac("sha256", password.encode(), b"nobody's salt", self._iterations)
            return None
        said = make_keys(known.account, password, known.salt, known.iterations)
        return known.account if hmac.compare_digest(said.stored_key, known.stored_key) else None

    def keys(self, name: str) -> Keys | None:
        """The account's keys, if there is such an account."""
        return self._keys.get(fold(name))
