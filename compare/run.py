"""A whole run: gate, ceilings, then round after round, everybody in each.

Interleaved (A B C, B C A, …) so that whatever the machine does meanwhile happens to all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from compare import certificate, chat_gate, files_gate, files_root, gate, proc, workloads
from compare.contenders import Contender
from compare.interrupt import uninterrupted
from compare.load.client import Generator, GeneratorFailed
from compare.measure import Bench
from compare.process import Failed, Server
from compare.progress import Clock, Watcher
from compare.results import AGAIN, Cell, Gate, Results, Round, Row

OVERHEAD = 0.3
"""Seconds that a window costs beside its own, for the time left."""

CONNECTING = 0.0003
"""Seconds that each of its connections costs."""

LOOKS = 1.2
"""Seconds that a new server and the looks at its memory cost."""


BY_HAND = "stopped by hand"
"""How `Results.interrupted` begins where somebody wanted it so."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.  `budget`: seconds after which no further round begins; 0: none."""

    contenders: Sequence[Contender]
    cells: Sequence[Cell]
    rounds: int
    budget: float = 0


def _takes(cell: Cell) -> float:
    """Seconds of one window, its connections and, for memory, its server's start and the looks included."""
    connecting = CONNECTING * cell.connections
    return connecting + OVERHEAD + (LOOKS if cell.measure == "memory" else cell.seconds)


def rotated(names: Sequence[str], number: int) -> list[str]:
    """The order of round `number`, counted from 1: everybody comes first once."""
    shift = (number - 1) % len(names) if names else 0
    return [*names[shift:], *names[:shift]]


def named(contenders: Sequence[Contender], cell: Cell) -> list[str]:
    """Who is in a cell, in the table's order; the user's own are in all of their service."""
    return [
        one.name
        for one in contenders
        if one.service == cell.service and (not cell.names or one.name in cell.names or one.kind == "yours")
    ]


def rounds_of(plan: Plan, cell: Cell, name: str) -> int:
    """How often this one is measured in this cell."""
    if not cell.rounds or name.removesuffix(AGAIN) in cell.core:
        return plan.rounds
    return min(cell.rounds, plan.rounds)


def planned_for(plan: Plan, number: int) -> float:
    """Seconds that round `number` should take."""
    return sum(
        _takes(cell)
        for cell in plan.cells
        for name in named(plan.contenders, cell)
        if number <= rounds_of(plan, cell, name)
    )


def expected(plan: Plan) -> float:
    """Seconds that it should all take."""
    before = 3 * OVERHEAD * len(plan.contenders) + len(plan.cells)
    return before + sum(planned_for(plan, number) for number in range(1, plan.rounds + 1))


def twin(contenders: Sequence[Contender], cell: Cell) -> Contender | None:
    """Who runs twice in this cell, as the control: one of middling speed, if it is there."""
    there = [one for one in contenders if one.service == cell.service]
    liked = [one for one in there if one.name == "bare-gevent"] or there
    return replace(liked[0], name=liked[0].name + AGAIN) if liked else None


class Run:
    """Fills `results`; whatever happens on the way, what was measured is in there."""

    def __init__(self, plan: Plan, results: Results, watcher: Watcher) -> None:
        self.plan = plan
        self.results = results
        self.watcher = watcher
        self.clock = Clock()
        self.servers: dict[tuple[str, str], Server] = {}
        self.contenders = list(plan.contenders)
        self.out: set[tuple[str, str]] = set()  # (cell id, name) that is not measured any more
        self._stack = ExitStack()

    def go(self) -> None:
        """Until all is measured, the time is over, or somebody says stop (Ctrl-C)."""
        results = self.results
        steal = proc.steal()
        try:
            try:
                self._measure()
            finally:
                with uninterrupted():
                    self._put_away()
                    results.seconds = self.clock()
                    results.environment.steal_seconds = proc.steal() - steal
        except KeyboardInterrupt:
            results.interrupted = f"{BY_HAND} {self._when()}"
            self.watcher.say(results.interrupted)
        except OSError as error:
            results.interrupted = f"ended {self._when()}: {error.strerror or error}"
            self.watcher.say(results.interrupted)
        except Exception:
            results.interrupted = f"ended by a fault of its own {self._when()}"
            raise

    def _when(self) -> str:
        last = max((one.number for one in self.results.rounds), default=0)
        return f"in round {last} of {self.plan.rounds}" if last else "before the first window was over"

    def _measure(self) -> None:
        results, plan = self.results, self.plan
        results.cells = [one for one in plan.cells if self._names(one)]
        measured = {(cell.service, name) for cell in results.cells for name in self._names(cell)}
        self.contenders = [one for one in self.contenders if (one.service, one.name) in measured]
        closed = [one for one in results.cells if one.measure == "closed"]
        rated = [one for one in results.cells if one.rated]
        again = twin(self.contenders, rated[0]) if rated else None
        if again:
            # Of this cell alone: it is there to show what two equals differ by.
            self.contenders.append(again)
            results.control = again.name.removesuffix(AGAIN)
        self.watcher.expect(expected(plan))
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="twofold-")))
        self.files = certificate.make(folder)
        if any(one.service == "files" for one in results.cells):
            served = files_root.served(
                workloads.large_file(results.cells), workloads.many_files(results.cells)
            )
            self.files["root"] = str(self._stack.enter_context(served))
        environment = results.environment
        self.bench = Bench(Generator(environment.generator_core), environment.server_core, self.files)
        self.bench.generator.start()
        for contender in self.contenders:
            self._examine(contender)
        self._ceilings(closed)
        self.out |= self.unable()
        for contender in self.contenders:
            self._start(contender)
        began, planned = self.clock(), 0.0
        for number in range(1, plan.rounds + 1):
            self._round(number, again.name if again else "")
            planned += planned_for(plan, number)
            # What the next round will take, at the pace of those so far.
            ahead = planned_for(plan, number + 1) * (self.clock() - began) / max(planned, 0.1)
            if plan.budget and number < plan.rounds and self.clock() + ahead > plan.budget:
                self._note(f"{number} of {plan.rounds} rounds fitted into the time")
                break

    # -- before -------------------------------------------------------------------------

    def _server(self, contender: Contender) -> Server:
        return Server(contender, self.results.environment.server_core, self.files)

    def _examine(self, contender: Contender) -> None:
        """In a process of its own, so that what is asked leaves no trace in what is measured."""
        results = self.results
        results.rows.append(
            Row(
                name=contender.name,
                service=contender.service,
                kind=contender.kind,
                framework=contender.framework,
                command=" ".join(contender.command),
                note=contender.note,
                config=contender.config,
            )
        )
        self.watcher.doing(f"asking everybody what they can do: {contender.service} {contender.name}")
        with self._server(contender) as server:
            try:
                server.start()
                found = gate.examine(server, self.files["ca"])
            except Failed as error:
                found = Gate(service=contender.service, name=contender.name, refused=str(error))
            if problem := server.stop():
                found.notes.append(problem)
        results.gates.append(found)
        if found.refused:
            self.watcher.say(f"{contender.service} {contender.name}: not measured: {found.refused}")
        self.watcher.done(OVERHEAD)

    def _ceilings(self, closed: Sequence[Cell]) -> None:
        for cell in closed:
            self.watcher.doing(f"how fast the generator is alone: {cell.id}")
            # TLS and tags have no server that costs nothing: there the generator's own CPU tells.
            if cell.service != "tls" and not cell.tags:
                dialect = "jsonrpc" if cell.service == "rpc" else "echo"
                try:
                    self.results.ceilings[cell.id] = self.bench.ceiling(cell, dialect)
                except (Failed, GeneratorFailed) as error:
                    self._note(f"{cell.id}: no ceiling of the generator: {error}")
            self.watcher.done(OVERHEAD + 0.5)

    def _start(self, contender: Contender) -> None:
        if self._refused(contender):
            return
        self.watcher.doing(f"starting everybody: {contender.service} {contender.name}")
        self._serve(contender)
        self.watcher.done(OVERHEAD)

    def _serve(self, contender: Contender) -> None:
        server = self._server(contender)
        self.servers[contender.service, contender.name] = server
        try:
            server.start()
        except Failed as error:
            self._note(f"{contender.service} {contender.name}: {error}")
            self.servers.pop((contender.service, contender.name)).stop()

    def _refused(self, contender: Contender) -> bool:
        return any(
            (one.service, one.name) == (contender.service, contender.name) and one.refused
            for one in self.results.gates
        )

    def unable(self) -> set[tuple[str, str]]:
        """(cell id, name) of those who can't be measured with tags, or in TLS; that is beside their row."""
        facts = {(one.service, one.name): one.facts for one in self.results.gates}
        found = set()
        for cell in self.results.cells:
            needed = chat_gate.TAGS if cell.tags else files_gate.TLS if cell.tls else ""
            for name in self._names(cell) if needed else ():
                if not facts.get((cell.service, name), {}).get(needed):
                    found.add((cell.id, name))
        return found

    # -- the rounds ---------------------------------------------------------------------

    def _names(self, cell: Cell) -> list[str]:
        return named(self.contenders, cell)

    def _round(self, number: int, again: str) -> None:
        control_cell = next((one.id for one in self.results.cells if one.rated), "")
        for cell in self.results.cells:
            names = [one for one in self._names(cell) if number <= rounds_of(self.plan, cell, one)]
            if cell.id != control_cell:
                names = [one for one in names if one != again]
            for name in rotated(names, number):
                self.watcher.doing(f"round {number} of {self.plan.rounds}: {cell.id} {name}")
                server = self.servers.get((cell.service, name))
                if server and (cell.id, name) not in self.out:
                    self._window(cell, server, number)
                self.watcher.done(_takes(cell))

    def _window(self, cell: Cell, server: Server, number: int) -> None:
        name = server.contender.name
        try:
            if cell.measure == "churn":
                round_ = self.bench.churn(cell, server, number)
            elif cell.measure == "fairness":
                round_ = self.bench.fairness(cell, server, number)
            elif cell.rated:
                round_ = self.bench.closed(cell, server, number)
            elif cell.measure == "paced":
                round_ = self.bench.paced(cell, server, number, self._pace(cell, name))
            else:
                with self._server(server.contender) as fresh:
                    fresh.start()
                    round_ = self.bench.memory(cell, fresh, number)
        except Failed as error:
            round_ = Round(cell=cell.id, name=name, number=number, connections=0, problem=str(error))
        except GeneratorFailed as error:
            round_ = Round(cell=cell.id, name=name, number=number, connections=0, problem=str(error))
            self.bench.generator.close()
            self.bench.generator = Generator(self.results.environment.generator_core)
            self.bench.generator.start()
        self.results.rounds.append(round_)
        for one in self.servers.values():
            one.trim()
        if round_.problem:
            self._note(f"{cell.id} {name}, round {number}: {round_.problem}")
            self.out.add((cell.id, name))
        if not server.alive():
            gone = self.servers.pop((cell.service, name))
            if not round_.problem:
                self._note(f"{cell.id} {name}, round {number}: {gone.died()}")
            self._note(f"{cell.service} {name} is not measured any further")
            gone.stop()
        elif cell.measure == "fairness":
            # Whoever is slower than the flood goes on working it off, ngIRCd for minutes, on the core
            # of whoever is measured next.
            if problem := self.servers.pop((cell.service, name)).stop():
                self._note(f"{cell.service} {name}: {problem}")
            self._serve(server.contender)

    def _pace(self, cell: Cell, name: str) -> float:
        """A fraction of this contender's ceiling: the median of its rounds so far in the headline cell.

        The headline cell comes first in each round, so this round's is among them.  Raises Failed
        where there is none.
        """
        known = [
            one.throughput
            for one in self.results.rounds
            if one.cell == cell.service and one.name == name and one.throughput and not one.problem
        ]
        if not known:
            raise Failed("its ceiling was not measured")
        return median(known) * cell.fraction

    # -- after --------------------------------------------------------------------------

    def _note(self, line: str) -> None:
        if line not in self.results.notes:  # in a later round it says no more
            self.results.notes.append(line)
        self.watcher.say(line)

    def _put_away(self) -> None:
        if hasattr(self, "bench"):
            self.bench.generator.close()
        for server in self.servers.values():
            server.terminate()  # all at once: whoever takes its time takes it beside the others
        for (service, name), server in self.servers.items():
            if problem := server.stop():
                self._note(f"{service} {name}: {problem}")
        self.servers.clear()
        self._stack.close()
