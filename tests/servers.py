"""A driver is a process: started on sockets that are open already, and checked to its end.

`start` binds and listens, passes the descriptors and closes its own copies: there is no port
to choose and no readiness to wait for.  `Running.stop` is where every test of a driver ends:
alive until told, gone in time, one last line, nothing left behind.
"""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import trustme

from tests.clients import Client, TLSClient

PATIENCE = 30.0
"""Seconds after which what a test waits for will not come; never how long it takes."""
ROOT = Path(__file__).resolve().parents[1]
"""The sources beside these tests are what is tested, whatever else is installed."""
PROBE = ROOT / "tests" / "probe"
OUTPUT = tempfile.TemporaryDirectory(prefix="twofold-")
"""Where servers run, write and bind unix sockets until the tests end; a path that is short enough."""
TWISTD = "from twisted.scripts.twistd import run; run()"


def command(implementation: str, service: str) -> list[str]:
    """How a person would start this service."""
    if implementation == "twisted":
        return [sys.executable, "-c", TWISTD, "-n", "--pidfile=", service]
    if service == "probe":
        return [sys.executable, "-m", "probe_gevent"]
    return [sys.executable, "-m", "gevent_impl", service]


def environment(**more: str) -> dict[str, str]:
    """The environment of a server: warnings shown, output unbuffered, the probe to be found."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("LISTEN_", "COV"))}
    return (
        known
        | {"PYTHONPATH": f"{PROBE}{os.pathsep}{ROOT}", "PYTHONWARNINGS": "default", "PYTHONUNBUFFERED": "1"}
        | more
    )


def wait_until(
    what: str, holds: Callable[[], object], patience: float = PATIENCE, also: Callable[[], str] = str
) -> None:
    """Return as soon as `holds()`; fail after `patience` seconds, with what `also()` tells."""
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, f"waited in vain: {what}\n{also()}"
        select.select([], [], [], 0.005)


@dataclass(frozen=True)
class Certificate:
    """A certificate on disk, and what a client trusts to believe it."""

    cert: Path
    key: Path
    ca: Path
    serial: int

    @property
    def query(self) -> str:
        return f"cert={self.cert}&key={self.key}"


class Authority:
    """Issues certificates for localhost into a directory."""

    def __init__(self, directory: Path) -> None:
        self._authority = trustme.CA()
        self._directory = directory
        self.ca = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca))

    def issue(self, name: str = "server") -> Certificate:
        """A new certificate, over what was there under this name."""
        from cryptography.x509 import load_pem_x509_certificate

        issued = self._authority.issue_cert("localhost", "127.0.0.1", "::1")
        cert, key = self._directory / f"{name}.pem", self._directory / f"{name}.key"
        issued.cert_chain_pems[0].write_to_path(str(cert))
        issued.private_key_pem.write_to_path(str(key))
        serial = load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).serial_number
        return Certificate(cert, key, self.ca, serial)


@dataclass
class Running:
    """A started server and where it listens."""

    process: subprocess.Popen[bytes]
    where: dict[str, tuple[int, object]]
    """By what was asked for ("tcp", "udp6", "unix", …): the socket's family and address."""
    output: Path
    certificate: Certificate | None = None
    tracebacks: int = 0
    """How many tracebacks the test has provoked."""
    open_at_start: int = 0
    _checked: bool = False

    @property
    def pid(self) -> int:
        return self.process.pid

    # -- connecting ----------------------------------------------------------------------

    def connect(self, over: str = "tcp", **options: object) -> Client:
        """A new connection; `options` are those of Client.connect and TLSClient."""
        family, address = self.where[over]
        if over.startswith(("tls", "wss")):
            assert self.certificate is not None
            return TLSClient.connect(family, address, ca=self.certificate.ca, **options)  # type: ignore[arg-type]
        return Client.connect(family, address, **options)  # type: ignore[arg-type]

    # -- looking -------------------------------------------------------------------------

    @property
    def stderr(self) -> str:
        return (self.output / "stderr").read_text(errors="replace")

    @property
    def stdout(self) -> str:
        return (self.output / "stdout").read_text(errors="replace")

    @property
    def log(self) -> str:
        return self.stdout + self.stderr

    def wait_for(self, text: str, times: int = 1) -> None:
        """Until the server has said this on either descriptor."""
        wait_until(
            f"{text!r} said {times} times", lambda: self.log.count(text) >= times, also=lambda: self.log
        )

    def descriptors(self) -> list[str]:
        """What is open in the server now."""
        found = []
        for one in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                found.append(os.readlink(one))
            except FileNotFoundError:
                pass  # closed while we looked
        # A loop may open its one eventfd when a first thread speaks to it, and a database keeps the
        # connections that it was read through.
        kept = re.compile(r"eventfd|\.db(-wal|-shm)?$")
        return sorted(one for one in found if not kept.search(one))

    def memory(self) -> int:
        """Bytes resident."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def cpu(self) -> float:
        """Seconds of CPU spent so far, by the server and its kernel side."""
        times = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")

    # -- ending --------------------------------------------------------------------------

    def signal(self, signum: int) -> None:
        self.process.send_signal(signum)

    def wait(self) -> int:
        """Until the server has gone; its exit status."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still there after {PATIENCE} s\n{self.log}") from None

    def kill(self) -> None:
        """The last resort of a failed test."""
        self._checked = True
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """The end that every server must come to."""
        if self._checked:
            return
        self._checked = True
        try:
            assert self.process.poll() is None, f"gone before it was told\n{self.log}"
            wait_until(
                "no more descriptors than at the start",
                lambda: len(self.descriptors()) <= self.open_at_start,
                also=lambda: f"{self.open_at_start}, now {self.descriptors()}\n{self.log}",
            )
            self.signal(signal.SIGTERM)
            self.ended()
        finally:
            self.kill()

    def ended(self, status: int = 0, last: str = "stopped") -> None:
        """The server, told to stop, has gone as it should."""
        self._checked = True
        assert self.wait() == status, self.log
        lines = self.stderr.splitlines()
        assert lines, "no last line"
        assert lines[-1].startswith(last), self.log
        assert self.log.count("Traceback") == self.tracebacks, self.log
        assert "Warning" not in self.log, self.log


FAMILIES = {
    "tcp": socket.AF_INET,
    "tls": socket.AF_INET,
    "udp": socket.AF_INET,
    "tcp6": socket.AF_INET6,
    "tls6": socket.AF_INET6,
    "udp6": socket.AF_INET6,
    "unix": socket.AF_UNIX,
    "ws": socket.AF_INET,
    "wss": socket.AF_INET,
}
"""Of what may be asked for; "+proxy" behind it wants PROXY headers."""


def _opened(kind: str, directory: Path, backlog: int) -> socket.socket:
    datagrams = kind.startswith("udp")
    family = FAMILIES[kind.partition("+")[0]]
    sock = socket.socket(family, socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM)
    if sock.family == socket.AF_UNIX:
        sock.bind(str(directory / "socket"))
    else:
        sock.bind(("::1" if sock.family == socket.AF_INET6 else "127.0.0.1", 0))
    if not datagrams:
        sock.listen(backlog)
    return sock


def start(
    implementation: str,
    service: str,
    *flags: str,
    listen: Sequence[str] = ("tcp",),
    certificate: Certificate | None = None,
    prefix: Sequence[str] = (),
    backlog: int = 1024,
    warm: bool = True,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Running:
    """Start a server that listens on these, and see its first answer (unless not `warm`)."""
    directory = Path(tempfile.mkdtemp(dir=OUTPUT.name))
    sockets: list[socket.socket] = []
    where: dict[str, tuple[int, object]] = {}
    arguments = []
    for kind in listen:
        sock = _opened(kind, directory, backlog)
        sockets.append(sock)
        where[kind] = sock.family, sock.getsockname()
        query = f"?fd={sock.fileno()}"
        scheme, _, proxy = kind.partition("+")
        if scheme.startswith(("tls", "wss")):
            assert certificate is not None
            query += f"&{certificate.query}"
        if proxy:
            query += "&proxy=1"
        arguments += ["--listen", f"{scheme.rstrip('6')}://{query}"]
    with open(directory / "stdout", "wb") as out, open(directory / "stderr", "wb") as err:
        process = subprocess.Popen(
            [*prefix, *command(implementation, service), *arguments, *flags],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            pass_fds=[sock.fileno() for sock in sockets],
            env=environment(**environ),
            cwd=directory,
        )
    for sock in sockets:
        sock.close()
    running = Running(process, where, directory, certificate)
    if warm:
        _warm(running, service)
    return running


def _warm(running: Running, service: str) -> None:
    """One answer proves that it serves; what is open then, less that connection, is its start."""
    try:
        over = next(kind for kind in running.where if not kind.startswith("udp"))
        with running.connect(over) as client:
            if service == "probe":
                client.send(b"ping warm\n")
                assert client.read_line() == b"pong warm"
            else:
                line = b'{"jsonrpc": "2.0", "id": 0, "method": "no such"}\n'
                client.send(line)
                assert client.read_line()
            running.open_at_start = len(running.descriptors()) - 1
            client.half_close()
            client.read_to_end()
    except BaseException:
        print(running.log)
        running.kill()
        raise


@contextmanager
def serving(implementation: str, service: str, *flags: str, **options: object) -> Iterator[Running]:
    """A server of one's own, for what is about its life."""
    running = start(implementation, service, *flags, **options)  # type: ignore[arg-type]
    try:
        yield running
        running.stop()
    finally:
        running.kill()


@dataclass(frozen=True)
class Ended:
    """A launcher that has ended by itself."""

    status: int
    stdout: str
    stderr: str


def launch(
    implementation: str,
    *arguments: str,
    service: str = "",
    prefix: Sequence[str] = (),
    fds: Sequence[int] = (),
) -> Ended:
    """Run a launcher that is not expected to serve, as a person would, up to its end."""
    words = command(implementation, service)
    run = subprocess.run(
        [*prefix, *(words if service else words[:-1]), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        pass_fds=fds,
        # Twisted's ports leave a socket to the garbage collector where binding fails.
        env=environment(PYTHONWARNINGS="default,ignore::ResourceWarning"),
        check=False,
    )
    assert "Traceback" not in run.stdout + run.stderr, run.stdout + run.stderr
    assert "Warning" not in run.stderr, run.stderr
    return Ended(run.returncode, run.stdout, run.stderr)


class Own:
    """Starts servers for one test; at its end each must end as it should."""

    def __init__(self, implementation: str) -> None:
        self.implementation = implementation
        self._started: list[Running] = []

    def __call__(self, service: str, *flags: str, **options: object) -> Running:
        running = start(self.implementation, service, *flags, **options)  # type: ignore[arg-type]
        self._started.append(running)
        return running

    def __enter__(self) -> Own:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                for running in self._started:
                    running.stop()
        finally:
            for running in self._started:
                running.kill()
