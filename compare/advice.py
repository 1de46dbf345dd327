"""Which to pick, for what, and how sure that is: computed from a run, for who knows neither framework."""

from __future__ import annotations

from dataclasses import dataclass

from compare.findings import FEWEST, NONE_SEEN, OURS, Figure, Findings, Line, unit
from compare.numbers import number, spread
from compare.results import AGAIN, Cell
from compare.verdicts import FRAMEWORKS, favoured, winner

EITHER = "Either"
UNKNOWN = "Not known"
DEPENDS = "It depends"

QUESTIONS = {
    "Many idle connections": (
        *("echo-memory-10k", "echo-memory", "rpc-memory"),
        *("chat-memory", "files-memory"),
    ),
    "Small requests": ("rpc", "echo", "echo-64b", "udp", "rpc-16", "echo-16"),
    "Large files": ("files-retr", "files-stor", "files-retr-tls", "files-stor-tls"),
    "Many small files": ("files-4k", "files-login"),
    "One line to many members": ("chat", "chat-32"),
    "Connections that come and go": ("echo-churn", "rpc-churn", "tls-churn", "chat-registration"),
    "Much data in TLS": ("tls-64k",),
}
"""What somebody who has to choose wants to know, and the loads that answer it, what says most first."""

SUBJECTS = {
    "echo": "echo",
    "udp": "echo over UDP",
    "tls": "echo over TLS",
    "rpc": "rpc",
    "chat": "chat",
    "files": "files",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one load says."""

    load: str
    costs: str
    verdict: str
    interval: str


@dataclass(frozen=True, slots=True)
class Advice:
    """An answer, why, how sure it is, and whether something else would have cost less."""

    title: str
    pick: str
    evidence: tuple[Evidence, ...]
    sure: str
    cheapest: str

    @property
    def depends(self) -> bool:
        return self.pick == DEPENDS


def advise(findings: Findings) -> list[Advice]:
    """Of every question that this run can answer."""
    found = []
    for title, ids in QUESTIONS.items():
        cells = [findings.cells[id_] for id_ in ids if id_ in findings.cells]
        figures = [(cell, figure) for cell in cells if (figure := findings.between_ours(cell))]
        if not figures:
            continue
        pick = _pick(findings, [figure for _, figure in figures])
        figures.sort(
            key=lambda one: winner(one[1]) != pick
        )  # what speaks for it first; otherwise as they are
        found.append(
            Advice(
                title,
                pick,
                tuple(_evidence(cell, figure) for cell, figure in figures),
                _sure(findings, [figure for _, figure in figures]),
                _cheapest(findings, figures[0][0]),
            )
        )
    return found


def _pick(findings: Findings, figures: list[Figure]) -> str:
    """The one whose cost is lower wherever there is a difference."""
    names = {name for one in figures if (name := winner(one))}
    if not names:
        return UNKNOWN if all(one.few for one in figures) or _disturbed(findings, figures) else EITHER
    return names.pop() if len(names) == 1 else DEPENDS


def _disturbed(findings: Findings, figures: list[Figure]) -> bool:
    """Whether others' work may be in these numbers; in those of memory it is not."""
    return findings.too_noisy() and any(one.cost == "CPU" for one in figures)


def _counts(figures: list[Figure]) -> str:
    """`gevent takes less in 4 of 6, no difference seen in 2`."""
    names = [winner(one) for one in figures]
    found = [f"{name} takes less in {names.count(name)}" for name in FRAMEWORKS.values() if names.count(name)]
    found += [f"{NONE_SEEN} in {names.count(None)}"] if None in names else []
    return f"{', '.join(found)} of {len(names)}"


def _evidence(cell: Cell, figure: Figure) -> Evidence:
    ours, theirs = number(figure.ours.median), number(figure.theirs.median)
    twisted, gevent = (FRAMEWORKS[name] for name in OURS)
    return Evidence(
        f"{SUBJECTS[cell.service]}, {cell.label()}",
        f"{twisted} {ours}, {gevent} {theirs} {figure.unit}",
        favoured(figure),
        f"ratio {number(figure.ratio.median)}, 95 %: {spread(figure.ratio)}",
    )


def _sure(findings: Findings, figures: list[Figure]) -> str:
    """How far the answer can be believed, worst things first."""
    seen = [one for one in figures if winner(one)]
    once = sum(one.ratio.rounds < FEWEST for one in figures)
    words = []
    if _disturbed(findings, figures):
        words.append("Not very: this run is too noisy")
    elif all(one.few for one in figures):
        words.append("Not at all: it was measured too seldom")
    elif not seen:
        words.append("What difference there is lies within the noise")
    elif once == len(figures):
        words.append("Fairly: it was measured too seldom to say how far it varies")
    elif min(_clear(one) for one in seen) < 2:
        words.append("Fairly: at the least, it is hardly above its uncertainty")
    else:
        words.append("Sure: it is far above its uncertainty")
    if len(figures) > 1:
        words.append(f"{_counts(figures)} loads")
    rounds = sorted({one.ratio.rounds for one in figures})
    span = f"{rounds[0]} to {rounds[-1]}" if len(rounds) > 1 else f"{rounds[0]}"
    words.append(f"{span} round{'s' if span != '1' else ''}")
    return "; ".join(words) + "."


def _clear(figure: Figure) -> float:
    """How many times larger the difference is than what is not known of it."""
    ratio = figure.ratio
    return abs(ratio.median - 1) / max(figure.noise, (ratio.high - ratio.low) / 2, 1e-9)


def _cheapest(findings: Findings, cell: Cell) -> str:
    """Whether anybody else who stood the same load cost less than the better of ours."""
    lines = [one for one in findings.lines(cell) if one.connections == cell.connections]
    best = next(one for one in findings.lines(cell) if one.name in OURS)
    for line in lines:
        if line.name in OURS or line.name.endswith(AGAIN):
            continue
        figure = findings.figure("", (cell.id, line.name), (cell.id, best.name))
        if figure and winner(figure) and figure.ratio.median < 1:
            return (
                f"Less still in the first load: {line.name}{_about(findings, cell, line)}, "
                f"{number(line.cost.median)} {unit(cell)}, {figure.verdict} than {best.name}."
            )
        break
    return "Nobody else took less in the first load."


def _about(findings: Findings, cell: Cell, line: Line) -> str:
    row = next(one for one in findings.results.rows if (one.service, one.name) == (cell.service, line.name))
    words = [one for one in (row.framework, row.note) if one]
    return f" ({'; '.join(words)})" if words else ""
