"""The client of the Python package irc."""

from __future__ import annotations

import re
import ssl
import time
from pathlib import Path
from typing import Any

import irc.client
import irc.connection

from tests.peers.talkers import Talker, Way
from tests.servers import PATIENCE


class PythonIrc(Talker):
    """A connection of the package's, which keeps the events that it makes of what it hears."""

    def __init__(self, home: Path, nick: str, way: Way) -> None:
        super().__init__(nick)
        self._events: list[str] = []
        self._reactor = irc.client.Reactor()
        self._reactor.add_global_handler("all_events", self._happened)
        wrapper: Any = None
        if way.over == "tls":
            context = ssl.create_default_context(cafile=str(way.ca))

            def wrapper(sock: Any) -> ssl.SSLSocket:
                return context.wrap_socket(sock, server_hostname=way.host)

        factory = irc.connection.Factory(wrapper=wrapper) if wrapper else irc.connection.Factory()
        self.connection = self._reactor.server().connect(
            way.host,
            way.port,
            nick,
            ircname=f"{nick} of irc",
            password=way.password or None,
            sasl_login=way.account or None,
            connect_factory=factory,
        )

    def _happened(self, connection: Any, event: Any) -> None:
        words = " ".join(event.arguments)
        self._events.append(f"{event.type} {event.source} {event.target} {words}")

    def do(self, channel: str, command: str) -> None:
        if command.startswith("/me "):
            self.connection.action(channel, command[4:])
        elif command.startswith("/"):
            self.connection.send_raw(command[1:])
        else:
            self.connection.privmsg(channel, command)

    def joins(self, channel: str) -> None:
        self.connection.join(channel)
        self.shows(channel, rf"endofnames .* {re.escape(channel)} ")

    def shows(self, channel: str, pattern: str) -> str:
        end = time.monotonic() + PATIENCE
        while not (found := [one for one in self._events if re.search(pattern, one)]):
            left = end - time.monotonic()
            assert left > 0, "\n".join([f"waited in vain for {pattern!r}", *self._events])
            self._reactor.process_once(left)  # until something comes
        return found[-1]

    def said(self, nick: str, text: str) -> str:
        return rf"^pubmsg {nick}!\S+ \S+ {re.escape(text)}$"

    def acted(self, nick: str, text: str) -> str:
        return rf"^action {nick}!\S+ \S+ {re.escape(text)}$"

    def quits(self, words: str) -> None:
        self.connection.quit(words)
        self.shows("", "^disconnect ")

    def close(self) -> None:
        if self.connection.connected:
            self.connection.disconnect()
