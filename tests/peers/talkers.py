"""IRC clients that nobody here wrote, behind the few verbs that all of them have.

Each verb that ends in "s" waits until the client itself shows what it says: on its screen, in its
log, in its `out` file, or in its own events.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from tests.servers import Running


@dataclass(frozen=True)
class Way:
    """How to reach a server, and as whom."""

    running: Running
    over: str = "tcp"
    account: str = ""
    password: str = ""
    mechanism: str = "PLAIN"

    @property
    def host(self) -> str:
        """localhost is the name in the certificate."""
        return "localhost" if self.over == "tls" else "127.0.0.1"

    @property
    def port(self) -> int:
        return int(self.running.where[self.over][1][1])  # type: ignore[index]

    @property
    def path(self) -> str:
        return str(self.running.where["unix"][1])

    @property
    def ca(self) -> Path:
        assert self.running.certificate is not None
        return self.running.certificate.ca


class Talker(ABC):
    """A client of somebody else's, on its way to a server."""

    def __init__(self, nick: str) -> None:
        self.nick = nick

    def welcomed(self) -> None:
        """See that the server has taken it."""
        self.shows("", rf"Welcome to the Example IRC Network, {self.nick}!")

    @abstractmethod
    def do(self, channel: str, command: str) -> None:
        """What its user would type there: `command` begins with a slash, or is said."""

    @abstractmethod
    def joins(self, channel: str) -> None:
        """Join, and see that it is there."""

    @abstractmethod
    def shows(self, channel: str, pattern: str) -> str:
        """A line of the channel's (or of the server's own, for "") in which this is found."""

    @abstractmethod
    def said(self, nick: str, text: str) -> str:
        """The pattern that finds what somebody said on a channel."""

    @abstractmethod
    def acted(self, nick: str, text: str) -> str:
        """The pattern that finds what somebody did (CTCP ACTION)."""

    @abstractmethod
    def quits(self, words: str) -> None:
        """Leave with these words; the program ends."""

    @abstractmethod
    def close(self) -> None:
        """End it, whatever it does."""
