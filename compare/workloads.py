"""The cells: which shapes of load are measured, and for whom.

Not every cell for every contender: each service has a headline cell for all; the rest are
for ours, the same frameworks bare, and the best controls.
"""

from __future__ import annotations

from compare.results import Cell

CLOSE = ("twisted", "gevent", "bare-twisted", "bare-gevent", "epoll")
"""Whom the claims are about; measured in every round, also when time is short."""

BEST = (*CLOSE, "uvloop")


def quick() -> list[Cell]:
    """The headline cells, half a second each, and memory: done in two minutes."""
    return [
        Cell(id="echo", service="echo", measure="closed", seconds=0.5),
        Cell(id="tls-64k", service="tls", measure="closed", connections=10, size=65_536, seconds=0.5),
        Cell(id="rpc", service="rpc", measure="closed", seconds=0.5),
        Cell(id="rpc-16", service="rpc", measure="closed", depth=16, seconds=0.5),
        Cell(id="udp", service="udp", measure="closed", seconds=0.5, rounds=3),
        Cell(id="echo-memory", service="echo", measure="memory", connections=1000, names=BEST, rounds=1),
    ]


def full(seconds: float) -> list[Cell]:
    """Every cell, with windows of so many seconds."""
    return [
        Cell(id="echo", service="echo", measure="closed", seconds=seconds),
        *(
            Cell(
                id=name,
                service="echo",
                measure="closed",
                connections=connections,
                size=size,
                depth=depth,
                seconds=seconds,
                names=BEST,
            )
            for name, connections, size, depth in (
                ("echo-1", 1, 1024, 1),
                ("echo-500", 500, 1024, 1),
                ("echo-64b", 50, 64, 1),
                ("echo-64k", 50, 65_536, 1),
                ("echo-16", 50, 1024, 16),
            )
        ),
        *(
            Cell(
                id=f"echo-at-{percent}",
                service="echo",
                measure="paced",
                fraction=percent / 100,
                seconds=seconds,
                names=BEST,
            )
            for percent in (30, 60, 90)
        ),
        Cell(id="echo-memory", service="echo", measure="memory", connections=1_000),
        Cell(
            id="echo-memory-10k", service="echo", measure="memory", connections=10_000, names=BEST, rounds=2
        ),
        Cell(id="udp", service="udp", measure="closed", seconds=seconds),
        Cell(id="udp-64b", service="udp", measure="closed", size=64, seconds=seconds),
        Cell(id="tls", service="tls", measure="closed", seconds=seconds),
        Cell(id="tls-64k", service="tls", measure="closed", connections=10, size=65_536, seconds=seconds),
        Cell(id="rpc", service="rpc", measure="closed", seconds=seconds),
        Cell(id="rpc-16", service="rpc", measure="closed", depth=16, seconds=seconds),
        *(
            Cell(
                id=f"rpc-at-{percent}",
                service="rpc",
                measure="paced",
                fraction=percent / 100,
                seconds=seconds,
            )
            for percent in (30, 60, 90)
        ),
    ]
