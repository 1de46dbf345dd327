"""A run as it is written to its JSON file: everything that a report needs, every round."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

FORMAT = 1

Kind = Literal["ours", "bare", "control", "peer", "yours"]
Measure = Literal["closed", "paced", "memory", "churn", "fairness", "registration", "retr", "stor", "login"]


MIB = 1 << 20


class BadFile(Exception):
    """A result file that can't be read; the text is one line for its owner."""


class Environment(msgspec.Struct, kw_only=True):
    """Where and with what it was measured."""

    twofold: str
    python: str
    versions: dict[str, str]
    loops: dict[str, str]
    kernel: str
    cpu: str
    cores: int
    server_core: int | None
    generator_core: int | None
    load_before: list[float]
    steal_seconds: float = 0  # taken by other guests of the host, during the run


class Row(msgspec.Struct, kw_only=True):
    """A contender as the report needs it."""

    name: str
    service: str
    kind: Kind
    framework: str
    command: str
    note: str = ""
    config: str = ""


class Gate(msgspec.Struct, kw_only=True):
    """What became of a contender before anything was measured.

    `refused` is why it was not measured; `notes` are what else it does or fails to do.
    """

    service: str
    name: str
    refused: str = ""
    facts: dict[str, bool] = {}
    notes: list[str] = []


class Cell(msgspec.Struct, kw_only=True, frozen=True):
    """One shape of load, the same for all whom it names; no names mean every contender."""

    id: str
    service: str
    measure: Measure
    connections: int = 50
    size: int = 1024
    depth: int = 1
    seconds: float = 1.0
    fraction: float = 0  # of the contender's own ceiling, in paced cells
    names: tuple[str, ...] = ()
    rounds: int = 0  # 0: as many as the run has
    core: tuple[str, ...] = ()  # where there are any, `rounds` holds for all others
    tls: bool = False  # files: in TLS 1.3, for whoever offers it
    tags: bool = False  # chat: lines with server-time and message-tags, for whoever offers them

    @property
    def rated(self) -> bool:
        """Whether its windows are as many operations as there can be, so that they have a rate."""
        return self.measure != "memory" and not self.timed

    @property
    def timed(self) -> bool:
        """Whether it is about how long each operation waits: its rounds have histograms."""
        return self.measure in ("paced", "fairness")

    @property
    def large(self) -> bool:
        """Whether it is about bytes rather than about operations: a file that takes its time."""
        return self.measure in ("retr", "stor") and self.size >= MIB

    def label(self) -> str:
        """In words, for a heading."""
        if self.service == "chat":
            return self._chat_label()
        if self.service == "files":
            return self._files_label()
        words = [f"{self.connections:,} connection{'s' if self.connections != 1 else ''}"]
        if self.measure == "memory":
            return f"{self.connections:,} idle connections"
        if self.measure == "churn":
            return "connect, one exchange, close; 8 at a time"
        if self.measure == "fairness":
            return "one client floods, another pings 2,000 times a second"
        if self.service != "rpc":
            words.append(f"{self.size // 1024} KiB" if self.size >= 1024 else f"{self.size} B")
        words.append(f"{self.depth} pipelined" if self.depth > 1 else "depth 1")
        if self.fraction:
            words.append(f"at {self.fraction:.0%} of its own ceiling")
        return ", ".join(words)

    def _files_label(self) -> str:
        if self.measure == "memory":
            return f"{self.connections:,} idle sessions, logged in"
        if self.measure == "login":
            return "anonymous logins, one after the other"
        if self.measure == "fairness":
            return "one client lists 100,000 files, another says NOOP 2,000 times a second"
        size = f"{self.size // MIB:,} MiB" if self.large else f"{self.size // 1024} KiB, one after the other"
        return f"{self.measure.upper()} of {size}{' in TLS 1.3' if self.tls else ''}"

    def _chat_label(self) -> str:
        if self.measure == "memory":
            return f"{self.connections:,} idle members"
        if self.measure == "fairness":
            return "one member floods with PING, another pings 2,000 times a second"
        if self.measure == "registration":
            return "registrations, 8 at a time"
        lines = f"{self.depth} lines" if self.depth > 1 else "1 line"
        tags = ", with server-time and message-tags" if self.tags else ""
        return f"one sender, {self.connections - 1:,} members, {self.size} B, {lines} in flight{tags}"


class Round(msgspec.Struct, kw_only=True):
    """One window of one contender in one cell."""

    cell: str
    name: str
    number: int
    connections: int
    seconds: float = 0
    operations: int = 0
    server_cpu: float = 0
    generator_cpu: float = 0
    other_cpu: float = 0  # seconds that the rest of the machine was busy meanwhile
    series: list[int] = []
    rate: float = 0
    histogram: str = ""
    samples: int = 0
    intended: int = 0
    unsent: int = 0
    late: int = 0
    unanswered: int = 0
    pss_before: int = 0
    pss_after: int = 0
    problem: str = ""

    @property
    def throughput(self) -> float:
        """Operations a second."""
        return self.operations / self.seconds if self.seconds else 0.0

    @property
    def cpu(self) -> float:
        """Server CPU, microseconds per operation."""
        return 1e6 * self.server_cpu / self.operations if self.operations else 0.0

    @property
    def per_connection(self) -> float:
        """KiB of memory per idle connection."""
        return (self.pss_after - self.pss_before) / 1024 / self.connections if self.connections else 0.0


class Results(msgspec.Struct, kw_only=True):
    """One run."""

    format: int = FORMAT
    started: str
    seconds: float = 0
    quick: bool
    interrupted: str = ""
    control: str = ""  # the contender that runs twice; its twin's name ends in AGAIN
    environment: Environment
    rows: list[Row] = []
    gates: list[Gate] = []
    cells: list[Cell] = []
    ceilings: dict[str, float] = {}  # cell id: the generator's operations a second, alone
    rounds: list[Round] = []
    notes: list[str] = []


AGAIN = " again"


def write(results: Results, path: Path) -> None:
    """Whole or not at all: a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = msgspec.json.format(msgspec.json.encode(results), indent=1)
    part = path.with_suffix(".part")
    try:
        part.write_bytes(whole)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class _Version(msgspec.Struct):
    format: int


def read(path: Path) -> Results:
    """Raises BadFile, in one line, for what is no result file of this version."""
    try:
        data = path.read_bytes()
        version = msgspec.json.decode(data, type=_Version).format
        if version != FORMAT:
            raise BadFile(f"{path}: format {version}, but this version of twofold reads format {FORMAT}")
        return msgspec.json.decode(data, type=Results)
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from None
    except msgspec.ValidationError as error:
        raise BadFile(f"{path}: not a result file: {error}") from None
    except msgspec.DecodeError as error:
        raise BadFile(f"{path}: damaged: {error}") from None
