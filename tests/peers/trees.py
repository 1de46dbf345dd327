"""A few directories and files, some old, some with names of their own, for clients that copy whole trees."""

from __future__ import annotations

import os
from pathlib import Path

NAMES = ("a", "b/c", "b/caf\u00e9", "b/d/with space", "b/d/empty", "e/'quoted'")
AGE = 1_000_000_000
"""When the first of them was changed, in seconds since 1970; each of the others a second later."""


def grow(top: Path) -> Path:
    """All of NAMES, below `top`."""
    for number, name in enumerate(NAMES):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name.endswith("empty") else os.urandom(1000 * number + 1))
        path.chmod(0o640 if number % 2 else 0o604)
        os.utime(path, (AGE + number, AGE + number))
    return top


def tree(top: Path) -> dict[str, tuple[bytes, int, int]]:
    """Every file below: its bytes, when it was changed, its permissions."""
    found = {}
    for path in top.rglob("*"):
        if path.is_file():
            stat = path.stat()
            name = str(path.relative_to(top))
            found[name] = path.read_bytes(), int(stat.st_mtime), stat.st_mode & 0o777
    return found


def dated(top: Path) -> dict[str, tuple[bytes, int]]:
    """The same for clients that tell no permissions."""
    return {name: found[:2] for name, found in tree(top).items()}


def contents(top: Path) -> dict[str, bytes]:
    """The bytes alone."""
    return {name: found[0] for name, found in tree(top).items()}
