"""Members of a channel: registered one after the other over blocking sockets, then driven by events."""

from __future__ import annotations

import socket

from compare import irc
from compare.load.connections import PATIENCE, Lost


class Member:
    """One registered connection.  All that it reads is put together in whole lines."""

    def __init__(self, port: int, nick: bytes, tags: bool = False) -> None:
        """Connects and says hello; `welcome` waits for the answer.  Raises Lost."""
        self.nick = nick
        self.tags = tags
        self.sock = socket.socket()
        self.sock.settimeout(PATIENCE)
        self._rest = b""
        try:
            self.sock.connect(("127.0.0.1", port))
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock.sendall(irc.hello(nick, tags))
        except OSError as error:
            self.sock.close()
            raise Lost(f"no connection: {error}") from None

    def say(self, text: bytes) -> None:
        try:
            self.sock.sendall(text)
        except OSError as error:
            raise Lost(f"the connection of {self.nick.decode()} failed: {error}") from None

    def _read(self) -> bytes:
        try:
            data = self.sock.recv(65_536)
        except TimeoutError:
            raise Lost(f"{self.nick.decode()} got no answer for {PATIENCE:g} s") from None
        except OSError as error:
            raise Lost(f"the connection of {self.nick.decode()} failed: {error}") from None
        if not data:
            raise Lost("the server closed the connection")
        return data

    def welcome(self) -> bytes:
        """The whole welcome.  Raises Lost where there is none."""
        text = b""
        while not irc.welcomed(text := text + self._read()):
            if line := irc.refused(text):
                raise Lost(f"registration was refused: {line[:100]!r}")
        return text

    def lines(self) -> list[bytes]:
        """All that has come up to the answer to a PING that is sent now, without that answer."""
        return self.ping(b"that-is-all")[:-1]

    def ping(self, words: bytes) -> list[bytes]:
        """All that has come up to the answer to this PING, which is the last."""
        self.say(b"PING %b\r\n" % words)
        found: list[bytes] = []
        while True:
            whole, newline, self._rest = (self._rest + self._read()).rpartition(b"\n")
            found += (whole + newline).splitlines(True)
            if found and irc.commands(found[-1]) == [b"PONG"]:
                return found

    def join(self, channel: bytes = irc.CHANNEL) -> None:
        """Raises Lost where the server does not say that we are in."""
        self.say(b"JOIN %b\r\n" % channel)
        found = self.lines()
        if not any(b" JOIN " in line and line.startswith(b":" + self.nick) for line in map(_untagged, found)):
            raise Lost(f"{self.nick.decode()} could not join: {b''.join(found)[:100]!r}")

    def finish(self) -> None:
        """Our FIN, and everything up to the server's."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            while self.sock.recv(65_536):
                pass
        except OSError as error:
            raise Lost(f"after the FIN of {self.nick.decode()}: {error}") from None

    def leave(self) -> None:
        """QUIT, and everything up to the end of the connection."""
        try:
            self.sock.sendall(b"QUIT :that is all\r\n")
            while self.sock.recv(65_536):
                pass
        except ConnectionResetError:
            pass  # it has closed with something unread: that is an end, too
        except OSError:
            raise Lost(f"{self.nick.decode()} was not let go {PATIENCE:g} s after QUIT") from None
        finally:
            self.sock.close()


def _untagged(line: bytes) -> bytes:
    return line.partition(b" ")[2] if line.startswith(b"@") else line


def registered(port: int, nick: bytes, tags: bool = False) -> Member:
    """A member, welcomed.  Raises Lost."""
    one = Member(port, nick, tags)
    try:
        one.welcome()
    except Lost:
        one.sock.close()
        raise
    return one
