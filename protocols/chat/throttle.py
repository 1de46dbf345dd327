"""How often one address may do something dear, over all its connections."""

from __future__ import annotations

from collections import deque
from typing import Final

from protocols.delays import household

MOST_KEYS: Final = 10_000
"""Addresses that are remembered; beyond it the oldest are forgotten first."""


class Throttle:
    """At most `most` times in any `seconds`, by each address; 0: as often as it likes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._times: dict[str, deque[float]] = {}

    def take(self, address: str, most: int, now: float) -> bool:
        """May it now?  If so, that counts."""
        if not most:
            return True
        key = household(address)
        times = self._times.pop(key, None) or deque()
        while times and times[0] <= now - self._seconds:
            times.popleft()
        allowed = len(times) < most
        if allowed:
            times.append(now)
        self._times[key] = times  # the last again
        if len(self._times) > MOST_KEYS:
            del self._times[next(iter(self._times))]
        return allowed
