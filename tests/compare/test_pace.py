"""How a run goes on from one window to the next: at which pace, and with which servers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from rich.console import Console

from compare.contenders import Contender
from compare.load.client import Generator
from compare.measure import Bench
from compare.process import Failed, Server
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


@pytest.mark.parametrize(("how", "starved"), [("starves", True), ("behaves", False)])
def test_who_was_flooded_is_started_anew(
    empty: Results, misbehaving: Callable[[str], Contender], how: str, starved: bool
) -> None:
    """What it still works off is no part of the next window."""
    cell = Cell(id="echo-fairness", service="echo", measure="fairness", connections=2, seconds=0.1)
    with ExitStack() as stack:
        run = Run(Plan([], [cell], 1), empty, Lines(Console(quiet=True)))
        generator = stack.enter_context(Generator(None))
        generator.start()
        run.files = {}
        run.bench = Bench(generator, None, run.files)
        run.servers["echo", how] = before = Server(misbehaving(how), None)
        stack.callback(lambda: [one.stop() for one in run.servers.values()])
        before.start()
        run._window(cell, before, 1)
        (round_,) = empty.rounds
        after = run.servers["echo", how]
        assert round_.problem == ""
        assert round_.unanswered > 0 or not starved
        assert after.pid != before.pid
        assert after.alive()
