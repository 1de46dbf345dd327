"""The command as a user runs it: a process, what it says, and what is left of what it started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTENDER = Path(__file__).with_name("contender.py")


def command(output: Path, *arguments: str, only: str = "epoll") -> list[str]:
    """`twofold compare --quick` of echo, as short as it can be."""
    return [
        *(sys.executable, "-m", "compare", "compare", "--quick", "--services", "echo", "--seconds", "0.05"),
        *("--rounds", "1", "--only", only, "--output", str(output), *arguments),
    ]


def mine(how: str, mark: str) -> tuple[str, str]:
    """A contender of the user's that misbehaves, and whose command line holds `mark`."""
    return ("--contender", f"{how}={sys.executable} {CONTENDER} {{port}} {how} {mark}")


def run(words: list[str], descriptors: int = 0) -> subprocess.CompletedProcess[str]:
    """Until it ends; with so few descriptors, if any are named."""
    if descriptors:
        words = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *words]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


def unwrapped(text: str) -> str:
    """Lines are as wide as the terminal: what is said may stand on two."""
    return " ".join(text.split())


def left_behind(mark: str) -> list[str]:
    """Command lines of living processes that hold `mark`, whatever group they are in."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # gone since it was listed
            if mark in line:
                found.append(line)
    return found
