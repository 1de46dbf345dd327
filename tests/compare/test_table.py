"""What is said on the terminal, and in which order."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console

from compare import table
from compare.load.paced import histogram
from compare.results import Cell, Results, Round


def shown(results: Results, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    table.show(results, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_noise_floor_is_the_first_line_then_where_it_was_measured(
    measured: Callable[..., Results],
) -> None:
    """Rules 1, 3 and 6."""
    lines = shown(
        measured(twisted=[8.0] * 5, bare_gevent=[9.0] * 5, bare_gevent_again=[9.1] * 5)
    ).splitlines()
    assert lines[0].startswith("Noise floor: bare-gevent twice differs by")
    assert lines[1] == "Server on core 0, generator on core 1 of 2: a processor, Linux 6, CPython 3.13.0."
    assert lines[2].startswith("Before it the load was 0.00; others of this host took 0.0 s")
    assert lines[3] == "Twisted: EPollReactor."


def test_one_core_is_said_to_be_shared(measured: Callable[..., Results]) -> None:
    results = measured(twisted=[8.0])
    results.environment.server_core = results.environment.generator_core = None
    assert "Server and generator share the only core" in shown(results)


def test_a_difference_that_the_noise_hides_is_not_seen(measured: Callable[..., Results]) -> None:
    """Rule 2."""
    results = measured(
        twisted=[8.0, 9.0, 8.5],
        bare_twisted=[8.4, 8.6, 8.5],
        bare_gevent=[9.0] * 3,
        bare_gevent_again=[9.0] * 3,
    )
    assert "no difference seen" in shown(results)


def test_who_starves_its_pinger_has_a_row_and_the_word(measured: Callable[..., Results]) -> None:
    results = measured(bare_gevent=[9.0], bare_gevent_again=[9.0])
    results.cells.append(Cell(id="echo-fairness", service="echo", measure="fairness"))
    counts = histogram()
    counts.record_value(2_000_000)
    for name, unanswered in (("twisted", 0), ("bare-gevent", 1)):
        results.rounds.append(
            Round(
                cell="echo-fairness",
                name=name,
                number=1,
                connections=2,
                operations=0,
                samples=1,
                unanswered=unanswered,
                histogram=counts.encode().decode(),
            )
        )
    said = shown(results)
    assert "bare-gevent (starved)" in said
    assert "twisted (starved)" not in said


def test_no_number_is_cut_off_on_80_columns(measured: Callable[..., Results]) -> None:
    results = measured(bare_gevent=[9.0], bare_gevent_again=[9.0])
    results.cells.append(Cell(id="echo-at-90", service="echo", measure="paced"))
    counts = histogram()
    for wait in (1_234_567,) * 2_000:
        counts.record_value(wait)
    results.rounds.append(
        Round(
            cell="echo-at-90",
            name="bare-gevent",
            number=1,
            connections=50,
            seconds=1.0,
            operations=123_456,
            samples=20_000,
            unsent=12_345,
            late=67_890,
            unanswered=123_456,
            histogram=counts.encode().decode(),
        )
    )
    said = shown(results, width=80)
    assert "…" not in said.partition("Latency")[2].partition("Ratios")[0]
    for number in ("12,345", "67,890", "123,456"):
        assert number in said
