"""The programs that the tests in here talk to: found or missed by name, and what they are started in."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests import servers
from tests.conftest import skip_unless_in_ci


def program(name: str) -> str:
    """Where it is; without it the test is skipped, and fails in CI."""
    found = shutil.which(name)
    if found is None:
        skip_unless_in_ci(f"{name} is not installed")
    assert found is not None
    return found


def environment(**more: str) -> dict[str, str]:
    """Ours, with UTF-8 and without what belongs to a terminal or a user's own settings."""
    dropped = ("LC_", "LANG", "TERM", "TMUX", "XDG_", "WEECHAT", "IRC", "LISTEN_", "COV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {"LANG": "C.UTF-8", "TZ": "UTC"} | more


def run(words: list[object], home: Path, *, status: int = 0, stdin: str = "", **environ: str) -> bytes:
    """What a program prints that is run in its own home, to its end, which must be this one."""
    ended = subprocess.run(
        [str(word) for word in words],
        cwd=home,
        env=environment(HOME=str(home), **environ),
        input=stdin.encode(),
        capture_output=True,
        timeout=servers.PATIENCE,
        check=False,
    )
    assert ended.returncode == status, (ended.stdout + ended.stderr).decode(errors="replace")
    return ended.stdout
