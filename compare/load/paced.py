"""Open loop: operations leave at a fixed rate, whatever became of the earlier ones.

Each is timed from when it was *meant* to leave, so that a server (or a generator) that
falls behind is charged for the wait of everybody behind it.
"""

from __future__ import annotations

import select
import time
from collections import deque

from hdrh.histogram import HdrHistogram

from compare.load.connections import Careful, Connection, Lost
from compare.load.jobs import Job, Outcome
from compare.load.meters import Meters

LATE = 0.001
"""Seconds behind its intended time after which a send is reported as late."""

LOWEST, HIGHEST, DIGITS = 1, 60_000_000, 3
"""Microseconds that a histogram tells apart, to three significant digits."""


def histogram() -> HdrHistogram:
    return HdrHistogram(LOWEST, HIGHEST, DIGITS)


class PacedLoop:
    """A window over connections that stand already, taken in turn."""

    def __init__(self, job: Job, connections: list[Connection]) -> None:
        self.job = job
        self.epoll = select.epoll(len(connections))
        self.lines = [(Careful(one, self.epoll), one.message, one, deque[float]()) for one in connections]
        self.by_fd = {careful.sock.fileno(): line for line in self.lines for careful in (line[0],)}
        for fd in self.by_fd:
            self.epoll.register(fd, select.EPOLLIN)

    def run(self, outcome: Outcome) -> None:
        """Warm up, measure into `outcome`.  Raises Lost."""
        try:
            self._window(self.job.warmup, Outcome())
            meters = Meters(self.job.pid)
            meters.start()
            latencies = self._window(self.job.seconds, outcome)
            meters.stop(outcome)
        finally:
            self.epoll.close()
        counts = histogram()
        for latency in latencies:
            counts.record_value(min(max(int(latency * 1e6), LOWEST), HIGHEST))
        outcome.histogram = counts.encode().decode("ascii")
        outcome.samples = outcome.operations = len(latencies)

    def _window(self, seconds: float, outcome: Outcome) -> list[float]:
        clock, poll, lines = time.perf_counter, self.epoll.poll, self.lines
        interval, total = 1 / self.job.rate, int(seconds * self.job.rate)
        latencies: list[float] = []
        start = clock()
        end, sent = start + seconds, 0
        due = start
        turn = 0
        # What the warm-up asked may still be owed: it is waited for, but counts for nothing.
        waiting = sum(len(intended) for *_, intended in lines)
        while True:
            now = clock()
            while due <= now and sent < total and now < end:
                careful, message, _one, intended = lines[turn]
                turn = (turn + 1) % len(lines)
                if careful.blocked:
                    outcome.unsent += 1
                else:
                    if now - due > LATE:
                        outcome.late += 1
                    intended.append(due)
                    waiting += 1
                    careful.send(message)
                sent += 1
                due = start + sent * interval
            if (sent >= total or now >= end) and (not waiting or now > end + 1):
                break
            # poll() waits in milliseconds: close to the next send, spin.
            idle = 0.0 if sent < total and due - now < 0.002 else 0.001
            for fd, _event in poll(idle):
                careful, _message, one, intended = self.by_fd[fd]
                if careful.receive() == len(one.expected):
                    if not intended:
                        raise Lost("more came back than was sent")
                    if careful.buffer != one.expected:
                        one.check(bytes(careful.buffer))
                    meant = intended.popleft()
                    waiting -= 1
                    if meant >= start:
                        latencies.append(clock() - meant)
        outcome.intended = total
        outcome.unsent += total - sent
        outcome.unanswered = sum(meant >= start for *_, intended in lines for meant in intended)
        return latencies
