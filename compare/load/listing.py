"""One client lists a directory of very many files, over and over, while another says NOOP.

NOOPs leave at a fixed rate, and each is timed from when it was meant to leave: a server that makes a whole
listing at once answers them all late.
"""

from __future__ import annotations

import select
import time
from collections import deque

from compare import ftp
from compare.dialects import WrongAnswer
from compare.load.connections import Lost
from compare.load.ftp_sessions import FTPSession
from compare.load.jobs import Job, Outcome
from compare.load.meters import Meters
from compare.load.paced import HIGHEST, LATE, LOWEST, histogram

PIECE = 65_536
"""Bytes of a listing that are read at once, so that this process is never long away from who waits."""

LONGEST = 10.0
"""Seconds beyond the window for which the end of a listing, and the last replies, are waited for."""


class Listing:
    """A window over two sessions that are logged in."""

    def __init__(self, job: Job, pinger: FTPSession, lister: FTPSession) -> None:
        self.job = job
        self.pinger = pinger
        self.lister = Lister(lister)
        self.latencies: list[float] = []
        self._meant: deque[float] = deque()
        self._replies = b""

    def run(self, outcome: Outcome) -> None:
        """Measure into `outcome`.  Raises Lost and WrongAnswer."""
        outcome.connections = 2
        meters = Meters(self.job.pid)
        meters.start()
        with select.epoll() as epoll:
            try:
                self._window(epoll, outcome)
            finally:
                meters.stop(outcome)
                self.lister.close()
        counts = histogram()
        for latency in self.latencies:
            counts.record_value(min(max(int(latency * 1e6), LOWEST), HIGHEST))
        outcome.histogram = counts.encode().decode("ascii")
        outcome.samples = len(self.latencies)
        outcome.operations = outcome.samples - outcome.unanswered

    def _window(self, epoll: select.epoll, outcome: Outcome) -> None:
        clock, rate = time.perf_counter, self.job.rate
        outcome.intended = total = int(self.job.seconds * rate)
        pinger = self.pinger.sock
        pinger.setblocking(False)
        epoll.register(pinger, select.EPOLLIN)
        self.lister.begin(epoll)
        start, sent = clock(), 0
        # At least one listing whole: or somebody who takes long for it would be measured without.
        while sent < total or self._meant or not self.lister.listings:
            if clock() > start + self.job.seconds + LONGEST:
                break
            due = start + sent / rate
            while sent < total and due <= (now := clock()):
                outcome.late += now - due > LATE
                self._ping(due)
                sent += 1
                due = start + sent / rate
            for fd, _ in epoll.poll(max(due - clock(), 0) if sent < total else 1.0):
                if fd == pinger.fileno():
                    self._answered(clock())
                else:
                    self.lister.readable(epoll)
        # They waited at least so long: who starves others is not to look better for it.
        outcome.unanswered = len(self._meant)
        self.latencies += [clock() - due for due in self._meant]

    def _ping(self, due: float) -> None:
        try:
            self.pinger.sock.send(b"NOOP\r\n")
        except OSError as error:
            raise Lost(f"NOOP could not be sent: {error}") from None
        self._meant.append(due)

    def _answered(self, now: float) -> None:
        try:
            data = self.pinger.sock.recv(PIECE)
        except OSError as error:
            raise Lost(f"the control connection failed: {error}") from None
        if not data:
            raise Lost("the server closed the control connection")
        *replies, self._replies = (self._replies + data).split(b"\n")
        for reply in replies:
            if not reply.startswith(b"200"):
                raise WrongAnswer(f"NOOP was answered {reply[:100]!r}")
            if not self._meant:
                raise WrongAnswer("more replies came than NOOPs were sent")
            self.latencies.append(now - self._meant.popleft())


class Lister:
    """Lists, again and again."""

    def __init__(self, session: FTPSession) -> None:
        self.listings = 0
        """That came whole."""
        self._session = session
        self._buffer = bytearray(PIECE)

    def begin(self, epoll: select.epoll) -> None:
        """LIST once more.  Only the data is waited for beside NOOP's replies: the rest comes at once."""
        self._came = 0
        self._data = self._session.data()
        self._session.say(b"LIST " + ftp.MANY.encode() + b"\r\n")
        epoll.register(self._data, select.EPOLLIN)

    def readable(self, epoll: select.epoll) -> None:
        """A piece of the listing has come, or its end."""
        try:
            count = self._data.recv_into(self._buffer)
        except OSError as error:
            raise Lost(f"the listing's connection failed: {error}") from None
        self._came += self._buffer.count(b"\n", 0, count)
        if count:
            return
        self._data.close()
        self._session.expect(b"150", b"125")
        self._session.ended()
        if not ftp.MANY_FILES <= self._came <= ftp.MANY_FILES + 3:  # with a total, `.` and `..`
            raise WrongAnswer(f"{self._came:,} lines for {ftp.MANY_FILES:,} files")
        self.listings += 1
        self.begin(epoll)

    def close(self) -> None:
        """In the middle of a listing, most likely."""
        self._data.close()
