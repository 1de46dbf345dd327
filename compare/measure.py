"""One window: one contender, one cell, one round."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from compare import dialects, gate, proc
from compare.contenders import HERE, Contender
from compare.load.client import Generator
from compare.load.jobs import Job, Outcome, Transport
from compare.process import Failed, Server
from compare.results import Cell, Round

WARMUP = 0.12
"""Seconds before each window that are not counted: caches, branch predictors, clocks of the CPU."""

PINGS = 2_000.0
"""Pings a second beside a flood: five rounds of a second tell the p99."""

SETTLE = 0.15
"""Seconds between two looks at a server's memory that must agree."""

_TRANSPORT: dict[str, Transport] = {"udp": "udp", "tls": "tls"}


class Bench:
    """The generator, the server's core, and what has been learnt about each contender."""

    def __init__(self, generator: Generator, server_core: int | None, files: Mapping[str, str]) -> None:
        self.generator = generator
        self.server_core = server_core
        self.files = files
        self._learnt: dict[tuple[str, str, int, int], tuple[bytes, bytes]] = {}

    def _job(self, cell: Cell, server: Server) -> Job:
        """What is alike in every kind of window.  Raises Failed where the server answers wrongly."""
        contender = server.contender
        if contender.dialect == "irc":
            return self._chat_job(cell, server)
        if contender.dialect == "ftp":
            return self._files_job(cell, server)
        key = (contender.service, contender.name, cell.size, cell.depth)
        if key not in self._learnt:
            self._learnt[key] = gate.learn(server, self.files.get("ca", ""), cell.size, cell.depth)
        request, reply = self._learnt[key]
        return Job(
            kind="closed",
            transport=_TRANSPORT.get(contender.service, "tcp"),
            port=server.port,
            connections=min(cell.connections, contender.connections),
            request=request,
            reply=reply,
            stamped=contender.dialect == "echo",
            dialect=contender.dialect,
            depth=cell.depth,
            warmup=WARMUP,
            seconds=cell.seconds,
            pid=server.pid,
            ca=self.files.get("ca", ""),
        )

    def _chat_job(self, cell: Cell, server: Server) -> Job:
        return Job(
            kind="registration" if cell.measure == "registration" else "fanout",
            port=server.port,
            connections=min(cell.connections, server.contender.connections),
            dialect="irc",
            size=cell.size,
            depth=cell.depth,
            tags=cell.tags,
            warmup=WARMUP,
            seconds=cell.seconds,
            pid=server.pid,
        )

    def _files_job(self, cell: Cell, server: Server) -> Job:
        return Job(
            kind=cell.measure if cell.measure in ("retr", "stor", "login") else "idle",
            connections=cell.connections,
            transport="tls" if cell.tls else "tcp",
            port=server.port,
            dialect="ftp",
            size=cell.size,
            seconds=cell.seconds,
            folder=self.files["root"],
            pid=server.pid,
            ca=self.files["ca"],
        )

    def _do(self, job: Job, cell: Cell, server: Server, number: int) -> Round:
        outcome = self.generator.do(job)
        round_ = Round(cell=cell.id, name=server.contender.name, number=number, connections=0)
        _copy(outcome, round_)
        round_.rate = job.rate
        if outcome.problem:
            round_.problem = server.died() or outcome.problem
        return round_

    def closed(self, cell: Cell, server: Server, number: int) -> Round:
        """As fast as it answers (or registers).  Raises Failed, GeneratorFailed."""
        return self._do(self._job(cell, server), cell, server, number)

    def paced(self, cell: Cell, server: Server, number: int, rate: float) -> Round:
        """At `rate` operations a second, whatever comes back.  Raises Failed, GeneratorFailed."""
        job = self._job(cell, server)
        job.kind, job.rate = "paced", rate
        return self._do(job, cell, server, number)

    def churn(self, cell: Cell, server: Server, number: int) -> Round:
        """Connections of one exchange each, as fast as they come and go.  Raises Failed, GeneratorFailed."""
        job = self._job(cell, server)
        job.kind, job.stamped = "churn", False
        return self._do(job, cell, server, number)

    def fairness(self, cell: Cell, server: Server, number: int) -> Round:
        """Pings beside a flood.  Raises Failed, GeneratorFailed."""
        job = self._job(cell, server)
        if job.connections < 2:
            raise Failed("serves one client at a time: nobody can ping beside a flood")
        job.kind, job.rate = "fairness", PINGS
        return self._do(job, cell, server, number)

    def memory(self, cell: Cell, server: Server, number: int) -> Round:
        """Of a server that was just started: by how much idle connections make it grow.

        Each connection is accepted and has had one exchange, then says nothing.  One more is
        opened and closed before the first look, so that what is loaded once is not counted.
        """
        job = self._job(cell, server)
        job.kind, job.connections = "idle", 1
        round_ = Round(cell=cell.id, name=server.contender.name, number=number, connections=0)
        for step in ("first", "all"):
            outcome = self.generator.do(job)
            if outcome.problem:
                round_.problem = server.died() or outcome.problem
                self.generator.do(Job(kind="release"))
                return round_
            if step == "first":
                self.generator.do(Job(kind="release"))
                round_.pss_before = settled(server.pid)
                job.connections = min(cell.connections, server.contender.connections)
        round_.pss_after = settled(server.pid)
        round_.connections = outcome.connections
        self.generator.do(Job(kind="release"))
        return round_

    def ceiling(self, cell: Cell, dialect: str) -> float:
        """Operations a second of the generator alone: the null server's, or what its own CPU
        would allow were its core full.  Raises Failed, GeneratorFailed."""
        if cell.service == "chat":
            return self._fanout_ceiling(cell)
        transport = _TRANSPORT.get(cell.service, "tcp")
        request = dialects.requests(dialect, cell.size, cell.depth)
        null = Contender("null", cell.service, "control", "", null_command(transport, len(request)))
        with Server(null, self.server_core) as server:
            server.start()
            outcome = self.generator.do(
                Job(
                    kind="closed",
                    transport=transport,
                    port=server.port,
                    connections=cell.connections,
                    request=request,
                    reply=bytes(len(request)),
                    depth=cell.depth,
                    warmup=WARMUP,
                    seconds=min(cell.seconds, 0.5),
                    pid=server.pid,
                )
            )
        return _ceiling(outcome)

    def _fanout_ceiling(self, cell: Cell) -> float:
        command = (sys.executable, str(HERE / "load" / "null_chat.py"), "{port}")
        null = Contender("null", cell.service, "control", "", command, dialect="irc")
        with Server(null, self.server_core) as server:
            server.start()
            job = self._chat_job(cell, server)
            job.seconds = min(cell.seconds, 0.5)
            return _ceiling(self.generator.do(job))


def _ceiling(outcome: Outcome) -> float:
    if not outcome.generator_cpu:
        return 0.0
    return max(outcome.operations / outcome.seconds, outcome.operations / outcome.generator_cpu)


def null_command(transport: str, size: int) -> tuple[str, ...]:
    """The null server's command."""
    return (sys.executable, str(HERE / "load" / "null.py"), "{port}", transport, str(size), str(size))


def _copy(outcome: Outcome, round_: Round) -> None:
    for field in Outcome.__struct_fields__:
        if hasattr(round_, field):
            setattr(round_, field, getattr(outcome, field))


def settled(pid: int) -> int:
    """PSS once two looks agree within half a percent, at the latest after ten."""
    seen = proc.pss(pid)
    for _ in range(10):
        time.sleep(SETTLE)
        before, seen = seen, proc.pss(pid)
        if abs(seen - before) <= 0.005 * before:
            break
    return seen
