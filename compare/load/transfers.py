"""Files: transfers over one session, one after the other, and sessions that log in and leave.

Each cell is a count and not a time.  A download leaves a socket in TIME_WAIT on the server's side, and
with some 10,000 of them the kernel takes ten times as long to find a free port for the next data connection:
so many small ones would be charged to whoever comes next.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from compare import ftp
from compare.load.ftp_sessions import FTPSession, stored, tls_context
from compare.load.jobs import Job, Outcome
from compare.load.meters import Meters

MIB = 1 << 20
SMALL = 500
"""Small files, or logins, of a window."""
WARM = 25
"""Of them before it."""
SLICES = 10


class Transfers:
    """One window."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._context: ssl.SSLContext | None = tls_context(job.ca) if job.transport == "tls" else None

    def session(self) -> FTPSession:
        return FTPSession(self.job.port, self._context).login()

    def run(self, outcome: Outcome) -> None:
        """Raises Lost and WrongAnswer."""
        outcome.connections = 1
        if self.job.kind == "login":
            self._often(outcome, self._log_in)
            return
        with self.session() as session:
            if self.job.kind == "stor":
                self._store(outcome, session)
            elif self.job.size < MIB:
                self._often(outcome, lambda: session.fetch(ftp.SMALL, self.job.size))
            else:
                self._fetch(outcome, session)
            # The end of the session shall not fall into somebody else's window.
            session.leave()

    def _often(self, outcome: Outcome, one: Callable[[], None]) -> None:
        for _ in range(WARM):
            one()
        meters = Meters(self.job.pid)
        meters.start()
        try:
            for _ in range(SLICES):
                for _ in range(SMALL // SLICES):
                    one()
                outcome.series.append(SMALL // SLICES)
        finally:
            outcome.operations = sum(outcome.series)
            meters.stop(outcome)

    def _log_in(self) -> None:
        """As anybody, and out again: what came about has to be put away, too."""
        with FTPSession(self.job.port) as session:
            session.ask(b"USER anonymous", b"331")
            session.ask(b"PASS guest@", b"230")
            session.leave()

    def _fetch(self, outcome: Outcome, session: FTPSession) -> None:
        """One file, whose pages are in memory since it was written (`files_root`)."""
        session.fetch(ftp.SMALL, ftp.SMALL_SIZE)
        self._timed(outcome, lambda: session.fetch(ftp.LARGE, self.job.size))

    def _store(self, outcome: Outcome, session: FTPSession) -> None:
        """One file under a new name, into pages that the kernel had in use a moment ago.

        Pages of the machine that were never touched cost 2 s for a GiB, whoever touches them.  So the same is
        stored and deleted before; and deleted again afterwards, which is not measured.
        """
        name = f"stored-{self.job.pid}"
        path = Path(self.job.folder) / name
        session.store(name, self.job.size)
        session.ask(b"DELE " + name.encode(), b"250")
        self._timed(outcome, lambda: session.store(name, self.job.size))
        stored(path, self.job.size)
        session.ask(b"DELE " + name.encode(), b"250")

    def _timed(self, outcome: Outcome, transfer: Callable[[], None]) -> None:
        meters = Meters(self.job.pid)
        meters.start()
        transfer()
        meters.stop(outcome)
        outcome.operations = self.job.size // MIB
        outcome.series.append(outcome.operations)
