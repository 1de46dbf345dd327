"""ii: a directory with a FIFO to write to and a file to read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.peers.logs import logged
from tests.peers.programs import environment, program
from tests.peers.talkers import Talker, Way
from tests.servers import PATIENCE, wait_until


class Ii(Talker):
    """ii, which knows nothing of CAP, tags or modes."""

    def __init__(self, home: Path, nick: str, way: Way) -> None:
        super().__init__(nick)
        reach = ["-u", way.path] if way.over == "unix" else ["-p", str(way.port)]
        self._server = home / way.host
        self._process = subprocess.Popen(
            [program("ii"), "-s", way.host, *reach, "-i", str(home), "-n", nick, "-f", f"{nick} of ii"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment(HOME=str(home)),
        )

    def do(self, channel: str, command: str) -> None:
        fifo = self._server / channel / "in"
        wait_until("ii's FIFO", fifo.exists)
        with open(fifo, "w", encoding="utf-8") as opened:
            opened.write(f"{command}\n")

    def joins(self, channel: str) -> None:
        self.do("", f"/j {channel}")
        self.shows(channel, rf"-!- {self.nick}\(.*\) has joined {re.escape(channel)}")

    def shows(self, channel: str, pattern: str) -> str:
        return logged(self._server / channel / "out", pattern)

    def said(self, nick: str, text: str) -> str:
        return rf"<{nick}> {re.escape(text)}$"

    def acted(self, nick: str, text: str) -> str:
        return rf"<{nick}> \x01ACTION {re.escape(text)}\x01$"

    def quits(self, words: str) -> None:
        self.do("", f"/q {words}")
        self._process.wait(PATIENCE)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
