"""Who may come in: `connections` and `connections_per_ip`, counted once for both drivers."""

from __future__ import annotations

from protocols.session import CLOSE, Limits, Orders, Peer, Refused, Session

TURNED_AWAY = 100
"""Connections that may hear a refusal at once; more than that are closed without a word."""


class Admission:
    """Counts the connections of one server against its limits.

    Unix sockets have no address (an empty host) and count only against `connections`.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.connections = 0
        self._from: dict[str, int] = {}

    def admit(self, host: str) -> Refused | None:
        """Count one connection in, or say why it can't be taken."""
        if self.connections >= self.limits.connections:
            return Refused.CONNECTIONS
        if self.limits.connections_per_ip and host:
            here = self._from.get(host, 0)
            if here >= self.limits.connections_per_ip:
                return Refused.PER_IP
        if host:
            self._from[host] = self._from.get(host, 0) + 1
        self.connections += 1
        return None

    def place(self, host: str) -> Refused | None:
        """Count one that was admitted without an address at the one that it turned out to have.

        That is a proxy's connection: it costs a place from the start, but its own address counts for
        nobody.  One that is refused stays counted without an address.
        """
        per_ip = self.limits.connections_per_ip
        if per_ip and self._from.get(host, 0) >= per_ip:
            return Refused.PER_IP
        self._from[host] = self._from.get(host, 0) + 1
        return None

    def release(self, host: str) -> None:
        """Count one admitted connection out."""
        self.connections -= 1
        if host:
            left = self._from[host] - 1
            if left:
                self._from[host] = left
            else:
                del self._from[host]


class TurnedAway(Session):
    """The session of a connection too many: it says why, and closes."""

    __slots__ = ("_words",)

    def __init__(self, words: bytes) -> None:
        super().__init__()
        self._words = words

    def connected(self, peer: Peer, now: float) -> Orders:
        return (self._words, CLOSE)
