"""What the rounds of a run say: summaries, ratios and verdicts, for the table and the page alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from hdrh.histogram import HdrHistogram

from compare.results import AGAIN, MIB, Cell, Results, Round
from compare.statistics import Interval, bootstrap, differ, paired_ratio, verdict

NOISE = 0.05
"""The gap between two runs of the same server above which the machine was too noisy."""

DISTURBED = 0.25
"""The share of a core that all others may use before the run says that they disturbed it."""

FEWEST = 3
"""Rounds without which nothing is said of a difference in CPU."""

FEWEST_IDLE = 500
"""Idle connections below which memory tells more of the process than of each of them: no ratio is made."""

BOUND = 0.80
"""Of the generator's ceiling: a row above it measures the generator, and only its CPU counts."""

NONE_SEEN = "no difference seen"

OURS = ("twisted", "gevent")

ENOUGH = 100
"""Samples beyond a percentile before it is told."""


@dataclass(frozen=True, slots=True)
class Line:
    """One contender in one cell."""

    name: str
    kind: str
    connections: int
    cost: Interval  # in `unit(cell)`
    rate: Interval | None  # operations a second; of large files GiB a second
    server: float  # the share of their cores that both used, and the rest of the machine
    generator: float
    others: float
    bound: bool
    remarks: tuple[str, ...]
    rounds: tuple[Round, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio of costs that somebody asked for, made round by round."""

    words: str
    ours: Interval
    theirs: Interval
    ratio: Interval
    unit: str
    noise: float = 0.0

    @property
    def cost(self) -> str:
        """What it is a ratio of."""
        return "memory" if "KiB" in self.unit else "CPU"

    @property
    def few(self) -> bool:
        """Whether there were too few rounds to tell anything; memory varies so little that one may do."""
        return self.ratio.rounds < FEWEST and self.cost == "CPU"

    @property
    def verdict(self) -> str:
        if self.few:
            return f"{NONE_SEEN} (too few rounds)"
        if min(self.ours.median, self.theirs.median) <= 0:
            return f"{NONE_SEEN} (too little to measure)"
        if not differ(self.ours, self.theirs, self.ratio, self.noise):
            return NONE_SEEN
        return verdict(self.ratio, self.cost)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Latency of one contender at one rate, from merged histograms.  Microseconds."""

    name: str
    cell: Cell
    rate: float
    samples: int
    values: tuple[tuple[float, float], ...]  # percentile, microseconds
    curve: tuple[tuple[float, float], ...]
    intended: int
    unsent: int
    late: int
    unanswered: int
    tail: Interval  # p99 of each round by itself: how far the merged one may be believed

    @property
    def starved(self) -> bool:
        """Whether who asked beside a flood had no answer while it lasted, nor a second after it."""
        return self.cell.measure == "fairness" and self.unanswered > 0

    def at(self, percentile: float) -> float | None:
        return dict(self.values).get(percentile)


def unit(cell: Cell) -> str:
    if cell.measure == "memory":
        return "KiB per connection"
    if cell.measure == "churn":
        return "µs CPU per connection"
    if cell.measure == "registration":
        return "µs CPU per registration"
    if cell.service == "chat":
        return "µs CPU per delivery"
    if cell.large:
        return "s CPU per GiB"
    if cell.service == "files" and cell.timed:
        return "ms CPU per NOOP"
    if cell.measure in ("retr", "stor", "login"):
        return f"ms CPU per {'login' if cell.measure == 'login' else cell.measure.upper()}"
    return "ms CPU per MiB" if cell.size >= 65_536 else "µs CPU per operation"


def cost_of(cell: Cell) -> Callable[[Round], float]:
    """What a round of this cell cost the server, in `unit(cell)`."""
    if cell.measure == "memory":
        return lambda one: one.per_connection
    if cell.large:
        return lambda one: one.cpu * 1024 / 1e6
    if cell.service == "files":
        return lambda one: one.cpu / 1000
    if cell.size >= 65_536:
        return lambda one: one.cpu * MIB / cell.size / 1000
    return lambda one: one.cpu


class Findings:
    """Everything that can be said about one run."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.cells = {one.id: one for one in results.cells}
        self.kinds = {(one.service, one.name): one.kind for one in results.rows}
        self._good: dict[tuple[str, str], list[Round]] = {}
        for one in results.rounds:
            if not one.problem and (one.operations or one.samples or one.pss_after):
                self._good.setdefault((one.cell, one.name), []).append(one)

        self.gap = 0.0
        control = self.noise()
        self.gap = abs(control.ratio.median - 1) if control else 0.0

    # -- the control --------------------------------------------------------------------

    def noise(self) -> Figure | None:
        """The same server twice; None where that was not measured."""
        name = self.results.control
        cell = next((cell for cell, one in self._good if one == name + AGAIN), "")
        return self.figure("the same server twice", (cell, name + AGAIN), (cell, name)) if cell else None

    def others(self) -> float:
        """The share of a core that everything else on the machine used during the windows."""
        timed = [one for rounds in self._good.values() for one in rounds if one.seconds]
        return sum(one.other_cpu for one in timed) / (sum(one.seconds for one in timed) or 1.0)

    def too_noisy(self) -> bool:
        return self.gap > NOISE or self.others() > DISTURBED or self.noise() is None

    def noise_words(self) -> str:
        """The run's noise floor, in a sentence or two."""
        control = self.noise()
        if control is None:
            return "No control was measured: nothing says how noisy this machine is."
        between = f"between {control.ratio.low - 1:+.1%} and {control.ratio.high - 1:+.1%} by round"
        rounds = f"{control.ratio.rounds} round{'s' if control.ratio.rounds != 1 else ''}"
        words = f"{self.results.control} twice differs by {self.gap:.1%} ({between}, {rounds})."
        others = f"Other programs used {self.others():.0%} of a core meanwhile."
        if self.gap > NOISE:
            return f"Too noisy: {words} Believe no difference below that. {others}"
        if self.others() > DISTURBED:
            return f"Too noisy: {others} Noise floor: {words}"
        return f"Noise floor: {words}"

    # -- cells --------------------------------------------------------------------------

    def lines(self, cell: Cell) -> list[Line]:
        """Who was measured in a cell, the cheapest first."""
        found = [
            self._line(cell, name, rounds) for (id_, name), rounds in self._good.items() if id_ == cell.id
        ]
        return sorted(found, key=lambda one: one.cost.median)

    def _line(self, cell: Cell, name: str, rounds: list[Round]) -> Line:
        wall = sum(one.seconds for one in rounds) or 1.0
        per = 1024 if cell.large else 1
        rate = bootstrap([one.throughput / per for one in rounds]) if cell.rated else None
        generator = sum(one.generator_cpu for one in rounds) / wall
        ceiling = self.results.ceilings.get(cell.id, 0.0)
        bound = bool(rate and ceiling and rate.median >= BOUND * ceiling)
        if not ceiling and rate:
            bound = generator >= BOUND
        connections = rounds[0].connections
        remarks = []
        if cell.measure in ("closed", "paced", "memory") and connections < cell.connections:
            remarks.append(f"{connections:,} connection{'s' if connections != 1 else ''}")
        if bound:
            remarks.append("generator-bound")
        return Line(
            name=name,
            kind=self.kinds.get((cell.service, name), "control"),
            connections=connections,
            cost=bootstrap([cost_of(cell)(one) for one in rounds]),
            rate=rate,
            server=sum(one.server_cpu for one in rounds) / wall,
            generator=generator,
            others=sum(one.other_cpu for one in rounds) / wall,
            bound=bound,
            remarks=tuple(remarks),
            rounds=tuple(rounds),
        )

    # -- ratios -------------------------------------------------------------------------

    def figure(self, words: str, ours: tuple[str, str], theirs: tuple[str, str]) -> Figure | None:
        """Cost of `ours` over `theirs`, each a cell's id and a name; None if one is missing."""
        left, right = self._good.get(ours), self._good.get(theirs)
        if not left or not right:
            return None
        cost, other = cost_of(self.cells[ours[0]]), cost_of(self.cells[theirs[0]])
        ratio = paired_ratio(
            {one.number: cost(one) for one in left}, {one.number: other(one) for one in right}
        )
        if ratio is None:
            return None
        return Figure(
            words,
            bootstrap([cost(one) for one in left]),
            bootstrap([other(one) for one in right]),
            ratio,
            unit(self.cells[ours[0]]),
            self._noise(self.cells[ours[0]], ratio.rounds),
        )

    def _noise(self, cell: Cell, rounds: int) -> float:
        """What a difference must exceed; a round or two of memory have no interval that says so."""
        if cell.measure != "memory":
            return self.gap
        return NOISE if rounds < FEWEST else 0.0

    def between_ours(self, cell: Cell) -> Figure | None:
        """Twisted's cost over gevent's."""
        twisted, gevent = OURS
        return self.figure(f"{cell.id}: {twisted} / {gevent}", (cell.id, twisted), (cell.id, gevent))

    def figures(self) -> list[Figure]:
        """Ours against what a user would pick instead, as far as it was measured."""
        found = []
        for cell in self.results.cells:
            if cell.timed or few_idle(cell):
                continue
            found.append(self.between_ours(cell))
            for name in OURS:
                for other in RIVALS.get(cell.service, ()):
                    if cell.service != "tls" and FRAMEWORK_OF.get(other, name) != name:
                        continue
                    words = f"{cell.id}: {name} / {other}"
                    if (asked := ASKED.get(cell.id, {}).get(other)) is not None:
                        words += f" (asked: at most {asked:g})"
                    found.append(self.figure(words, (cell.id, name), (cell.id, other)))
                if cell.id == "rpc":
                    words = f"{cell.id}: {name} add / its echo"
                    found.append(self.figure(words, (cell.id, name), ("echo", name)))
                if cell.tags:
                    words = f"{cell.id}: {name} / without tags (asked: at most {TAGS_ASKED:g})"
                    found.append(self.figure(words, (cell.id, name), (untagged(cell), name)))
        return [one for one in found if one]

    # -- latency ------------------------------------------------------------------------

    def latencies(self) -> list[Percentiles]:
        """Of every paced cell and contender; histograms are merged, percentiles never averaged."""
        found = []
        for (id_, name), rounds in self._good.items():
            cell = self.cells[id_]
            if not cell.timed:
                continue
            counts = [HdrHistogram.decode(one.histogram) for one in rounds]
            tail = bootstrap([float(one.get_value_at_percentile(99.0)) for one in counts])
            merged = counts[0]
            for one in counts[1:]:
                merged.add(one)
            samples = sum(one.samples for one in rounds)
            told = [p for p in (50.0, 90.0, 99.0, 99.9) if samples * (1 - p / 100) >= ENOUGH or p == 50.0]
            curve = [p for p in CURVE if samples * (1 - p / 100) >= ENOUGH / 10]
            found.append(
                Percentiles(
                    name=name,
                    cell=cell,
                    rate=median(one.rate for one in rounds),
                    samples=samples,
                    values=tuple((p, float(merged.get_value_at_percentile(p))) for p in told),
                    curve=tuple((p, float(merged.get_value_at_percentile(p))) for p in curve),
                    intended=sum(one.intended for one in rounds),
                    unsent=sum(one.unsent for one in rounds),
                    late=sum(one.late for one in rounds),
                    unanswered=sum(one.unanswered for one in rounds),
                    tail=tail,
                )
            )
        return found


def few_idle(cell: Cell) -> bool:
    """Whether what it says of memory is for the picture of growth alone."""
    return cell.measure == "memory" and cell.connections < FEWEST_IDLE


def untagged(cell: Cell) -> str:
    """The id of the cell that is the same without tags."""
    return cell.id.removesuffix("-tags")


TAGS_ASKED = 1.5
"""Times what a delivery may cost with tags: the line is built once, whoever gets it."""

ASKED = {
    "files-retr": {"pyftpdlib": 0.85, "vsftpd": 1.1},
    "files-stor": {"pyftpdlib": 0.9},
    "files-retr-tls": {"pyftpdlib": 0.75},
    "files-4k": {"pyftpdlib": 1.0},
    "files-login": {"pyftpdlib": 1.0},
}
"""What ours may cost of what another costs, at most, by cell; each of them has a sentence in the verdict."""

CURVE = (10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99)

FRAMEWORK_OF = {
    "bare-twisted": "twisted",
    "bare-gevent": "gevent",
    "words": "twisted",
    "twisted-ftp": "twisted",
}
"""Of which of ours a rival is the framework: with the other it has no ratio.  TLS is one layer in ours."""

RIVALS = {
    "echo": ("bare-twisted", "bare-gevent", "epoll"),
    "udp": ("bare-twisted", "bare-gevent", "blocking"),
    "tls": ("bare-twisted", "bare-gevent"),
    "rpc": ("amp", "aiorpcx"),
    "chat": ("bare-twisted", "bare-gevent", "words", "ngircd"),
    "files": ("twisted-ftp", "pyftpdlib", "vsftpd"),
}
