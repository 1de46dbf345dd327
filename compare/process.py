"""One contender's process: started on its core, waited for, stopped with all that it started."""

from __future__ import annotations

import os
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
from compare.interrupt import uninterrupted

START = 10.0
"""Seconds in which a contender must listen."""

STOP = 5.0
"""Seconds from SIGTERM to the end, before SIGKILL."""

LAST = 4096
"""Bytes of what it said that are looked at for its last line."""

DYING = 0.25
"""Seconds from a broken connection to the death that broke it."""


class Failed(Exception):
    """A contender that can't be measured (any further); the text is one clear line."""


def free_port(kind: socket.SocketKind) -> int:
    """A port of 127.0.0.1 that nobody uses right now."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


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
        self._process: subprocess.Popen[bytes] | None = None
        self._config: IO[str] | None = None
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)

    def start(self) -> None:
        """Returns once it listens.  Raises Failed; whatever happens, `stop` puts away what runs."""
        self.port = free_port(socket.SOCK_DGRAM if self.udp else socket.SOCK_STREAM)
        words = {"port": str(self.port), **self.files}
        if self.contender.config:
            self._config = tempfile.NamedTemporaryFile("w", suffix=".conf")  # noqa: SIM115 (as above)
            self._config.write(_filled(self.contender.config, words))
            self._config.flush()
            words["config"] = self._config.name
        command = [_filled(word, words) for word in self.contender.command]
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
                    env=child_environment(),
                )
                self.pid = self._process.pid
        except FileNotFoundError as error:
            if os.sep in command[0]:
                raise Failed(f"could not be started: {error.strerror}: {command[0]}") from None
            raise Failed(f"not installed: {command[0]}") from None
        except OSError as error:
            raise Failed(f"could not be started: {error.strerror}: {command[0]}") from None
        proc.pin(self.pid, self._core)
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + START
        while time.monotonic() < until:
            if not self.alive():
                raise Failed(f"ended with status {self._status()} before it listened{self.last_words()}")
            if self._answers():
                return
            time.sleep(0.01)
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

    def alive(self) -> bool:
        """Without reaping it: until `stop` does, nobody else can be given its number."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def _status(self) -> int | None:
        found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return found.si_status if found else None

    def last_words(self) -> str:
        """The last line of its stderr, for a message; empty if it said nothing."""
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - LAST))  # who says the same for half an hour has said a lot
        lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1][:200]}" if lines else ""

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
        return f"ended with status {self._status()}{self.last_words()}"

    def stop(self) -> str:
        """End it and all that it started; says so if that needed force."""
        problem = ""
        if self._process is None or self._process.returncode is not None:
            self._close_files()
            return problem
        if self.alive():
            self._process.send_signal(signal.SIGTERM)
            until = time.monotonic() + STOP
            while self.alive():
                if time.monotonic() > until:
                    problem = f"did not stop within {STOP:g} s of SIGTERM"
                    break
                time.sleep(0.005)
        # The leader is not reaped yet, so this number is still its group's and nobody else's.
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        # Dying takes a moment too, and ports are held and CPU is spent meanwhile.
        until = time.monotonic() + STOP
        while proc.group(self.pid) and time.monotonic() < until:
            time.sleep(0.005)
        self._process.wait()
        self._close_files()
        return problem

    def _close_files(self) -> None:
        self._stderr.close()
        if self._config:
            self._config.close()  # and so it is removed

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()


def _filled(word: str, words: Mapping[str, str]) -> str:
    """`{port}` and the others replaced; other braces mean themselves (a user's shell or JSON)."""
    for name, value in words.items():
        word = word.replace("{" + name + "}", value)
    return word
