"""The generator, seen from outside: a process that does one job after the other."""

from __future__ import annotations

import os
import select
import subprocess
import sys

import msgspec

from compare import proc
from compare.interrupt import uninterrupted
from compare.load.connections import PATIENCE
from compare.load.jobs import Job, Outcome
from compare.process import child_environment


class GeneratorFailed(Exception):
    """Our own fault: the generator died or hangs."""


class Generator:
    """Also a context manager, which ends the process."""

    def __init__(self, core: int | None) -> None:
        self._core = core
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Whatever happens, `close` puts away what runs."""
        with uninterrupted():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "compare.load"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                env=child_environment(),
            )
        proc.pin(self._process.pid, self._core)

    def do(self, job: Job) -> Outcome:
        """Raises GeneratorFailed."""
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        out = self._process.stdout.fileno()
        allowed = job.warmup + job.seconds + 4 * PATIENCE + job.connections * 0.05
        answer = bytearray()
        try:
            self._process.stdin.write(msgspec.json.encode(job) + b"\n")
            self._process.stdin.flush()
            while not answer.endswith(b"\n"):
                if not select.select([out], [], [], allowed)[0]:
                    raise GeneratorFailed(f"the load generator said nothing for {allowed:.0f} s")
                data = os.read(out, 1 << 20)
                if not data:
                    raise GeneratorFailed("the load generator ended")
                answer += data
        except OSError as error:
            raise GeneratorFailed(f"the load generator ended: {error}") from None
        return msgspec.json.decode(answer, type=Outcome)

    def close(self) -> None:
        """Ends the process; a second time does nothing."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    pass  # it was still to be flushed to a process that is gone

    def __enter__(self) -> Generator:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
