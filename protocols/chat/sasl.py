"""SASL mechanisms as state machines: PLAIN (RFC 4616) and SCRAM-SHA-256 (RFC 5802, 7677).

A step takes what the client sent and returns what is next.  What has to be looked up is asked
for with `Ask`, and answered by `answered`: nothing in here waits, and nothing is random.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from protocols.chat.accounts import Account, Accounts, Keys
from protocols.chat.casemap import fold


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send this, and wait for the answer."""

    data: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """Ask the store, `method(*arguments)`, and give the result to `answered`."""

    method: Callable[..., Any]
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Success:
    """The client is who it says: this account."""

    account: Account


@dataclass(frozen=True, slots=True)
class Failure:
    """It is not, or what it said makes no sense; the client is not told which."""


Step: TypeAlias = "Challenge | Ask | Success | Failure"
FAILURE: Final = Failure()


class Mechanism(Protocol):
    """One exchange."""

    def step(self, data: bytes) -> Step:
        """The client said this."""
        ...

    def answered(self, result: Any) -> Step:
        """What `Ask` asked for."""
        ...


class Plain:
    """RFC 4616: `[authzid] NUL authcid NUL passwd`, and nothing else."""

    def __init__(self, accounts: Accounts, nonce: str, secret: bytes, iterations: int) -> None:
        self._accounts = accounts

    def step(self, data: bytes) -> Step:
        parts = data.split(b"\0")
        if len(parts) != 3 or not parts[1] or not parts[2]:
            return FAILURE
        try:
            authzid, authcid, password = (part.decode() for part in parts)
        except UnicodeDecodeError:
            return FAILURE
        # Nobody here may act for somebody else.
        if authzid and fold(authzid) != fold(authcid):
            return FAILURE
        return Ask(self._accounts.verify, (authcid, password))

    def answered(self, result: Any) -> Step:
        return Success(result) if isinstance(result, Account) else FAILURE


class Scram:
    """RFC 5802 §5, the server's side; channel binding is not offered."""

    def __init__(self, accounts: Accounts, nonce: str, secret: bytes, iterations: int) -> None:
        self._accounts = accounts
        self._nonce = nonce
        self._secret = secret
        self._iterations = iterations
        self._next: Callable[[bytes], Step] = self._first
        self._header = self._bare = self._server_first = ""
        self._name = ""
        self._keys: Keys | None = None
        self._known = False

    def step(self, data: bytes) -> Step:
        try:
            return self._next(data)
        except (ValueError, binascii.Error):  # not UTF-8, not base64, not an attribute
            return FAILURE

    def _first(self, data: bytes) -> Step:
        """gs2-header client-first-message-bare: `n,,n=user,r=nonce`."""
        flag, authzid, bare = data.decode().split(",", 2)
        if flag not in ("n", "y"):
            return FAILURE  # p=...: a channel binding that was not offered
        self._header, self._bare = f"{flag},{authzid},", bare
        user, nonce = bare.split(",")[:2]
        if not user.startswith("n=") or not nonce.startswith("r=") or len(nonce) < 3 or len(user) < 3:
            return FAILURE  # m=...: an extension that must be understood, and is not
        self._name = _unescaped(user[2:])
        if authzid and (not authzid.startswith("a=") or fold(_unescaped(authzid[2:])) != fold(self._name)):
            return FAILURE
        self._nonce = nonce[2:] + self._nonce
        self._next = self._nothing
        return Ask(self._accounts.keys, (self._name,))

    def answered(self, result: Any) -> Step:
        self._known = isinstance(result, Keys)
        # For who is not there the exchange goes on, with a salt that stays the same however the name
        # is cased: whether there is such an account is not the client's to know.
        salt = hmac.digest(self._secret, fold(self._name).encode(), "sha256")[:16]
        nobody = Keys("", salt, self._iterations, bytes(32), bytes(32))
        self._keys = result if isinstance(result, Keys) else nobody
        encoded = base64.b64encode(self._keys.salt).decode()
        self._server_first = f"r={self._nonce},s={encoded},i={self._keys.iterations}"
        self._next = self._final
        return Challenge(self._server_first.encode())

    def _final(self, data: bytes) -> Step:
        """`c=header,r=nonce,p=proof`."""
        text = data.decode()
        without, proof = text.rsplit(",p=", 1)
        binding, nonce = without.split(",")[:2]
        if binding != "c=" + base64.b64encode(self._header.encode()).decode():
            return FAILURE
        if nonce != "r=" + self._nonce or self._keys is None:
            return FAILURE
        message = f"{self._bare},{self._server_first},{without}".encode()
        signature = hmac.digest(self._keys.stored_key, message, "sha256")
        proved = base64.b64decode(proof, validate=True)
        if len(proved) != len(signature):
            return FAILURE
        client_key = bytes(a ^ b for a, b in zip(proved, signature, strict=True))
        right = hmac.compare_digest(hashlib.sha256(client_key).digest(), self._keys.stored_key)
        if not (right and self._known):
            return FAILURE
        self._next = self._acknowledged
        verifier = hmac.digest(self._keys.server_key, message, "sha256")
        return Challenge(b"v=" + base64.b64encode(verifier))

    def _acknowledged(self, data: bytes) -> Step:
        if data or self._keys is None:
            return FAILURE
        keys = self._keys
        return Success(Account(keys.account, keys.created, multiclient=keys.multiclient))

    def _nothing(self, data: bytes) -> Step:
        return FAILURE


def _unescaped(name: str) -> str:
    """RFC 5802 §5.1: =2C is a comma and =3D an equals sign; any other = is an error."""
    plain = name.replace("=2C", ",").replace("=3D", "\0")
    if "=" in plain or "\0" in name:
        raise ValueError(name)
    return plain.replace("\0", "=")


MECHANISMS: Final[dict[str, Callable[[Accounts, str, bytes, int], Mechanism]]] = {
    "PLAIN": Plain,
    "SCRAM-SHA-256": Scram,
}
