"""The cells: which shapes of load are measured, and for whom.

Not every cell for every contender: each service has a headline cell for all; the rest are
for ours, the same frameworks bare, and the best controls.
"""

from __future__ import annotations

from collections.abc import Iterable

from compare import ftp
from compare.results import Cell, Measure

CLOSE = ("twisted", "gevent", "bare-twisted", "bare-gevent", "epoll")
"""Whom the claims are about; measured in every round, also when time is short."""

SPARE = 100
"""Descriptors that a process needs beside its connections, generously."""

BEST = (*CLOSE, "uvloop")

RELAYS = ("twisted", "gevent", "bare-twisted", "bare-gevent", "ngircd")
"""Whom chat's headline is about."""

TRANSFERS = 0.7
"""Seconds that a window of files takes, about: for the time left."""

SMALL_FILES = ("twisted", "gevent", "pyftpdlib")
"""Whom the headline cell of files is about."""

LARGE_FILE = 1 << 30

GROWTH = (10, 100, 1_000, 5_000)
"""Connections of the cells that show how costs grow; 1, 50 and 500 have cells of their own."""

MEMBERS = 201
"""One who says and 200 who are told."""


def quick(seconds: float) -> list[Cell]:
    """The headline cells and memory: done in two minutes with windows of half a second.

    Only echo goes through all rounds, and there only those whom the claims are about.
    """
    return [
        Cell(id="echo", service="echo", measure="closed", seconds=seconds, rounds=2, core=CLOSE),
        Cell(
            id="tls-64k",
            service="tls",
            measure="closed",
            connections=10,
            size=65_536,
            seconds=seconds,
            rounds=3,
        ),
        Cell(id="rpc", service="rpc", measure="closed", seconds=seconds, rounds=3),
        Cell(id="rpc-16", service="rpc", measure="closed", depth=16, seconds=seconds, rounds=3),
        Cell(id="udp", service="udp", measure="closed", seconds=seconds, rounds=3),
        _chat("chat", 1, False, seconds, names=RELAYS, rounds=3),
        _files("files-4k", "retr", 4096, names=SMALL_FILES, rounds=3),
        Cell(id="echo-memory", service="echo", measure="memory", connections=1000, names=BEST, rounds=1),
    ]


def _chat(
    name: str, depth: int, tags: bool, seconds: float, names: tuple[str, ...] = (), rounds: int = 0
) -> Cell:
    return Cell(
        id=name,
        service="chat",
        measure="closed",
        connections=MEMBERS,
        size=64,
        depth=depth,
        tags=tags,
        seconds=seconds,
        names=names,
        rounds=rounds,
    )


def _files(
    name: str,
    measure: Measure,
    size: int = 0,
    tls: bool = False,
    names: tuple[str, ...] = (),
    rounds: int = 0,
) -> Cell:
    """As many transfers, or logins, as `load.transfers` says: no seconds of ours."""
    return Cell(
        id=name,
        service="files",
        measure=measure,
        connections=1,
        size=size,
        tls=tls,
        seconds=TRANSFERS,
        names=names,
        rounds=rounds,
    )


def large_file(cells: Iterable[Cell]) -> int:
    """Bytes of the file that these cells want to be there, or to write; 0 for none."""
    return max((one.size for one in cells if one.large), default=0)


def many_files(cells: Iterable[Cell]) -> int:
    """Files in the directory that one of these cells wants to list."""
    return ftp.MANY_FILES if any(one.service == "files" and one.measure == "fairness" for one in cells) else 0


def within(cells: Iterable[Cell], descriptors: int) -> tuple[list[Cell], list[str]]:
    """The cells that the limit of descriptors allows; and of each other one, why it is left out."""
    allowed, left_out = [], []
    for one in cells:
        if one.connections + SPARE <= descriptors:
            allowed.append(one)
        else:
            left_out.append(
                f"{one.id}: left out: it needs {one.connections + SPARE:,} descriptors,"
                f" and the limit (ulimit -H -n) is {descriptors:,}"
            )
    return allowed, left_out


def _growth(
    service: str, connections: Iterable[int], seconds: float, names: tuple[str, ...] = ()
) -> list[Cell]:
    """The headline's load on fewer and on many more connections; three rounds say how it grows."""
    return [
        Cell(
            id=f"{service}-{count}",
            service=service,
            measure="closed",
            connections=count,
            seconds=seconds,
            names=names,
            rounds=3,
        )
        for count in connections
    ]


def every(seconds: float) -> list[Cell]:
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
        *_growth("echo", GROWTH, seconds, BEST),
        *(
            Cell(
                id=f"echo-memory-{connections}",
                service="echo",
                measure="memory",
                connections=connections,
                names=BEST,
                rounds=2,
            )
            for connections in (10, 100, 5_000)
        ),
        Cell(id="echo-churn", service="echo", measure="churn", seconds=seconds),
        Cell(id="echo-fairness", service="echo", measure="fairness", connections=2, seconds=seconds),
        Cell(id="udp", service="udp", measure="closed", seconds=seconds),
        Cell(id="udp-64b", service="udp", measure="closed", size=64, seconds=seconds),
        Cell(id="tls", service="tls", measure="closed", seconds=seconds),
        Cell(id="tls-churn", service="tls", measure="churn", seconds=seconds),
        Cell(id="tls-64k", service="tls", measure="closed", connections=10, size=65_536, seconds=seconds),
        Cell(id="rpc", service="rpc", measure="closed", seconds=seconds),
        Cell(id="rpc-16", service="rpc", measure="closed", depth=16, seconds=seconds),
        *_growth("rpc", (1, *GROWTH), seconds),
        Cell(id="rpc-memory", service="rpc", measure="memory", connections=1_000, rounds=2),
        Cell(id="rpc-memory-10k", service="rpc", measure="memory", connections=10_000, rounds=2),
        Cell(id="rpc-churn", service="rpc", measure="churn", seconds=seconds),
        Cell(id="rpc-fairness", service="rpc", measure="fairness", connections=2, seconds=seconds),
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
        _chat("chat", 1, False, seconds),
        _chat("chat-32", 32, False, seconds),
        _chat("chat-tags", 1, True, seconds),
        _chat("chat-32-tags", 32, True, seconds),
        Cell(id="chat-memory", service="chat", measure="memory", connections=1_000),
        Cell(
            id="chat-memory-10k",
            service="chat",
            measure="memory",
            connections=10_000,
            names=RELAYS,
            rounds=2,
        ),
        Cell(id="chat-fairness", service="chat", measure="fairness", connections=2, size=64, seconds=seconds),
        Cell(id="chat-registration", service="chat", measure="registration", seconds=seconds),
        _files("files-retr", "retr", LARGE_FILE),
        _files("files-stor", "stor", LARGE_FILE),
        _files("files-retr-tls", "retr", LARGE_FILE, tls=True),
        _files("files-stor-tls", "stor", LARGE_FILE, tls=True),
        _files("files-4k", "retr", 4096),
        _files("files-login", "login"),
        Cell(id="files-fairness", service="files", measure="fairness", connections=2, seconds=seconds),
        Cell(id="files-memory", service="files", measure="memory", connections=500),
    ]
