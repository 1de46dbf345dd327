"""A whole run, every cell and every contender, made by arithmetic: what the page has to stand."""

from __future__ import annotations

import random
from collections.abc import Collection

from compare.contenders import SERVICES, TABLE, Contender
from compare.load.paced import histogram
from compare.results import AGAIN, Cell, Environment, Gate, Results, Round, Row
from compare.workloads import every

COSTS = {
    "echo": {"twisted": 8.1, "gevent": 6.9, "bare-twisted": 15.5, "bare-gevent": 13.0, "epoll": 4.9},
    "udp": {"twisted": 9.0, "gevent": 9.1, "bare-twisted": 11.0, "bare-gevent": 17.0, "blocking": 6.0},
    "tls": {"twisted": 19.0, "gevent": 18.0, "bare-twisted": 37.0, "bare-gevent": 31.0},
    "rpc": {"twisted": 9.4, "gevent": 9.4, "amp": 240.0, "aiorpcx": 76.0},
    "chat": {"twisted": 1.3, "gevent": 1.2, "bare-twisted": 4.0, "bare-gevent": 5.0, "ngircd": 1.9},
    "files": {"twisted": 460.0, "gevent": 430.0, "twisted-ftp": 930.0, "pyftpdlib": 610.0, "vsftpd": 420.0},
}
"""Of the service's commonest operation, server CPU in microseconds."""

MEMORY = {"twisted": 6.1, "gevent": 14.2, "bare-twisted": 4.3, "bare-gevent": 11.0, "epoll": 1.2}
"""KiB for each idle connection."""


def environment() -> Environment:
    return Environment(
        twofold="0.1.0",
        python="CPython 3.13.0",
        versions={"twisted": "25.5.0", "gevent": "25.9.1", "uvloop": "0.22.1"},
        loops={"Twisted": "EPollReactor", "gevent": "libev epoll"},
        kernel="Linux 6.1.0",
        cpu="A Processor (TM) 3.0 GHz",
        cores=2,
        server_core=0,
        generator_core=1,
        load_before=[0.1, 0.2, 0.3],
    )


def whole(
    rounds: int = 5,
    jitter: float = 0.01,
    seed: int = 7,
    services: Collection[str] = SERVICES,
    timed: bool = True,
) -> Results:
    """Each number is the contender's usual one, of this cell's shape, give or take the jitter."""
    draw = random.Random(seed)
    run = Results(
        started="2026-01-01T00:00:00+00:00",
        seconds=2400,
        quick=False,
        control="bare-gevent",
        environment=environment(),
        cells=[one for one in every(1.0) if one.service in services and (timed or not one.timed)],
    )
    run.rows = [
        Row(
            name=one.name,
            service=one.service,
            kind=one.kind,
            framework=one.framework,
            command=" ".join(one.command),
            note=one.note,
            config=one.config,
        )
        for one in TABLE
        if one.service in services
    ]
    run.gates = [Gate(service=one.service, name=one.name, notes=["says nothing"]) for one in TABLE]
    for cell in run.cells:
        run.ceilings[cell.id] = 210_000.0
        for one in TABLE:
            if one.service != cell.service or (cell.names and one.name not in cell.names):
                continue
            twins = [one.name] + ([one.name + AGAIN] if (cell.id, one.name) == ("echo", run.control) else [])
            for name in twins:
                for number in range(1, (cell.rounds or rounds) + 1):
                    run.rounds.append(_round(cell, one, name, number, draw.gauss(1.0, jitter), draw))
    return run


def _round(cell: Cell, one: Contender, name: str, number: int, luck: float, draw: random.Random) -> Round:
    connections = min(cell.connections, one.connections or cell.connections)
    if cell.measure == "memory":
        grown = MEMORY.get(one.name, 20.0) * 1024 * connections * luck
        return Round(
            cell=cell.id,
            name=name,
            number=number,
            connections=connections,
            pss_before=30 << 20,
            pss_after=(30 << 20) + int(grown),
        )
    cost = COSTS[cell.service].get(one.name, 20.0) * luck * _shape(cell)
    done = int(min(0.95e6 * cell.seconds / cost, 200_000))
    made = Round(
        cell=cell.id,
        name=name,
        number=number,
        connections=connections,
        seconds=cell.seconds,
        operations=done,
        server_cpu=cost * done / 1e6,
        generator_cpu=0.7 * cell.seconds,
        other_cpu=0.01,
        series=[done // 10] * 10,
    )
    if cell.timed:
        counts = histogram()
        for _ in range(500):
            counts.record_value(max(20, int(draw.lognormvariate(5.0 + cell.fraction, 0.5) * cost / 8)), 40)
        made.samples = made.intended = 20_000
        made.rate = 20_000
        made.histogram = counts.encode().decode("ascii")
    return made


def _shape(cell: Cell) -> float:
    """How much dearer an operation of this cell is than its service's commonest one."""
    shape = {"churn": 12.0, "registration": 100.0, "login": 2.0}.get(cell.measure, 1.0)
    shape *= 1.6 if cell.tls else 1.0
    shape *= 4.0 if cell.size == 65_536 else 1.0
    shape *= 0.25 if cell.depth > 1 else 1.0
    shape *= 1.2 if cell.tags else 1.0
    return shape * (1 + cell.connections / 20_000)
