"""The client in C: built, run, and what it and the generator found, side by side."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
from hdrh.histogram import HdrHistogram

from compare import dialects
from compare.load.client import Generator
from compare.load.jobs import Job
from compare.process import Server

SOURCE = Path(__file__).with_name("client.c")


class ProofFailed(Exception):
    """One of the two could not measure; the text is one line."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one of the two found.  `p50` and `p90` of an open loop, microseconds."""

    operations: int
    seconds: float
    server_cpu: float
    p50: float = 0.0
    p90: float = 0.0

    def figures(self) -> dict[str, float]:
        """What is compared, by its unit."""
        found = {
            "operations a second": self.operations / self.seconds,
            "µs CPU per operation": 1e6 * self.server_cpu / self.operations,
        }
        if self.p50:
            found |= {"p50 µs": self.p50, "p90 µs": self.p90}
        return found


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """One shape of load; `rate` 0 is a closed loop."""

    connections: int
    rate: int = 0
    size: int = 1024
    seconds: float = 1.0

    def label(self) -> str:
        paced = f", {self.rate:,} a second" if self.rate else ""
        return f"{self.connections:,} connection{'s' if self.connections != 1 else ''}{paced}"


def build(folder: Path) -> Path:
    """The program, made with the system's `cc`.  Raises ProofFailed."""
    program = folder / "client"
    command = ["cc", "-O2", "-Wall", "-o", str(program), str(SOURCE)]
    try:
        made = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise ProofFailed(f"no C compiler: cc: {error.strerror}") from None
    if made.returncode:
        raise ProofFailed(f"cc: {made.stderr.strip()}")
    return program


def by_client(program: Path, server: Server, shape: Shape, core: int | None) -> Found:
    """What the client in C finds, on the generator's core.  Raises ProofFailed."""
    words = [server.port, shape.connections, shape.size, shape.seconds, shape.rate, server.pid]
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    done = subprocess.run([*pinned, str(program), *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise ProofFailed(f"the client in C: {done.stderr.strip()}")
    return msgspec.json.decode(done.stdout, type=Found)


def by_generator(generator: Generator, server: Server, shape: Shape) -> Found:
    """What the generator finds.  Raises ProofFailed."""
    message = dialects.echo_message(shape.size)
    outcome = generator.do(
        Job(
            kind="paced" if shape.rate else "closed",
            port=server.port,
            connections=shape.connections,
            request=message,
            reply=message,
            stamped=True,
            warmup=shape.seconds / 10,
            seconds=shape.seconds,
            rate=shape.rate,
            pid=server.pid,
        )
    )
    if outcome.problem:
        raise ProofFailed(f"the generator: {outcome.problem}")
    latencies = HdrHistogram.decode(outcome.histogram) if outcome.histogram else None
    return Found(
        operations=outcome.operations,
        seconds=outcome.seconds,
        server_cpu=outcome.server_cpu,
        p50=latencies.get_value_at_percentile(50) if latencies else 0.0,
        p90=latencies.get_value_at_percentile(90) if latencies else 0.0,
    )
