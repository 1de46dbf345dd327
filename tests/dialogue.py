"""Reads the dialogues of `tests/transcripts`: what a client sends, and what must come back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "transcripts"

_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[nrt\\])")
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\"}


@dataclass(frozen=True)
class Send:
    """The client sends these bytes."""

    data: bytes


@dataclass(frozen=True)
class End:
    """The client ends its half."""


@dataclass(frozen=True)
class Expect:
    """The server answers this line (without its ending)."""

    line: bytes


@dataclass(frozen=True)
class Closed:
    """The server ends the connection."""


Step = Send | End | Expect | Closed


def parse(text: str, ending: bytes = b"\n") -> list[Step]:
    """The steps of one dialogue; `ending` follows what `C:` sends."""
    steps: list[Step] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        mark, rest = line[:2], line[3:]
        if mark == "C:":
            steps.append(Send(rest.encode() + ending))
        elif mark == "C<":
            steps.append(Send(_ESCAPE.sub(_unescape, rest.encode())))
        elif mark == "C.":
            steps.append(End())
        elif mark == "S:":
            steps.append(Expect(rest.encode()))
        elif mark == "S.":
            steps.append(Closed())
        else:
            raise ValueError(f"line {number}: {line!r} is no step")
    return steps


def _unescape(found: re.Match[bytes]) -> bytes:
    what = found[1]
    return bytes([int(what[1:], 16)]) if what[:1] == b"x" else _PLAIN[what]


def read(name: str, ending: bytes = b"\n") -> list[Step]:
    """The dialogue in `tests/transcripts/NAME.txt`."""
    return parse((FOLDER / f"{name}.txt").read_text(encoding="utf-8"), ending)


def names(prefix: str) -> list[str]:
    """The dialogues of one protocol, such as `rpc_`."""
    return sorted(path.stem for path in FOLDER.glob(f"{prefix}*.txt"))
