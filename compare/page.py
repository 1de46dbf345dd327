"""The HTML page of one or several runs: one file, nothing loaded from anywhere.

Pictures are inline SVG that takes the page's colours (light, dark, print); every number in them is also text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from compare import pictures
from compare.advice import advise
from compare.between import Between
from compare.findings import OURS, RIVALS, Findings, Line, Percentiles, unit
from compare.numbers import number, spread
from compare.panes import Pane, panes
from compare.results import AGAIN, Cell, Results, Round
from compare.statistics import Interval, bootstrap
from compare.verdicts import Asked, asked, headline, verdicts

TEMPLATES = Path(__file__).parent / "templates"

TITLES = {
    "echo": "Echo over TCP",
    "udp": "Echo over UDP",
    "tls": "Echo over TLS",
    "rpc": "Remote calls: add(1, 2)",
    "chat": "Chat: one line to 200 members",
    "files": "Files over FTP",
}

WORTH_KNOWING = {"echo": ("asyncio", "uvloop")}
"""Who else is in the picture of a workload's verdict, beside ours and those that they are compared with."""

IDLE = (500, 1_000, 10_000)
"""Idle connections that have bars of their own; of others, the picture of growth tells enough."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, its heading, and its legend: names and their styles.  Its words are in the picture."""

    title: str
    unit: str
    svg: Markup
    names: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Numbers:
    """One load's table."""

    cell: Cell
    lines: tuple[Line, ...]
    times: tuple[Percentiles, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """One workload's part of the page."""

    id: str
    title: str
    verdict: str
    card: Picture | None
    asked: tuple[Asked, ...]
    bars: tuple[Picture, ...]
    curves: tuple[Picture, ...]
    numbers: tuple[Numbers, ...]
    panes: tuple[Pane, ...]


def rows(lines: Sequence[Line]) -> list[tuple[str, str, Interval]]:
    """As bars want them."""
    return [(one.name, one.kind, one.cost) for one in lines]


def told(lines: Sequence[Line]) -> str:
    """What bars say, in words."""
    return ", ".join(f"{one.name} {number(one.cost.median)} ({spread(one.cost)})" for one in lines)


def card_lines(findings: Findings, cell: Cell) -> list[Line]:
    """Who belongs into the picture of a workload's verdict, the cheapest first."""
    shown = (*OURS, *RIVALS.get(cell.service, ()), *WORTH_KNOWING.get(cell.service, ()))
    return [one for one in findings.lines(cell) if one.name in shown or one.kind == "yours"]


def _bars(lines: Sequence[Line], cell: Cell, salt: str) -> Picture:
    words = f"{unit(cell)}, {cell.label()}, with 95 % intervals: {told(lines)}"
    svg = Markup(pictures.bars(rows(lines), words, salt + cell.id))
    return Picture(cell.label(), f"{unit(cell)}; shorter is better", svg)


def _latency(cell: Cell, found: Sequence[Percentiles], names: Sequence[str], salt: str) -> Picture:
    said = "; ".join(
        f"{one.name}: " + ", ".join(f"p{p:g} {number(value)} µs" for p, value in one.values) for one in found
    )
    words = f"Latency by percentile, {cell.label()}. {said}"
    svg = Markup(pictures.curves(found, names, words, salt + cell.id))
    legend = tuple((one.name, names.index(one.name)) for one in found)
    return Picture(f"Latency: {cell.label()}", "from the intended send; lower is better", svg, legend)


Points = dict[str, list[tuple[float, Interval]]]


def _growth(findings: Findings, cells: Sequence[Cell], names: Sequence[str], salt: str) -> list[Picture]:
    """Throughput, CPU and memory against connections, where there were at least two numbers of them."""
    rate, cost, memory = Points(), Points(), Points()
    for cell in sorted(cells, key=lambda one: one.connections):
        for line in findings.lines(cell):
            if line.name.endswith(AGAIN):
                continue
            if grows(cell) and line.rate:
                rate.setdefault(line.name, []).append((line.connections, line.rate))
                cost.setdefault(line.name, []).append((line.connections, line.cost))
            elif cell.measure == "memory":
                whole = bootstrap([one.pss_after / 1048576 for one in line.rounds])
                memory.setdefault(line.name, []).append((line.connections, whole))
    drawn = (
        ("Throughput against connections", "operations a second", rate, False),
        ("CPU per operation against connections", "µs CPU per operation", cost, True),
        ("Memory of the server against idle connections", "MiB (PSS)", memory, True),
    )
    return [
        _against(title, unit_, several, names, salt, logarithmic)
        for title, unit_, points, logarithmic in drawn
        if (several := {name: seen for name, seen in points.items() if len(seen) > 1})
    ]


def grows(cell: Cell) -> bool:
    """Whether it is the headline's load, on some number of connections."""
    return cell.measure == "closed" and (cell.size, cell.depth) == (1024, 1)


def _against(
    title: str, unit_: str, points: Points, names: Sequence[str], salt: str, logarithmic: bool
) -> Picture:
    said = "; ".join(
        f"{name}: " + ", ".join(f"{number(one.median)} at {at:,}" for at, one in seen)
        for name, seen in points.items()
    )
    words = f"{title}, {unit_}, with 95 % intervals. {said}"
    svg = Markup(pictures.against_connections(points, names, unit_, words, salt + title, logarithmic))
    better = "higher is better" if not logarithmic else "lower is better"
    return Picture(title, f"{unit_}; {better}", svg, tuple((name, names.index(name)) for name in points))


def _services(findings: Findings, salt: str) -> list[Service]:
    parts = []
    said, limits = verdicts(findings), asked(findings)
    times: dict[str, list[Percentiles]] = {}
    for one in findings.latencies():
        times.setdefault(one.cell.id, []).append(one)
    for service, title in TITLES.items():
        cells = [one for one in findings.results.cells if one.service == service]
        lines = {one.id: findings.lines(one) for one in cells if not one.timed}
        cells = [one for one in cells if lines.get(one.id) or times.get(one.id)]
        if not cells:
            continue
        ids = {one.id for one in cells}
        names = list(dict.fromkeys(one.name for one in findings.results.rounds if one.cell in ids))
        growth = _growth(findings, cells, names, salt + service)
        first = headline(findings, service)
        few = card_lines(findings, first) if first else []
        shown = [one for one in cells if one.id in lines and (one == first or not (growth and _folded(one)))]
        timed = [_latency(one, times[one.id], names, salt) for one in cells if one.id in times]
        parts.append(
            Service(
                service,
                title,
                said.get(service, ""),
                _bars(few, first, salt + "card ") if first and few else None,
                tuple(one for one in limits if one.service == service),
                tuple(_bars(lines[one.id], one, salt) for one in shown),
                (*growth, *timed),
                tuple(
                    Numbers(one, tuple(lines.get(one.id, ())), tuple(times.get(one.id, ()))) for one in cells
                ),
                panes(service),
            )
        )
    return parts


def _folded(cell: Cell) -> bool:
    """Whether the pictures of growth show it, so that it needs none of its own."""
    return grows(cell) or (cell.measure == "memory" and cell.connections not in IDLE)


def spark(round_: Round) -> str:
    """The time series of a window as a row of blocks."""
    if not round_.series or not max(round_.series):
        return ""
    top = max(round_.series)
    return "".join("▁▂▃▄▅▆▇█"[min(7, value * 8 // top)] for value in round_.series)


def draw(runs: Mapping[str, Results] | Sequence[Results]) -> str:
    """The whole page, of runs by the names of their files.  Names come from users: everything is escaped."""
    named = runs if isinstance(runs, Mapping) else {f"run {at}": one for at, one in enumerate(runs, 1)}
    everybody = {name: Findings(one) for name, one in named.items()}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(number=number, spread=spread, spark=spark, unit=unit, dash=pictures.dash)
    return environment.get_template("page.html").render(
        runs=[
            (name, one, advise(one), _services(one, f"{index} "))
            for index, (name, one) in enumerate(everybody.items())
        ],
        between=Between(everybody) if len(everybody) > 1 else None,
    )
