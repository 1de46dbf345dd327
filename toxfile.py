"""Tells tox which interpreters to test on: the oldest and the newest of this machine that we support.

tox imports this file by itself.  It looks along PATH and among pyenv's versions, and tries each one:
a shim of pyenv's exists also for versions that it would refuse to start.  OLDEST_PYTHON and
NEWEST_PYTHON, where they are set, are taken as they are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MINORS = range(10, 15)
"""Of Python 3, as pyproject.toml lists them."""

PROBE = """
import ssl, sys, sysconfig
assert sys.implementation.name == "cpython" and sys.version_info.releaselevel == "final"
assert not sysconfig.get_config_var("Py_GIL_DISABLED")
print(sys.version_info.minor)
"""
"""Fails where one of our libraries could not be expected to work."""


def candidates(minor: int) -> Iterator[str]:
    """Where an interpreter of this version may be; the first that works is taken."""
    name = f"python3.{minor}"
    for folder in os.get_exec_path():
        yield os.path.join(folder, name)
    versions = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    for path in sorted(versions.glob(f"3.{minor}.*/bin/{name}"), reverse=True):
        yield str(path)
    yield sys.executable


def works(path: str, minor: int) -> bool:
    """Is there an interpreter, of this version, that can be used?"""
    if not os.access(path, os.X_OK):
        return False
    try:
        probe = subprocess.run([path, "-c", PROBE], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.stdout.strip() == str(minor)


def interpreters() -> list[str]:
    """One usable interpreter of each version that is here, the oldest first."""
    found = (next((path for path in candidates(minor) if works(path, minor)), None) for minor in MINORS)
    return [path for path in found if path] or [sys.executable]


def choose() -> None:
    """Put them where tox.ini looks."""
    if not {"OLDEST_PYTHON", "NEWEST_PYTHON"} <= set(os.environ):
        found = interpreters()
        os.environ.setdefault("OLDEST_PYTHON", found[0])
        os.environ.setdefault("NEWEST_PYTHON", found[-1])


choose()
