"""Wrong passwords cost time, by address: more connections make no more tries."""

from __future__ import annotations

import ipaddress
from typing import Final

REMEMBERED: Final = 1024
"""Addresses with wrong passwords that are remembered before those whose time is over are dropped."""
MOST_DELAYS: Final = 10
"""Delays that one address may have to wait for, or somebody could lock out everybody behind it."""


class Delays:
    """When each address may be told the next answer to a password (RFC 2577 §5)."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def answer_at(self, address: str, right: bool, delay: float, now: float) -> float:
        """When this password is answered.  A right one has to wait for the wrong ones before it."""
        key = household(address)
        until = max(self._until.get(key, now), now)
        if right or not delay:
            return until
        until = min(until + delay, now + delay * MOST_DELAYS)
        if len(self._until) >= REMEMBERED:
            self._until = {one: when for one, when in self._until.items() if when > now}
        self._until[key] = until
        return until


def household(address: str) -> str:
    """What counts as one address: of IPv6 the first 64 bits, which one household has of its own
    (RFC 6177 §2)."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(ipaddress.ip_network((known, 64), strict=False))
