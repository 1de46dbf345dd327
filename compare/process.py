"""One contender's process: started on its core, waited for, stopped with all that it started."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import random
import signal
import site
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from compare import proc
from compare.contenders import Contender
from compare.interrupt import hurried, uninterrupted

START = 10.0
"""Seconds in which a contender must listen."""

STOP = 5.0
"""Seconds from SIGTERM to the end, before SIGKILL."""

LAST = 4096
"""Bytes of what it said that are looked at for its last line."""

DYING = 0.25
"""Seconds from a broken connection to the death that broke it."""


TRIES = 3
"""Ports that are tried, where somebody else takes one before the contender does."""

TALK = 1 << 20
"""Bytes of stderr that are let grow; what is beyond them is thrown away, and told."""

MARK = "TWOFOLD_CONTENDER"
"""In the environment of each contender, and so of all that it starts: whoever leaves the group is found."""

_numbers = itertools.count(1)


class Failed(Exception):
    """A contender that can't be measured (any further); the text is one clear line."""


def free_port(kind: socket.SocketKind) -> int:
    """A port of 127.0.0.1 that nobody uses right now.

    Below those that the kernel gives to whoever connects, where there is room: thousands of
    the generator's connections come and go before a slow contender binds.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    below = random.sample(range(10_000, lowest), 20) if lowest > 11_000 else []
    for port in below:
        if not taken(port, kind):
            return port
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        chosen: int = sock.getsockname()[1]
        return chosen


def taken(port: int, kind: socket.SocketKind) -> bool:
    """Whether somebody has this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, kind) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def talks_to_itself(sock: socket.socket) -> bool:
    """Whether the port that the kernel chose for this end is the one that the socket was connected to.

    Nobody listened there, so it was free to be chosen; whatever is sent comes back at once.
    """
    return bool(sock.getsockname() == sock.getpeername())


def child_environment() -> dict[str, str]:
    """Ours, and where this package was found, unless that is where Python looks anyhow."""
    root = str(Path(__file__).resolve().parent.parent)
    known = {*site.getsitepackages(), sysconfig.get_path("purelib")}
    environment = dict(os.environ)
    if root not in known:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return environment


class Server:
    """A running contender.  Also a context manager, which stops it."""

    def __init__(
        self, contender: Contender, core: int | None, files: Mapping[str, str] | None = None
    ) -> None:
        """Nothing runs yet; `files` are what `{cert}`, `{key}` and `{root}` mean."""
        self.contender = contender
        self.udp = contender.service == "udp"
        self.port = 0
        self.pid = 0
        self._core = core
        self.files = dict(files or {})
        self._mark = f"{MARK}={os.getpid()}.{next(_numbers)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._config: IO[str] | None = None
        self._stderr: IO[bytes] | None = None
        self._thrown = 0  # bytes of stderr that are gone

    def start(self) -> None:
        """Returns once it listens.  Raises Failed; whatever happens, `stop` puts away what runs."""
        kind = socket.SOCK_DGRAM if self.udp else socket.SOCK_STREAM
        for tries in range(1, TRIES + 1):
            try:
                self.port = free_port(kind)
                self._launch()
            except OSError as error:
                raise Failed(f"could not be started: {error.strerror}") from None
            try:
                self._wait_until_it_answers()
            except Failed:
                problem = self._end()
                if tries == TRIES or problem or not taken(self.port, kind):
                    raise
                continue  # somebody else was faster than the contender
            return

    def _launch(self) -> None:
        self._stderr = self._stderr or tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        # It goes on at the end, wherever we look, and after what we throw away.
        fcntl.fcntl(self._stderr, fcntl.F_SETFL, os.O_APPEND)
        words = {"port": str(self.port), **self.files}
        if self.contender.config:
            self._config = tempfile.NamedTemporaryFile("w", suffix=".conf")  # noqa: SIM115 (as above)
            self._config.write(_filled(self.contender.config, words))
            self._config.flush()
            words["config"] = self._config.name
        command = [_filled(word, words) for word in self.contender.command]
        name, _, value = self._mark.partition("=")
        try:
            with uninterrupted():
                # A session of its own: Ctrl-C in the terminal reaches us, not it, and the
                # whole group can be ended by its number.
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._stderr,
                    start_new_session=True,
                    env=child_environment() | {name: value},
                )
                self.pid = self._process.pid
        except FileNotFoundError as error:
            if os.sep in command[0]:
                raise Failed(f"could not be started: {error.strerror}: {command[0]}") from None
            raise Failed(f"not installed: {command[0]}") from None
        except OSError as error:
            raise Failed(f"could not be started: {error.strerror}: {command[0]}") from None
        proc.pin(self.pid, self._core)

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + START
        while time.monotonic() < until:
            if not self.alive():
                raise Failed(f"{self._how_it_ended()} before it listened{self.last_words()}")
            if self._answers() and self._is_its_own():
                return
            time.sleep(0.01)
        if proc.listening(self.port, self.udp):
            raise Failed(f"another process than those that it started listens on its port{self.last_words()}")
        raise Failed(f"did not listen within {START:g} s{self.last_words()}")

    def _answers(self) -> bool:
        kind = socket.SOCK_DGRAM if self.udp else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as sock:
            sock.settimeout(0.2)
            try:
                sock.connect(("127.0.0.1", self.port))
                if talks_to_itself(sock):
                    return False
                if self.udp:
                    sock.send(b"?")
                    sock.recv(1)
            except OSError:
                return False
        return True

    def _is_its_own(self) -> bool:
        """Whether it, and nobody who was faster, is who answers: whose CPU is it otherwise?"""
        pids = {*proc.tree(self.pid), *proc.group(self.pid)}
        return proc.holds(pids, proc.listening(self.port, self.udp))

    def alive(self) -> bool:
        """Without reaping it: until `stop` does, nobody else can be given its number."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def _how_it_ended(self) -> str:
        found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return "still runs"
        if found.si_code == os.CLD_EXITED:
            return f"ended with status {found.si_status}"
        return f"was ended by {signal.Signals(found.si_status).name}"

    def last_words(self) -> str:
        """The last line of its stderr, for a message; empty if it said nothing."""
        if self._stderr is None:
            return ""
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - LAST))  # who says the same for half an hour has said a lot
        lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        return ": " + "".join(one if one.isprintable() else "?" for one in lines[-1][:200]) if lines else ""

    def trim(self) -> None:
        """Throw away what it has said, where that is a lot: no disk is filled by it."""
        if self._stderr and (size := os.fstat(self._stderr.fileno()).st_size) > TALK:
            os.ftruncate(self._stderr.fileno(), 0)
            self._thrown += size

    def died(self) -> str:
        """Why it is gone, as a line; empty while it is alive.

        Asked after something went wrong: a dying process's connections break some time
        before it can be seen to be dead, so it is given that time.
        """
        until = time.monotonic() + DYING
        while self.alive():
            if time.monotonic() > until:
                return ""
            time.sleep(0.01)
        return f"{self._how_it_ended()}{self.last_words()}"

    def terminate(self) -> None:
        """Ask it to end; `stop` waits for that."""
        if self._process is not None and self._process.returncode is None and self.alive():
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> str:
        """End it and all that it started; says so if that needed force, or if it had talked a lot."""
        with uninterrupted():
            problem = self._end()
            self.trim()
            for file in (self._stderr, self._config):
                if file:
                    file.close()
            self._stderr = self._config = None  # and so they are removed
            if self._thrown:
                talk = f"wrote {self._thrown / TALK:,.0f} MiB to stderr, which is part of its cost"
                problem = f"{problem}; {talk}" if problem else talk
                self._thrown = 0
        return problem

    def _end(self) -> str:
        problem = ""
        if self._process is None or self._process.returncode is not None:
            return problem
        self.terminate()
        until = time.monotonic() + STOP
        while self.alive():
            if time.monotonic() > until:
                problem = f"did not stop within {STOP:g} s of SIGTERM"
                break
            if hurried():
                break
            time.sleep(0.005)
        # The leader is not reaped yet, so this number is still its group's and nobody else's.
        # Dying takes a moment too, and ports are held and CPU is spent meanwhile.
        until = time.monotonic() + STOP
        while self._kill() and time.monotonic() < until:
            time.sleep(0.005)
        if self.alive():
            return "could not be ended"
        self._process.wait()
        return problem

    def _kill(self) -> bool:
        """Whether there was anybody left to kill: in its group, or elsewhere with its mark."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # who may not be killed by us is seen by `_end`
        try:
            left = {*proc.group(self.pid), *proc.marked(self._mark)}
        except OSError:
            return self.alive()  # no descriptor to look with: the group was told
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass  # it was faster, or as above
        return bool(left)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()


def _filled(word: str, words: Mapping[str, str]) -> str:
    """`{port}` and the others replaced; other braces mean themselves (a user's shell or JSON)."""
    for name, value in words.items():
        word = word.replace("{" + name + "}", value)
    return word
