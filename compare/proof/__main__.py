"""Both clients against the same servers in turn: `python -m compare.proof [NAME…]`.

Status 1 where they do not agree on operations a second or on CPU per operation.  Percentiles are shown:
those of a paced window hold what else the machine did meanwhile, in both alike only on a quiet one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from compare import proc
from compare.contenders import TABLE
from compare.load.client import Generator, GeneratorFailed
from compare.process import Failed, Server
from compare.proof.second import Found, ProofFailed, Shape, build, by_client, by_generator

AGREED = 0.10
"""By how much the two may differ."""

ROUNDS = 3
SHAPES = (
    *(Shape(connections=1), Shape(connections=50), Shape(connections=500)),
    *(Shape(connections=50, rate=30_000), Shape(connections=50, rate=60_000)),
)


def compared(ours: list[Found], theirs: list[Found]) -> dict[str, tuple[float, float]]:
    """Medians of the generator's rounds and of the client's, by unit."""
    return {
        unit: (median(one.figures()[unit] for one in ours), median(one.figures()[unit] for one in theirs))
        for unit in ours[0].figures()
    }


def agree(unit: str, ours: float, theirs: float) -> bool:
    return unit.startswith("p") or abs(ours / theirs - 1) <= AGREED


def prove(names: list[str]) -> bool:
    """Prints a line for each figure; whether all that must agree do.  Raises what can go wrong."""
    server_core, core = proc.cores()
    whole = True
    with tempfile.TemporaryDirectory() as folder, Generator(core) as generator:
        program = build(Path(folder))
        generator.start()
        for contender in [one for one in TABLE if one.service == "echo" and one.name in names]:
            with Server(contender, server_core) as server:
                server.start()
                for shape in SHAPES:
                    ours, theirs = [], []
                    for _ in range(ROUNDS):
                        ours.append(by_generator(generator, server, shape))
                        theirs.append(by_client(program, server, shape, core))
                    for unit, (left, right) in compared(ours, theirs).items():
                        verdict = "" if agree(unit, left, right) else "  DIFFERS"
                        whole = whole and not verdict
                        print(
                            f"{contender.name:10} {shape.label():32} {unit:20} generator {left:10,.2f}"
                            f"  C {right:10,.2f}  ratio {left / right:.3f}{verdict}",
                            flush=True,
                        )
    return whole


if __name__ == "__main__":
    try:
        sys.exit(0 if prove(sys.argv[1:] or ["epoll", "twisted", "gevent"]) else 1)
    except (ProofFailed, Failed, GeneratorFailed) as problem:
        sys.exit(str(problem))
