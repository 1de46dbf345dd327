"""What the tests of `compare` share: results made by arithmetic, and small runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compare import certificate, files_root
from compare.contenders import Contender
from compare.results import Cell, Environment, Results, Round, Row

MISBEHAVING = Path(__file__).with_name("contender.py")
LARGE = 4 << 20
"""Bytes of what is a large file to a test."""


def files_contender(how: str) -> Contender:
    """An FTP server that does one thing wrong."""
    command = (sys.executable, str(Path(__file__).with_name("files_contender.py")), "{port}", how, "{root}")
    return Contender(how, "files", "yours", "yours", command, dialect="ftp")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What `{cert}`, `{key}`, `{ca}` and `{root}` mean to a server of files."""
    with files_root.served(LARGE, 0) as root:
        yield certificate.make(tmp_path) | {"root": str(root)}


@pytest.fixture
def misbehaving() -> Callable[[str], Contender]:
    """A contender of which nothing good is to be expected, by how it fails."""

    def make(how: str) -> Contender:
        command = (sys.executable, str(MISBEHAVING), "{port}", how)
        return Contender(how, "echo", "yours", "yours", command)

    return make


@pytest.fixture
def empty() -> Results:
    """A run in which nothing was measured yet."""
    return Results(
        started="2026-01-01T00:00:00+00:00",
        quick=True,
        environment=Environment(
            twofold="0.1.0",
            python="CPython 3.13.0",
            versions={"twisted": "24.10.0"},
            loops={"Twisted": "EPollReactor"},
            kernel="Linux 6",
            cpu="a processor",
            cores=2,
            server_core=0,
            generator_core=1,
            load_before=[0.0, 0.0, 0.0],
        ),
    )


@pytest.fixture
def measured(empty: Results) -> Callable[..., Results]:
    """A run of one echo cell, from each contender's CPU in µs per operation, round by round."""

    def make(**costs: list[float]) -> Results:
        empty.cells = [Cell(id="echo", service="echo", measure="closed")]
        for name, values in costs.items():
            name = name.replace("_", "-").replace("-again", " again")
            kind = "ours" if name in ("twisted", "gevent") else "bare"
            empty.rows.append(
                Row(name=name, service="echo", kind=kind, framework="", command="a {port}")  # type: ignore[arg-type]
            )
            for number, cost in enumerate(values, 1):
                empty.rounds.append(
                    Round(
                        cell="echo",
                        name=name,
                        number=number,
                        connections=50,
                        seconds=1.0,
                        operations=10_000,
                        server_cpu=cost / 100,
                        generator_cpu=0.5,
                        series=[1000] * 10,
                    )
                )
        empty.control = "bare-gevent"
        return empty

    return make
