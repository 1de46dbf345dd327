"""What a data connection's greenlet does with its socket, at both ends of a transfer."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from gevent.socket import create_connection
from gevent.socket import socket as Socket

from protocols.files.orders import Connect, Outcome
from protocols.session import LINGER

PIECE = 262_144
"""Bytes that are received at once."""


class Over(Exception):
    """The transfer has come to this end."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def tried(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    """In the thread: what it returned or raised, which gevent itself would print."""
    try:
        return function(*args), None
    except Exception as error:
        return None, error


def dial(connect: Connect) -> Socket:
    """In active mode.  Raises Over."""
    try:
        return create_connection((connect.host, connect.port), source_address=(connect.local_host, 0))
    except OSError:
        raise Over(Outcome.NOT_CONNECTED) from None


def has_spoken(sock: socket.socket) -> bool:
    """Has the peer sent something which it would be answered RST for if we closed now?"""
    try:
        return bool(sock.recv(1))
    except OSError:
        return False


def linger(sock: Socket) -> None:
    """Our FIN is in the kernel: read until the peer's, for closing on unread bytes would send RST."""
    sock.settimeout(LINGER)
    try:
        while sock.recv(PIECE):
            pass
    except OSError:
        pass  # it is reset already, or does not end
    sock.close()
