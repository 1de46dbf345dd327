"""Fan-out: one member says lines, and says more when all the others have them.

All members get the same bytes, so what one must have is made (or, where it carries tags, read and
checked) once and compared in one piece with what each of them reads.  As in `load.closed`, the
loop must not be what is measured: a member costs it one read and one comparison.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import TypeAlias

from compare import irc
from compare.dialects import WrongAnswer
from compare.load.closed import SLICES
from compare.load.connections import PATIENCE, Lost
from compare.load.jobs import Job, Outcome
from compare.load.members import Member
from compare.load.meters import Meters

GATHER = 20e-6
"""Seconds that a look waits for more once there is something: a member at a time costs a look each."""

Poll: TypeAlias = "Callable[[float, int], list[tuple[int, int]]]"


class FanOut:
    """A window over members who are all on the channel; the first of them is the sender."""

    def __init__(self, job: Job, members: list[Member]) -> None:
        self.job = job
        self.members = members
        self.sender, *others = members
        # With tags, whoever is read first says what everybody else must get.
        self.first = others.pop(0) if job.tags else None
        self.others = {one.sock.fileno(): one for one in others}
        self.deliveries = job.depth * (len(members) - 1)
        self.idle = 0.0  # CPU seconds in which there was nothing to read yet
        self._number = 0
        self._prefix = b""
        self._tagged = irc.Tagged()
        self._parts: dict[int, bytes] = {}

    def run(self, outcome: Outcome) -> None:
        """Warm up, measure into `outcome`, and see that nothing else came.  Raises Lost."""
        try:
            self._learn()
            for one in self.members:
                one.sock.setblocking(False)
            with select.epoll() as others, select.epoll() as first:
                for fd in self.others:
                    others.register(fd, select.EPOLLIN)
                if self.first:
                    first.register(self.first.sock, select.EPOLLIN)
                self._measure(outcome, others.poll, first.poll)
            self._nothing_else()
        except WrongAnswer as error:
            raise Lost(str(error)) from None

    def _measure(self, outcome: Outcome, others: Poll, first: Poll) -> None:
        meters = Meters(self.job.pid)
        self._pump(self.job.warmup, [], others, first)
        self.idle = 0.0
        meters.start()
        try:
            self._pump(self.job.seconds, outcome.series, others, first)
        finally:
            meters.stop(outcome, self.idle)
            outcome.operations = sum(outcome.series)

    def _learn(self) -> None:
        """One line to all: how this server relays it, and that the sender does not get it."""
        for one in self.members:
            one.lines()  # who has joined since
        line = irc.message(0, self.job.size)
        self.sender.say(line)
        for one in self.members:
            found = one.lines()
            if one is self.sender and not found:
                continue
            if one is self.sender or len(found) != 1:
                raise WrongAnswer(
                    f"{one.nick.decode()} got {len(found)} lines of one: {b''.join(found)[:100]!r}"
                )
            if self.job.tags:
                irc.Tagged().check(found[0], line)
            else:
                self._prefix = self._prefix or irc.prefix_of(found[0], line)
                if found[0] != self._prefix + line:
                    raise WrongAnswer(f"{one.nick.decode()} got {found[0][:100]!r}")

    def _pump(self, seconds: float, series: list[int], others: Poll, first: Poll) -> None:
        """Line upon line for so long; appends to `series` the deliveries of each slice."""
        clock, limit, send = time.perf_counter, len(self.others), self.sender.sock.send
        receive = {fd: one.sock.recv_into for fd, one in self.others.items()}
        size, buffer = 0, bytearray()
        start = clock()
        edge, slice_ = start + seconds / SLICES, 1
        done = 0
        while True:
            self._number += self.job.depth
            lines = irc.messages(self._number, self.job.depth, self.job.size)
            if send(lines) != len(lines):
                raise Lost("the server does not read what the sender says")
            if self.first:
                expected = self._first(self.first, lines, first)
            else:
                expected = self._prefix + lines.replace(b"\r\nP", b"\r\n" + self._prefix + b"P")
            if len(expected) != size:
                size = len(expected)
                buffer = bytearray(size)
            left = limit
            while left:
                for fd, _event in others(0, limit) or self._await(others):
                    count = receive[fd](buffer)
                    if (count == size and buffer == expected) or self._part(
                        fd, bytes(buffer[:count]), expected
                    ):
                        left -= 1
            done += self.deliveries
            now = clock()
            if now >= edge:
                series.append(done)
                done = 0
                slice_ += 1
                while slice_ <= SLICES and now >= (edge := start + seconds * slice_ / SLICES):
                    series.append(0)  # what came in that tenth was seen after it
                    slice_ += 1
                if slice_ > SLICES:
                    return

    def _await(self, poll: Poll) -> list[tuple[int, int]]:
        """Look again and again until there is something; why not asleep, see `load.closed`."""
        clock, began, cpu = time.perf_counter, time.perf_counter(), time.process_time()
        events: list[tuple[int, int]] = []
        while not events and clock() - began < PATIENCE:
            events = poll(0, len(self.others))
        pause = clock() + GATHER
        while clock() < pause:
            pass
        events = poll(0, len(self.others))
        self.idle += time.process_time() - cpu
        if not events:
            raise Lost(f"a member got nothing for {PATIENCE:g} s")
        return events

    def _part(self, fd: int, data: bytes, expected: bytes) -> bool:
        """Whether that was the rest of what a member must have; raises Lost for anything else."""
        if not data:
            raise Lost("the server closed the connection")
        data = self._parts.pop(fd, b"") + data
        if data == expected:
            return True
        if not expected.startswith(data):
            at = next(
                (i for i, (a, b) in enumerate(zip(data, expected, strict=False)) if a != b), len(expected)
            )
            raise Lost(f"{self.others[fd].nick.decode()} got {data[at - at % 80 :][:100]!r} out of turn")
        self._parts[fd] = data
        return False

    def _first(self, one: Member, lines: bytes, poll: Poll) -> bytes:
        """What the first member got for these lines, checked."""
        data = b""
        while data.count(b"\n") < self.job.depth:
            if not poll(0, 1):
                self._await(poll)
            more = one.sock.recv(65_536)
            if not more:
                raise Lost("the server closed the connection")
            data += more
        self._tagged.check(data, lines)
        return data

    def _nothing_else(self) -> None:
        """Each line came once: behind the last there is nothing, and the sender got none of them."""
        for one in self.members:
            one.sock.settimeout(PATIENCE)
            if found := one.lines():
                raise WrongAnswer(f"{one.nick.decode()} got besides: {b''.join(found)[:100]!r}")
