"""Registrations: connect, NICK, USER and the whole welcome, over and over, a few at a time.

What comes after (QUIT and the end of the connection) is waited for, but not measured.
"""

from __future__ import annotations

from collections import deque

from compare.load.jobs import Job, Outcome
from compare.load.members import Member
from compare.load.meters import Meters

ABREAST = 8
"""Registrations at a time: fewer than any server lets wait in its backlog."""

CROWD = 100
"""Registrations between two looks at the meters; then all of them leave."""


class Registrations:
    """A window of them."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._count = 0
        self.members: list[Member] = []

    def run(self, outcome: Outcome) -> None:
        """One crowd to warm up, then as many as begin within the seconds of the job.  Raises Lost."""
        outcome.connections = ABREAST
        try:
            self._crowd(Outcome())
            while outcome.seconds < self.job.seconds:
                part = Outcome()
                self._crowd(part)
                outcome.series.append(CROWD)
                outcome.operations += CROWD
                for name in ("seconds", "server_cpu", "generator_cpu", "other_cpu"):
                    setattr(outcome, name, getattr(outcome, name) + getattr(part, name))
        finally:
            for one in self.members:
                one.sock.close()

    def _crowd(self, part: Outcome) -> None:
        meters = Meters(self.job.pid)
        waiting: deque[Member] = deque()
        meters.start()
        for _ in range(CROWD):
            self._count += 1
            one = Member(self.job.port, b"r%07d" % self._count)
            self.members.append(one)
            waiting.append(one)
            if len(waiting) == ABREAST:
                waiting.popleft().welcome()
        while waiting:
            waiting.popleft().welcome()
        meters.stop(part)
        while self.members:
            self.members.pop().leave()
