"""A run on the terminal: the noise first, then every cell, then the ratios."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.advice import advise
from compare.between import Between
from compare.environment import words
from compare.findings import Findings, Line, unit
from compare.numbers import number, spread
from compare.results import Cell, Results


def show(results: Results, console: Console) -> None:
    """Everything worth a look; the rest is in the file and on the page."""
    findings = Findings(results)
    console.print(Text(findings.noise_words(), style="bold red" if findings.too_noisy() else "bold"))
    console.print(Text(words(results.environment)))
    if results.interrupted:
        console.print(Text(f"Not whole: {results.interrupted}.", style="bold red"))
    for cell in results.cells:
        if not cell.timed and (lines := findings.lines(cell)):
            console.print(_cell(cell, lines))
    _latencies(findings, console)
    _figures(findings, console)
    for gate in results.gates:
        for text in ([f"not measured: {gate.refused}"] if gate.refused else []) + gate.notes:
            console.print(Text(f"{gate.service} {gate.name}: {text}"))
    for note in results.notes:
        console.print(Text(note))
    _advice(findings, console)


def _table(title: str, *headings: str) -> Table:
    """A heading that begins with > stands over numbers."""
    table = Table(
        title=Text(title),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for heading in headings:
        right = heading.startswith(">")
        names = heading == "contender"
        table.add_column(heading.lstrip(">"), justify="right" if right else "left", no_wrap=right or names)
    return table


def _cell(cell: Cell, lines: list[Line]) -> Table:
    # The last: what share of a core the server, the generator and all others used.
    rates = [">GiB/s" if cell.large else ">a second", ">srv gen rest %"] if cell.rated else []
    title = f"{cell.service}: {cell.label()}; {unit(cell)}"
    table = _table(title, "contender", ">cost", ">interval", *rates, "")
    for one in lines:
        name = Text(one.name, style="bold" if one.kind == "ours" else "", no_wrap=True)
        rate = []
        if one.rate:
            shares = " ".join(f"{100 * share:3.0f}" for share in (one.server, one.generator, one.others))
            rate = [number(one.rate.median), shares]
        table.add_row(
            name,
            number(one.cost.median),
            spread(one.cost).replace(" ", ""),
            *rate,
            Text(", ".join(one.remarks)),
        )
    return table


def _latencies(findings: Findings, console: Console) -> None:
    found = findings.latencies()
    if not found:
        return
    table = _table(
        "Latency from the intended send, µs; and what was unsent, late, unanswered",
        "contender",
        *(">a second", ">p50", ">p90", ">p99", ">p99.9", "amiss"),
    )
    cell = None
    for one in found:
        if one.cell is not cell:
            cell = one.cell
            table.add_section()
            table.add_row(Text(cell.id, style="bold"))
        told = [one.at(percentile) for percentile in (50.0, 90.0, 99.0, 99.9)]
        table.add_row(
            Text(f"  {one.name} (starved)" if one.starved else f"  {one.name}"),
            number(one.rate),
            *("-" if value is None else number(value) for value in told),
            f"{one.unsent:,}, {one.late:,}, {one.unanswered:,}",
        )
    console.print(table)


def _figures(findings: Findings, console: Console) -> None:
    found = findings.figures()
    if not found:
        return
    headings = ("", ">ratio", ">interval", ">ours", ">theirs", "verdict")
    table = _table("Ratios of cost, made round by round; below 1: the first costs less", *headings)
    for one in found:
        table.add_row(
            Text(one.words),
            number(one.ratio.median),
            spread(one.ratio),
            number(one.ours.median),
            number(one.theirs.median),
            one.verdict,
        )
    console.print(table)


def _advice(findings: Findings, console: Console) -> None:
    for one in advise(findings):
        console.print(Text.assemble((f"{one.title}: {one.pick}.", "bold"), f" {one.sure}"))
        for evidence in one.evidence:
            console.print(Text(f"  {evidence.load}: {evidence.costs}: {evidence.verdict}"))


def show_between(between: Between, console: Console) -> None:
    """Of several files: how far they compare, and what differs; what doesn't is on the page."""
    for step in between.steps:
        console.rule(Text(f"{between.name} → {step.name}"))
        for remark in step.remarks:
            console.print(Text(remark))
        console.print(Text(step.summary(), style="bold"))
        if not step.seen:
            continue
        headings = ("contender", "load", ">first", ">second", ">ratio", ">interval", "verdict")
        table = _table("What differs, the largest first", *headings)
        for one in step.seen:
            table.add_row(
                Text(one.name),
                Text(f"{one.load}; {one.unit}"),
                *(number(one.first.median), number(one.second.median)),
                f"{one.ratio.median:.2f}",
                f"{one.ratio.low:.2f} … {one.ratio.high:.2f}",
                one.verdict,
            )
        console.print(table)
