"""Is this the password?  Plain, or hashed in the PHC string format.  Slow: for a `Call`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

MEMORY = 256 * 1024 * 1024
"""Bytes that scrypt may take; more in a setting is a mistake."""


def verify(secret: str, said: str) -> bool:
    """Compare what was said with a secret, `$scrypt$ln=N,r=R,p=P$salt$hash` or plain.

    In constant time: how long a refusal takes must not tell how much was right.
    """
    if not secret.startswith("$"):
        return hmac.compare_digest(secret.encode(), said.encode())
    try:
        _, scheme, settings, salt, expected = secret.split("$")
        numbers = dict(one.split("=") for one in settings.split(","))
        wanted = _decode(expected)
        if scheme != "scrypt":
            return False
        made = hashlib.scrypt(
            said.encode(),
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


def _decode(text: str) -> bytes:
    # PHC: base64 without padding
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
