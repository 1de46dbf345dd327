"""What is said of the files workload: its own units, and what was asked of it."""

from __future__ import annotations

import pytest

from compare import files_gate, page, workloads
from compare.contenders import TABLE
from compare.findings import ASKED, Findings, unit
from compare.progress import Watcher
from compare.results import Cell, Gate, Results, Round, Row
from compare.run import Plan, Run
from compare.verdicts import asked, verdicts

CELLS = {one.id: one for one in workloads.every(1.0) if one.service == "files"}


def _findings(empty: Results, cell: Cell, **costs: list[float]) -> Findings:
    """A run of one cell, from each contender's CPU in microseconds per operation (a MiB, a file, a login)."""
    empty.cells = [cell]
    for name, values in costs.items():
        empty.rows.append(
            Row(name=name, service="files", kind="ours", framework="", command="", config="root={root}")
        )
        for number, cost in enumerate(values, 1):
            empty.rounds.append(
                Round(
                    cell=cell.id,
                    name=name,
                    number=number,
                    connections=1,
                    seconds=0.5,
                    operations=1024,
                    server_cpu=cost * 1024 / 1e6,
                )
            )
    return Findings(empty)


def test_cells_of_files_say_what_they_are() -> None:
    assert {id_: (one.label(), unit(one)) for id_, one in CELLS.items()} == {
        "files-retr": ("RETR of 1,024 MiB", "s CPU per GiB"),
        "files-stor": ("STOR of 1,024 MiB", "s CPU per GiB"),
        "files-retr-tls": ("RETR of 1,024 MiB in TLS 1.3", "s CPU per GiB"),
        "files-stor-tls": ("STOR of 1,024 MiB in TLS 1.3", "s CPU per GiB"),
        "files-4k": ("RETR of 4 KiB, one after the other", "ms CPU per RETR"),
        "files-login": ("anonymous logins, one after the other", "ms CPU per login"),
        "files-fairness": (
            "one client lists 100,000 files, another says NOOP 2,000 times a second",
            "ms CPU per NOOP",
        ),
        "files-memory": ("500 idle sessions, logged in", "KiB per connection"),
    }


def test_large_files_cost_seconds_for_each_gib(empty: Results) -> None:
    (line,) = _findings(empty, CELLS["files-retr"], gevent=[500.0]).lines(CELLS["files-retr"])
    assert line.cost.median == pytest.approx(0.512)
    assert line.rate
    assert line.rate.median == pytest.approx(2.0)  # GiB/s
    assert line.remarks == ()


def test_small_files_cost_milliseconds(empty: Results) -> None:
    (line,) = _findings(empty, CELLS["files-4k"], gevent=[400.0]).lines(CELLS["files-4k"])
    assert line.cost.median == pytest.approx(0.4)
    assert line.rate
    assert line.rate.median == 2048


def test_the_verdict_and_what_was_asked(empty: Results) -> None:
    found = _findings(
        empty, CELLS["files-retr"], twisted=[4.0, 4.1, 4.0], gevent=[4.0, 4.1, 4.2], pyftpdlib=[8.0, 8.1, 8.0]
    )
    ((service, words),) = verdicts(found).items()
    assert service == "files"
    assert words.startswith(
        "With RETR of 1,024 MiB: in Twisted, ours takes 2.00 times less CPU than pyftpdlib"
    )
    assert "files-retr: gevent / pyftpdlib (asked: at most 0.85)" in [one.words for one in found.figures()]
    assert [(one.words, one.limit, one.answer) for one in asked(found)] == [
        ("RETR of 1,024 MiB: twisted / pyftpdlib", 0.85, "yes"),
        ("RETR of 1,024 MiB: gevent / pyftpdlib", 0.85, "yes"),
    ]


def test_what_is_asked_is_met_by_the_whole_interval_or_undecided(empty: Results) -> None:
    found = _findings(
        empty, CELLS["files-login"], twisted=[9.0, 10.0, 11.0], gevent=[12.0] * 3, pyftpdlib=[10.0] * 3
    )
    assert [one.answer for one in asked(found)] == ["undecided", "no"]


def test_every_cell_that_something_is_asked_of_is_there() -> None:
    assert set(ASKED) <= set(CELLS)


def test_the_page_says_how_files_were_measured(empty: Results) -> None:
    text = page.draw([_findings(empty, CELLS["files-retr"], twisted=[4.0]).results])
    assert "Files over FTP" in text
    assert "GiB/s" in text
    assert "root={root}" in text


def test_who_offers_no_tls_is_not_measured_in_it(empty: Results) -> None:
    class Silent(Watcher):
        """Nobody listens."""

    cells = [CELLS["files-retr"], CELLS["files-retr-tls"]]
    contenders = [one for one in TABLE if one.service == "files" and one.name in ("gevent", "twisted-ftp")]
    run = Run(Plan(contenders, cells, 1), empty, Silent())
    empty.cells = cells
    empty.gates = [
        Gate(service="files", name="gevent", facts={files_gate.TLS: True}),
        Gate(service="files", name="twisted-ftp", facts={files_gate.TLS: False}),
    ]
    assert run.unable() == {("files-retr-tls", "twisted-ftp")}
