"""Echo, RFC 862: every byte goes back to where it came from.

The session for streams (TCP, unix sockets, TLS), and the rule for datagrams.
"""

from __future__ import annotations

from protocols.session import Limits, Orders, Peer, Server, Session
from protocols.settings import Listen, Settings

ECHO_LIKE = frozenset({7, 13, 17, 19, 37})
"""UDP ports that answer whatever they get: echo, daytime, qotd, chargen, time.

A forged datagram from one of them would be answered for ever (CERT CA-1996-01).
"""

DATAGRAM = 65_507
"""Bytes in the largest UDP datagram over IPv4: 65,535 less the IP and UDP headers."""


class EchoSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[echo]` table."""

    listen: Listen = ("tcp://127.0.0.1:7007",)


class Echo(Session):
    """One connection: what arrives is owed, and its FIN is answered by ours (RFC 862)."""

    __slots__ = ("_idle",)

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._idle = limits.idle

    def connected(self, peer: Peer, now: float) -> Orders:
        if self._idle:
            self.deadline = now + self._idle
        return ()

    def received(self, data: bytes, now: float) -> Orders:
        if self._idle:
            self.deadline = now + self._idle
        return (data,)


class Datagrams:
    """RFC 862, UDP: each datagram goes back whole, unless that could go on for ever.

    `ports` are the UDP ports that this server listens on: add each once bound.
    `dropped` counts what was not answered.
    """

    def __init__(self) -> None:
        self.ports: set[int] = set()
        self.dropped = 0

    def answers(self, port: int) -> bool:
        """May a datagram that came from this source port be sent back?"""
        if port in self.ports or port in ECHO_LIKE:
            self.dropped += 1
            return False
        return True


class EchoServer(Server):
    """Where echo sessions come from; they share nothing but their limits."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()

    def session(self) -> Echo:
        return Echo(self.limits)
