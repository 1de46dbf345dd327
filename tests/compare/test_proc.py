"""CPU and memory of a process tree, counted where the kernel counts them."""

from __future__ import annotations

import os
import subprocess
import sys

from compare import proc

SPIN = "import time\nend = time.process_time() + 0.1\nwhile time.process_time() < end: pass\n"


def test_a_thread_that_has_ended_still_counts() -> None:
    """The schedstat files forget it; the process's own CPU clock does not."""
    code = "import threading, sys\nsys.stdin.readline()\n"
    code += f"thread = threading.Thread(target=lambda: exec({SPIN!r}))\n"
    code += "thread.start()\nthread.join()\nprint('done', flush=True)\nsys.stdin.readline()\n"
    assert _spent(code) >= 0.1


def test_a_child_counts_once_it_is_reaped_and_while_it_lives() -> None:
    code = "import os, subprocess, sys\nsys.stdin.readline()\n"
    code += (
        f"subprocess.run([sys.executable, '-c', {SPIN!r}])\nprint('done', flush=True)\nsys.stdin.readline()\n"
    )
    # Reaped children are counted in ticks of 10 ms.
    assert _spent(code) >= 0.1 - 2 * proc.TICK


def _spent(code: str) -> float:
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin
        assert child.stdout
        meter = proc.CpuMeter(child.pid)
        meter.start()
        child.stdin.write("go\n")
        child.stdin.flush()
        assert child.stdout.readline() == "done\n"
        spent = meter.stop()
        child.stdin.write("end\n")
    return spent


def test_one_that_is_gone_has_spent_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert proc.tree(child.pid) == [child.pid]
    assert proc.cpu_clock(child.pid) == 0.0
    assert proc.pss(child.pid) == 0


def test_our_own_memory_is_more_than_nothing() -> None:
    assert proc.pss(os.getpid()) > 1 << 20


def test_the_machine_is_at_least_as_busy_as_we_are() -> None:
    assert proc.busy() > 0
    assert proc.steal() >= 0
