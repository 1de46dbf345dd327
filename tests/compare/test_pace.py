"""How fast an open loop asks: fractions of what this contender did itself, in this run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rich.console import Console

from compare.process import Failed
from compare.progress import Lines
from compare.results import Cell, Results
from compare.run import Plan, Run

CELL = Cell(id="echo-at-60", service="echo", measure="paced", fraction=0.6)


def _run(results: Results) -> Run:
    return Run(Plan([], [CELL], 5), results, Lines(Console(quiet=True)))


def test_the_pace_is_of_the_median_of_the_rounds_so_far(measured: Callable[..., Results]) -> None:
    """One slow first round must not make every later window easy."""
    results = measured(twisted=[5.0, 5.0, 5.0], gevent=[5.0])
    for one, operations in zip(results.rounds, (1_000, 100_000, 110_000, 7), strict=True):
        one.operations = operations
    assert _run(results)._pace(CELL, "twisted") == pytest.approx(60_000)


def test_a_round_that_failed_is_no_ceiling(measured: Callable[..., Results]) -> None:
    results = measured(twisted=[5.0, 5.0])
    results.rounds[0].problem = "the server closed the connection"
    assert _run(results)._pace(CELL, "twisted") == pytest.approx(6_000)
    results.rounds[1].problem = "the server closed the connection"
    with pytest.raises(Failed, match="its ceiling was not measured"):
        _run(results)._pace(CELL, "twisted")
