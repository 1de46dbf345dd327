"""WeeChat without its screen: told through its FIFO, read in its logs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.peers.logs import logged
from tests.peers.programs import environment, program
from tests.peers.talkers import Talker, Way
from tests.servers import PATIENCE, wait_until


class WeeChat(Talker):
    """weechat-headless, with a directory of its own."""

    def __init__(self, home: Path, nick: str, way: Way) -> None:
        super().__init__(nick)
        self._home = home
        self._fifo = home / "fifo"
        setup = [
            f"/set fifo.file.path {self._fifo}",
            "/set logger.file.flush_delay 0",
            "/set logger.file.color_lines off",
            "/set irc.look.smart_filter off",
            f"/server add ours {way.host}/{way.port} -noautoconnect -nicks={nick}",
            f"/set irc.server.ours.username {nick}",
            f"/set irc.server.ours.realname {nick} of WeeChat",
        ]
        # By itself WeeChat lets 2 seconds pass between messages.
        setup += [f"/set irc.server.ours.anti_flood_prio_{how} 0" for how in ("high", "low")]
        # Called ssl up to WeeChat 3, and tls from 4 on, where it is on by itself.
        setup += [
            f"/set irc.server.ours.{tls} {'on' if way.over == 'tls' else 'off'}" for tls in ("ssl", "tls")
        ]
        if way.over == "tls":
            setup.append(f"/set weechat.network.gnutls_ca_user {way.ca}")
        if way.account:
            setup += [
                f"/set irc.server.ours.sasl_mechanism {way.mechanism.lower()}",
                f"/set irc.server.ours.sasl_username {way.account}",
                f"/set irc.server.ours.sasl_password {way.password}",
            ]
        setup.append("/connect ours")
        commands = [word for one in setup for word in ("-r", one)]
        with open(home / "stdout", "wb") as out:
            self._process = subprocess.Popen(
                [program("weechat-headless"), "--stdout", "-d", str(home), *commands],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment(HOME=str(home)),
                cwd=home,
            )

    def _buffer(self, channel: str) -> str:
        return f"irc.ours.{channel}" if channel else "irc.server.ours"

    def do(self, channel: str, command: str) -> None:
        wait_until("WeeChat's FIFO", self._fifo.exists)
        with open(self._fifo, "w", encoding="utf-8") as fifo:
            fifo.write(f"{self._buffer(channel)} *{command}\n")

    def joins(self, channel: str) -> None:
        self.do("", f"/join {channel}")
        self.shows(channel, rf"Channel {re.escape(channel)}: \d+ nicks?")

    def shows(self, channel: str, pattern: str) -> str:
        return logged(self._home / "logs" / f"{self._buffer(channel)}.weechatlog", pattern)

    def said(self, nick: str, text: str) -> str:
        return rf"\t[ ~&@%+]?{nick}\t{re.escape(text)}$"

    def acted(self, nick: str, text: str) -> str:
        return rf"\t \*\t{nick} {re.escape(text)}$"

    def quits(self, words: str) -> None:
        self.do("", f"/quit {words}")
        self._process.wait(PATIENCE)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
