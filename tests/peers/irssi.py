"""irssi, in tmux."""

from __future__ import annotations

import re
from pathlib import Path

from tests.peers.programs import program
from tests.peers.screen import Screen
from tests.peers.talkers import Talker, Way

# By itself irssi says five things at once and lets 2.2 seconds pass before each of those that follow.
CONFIG = """
servers = ({{ address = "{host}"; port = "{port}"; chatnet = "ours"; autoconnect = "yes"; {tls} }});
chatnets = {{ ours = {{ type = "IRC"; nick = "{nick}"; {sasl} }}; }};
settings = {{
  core = {{ nick = "{nick}"; user_name = "{nick}"; real_name = "{nick} of irssi"; }};
  "irc/core" = {{ cmd_queue_speed = "10msec"; cmds_max_at_once = "100"; }};
}};
"""


class Irssi(Talker):
    """irssi on a screen; its windows change with `/window`, so it shows what stands on the current one."""

    def __init__(self, home: Path, nick: str, way: Way) -> None:
        super().__init__(nick)
        tls = f'use_tls = "yes"; tls_verify = "yes"; tls_cafile = "{way.ca}";' if way.over == "tls" else ""
        sasl = (
            f'sasl_mechanism = "{way.mechanism}"; sasl_username = "{way.account}"; '
            f'sasl_password = "{way.password}";'
            if way.account
            else ""
        )
        (home / "config").write_text(
            CONFIG.format(host=way.host, port=way.port, nick=nick, tls=tls, sasl=sasl)
        )
        self.screen = Screen(home, [program("irssi"), f"--home={home}"], HOME=str(home))

    def do(self, channel: str, command: str) -> None:
        self.screen.type(command)

    def joins(self, channel: str) -> None:
        self.screen.type(f"/join {channel}")
        self.screen.shows(rf"Join to {re.escape(channel)} was synced in \d+ secs")

    def shows(self, channel: str, pattern: str) -> str:
        return self.screen.shows(rf".*(?:{pattern}).*")[0]

    def said(self, nick: str, text: str) -> str:
        return rf"<[ ~&@%+]?{nick}> {re.escape(text)}"

    def acted(self, nick: str, text: str) -> str:
        return rf" \* {nick} {re.escape(text)}"

    def quits(self, words: str) -> None:
        self.screen.type(f"/quit {words}")
        self.screen.ended()

    def close(self) -> None:
        self.screen.close()
