"""One client floods, another pings: how long the pinger waits.

The flood is as much as the server takes: what it asks and what it is answered are moved in pieces,
so that this process is never long away from the pinger.  Pings leave at a fixed rate, and are
timed from when they were meant to leave.
"""

from __future__ import annotations

import select
import time
from collections import deque
from collections.abc import Sequence

from compare.load.chatters import Chatter
from compare.load.connections import Connection, Lost
from compare.load.jobs import Job, Outcome
from compare.load.meters import Meters
from compare.load.paced import HIGHEST, LATE, LOWEST, histogram

PIECE = 65_536
"""Bytes that the flood moves at once."""


class Fairness:
    """A window over two connections that stand already: the pinger's and the flood's."""

    def __init__(self, job: Job, connections: Sequence[Connection | Chatter]) -> None:
        self.job = job
        self.pinger, self.flood = connections
        self.flood_answer = len(self.flood.expected)
        repeats = PIECE // len(self.flood.message) + 1
        self._flood = memoryview(self.flood.message * repeats)
        # Two of them, so that a piece that begins anywhere in an answer can be compared at once.
        self._expected = self.flood.expected * (PIECE // self.flood_answer + 2)
        self._at = 0  # in _flood: what was sent
        self._read = 0  # in _expected: what came back
        self._buffer = bytearray(PIECE)
        self._reply = b""
        self.flooded = 0  # bytes that came back

    def run(self, outcome: Outcome) -> None:
        """Warm up, measure into `outcome`.  Raises Lost."""
        outcome.connections = 2
        self._window(self.job.warmup, Outcome())
        meters = Meters(self.job.pid)
        meters.start()
        latencies = self._window(self.job.seconds, outcome)
        meters.stop(outcome)
        counts = histogram()
        for latency in latencies:
            counts.record_value(min(max(int(latency * 1e6), LOWEST), HIGHEST))
        outcome.histogram = counts.encode().decode("ascii")
        outcome.samples = len(latencies)
        outcome.operations = outcome.samples - outcome.unanswered
        if not self.flooded and not outcome.unanswered:
            raise Lost("nothing of the flood was answered")

    def _window(self, seconds: float, outcome: Outcome) -> list[float]:
        clock, rate = time.perf_counter, self.job.rate
        total, sent = int(seconds * rate), 0
        latencies: list[float] = []
        meant: deque[float] = deque()
        pinger, flood = self.pinger.sock, self.flood.sock
        with select.epoll(2) as epoll:
            epoll.register(pinger, select.EPOLLIN)
            epoll.register(flood, select.EPOLLIN | select.EPOLLOUT)
            start = clock()
            while (sent < total or meant) and clock() < start + seconds + 1:
                due = start + sent / rate
                while sent < total and due <= (now := clock()):
                    outcome.late += now - due > LATE
                    if not self._ping():
                        outcome.unsent += 1
                    else:
                        meant.append(due)
                    sent += 1
                    due = start + sent / rate
                for fd, event in epoll.poll(0):
                    if fd == pinger.fileno():
                        for _ in range(self._pongs()):
                            if not meant:
                                raise Lost("more came back than was sent")
                            latencies.append(clock() - meant.popleft())
                    else:
                        self._go_on(event)
        outcome.intended = total
        outcome.unsent += total - sent
        outcome.unanswered = len(meant)
        # They waited at least so long: who starves its pinger is not to look better for it.
        return latencies + [clock() - due for due in meant]

    def _ping(self) -> bool:
        try:
            return self.pinger.sock.send(self.pinger.message) == len(self.pinger.message)
        except BlockingIOError:
            return False

    def _pongs(self) -> int:
        """How many whole answers to the pinger have come; raises Lost for a wrong one."""
        data = self.pinger.sock.recv(PIECE)
        if not data:
            raise Lost("the server closed the connection")
        self._reply += data
        size = len(self.pinger.expected)
        count = len(self._reply) // size
        for number in range(count):
            self.pinger.check(self._reply[number * size : (number + 1) * size])
        self._reply = self._reply[count * size :]
        return count

    def _go_on(self, event: int) -> None:
        """Take what the flood is answered, and ask for more."""
        try:
            if event & ~select.EPOLLOUT:
                count = self.flood.sock.recv_into(self._buffer)
                if not count:
                    raise Lost("the server closed the flooding connection")
                self._compare(count)
            if event & select.EPOLLOUT:
                count = self.flood.sock.send(self._flood[self._at : self._at + PIECE])
                self._at = (self._at + count) % len(self._flood)
        except BlockingIOError:
            pass  # next time

    def _compare(self, count: int) -> None:
        # The same request over and over is answered with the same bytes over and over.
        if self._buffer[:count] != self._expected[self._read : self._read + count]:
            raise Lost("the flood was answered wrongly")
        self._read = (self._read + count) % self.flood_answer
        self.flooded += count
