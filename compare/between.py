"""Several result files: how far they can be compared, and what changed from the first to the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compare.findings import FEWEST, NOISE, NONE_SEEN, Findings, Line, cost_of, unit
from compare.results import AGAIN, Cell, Environment
from compare.statistics import Interval, differ, unpaired_ratio

WITNESSES = 5
"""Contenders that are not ours, of which at least so many rows must be in both files to be witnesses."""

FEW_OUTLIERS = 0.98
"""The share of these rows that sets the noise floor."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one contender cost in two runs, in one load."""

    load: str
    name: str
    unit: str
    first: Interval
    second: Interval
    ratio: Interval
    noise: float

    @property
    def seen(self) -> bool:
        return self.verdict not in (NONE_SEEN, TOO_FEW)

    @property
    def verdict(self) -> str:
        if self.ratio.rounds < FEWEST and "CPU" in self.unit:
            return TOO_FEW
        if not differ(self.second, self.first, self.ratio, self.noise):
            return NONE_SEEN
        return f"{abs(self.ratio.median - 1):.0%} {'less' if self.ratio.median < 1 else 'more'}"


TOO_FEW = f"{NONE_SEEN} (too few rounds)"


@dataclass(frozen=True, slots=True)
class Step:
    """From the first file to one of the others."""

    name: str
    remarks: tuple[str, ...]
    noise: float
    changes: tuple[Change, ...]

    @property
    def seen(self) -> tuple[Change, ...]:
        """Those that are differences, the largest first."""
        found = [one for one in self.changes if one.seen]
        return tuple(sorted(found, key=lambda one: -abs(one.ratio.median - 1)))

    def summary(self) -> str:
        if not self.changes:
            return "Nothing in common: no load was measured with the same contender in both."
        return (
            f"{len(self.seen)} of {len(self.changes)} costs differ by more than the noise floor between the "
            f"files, which is {self.noise:.1%}; in the others, {NONE_SEEN}."
        )


class Between:
    """Runs by the names of their files; each but the first is compared with the first."""

    def __init__(self, runs: Mapping[str, Findings]) -> None:
        (self.name, self.first), *others = runs.items()
        self.names = tuple(runs)
        self.steps = tuple(self._step(name, one) for name, one in others)
        self.ratios = tuple(_ratios(list(runs.values())))

    def _step(self, name: str, second: Findings) -> Step:
        pairs = list(_pairs(self.first, second))
        noise, words = _noise(self.first, second, pairs)
        found = []
        for cell, before, after in pairs:
            cost = cost_of(cell)
            ratio = unpaired_ratio([cost(one) for one in after.rounds], [cost(one) for one in before.rounds])
            if ratio:
                found.append(
                    Change(
                        load=f"{cell.service}, {cell.label()}",
                        name=after.name,
                        unit=unit(cell),
                        first=before.cost,
                        second=after.cost,
                        ratio=ratio,
                        noise=noise,
                    )
                )
        return Step(name, (*_remarks(self.first, second), *words), noise, tuple(found))


Pair = tuple[Cell, Line, Line]


def _pairs(first: Findings, second: Findings) -> Iterator[Pair]:
    """The same contender under the same load, in both."""
    for id_, cell in second.cells.items():
        if cell.timed or id_ not in first.cells or not _alike(first.cells[id_], cell):
            continue
        before = {one.name: one for one in first.lines(first.cells[id_])}
        for after in second.lines(cell):
            one = before.get(after.name)
            if one and one.connections == after.connections and not after.name.endswith(AGAIN):
                yield cell, one, after


def _alike(one: Cell, other: Cell) -> bool:
    return (one.label(), one.measure, one.service) == (other.label(), other.measure, other.service)


def _noise(first: Findings, second: Findings, pairs: list[Pair]) -> tuple[float, list[str]]:
    """How far costs differ between the two for no reason of ours, and how that is known.

    The controls tell what happened within each run.  What differs between them (another hour, another
    neighbour) is told by contenders that nothing was done to.
    """
    noise = max(first.gap, second.gap)
    words = []
    if first.noise() is None or second.noise() is None:
        noise = max(noise, NOISE)
        words.append(f"One of them has no control: no difference below {NOISE:.0%} is told.")
    others = sorted(
        abs(after.cost.median / before.cost.median - 1)
        for cell, before, after in pairs
        if after.kind not in ("ours", "yours") and before.cost.median > 0 and cell.measure != "memory"
    )
    if len(others) >= WITNESSES:
        drift = others[int(FEW_OUTLIERS * (len(others) - 1))]
        noise = max(noise, drift)
        words.append(
            f"Of {len(others)} costs that are not ours, all but a few changed by at most {drift:.1%} "
            f"between the files: no smaller difference is told."
        )
    return noise, words


def _remarks(first: Findings, second: Findings) -> Iterator[str]:
    """What makes them less comparable, a line each."""
    a, b = first.results, second.results
    if a == b:
        yield "The same run twice: nothing can differ."
        return
    machine = _differences(_machine(a.environment), _machine(b.environment))
    if machine:
        yield f"Different machines ({machine}): compare the ratios, not the costs."
    else:
        yield f"The same kind of machine: {b.environment.cpu}, {b.environment.cores} cores."
    if software := _differences(_software(a.environment), _software(b.environment)):
        yield f"Different software: {software}."
    if a.quick != b.quick:
        yield "One is --quick, the other is not: windows differ in length."
    for run, which in ((a, "the first"), (b, "the second")):
        if run.interrupted:
            yield f"Not whole, {which}: {run.interrupted}."
    for words, names in (
        ("workloads", ({one.service for one in a.cells}, {one.service for one in b.cells})),
        ("contenders", ({one.name for one in a.rows}, {one.name for one in b.rows})),
    ):
        for only, which in ((names[0] - names[1], "the first"), (names[1] - names[0], "the second")):
            if only:
                yield f"Only {which} has these {words}: {', '.join(sorted(only))}."
    changed = [
        id_ for id_, cell in second.cells.items() if id_ in first.cells and not _alike(first.cells[id_], cell)
    ]
    if changed:
        yield f"Not the same load in both, and not compared: {', '.join(changed)}."
    if first.too_noisy() or second.too_noisy():
        yield "At least one of them was too noisy; see each run."


def _machine(one: Environment) -> dict[str, str]:
    return {"processor": one.cpu, "cores": str(one.cores), "kernel": one.kernel}


def _software(one: Environment) -> dict[str, str]:
    return {"twofold": one.twofold, "Python": one.python, **one.versions, **one.loops}


def _differences(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """`Python 3.12 → 3.13, uvloop none → 0.22`; empty where they are alike."""
    return ", ".join(
        f"{key} {one.get(key, 'none')} → {other.get(key, 'none')}"
        for key in dict.fromkeys([*one, *other])
        if one.get(key) != other.get(key)
    )


def _ratios(everybody: list[Findings]) -> Iterator[tuple[str, list[str]]]:
    """Each ratio with what it was in each run: these compare across machines too."""
    columns = [{one.words: one for one in findings.figures()} for findings in everybody]
    for name in dict.fromkeys(name for column in columns for name in column):
        yield (
            name,
            [
                f"{one.ratio.median:.2f} ({one.ratio.low:.2f} … {one.ratio.high:.2f})"
                if (one := column.get(name))
                else "not measured"
                for column in columns
            ],
        )
