"""Where and with what a run was measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import proc
from compare.contenders import installed
from compare.results import Environment

PROGRAMS = {"ngircd": "--version", "vsftpd": "-v"}
PACKAGES = (
    "twisted",
    "gevent",
    "greenlet",
    "msgspec",
    "uvloop",
    "aiorpcX",
    "pyasyncore",
    "pyftpdlib",
    "pyOpenSSL",
)


def version(package: str) -> str:
    """The installed version; empty where it is not."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def look() -> Environment:
    """Asked before anything is started."""
    server, generator = proc.cores()
    return Environment(
        twofold=version("twofold") or "not installed",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        versions={package: found for package in PACKAGES if (found := version(package))} | _programs(),
        loops=_loops(),
        kernel=f"{platform.system()} {platform.release()}",
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        server_core=server,
        generator_core=generator,
        load_before=list(os.getloadavg()),
    )


def words(found: Environment) -> str:
    """In a few lines, for the terminal; the page and the file say more."""
    pinned = (
        "Server and generator share the only core"
        if found.server_core is None
        else f"Server on core {found.server_core}, generator on core {found.generator_core}"
    )
    loops = ", ".join(f"{name}: {loop}" for name, loop in found.loops.items())
    return (
        f"{pinned} of {found.cores}: {found.cpu}, {found.kernel}, {found.python}.\n"
        f"Before it the load was {found.load_before[0]:.2f}; others of this host took "
        f"{found.steal_seconds:.1f} s of CPU during it.\n{loops}."
    )


def _programs() -> dict[str, str]:
    """What the programs that are installed say of their version: `ngIRCd 26.1-IDENT+…`."""
    found = {}
    for program, flag in PROGRAMS.items():
        with tempfile.TemporaryFile("w+") as out:
            try:
                # vsftpd says it on descriptor 0.
                subprocess.run(
                    [installed(program), flag], stdin=out, stdout=out, stderr=subprocess.DEVNULL, check=True
                )
            except (OSError, subprocess.CalledProcessError):
                continue  # its row will say that it is not there
            out.seek(0)
            number = re.search(r"\b\d[\d.]*", out.read())
        found[program] = number[0] if number else ""
    return found


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _loops() -> dict[str, str]:
    """Which reactor and which loop the frameworks choose here, asked in another process."""
    questions = {
        "Twisted": "from twisted.internet import reactor; print(type(reactor).__name__)",
        "gevent": "from gevent.core import loop; print(loop.__module__.split('.')[1], loop().backend)",
        "asyncio": "import asyncio; print(type(asyncio.new_event_loop()).__name__)",
    }
    answers = {}
    for framework, question in questions.items():
        done = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            answers[framework] = done.stdout.strip()
    return answers
