"""The meters at the edges of a window, read by the generator itself: nobody else knows the moment."""

from __future__ import annotations

import time

from compare import proc
from compare.load.jobs import Outcome


class Meters:
    """Wall time, the server's CPU, the generator's, and everybody else's."""

    def __init__(self, pid: int) -> None:
        self._server = proc.CpuMeter(pid)

    def start(self) -> None:
        self._server.start()  # first, and last below: to look at thousands of processes takes a while
        self._busy = proc.busy()
        self._cpu, self._began = time.process_time(), time.perf_counter()

    def stop(self, outcome: Outcome, idle: float = 0) -> None:
        """Write what was spent since `start` into `outcome`; `idle` is what the generator spun away."""
        outcome.seconds = time.perf_counter() - self._began
        spent = time.process_time() - self._cpu
        outcome.generator_cpu = max(0.0, spent - idle)
        busy = proc.busy() - self._busy
        outcome.server_cpu = self._server.stop()
        # In ticks of 10 ms: enough to see a noisy neighbour.
        rest = busy - outcome.server_cpu - spent
        outcome.other_cpu = max(0.0, rest)
