"""Connect, one exchange, close: over and over, a few at a time."""

from __future__ import annotations

import socket
import time
from collections import deque

from compare import dialects
from compare.load.connections import Lost, open_socket, tls_context
from compare.load.jobs import Job, Outcome
from compare.load.meters import Meters

ABREAST = 8
"""Connections at a time: fewer than any server lets wait in its backlog."""

MOST = 4_000
"""Connections of a window: the ports in TIME_WAIT that it leaves behind are not the next one's trouble."""


class Churn:
    """A window of them."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._context = tls_context(job)
        self._waiting: deque[socket.socket] = deque()
        self._abreast = min(ABREAST, job.connections)
        self._number = 0

    def run(self, outcome: Outcome) -> None:
        """Some to warm up, then as many as begin within the seconds of the job.  Raises Lost."""
        outcome.connections = self._abreast
        try:
            self._go_on(self.job.warmup, MOST)
            meters = Meters(self.job.pid)
            meters.start()
            try:
                self._go_on(self.job.seconds, MOST, outcome)
            finally:
                meters.stop(outcome)
        finally:
            for sock in self._waiting:
                sock.close()

    def _go_on(self, seconds: float, most: int, outcome: Outcome | None = None) -> None:
        until, counted = time.perf_counter() + seconds, outcome or Outcome()
        begun = 0
        while begun < most and time.perf_counter() < until:
            sock = open_socket(self.job, self._context)
            self._waiting.append(sock)
            begun += 1
            self._send(sock)
            if len(self._waiting) == self._abreast:
                self._take(counted)
        while self._waiting:
            self._take(counted)

    def _send(self, sock: socket.socket) -> None:
        try:
            sock.sendall(self.job.request)
        except OSError as error:
            raise Lost(f"no answer on connection {self._number + len(self._waiting)}: {error}") from None

    def _take(self, counted: Outcome) -> None:
        """The answer of the oldest, and its end."""
        sock = self._waiting.popleft()
        self._number += 1
        expected, reply = self.job.reply, b""
        with sock:
            try:
                while len(reply) < len(expected):
                    data = sock.recv(len(expected) - len(reply))
                    if not data:
                        raise Lost("the server closed the connection")
                    reply += data
            except OSError as error:
                raise Lost(f"no answer on connection {self._number}: {error}") from None
        if reply != expected:
            try:
                dialects.check(self.job.dialect, expected, reply, self.job.depth)
            except dialects.WrongAnswer as error:
                raise Lost(str(error)) from None
        counted.operations += 1
