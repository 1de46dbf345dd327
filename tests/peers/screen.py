"""A program on a terminal of its own, inside tmux: what a person would see, and keys for it.

tmux is spoken to in its control mode: it says when something was printed, so that nothing here
looks twice at a screen that did not change.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.peers.programs import environment, program
from tests.servers import PATIENCE

COLUMNS, ROWS = 132, 44


class Screen:
    """What `command` shows, from its start to its end.  `home`: a short path for tmux's socket."""

    def __init__(self, home: Path, command: Sequence[str], **environ: str) -> None:
        self._read = b""
        tmux = [program("tmux"), "-S", str(home / "tmux"), "-f", os.devnull, "-u", "-C"]
        size = ["-x", str(COLUMNS), "-y", str(ROWS)]
        self._tmux = subprocess.Popen(
            [*tmux, "new-session", *size, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(TERM="screen-256color", **environ),
            bufsize=0,
        )
        self._result(time.monotonic() + PATIENCE)
        self._ask(f"refresh-client -C {COLUMNS}x{ROWS}")
        self._ask("set-option -g destroy-unattached on")  # whatever becomes of us, it ends with us

    # -- what a person does --------------------------------------------------------------

    def type(self, *lines: str) -> Screen:
        """Each of these lines, and Enter."""
        for line in lines:
            self._ask(f"send-keys -H {line.encode().hex(' ')} 0d")
        return self

    def text(self, *flags: str) -> str:
        """What stands on it now; `flags` are those of capture-pane, "-e" for colours."""
        return "\n".join(self._ask(" ".join(["capture-pane", "-p", *flags])))

    def shows(self, pattern: str) -> re.Match[str]:
        """Wait until this regular expression is found on the screen."""
        end = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.text(), re.MULTILINE)):
            self._printed(end, pattern)
        return found

    # -- the end -------------------------------------------------------------------------

    def ended(self) -> None:
        """Wait until the program has ended by itself, and tmux with it."""
        end = time.monotonic() + PATIENCE
        while not self._line(end).startswith(b"%exit"):
            pass
        self._tmux.wait(PATIENCE)

    def close(self) -> None:
        """End it, whatever it does."""
        if self._tmux.poll() is None:
            assert self._tmux.stdin is not None
            try:
                self._tmux.stdin.write(b"kill-server\n")
                self._tmux.communicate(timeout=PATIENCE)
            except BrokenPipeError:
                pass  # it has just ended by itself
            finally:
                self._tmux.kill()
                self._tmux.wait()

    # -- tmux's control mode ---------------------------------------------------------------

    def _ask(self, command: str) -> list[str]:
        """What tmux answers."""
        assert self._tmux.stdin is not None
        self._tmux.stdin.write(f"{command}\n".encode())
        return self._result(time.monotonic() + PATIENCE)

    def _result(self, end: float) -> list[str]:
        """The lines between %begin and %end."""
        said: list[str] = []
        while not self._line(end).startswith(b"%begin"):
            pass
        while not (line := self._line(end)).startswith((b"%end ", b"%error ")):
            said.append(line.decode())
        assert line.startswith(b"%end"), said
        return said

    def _printed(self, end: float, pattern: str) -> None:
        """Until the program prints something."""
        try:
            while not self._line(end).startswith(b"%output"):
                pass
        except TimeoutError:
            raise AssertionError(f"waited in vain for {pattern!r} on\n{self.text()}") from None

    def _line(self, end: float) -> bytes:
        """The next line of tmux's."""
        assert self._tmux.stdout is not None
        while b"\n" not in self._read:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._tmux.stdout], [], [], left)[0]:
                raise TimeoutError
            data = os.read(self._tmux.stdout.fileno(), 65_536)
            assert data, f"the program has ended: {self._read!r}"
            self._read += data
        line, _, self._read = self._read.partition(b"\n")
        return line
