"""Where and with what a run was measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

from compare import proc
from compare.contenders import installed
from compare.results import Environment

PROGRAMS = ("ngircd",)
PACKAGES = ("twisted", "gevent", "greenlet", "msgspec", "uvloop", "aiorpcX", "pyasyncore")


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


def _programs() -> dict[str, str]:
    """What the programs that are installed say of their version: `ngIRCd 26.1-IDENT+…`."""
    found = {}
    for program in PROGRAMS:
        try:
            done = subprocess.run(
                [installed(program), "--version"], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            continue  # its row will say that it is not there
        words = done.stdout.split()
        found[program] = words[1].partition("-")[0] if len(words) > 1 else ""
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
        "gevent": "import gevent; print(gevent.get_hub().loop)",
        "asyncio": "import asyncio; print(type(asyncio.new_event_loop()).__name__)",
    }
    answers = {}
    for framework, question in questions.items():
        done = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            answers[framework] = done.stdout.strip()
    return answers
