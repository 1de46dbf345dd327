"""Closed loop: each connection asks again as soon as it was answered.

The loop is written for its cost: it must not be what is measured.  For the common round
trip, one read and one write, it calls two bound socket methods and compares two byte
strings; tables are lists indexed by descriptor, and the clock is read once per wake-up.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import TypeAlias

from compare.load.connections import PATIENCE, Careful, Connection, Lost
from compare.load.jobs import Job, Outcome
from compare.load.meters import Meters

SLICES = 10
SINGLE_READ = 16_384
"""Bytes of an answer that usually arrive in one piece; larger ones are put together at once."""

# receive, its buffer, what must be in it, send, the message, its length
Row: TypeAlias = "tuple[Callable[..., int], bytearray, bytes, Callable[[bytes], int], bytes, int]"


class ClosedLoop:
    """A window over connections that stand already."""

    def __init__(self, job: Job, connections: list[Connection]) -> None:
        self.job = job
        self.size = len(connections[0].expected)
        self.epoll = select.epoll(len(connections))
        self.connections = {one.sock.fileno(): one for one in connections}
        self.rows: list[Row | None] = [None] * (max(self.connections) + 1)
        self.idle = 0.0  # CPU seconds in which there was no answer yet
        for fd, one in self.connections.items():
            self.epoll.register(fd, select.EPOLLIN)
            if self.size <= SINGLE_READ and job.transport != "tls":
                buffer = bytearray(self.size)
                message = one.message
                self.rows[fd] = (
                    one.sock.recv_into,
                    buffer,
                    one.expected,
                    one.sock.send,
                    message,
                    len(message),
                )
            else:
                self._take_care(fd)

    def _take_care(self, fd: int, held: bytes = b"") -> Careful:
        one = self.connections[fd]
        careful = Careful(one, self.epoll, held)
        message = one.message
        self.rows[fd] = (careful.receive, careful.buffer, one.expected, careful.send, message, len(message))
        return careful

    def run(self, outcome: Outcome) -> None:
        """Warm up, measure into `outcome`, and see that every last request is answered.  Raises Lost."""
        meters = Meters(self.job.pid)
        try:
            for fd in self.connections:
                self._ask(fd)
            self._pump(self.job.warmup, [])
            self.idle = 0.0
            meters.start()
            try:
                self._pump(self.job.seconds, outcome.series)
            finally:
                meters.stop(outcome, self.idle)
                outcome.operations = sum(outcome.series)
            self._collect()
        finally:
            self.epoll.close()

    def _ask(self, fd: int) -> None:
        row = self.rows[fd]
        assert row is not None
        *_, send, message, length = row
        try:
            sent = send(message)
        except BlockingIOError:
            sent = 0
        if sent < length:
            self._take_care(fd).send(message[sent:])

    def _pump(self, seconds: float, series: list[int]) -> None:
        """Go round for so long; appends to `series` the operations of each slice."""
        clock, poll, rows, size = time.perf_counter, self.epoll.poll, self.rows, self.size
        limit, depth = len(self.connections), self.job.depth
        start = clock()
        edge, slice_ = start + seconds / SLICES, 1
        done = 0
        while True:
            events = poll(0, limit) or self._await_answers(limit)
            for fd, _event in events:
                receive, buffer, expected, send, message, length = rows[fd]  # type: ignore[misc]
                try:
                    count = receive(buffer)
                except BlockingIOError:
                    continue
                if count == size and buffer == expected:
                    done += 1
                    try:
                        sent = send(message)
                    except BlockingIOError:
                        sent = 0
                    if sent != length:
                        self._take_care(fd).send(message[sent:])
                elif self._arrived(fd, count):
                    done += 1
                    self._ask(fd)
            now = clock()
            if now >= edge or not events:
                series.append(done * depth)
                done = 0
                if not events:
                    raise Lost(f"no answer for {PATIENCE:g} s")
                slice_ += 1
                while slice_ <= SLICES and now >= (edge := start + seconds * slice_ / SLICES):
                    series.append(0)  # what was answered in that tenth was seen after it
                    slice_ += 1
                if slice_ > SLICES:
                    return

    def _await_answers(self, limit: int) -> list[tuple[int, int]]:
        """Look again and again until there is an answer.

        Whoever sleeps has to be woken, which the kernel does in the sender's name: to wake this core
        would be charged to every server that is slower than the generator, and to no faster one.  A
        client on another machine is woken at its own expense.
        """
        clock, poll = time.perf_counter, self.epoll.poll
        began, cpu = clock(), time.process_time()
        events: list[tuple[int, int]] = []
        while not events and clock() - began < PATIENCE:
            events = poll(0, limit)
        self.idle += time.process_time() - cpu
        return events

    def _arrived(self, fd: int, count: int) -> bool:
        """Whether that was a whole answer after all, in another order; raises Lost for a wrong one."""
        one = self.connections[fd]
        row = self.rows[fd]
        assert row is not None
        buffer = row[1]
        if count == self.size:
            one.check(bytes(buffer))
            return True
        if self.job.transport == "udp":
            raise Lost(f"a datagram of {self.size:,} bytes came back as {count:,}")
        if count == 0 and row[0] == one.sock.recv_into:
            raise Lost("the server closed the connection")
        if row[0] == one.sock.recv_into:
            self._take_care(fd, bytes(buffer[:count]))
        return False

    def _collect(self) -> None:
        """Take the answers to what was asked last: nobody may have been left out."""
        waiting = set(self.connections)
        while waiting:
            events = self.epoll.poll(PATIENCE)
            if not events:
                raise Lost(f"{len(waiting)} of {len(self.connections)} connections got no last answer")
            for fd, _event in events:
                row = self.rows[fd]
                assert row is not None
                count = row[0](row[1])
                if (count == self.size and row[1] == row[2]) or self._arrived(fd, count):
                    waiting.discard(fd)
