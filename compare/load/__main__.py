"""The generator's process: jobs come as lines on stdin, outcomes leave as lines on stdout."""

from __future__ import annotations

import gc
import resource
import sys

import msgspec

from compare.dialects import WrongAnswer
from compare.load.chatters import pair
from compare.load.churn import Churn
from compare.load.closed import ClosedLoop
from compare.load.connections import Connection, Lost, tls_context
from compare.load.fairness import Fairness
from compare.load.fanout import FanOut
from compare.load.ftp_sessions import FTPSession
from compare.load.jobs import Job, Outcome
from compare.load.listing import Listing
from compare.load.members import Member, registered
from compare.load.paced import PacedLoop
from compare.load.registrations import Registrations
from compare.load.transfers import Transfers


class Worker:
    """Does one job after the other; keeps only the connections of an `idle` one."""

    def __init__(self) -> None:
        self.held: list[Connection] | list[Member] | list[FTPSession] = []

    def do(self, job: Job) -> Outcome:
        outcome = Outcome()
        try:
            if job.kind == "release":
                self.release()
            elif job.dialect == "irc":
                self._chat(job, outcome)
            elif job.dialect == "ftp":
                self._files(job, outcome)
            else:
                self._round_trips(job, outcome)
        except (Lost, WrongAnswer) as problem:
            outcome.problem = str(problem)
        except OSError as error:
            outcome.problem = f"the connection failed: {error}"
        return outcome

    def _round_trips(self, job: Job, outcome: Outcome) -> None:
        if job.kind == "churn":
            Churn(job).run(outcome)
            return
        connections: list[Connection] = []
        try:
            context = tls_context(job)
            for number in range(job.connections):
                connections.append(Connection(job, number, context))
            outcome.connections = len(connections)
            if job.kind == "idle":
                self.held, connections = connections, []
            elif job.kind == "closed":
                ClosedLoop(job, connections).run(outcome)
            elif job.kind == "fairness":
                Fairness(job, connections).run(outcome)
            else:
                PacedLoop(job, connections).run(outcome)
        finally:
            for one in connections:
                one.sock.close()

    def _chat(self, job: Job, outcome: Outcome) -> None:
        if job.kind == "registration":
            Registrations(job).run(outcome)
            return
        members: list[Member] = []
        try:
            if job.kind == "fairness":
                Fairness(job, pair(job, members)).run(outcome)
                return
            for number in range(job.connections):
                members.append(registered(job.port, b"m%06d" % number, job.tags))
            outcome.connections = len(members)
            if job.kind == "idle":
                self.held, members = members, []
            else:
                for one in members:
                    one.join()
                FanOut(job, members).run(outcome)
                # Nobody's window shall share the server's core with this one's good-byes.
                for one in members:
                    one.leave()
        finally:
            for one in members:
                one.sock.close()

    def _files(self, job: Job, outcome: Outcome) -> None:
        transfers = Transfers(job)
        if job.kind == "fairness":
            with transfers.session() as pinger, transfers.session() as lister:
                Listing(job, pinger, lister).run(outcome)
            return
        if job.kind != "idle":
            transfers.run(outcome)
            return
        sessions: list[FTPSession] = []
        try:
            for _ in range(job.connections):
                sessions.append(transfers.session())
            outcome.connections = len(sessions)
            self.held, sessions = sessions, []
        finally:
            for one in sessions:
                one.sock.close()

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
