"""What a socket has not taken yet, and the greenlet that waits to send it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent
from gevent import get_hub

WRITE = 2
WRITE_SIZE = 262_144
"""Bytes offered to the socket at once."""


class Outbox:
    """Made when a socket takes less than it is given, and gone when it has taken the rest.

    `moved()` is called whenever some bytes have left, `failed()` if the socket is lost.
    """

    __slots__ = ("_failed", "_moved", "_socket", "_unsent", "_writer", "progress")

    def __init__(
        self, sock: socket.socket, rest: memoryview, moved: Callable[[], None], failed: Callable[[], None]
    ) -> None:
        self._socket = sock
        self._unsent = bytearray(rest)
        self._moved = moved
        self._failed = failed
        self.progress = monotonic()
        """When the socket last took something."""
        self._writer: gevent.Greenlet[..., Any] = gevent.spawn(self._write)

    def __len__(self) -> int:
        return len(self._unsent)

    def append(self, data: bytes) -> None:
        """Send this as well, after all the rest."""
        self._unsent += data

    def kill(self) -> None:
        """Send nothing more."""
        if self._writer is not gevent.getcurrent():
            self._writer.kill(block=False)

    def _write(self) -> None:
        hub = get_hub()
        writable = hub.loop.io(self._socket.fileno(), WRITE)
        try:
            while self._unsent:
                hub.wait(writable)
                try:
                    with memoryview(self._unsent) as view:
                        sent = self._socket.send(view[:WRITE_SIZE])
                except BlockingIOError:
                    continue
                except OSError:
                    self._failed()
                    return
                del self._unsent[:sent]
                self.progress = monotonic()
                self._moved()
        finally:
            writable.close()
