"""The generator's process: jobs come as lines on stdin, outcomes leave as lines on stdout."""

from __future__ import annotations

import gc
import resource
import sys

import msgspec

from compare.load.closed import ClosedLoop
from compare.load.connections import Connection, Lost, tls_context
from compare.load.jobs import Job, Outcome
from compare.load.paced import PacedLoop


class Worker:
    """Does one job after the other; keeps only the connections of an `idle` one."""

    def __init__(self) -> None:
        self.held: list[Connection] = []

    def do(self, job: Job) -> Outcome:
        outcome = Outcome()
        connections: list[Connection] = []
        try:
            if job.kind == "release":
                self.release()
                return outcome
            context = tls_context(job)
            for number in range(job.connections):
                connections.append(Connection(job, number, context))
            outcome.connections = len(connections)
            if job.kind == "idle":
                self.held, connections = connections, []
            elif job.kind == "closed":
                ClosedLoop(job, connections).run(outcome)
            else:
                PacedLoop(job, connections).run(outcome)
        except Lost as lost:
            outcome.problem = str(lost)
        except OSError as error:
            outcome.problem = f"the connection failed: {error}"
        finally:
            for one in connections:
                one.sock.close()
        return outcome

    def release(self) -> None:
        for one in self.held:
            one.sock.close()
        self.held = []


def main() -> None:
    """Until stdin ends."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.disable()  # between jobs only: a collection in a window would be a server's bad luck
    worker = Worker()
    for line in sys.stdin.buffer:
        outcome = worker.do(msgspec.json.decode(line, type=Job))
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()
        gc.collect()


if __name__ == "__main__":
    main()
