"""The HTML page of one or several runs: one file, nothing loaded from anywhere.

Bars are plain HTML and curves are inline SVG, so that both take the page's colours (light,
dark, print) and every number in them is also text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from compare.findings import Findings, Line, Percentiles, unit
from compare.results import Cell, Results, Round
from compare.table import number, spread

TEMPLATES = Path(__file__).parent / "templates"

TITLES = {
    "echo": "Echo over TCP",
    "udp": "Echo over UDP",
    "tls": "Echo over TLS",
    "rpc": "Remote calls: add(1, 2)",
    "chat": "Chat: one line to 200 members",
    "files": "Files over FTP",
}

# The drawing area of a latency chart, in its own units: 390 px wide it is still legible.
WIDTH, HEIGHT, LEFT, BOTTOM = 480, 300, 52, 40


@dataclass(frozen=True, slots=True)
class Bars:
    """One cell as bars: the same line as in the table, and where its bar and whisker lie in %."""

    cell: Cell
    unit: str
    rows: tuple[tuple[Line, float, bool, float, float], ...]  # line, bar, cut, whisker from and length
    words: str


@dataclass(frozen=True, slots=True)
class Curve:
    """One contender's latency by percentile, as a polyline."""

    name: str
    index: int
    points: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Latency by percentile at one fraction of each contender's own ceiling."""

    cell: Cell
    curves: tuple[Curve, ...]
    across: tuple[tuple[float, str], ...]  # where a line goes, and its label
    up: tuple[tuple[float, str], ...]
    rows: tuple[Percentiles, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Service:
    """One workload's part of the page."""

    title: str
    verdict: str
    bars: tuple[Bars, ...]
    charts: tuple[Chart, ...]


def _bars(findings: Findings, cell: Cell) -> Bars | None:
    lines = findings.lines(cell)
    if not lines:
        return None
    # A far outlier would press all others flat: its bar is cut, its number is not.
    highest = max(one.cost.high for one in lines)
    usual = sorted(one.cost.median for one in lines)[len(lines) // 2] * 4
    scale = 100 / max(min(highest, usual), 1e-9)
    rows = []
    for one in lines:
        low, high = (min(100.0, max(0.0, value * scale)) for value in (one.cost.low, one.cost.high))
        width = max(0.0, one.cost.median * scale)
        rows.append((one, min(100.0, width), width > 100, low, high - low))
    words = ", ".join(f"{one.name} {number(one.cost.median)}" for one in lines)
    return Bars(cell, unit(cell), tuple(rows), f"{unit(cell)}, {cell.label()}: {words}")


def _across(percentile: float) -> float:
    """Percentiles on a scale of nines: each further nine takes as much room as the last."""
    nines = -math.log10(1 - percentile / 100)
    return LEFT + (WIDTH - LEFT - 10) * nines / 4


def _chart(cell: Cell, found: Sequence[Percentiles]) -> Chart:
    values = [value for one in found for _, value in one.curve if value > 0] or [1.0]
    low = math.floor(math.log10(min(values)))
    high = max(low + 1, math.ceil(math.log10(max(values))))

    def upwards(value: float) -> float:
        share = (math.log10(max(value, 10**low)) - low) / (high - low)
        return (HEIGHT - BOTTOM) - (HEIGHT - BOTTOM - 10) * share

    curves = tuple(
        Curve(one.name, index, " ".join(f"{_across(p):.1f},{upwards(value):.1f}" for p, value in one.curve))
        for index, one in enumerate(found)
    )
    across = tuple((_across(p), f"{p:g}") for p in (50.0, 90.0, 99.0, 99.9))
    up = tuple((upwards(10.0**power), _microseconds(10.0**power)) for power in range(low, high + 1))
    words = "; ".join(
        f"{one.name}: " + ", ".join(f"p{p:g} {number(value)} µs" for p, value in one.values) for one in found
    )
    return Chart(cell, curves, across, up, tuple(found), f"Latency by percentile, {cell.label()}. {words}")


def _microseconds(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g} s"
    return f"{value / 1000:g} ms" if value >= 1000 else f"{value:g} µs"


def _services(findings: Findings) -> list[Service]:
    verdicts = dict(findings.verdicts())
    latencies = findings.latencies()
    parts = []
    for service, title in TITLES.items():
        cells = [one for one in findings.results.cells if one.service == service]
        bars = [found for one in cells if one.measure != "paced" and (found := _bars(findings, one))]
        charts = [
            _chart(one, timed)
            for one in cells
            if one.measure == "paced" and (timed := [each for each in latencies if each.cell.id == one.id])
        ]
        if bars or charts:
            parts.append(Service(title, verdicts.get(service, ""), tuple(bars), tuple(charts)))
    return parts


def spark(round_: Round) -> str:
    """The time series of a window as a row of blocks."""
    if not round_.series or not max(round_.series):
        return ""
    top = max(round_.series)
    return "".join("▁▂▃▄▅▆▇█"[min(7, value * 8 // top)] for value in round_.series)


def _across_runs(everybody: Sequence[Findings]) -> list[tuple[str, list[str]]]:
    """Each ratio with what it was in each run, for a page of several."""
    columns = [{one.words: one for one in findings.figures()} for findings in everybody]
    words = list(dict.fromkeys(name for column in columns for name in column))
    return [
        (
            name,
            [
                f"{one.ratio.median:.2f} ({one.ratio.low:.2f} … {one.ratio.high:.2f})"
                if one
                else "not measured"
                for one in (column.get(name) for column in columns)
            ],
        )
        for name in words
    ]


def draw(runs: Sequence[Results]) -> str:
    """The whole page.  Names come from users: everything is escaped."""
    everybody = [Findings(one) for one in runs]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(number=number, spread=spread, spark=spark)
    return environment.get_template("page.html").render(
        runs=[(one, _services(one)) for one in everybody],
        across=_across_runs(everybody) if len(everybody) > 1 else [],
        size=(WIDTH, HEIGHT, LEFT, BOTTOM),
    )
