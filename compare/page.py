"""The HTML page of one or several runs: one file, nothing loaded from anywhere.

Pictures are inline SVG that takes the page's colours (light, dark, print); every number in them is also text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from compare import pictures
from compare.findings import Findings, Line, Percentiles, unit
from compare.panes import Pane, panes
from compare.results import AGAIN, Cell, Results, Round
from compare.statistics import Interval, bootstrap
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


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, its heading, and the words that say the same."""

    title: str
    unit: str
    svg: Markup
    words: str
    cell: Cell | None = None
    lines: tuple[Line, ...] = ()
    times: tuple[Percentiles, ...] = ()
    names: tuple[tuple[str, int], ...] = ()  # of a legend, and their style


@dataclass(frozen=True, slots=True)
class Service:
    """One workload's part of the page."""

    title: str
    verdict: str
    bars: tuple[Picture, ...]
    charts: tuple[Picture, ...]
    growth: tuple[Picture, ...]
    panes: tuple[Pane, ...]


def _bars(findings: Findings, cell: Cell, salt: str) -> Picture | None:
    lines = findings.lines(cell)
    if not lines:
        return None
    told = ", ".join(f"{one.name} {number(one.cost.median)} ({spread(one.cost)})" for one in lines)
    words = f"{unit(cell)}, {cell.label()}: {told}"
    svg = Markup(pictures.bars(lines, unit(cell), number, words, salt + cell.id))
    return Picture(cell.label(), f"{unit(cell)}, shorter is better", svg, words, cell, tuple(lines))


def _chart(cell: Cell, found: Sequence[Percentiles], names: Sequence[str], salt: str) -> Picture:
    told = "; ".join(
        f"{one.name}: " + ", ".join(f"p{p:g} {number(value)} µs" for p, value in one.values) for one in found
    )
    words = f"Latency by percentile, {cell.label()}. {told}"
    svg = Markup(pictures.curves(found, names, words, salt + cell.id))
    legend = tuple((one.name, names.index(one.name)) for one in found)
    return Picture(
        f"Latency: {cell.label()}",
        "from the intended send; lower is better",
        *(svg, words, cell, (), tuple(found), legend),
    )


def _growth(findings: Findings, cells: Sequence[Cell], names: Sequence[str], salt: str) -> list[Picture]:
    """Throughput, CPU and memory against connections, where there were at least two numbers of them."""
    alike = [one for one in cells if one.measure == "closed" and (one.size, one.depth) == (1024, 1)]
    rate: dict[str, list[tuple[float, Interval]]] = {}
    cost: dict[str, list[tuple[float, Interval]]] = {}
    memory: dict[str, list[tuple[float, Interval]]] = {}
    for cell in sorted(alike, key=lambda one: one.connections):
        for line in findings.lines(cell):
            if line.rate and not line.name.endswith(AGAIN):
                rate.setdefault(line.name, []).append((line.connections, line.rate))
                cost.setdefault(line.name, []).append((line.connections, line.cost))
    for cell in sorted(cells, key=lambda one: one.connections):
        for line in findings.lines(cell) if cell.measure == "memory" else ():
            whole = bootstrap([one.pss_after / 1048576 for one in line.rounds])
            memory.setdefault(line.name, []).append((line.connections, whole))
    found = []
    for title, unit_, points, logarithmic in (
        ("Throughput against connections", "operations a second", rate, False),
        ("CPU per operation against connections", "µs CPU per operation", cost, True),
        ("Memory of the server against idle connections", "MiB (PSS)", memory, True),
    ):
        points = {name: measured for name, measured in points.items() if len(measured) > 1}
        if not points:
            continue
        told = "; ".join(
            f"{name}: " + ", ".join(f"{number(one.median)} at {at:,}" for at, one in measured)
            for name, measured in points.items()
        )
        words = f"{title}, {unit_}. {told}"
        svg = Markup(pictures.against_connections(points, names, unit_, words, salt + title, logarithmic))
        legend = tuple((name, names.index(name)) for name in points)
        found.append(Picture(title, unit_, svg, words, names=legend))
    return found


def _services(findings: Findings, salt: str) -> list[Service]:
    verdicts = dict(findings.verdicts())
    latencies = findings.latencies()
    parts = []
    for service, title in TITLES.items():
        cells = [one for one in findings.results.cells if one.service == service]
        names = list(
            dict.fromkeys(one.name for one in findings.results.rounds if one.cell.startswith(service))
        )
        bars = [found for one in cells if not one.timed and (found := _bars(findings, one, salt))]
        charts = [
            _chart(one, timed, names, salt)
            for one in cells
            if one.timed and (timed := [each for each in latencies if each.cell.id == one.id])
        ]
        growth = _growth(findings, cells, names, salt + service)
        if bars or charts:
            parts.append(
                Service(
                    title,
                    verdicts.get(service, ""),
                    tuple(bars),
                    tuple(charts),
                    tuple(growth),
                    panes(service),
                )
            )
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
    environment.filters.update(number=number, spread=spread, spark=spark, unit=unit)
    return environment.get_template("page.html").render(
        runs=[(one, _services(one, f"{index} ")) for index, one in enumerate(everybody)],
        across=_across_runs(everybody) if len(everybody) > 1 else [],
    )
