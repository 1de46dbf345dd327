"""Is this the password?  Plain, or hashed in the PHC string format.  Slow: for a `Call`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

MEMORY = 256 * 1024 * 1024
"""Bytes that scrypt may take; more in a setting is a mistake."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs: RFC 7914 §2's N = 2^ln, r and p.  Memory is 128 * N * r bytes."""

    ln: int = 14
    r: int = 8
    p: int = 1


INTERACTIVE = Cost()
"""For logins (Percival, "Stronger Key Derivation via Sequential Memory-Hard Functions", 2009, §8):
16 MiB and some 50 ms, so that all clients can come back after a restart in bearable time."""


def make_secret(password: str, salt: bytes, cost: Cost = INTERACTIVE) -> str:
    """The password as it may be kept: `$scrypt$ln=N,r=R,p=P$salt$hash`."""
    made = hashlib.scrypt(
        _bytes(password), salt=salt, n=1 << cost.ln, r=cost.r, p=cost.p, maxmem=MEMORY, dklen=32
    )
    return f"$scrypt$ln={cost.ln},r={cost.r},p={cost.p}${_encode(salt)}${_encode(made)}"


def verify(secret: str, said: str) -> bool:
    """Compare what was said with a secret, `$scrypt$ln=N,r=R,p=P$salt$hash` or plain.

    In constant time: how long a refusal takes must not tell how much was right.
    """
    if not secret.startswith("$"):
        return hmac.compare_digest(_bytes(secret), _bytes(said))
    try:
        _, scheme, settings, salt, expected = secret.split("$")
        numbers = dict(one.split("=") for one in settings.split(","))
        wanted = _decode(expected)
        if scheme != "scrypt":
            return False
        made = hashlib.scrypt(
            _bytes(said),
            salt=_decode(salt),
            n=1 << int(numbers["ln"]),
            r=int(numbers["r"]),
            p=int(numbers["p"]),
            maxmem=MEMORY,
            dklen=len(wanted),
        )
    except (ValueError, KeyError, OverflowError, TypeError, binascii.Error):
        return False
    return hmac.compare_digest(made, wanted)


def _bytes(text: str) -> bytes:
    # A password that is not UTF-8 is compared as it came, and refused like any other.
    return text.encode(errors="surrogateescape")


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    # PHC: base64 without padding
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
