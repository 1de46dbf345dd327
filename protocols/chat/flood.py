"""How fast a client may talk: a bucket of tokens, and what each command takes from it."""

from __future__ import annotations

from protocols.chat.settings import ChatFlood


class Bucket:
    """Tokens come back with time.  A command may start while there is a whole one left."""

    __slots__ = ("_settings", "_since", "tokens")

    def __init__(self, settings: ChatFlood) -> None:
        self._settings = settings
        self._since = 0.0
        self.tokens = settings.burst

    def ready(self, now: float) -> bool:
        """May the next command start now?"""
        settings = self._settings
        if not settings.enabled:
            return True
        if now > self._since:
            self.tokens = min(settings.burst, self.tokens + (now - self._since) * settings.rate)
            self._since = now
        return self.tokens >= 1

    def take(self, cost: float) -> None:
        """It started; dear ones leave a debt."""
        self.tokens -= cost

    def when(self) -> float:
        """When the next command may start."""
        return self._since + max(0.0, 1.001 - self.tokens) / self._settings.rate
