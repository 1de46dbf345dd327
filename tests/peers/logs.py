"""What clients write into files as they go: their only words to anybody who is not a person."""

from __future__ import annotations

import re
from pathlib import Path

from tests.servers import wait_until


def logged(file: Path, pattern: str) -> str:
    """Wait for a line of this file, which may not be there yet, in which the pattern is found."""

    def lines() -> list[str]:
        return file.read_text(errors="replace").splitlines() if file.exists() else []

    def found() -> list[str]:
        return [line for line in lines() if re.search(pattern, line)]

    wait_until(f"{pattern!r} in {file.name}", found, also=lambda: "\n".join(lines()))
    return found()[-1]
