"""A plain blocking FTP client, close to the sockets: it does what it is told and nothing by itself.

Both ends of a data connection can be cut wherever a test wants it.  `tests/peers` has the clients that
people use.
"""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path
from typing import Any

from tests.clients import Client, TLSClient

PATIENCE = 30.0
LOCAL = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class FTP:
    """One control connection, and what it takes to have data connections beside it."""

    def __init__(self, control: Client, ca: Path | None = None) -> None:
        self.control = control
        self.ca = ca
        self.protected = False
        """PROT P was said."""
        self.resume = True
        """Data connections resume the control connection's TLS session."""
        self._listener: socket.socket | None = None

    # -- the control connection --------------------------------------------------------------

    def send(self, *lines: str) -> None:
        """These command lines, in one piece."""
        text = "".join(f"{line}\r\n" for line in lines)
        self.control.send(text.encode(errors="surrogateescape"))

    def reply(self) -> str:
        """The next reply, whole (RFC 959 §4.2), without the last CR LF."""
        said = [self._line()]
        while not re.match(rf"{said[0][:3]} ", said[-1]):
            said.append(self._line())
        return "\n".join(said)

    def _line(self) -> str:
        line = self.control.read_line()
        assert line.endswith(b"\r"), line
        return line[:-1].decode(errors="surrogateescape")

    def hears(self, code: int) -> str:
        """The next reply, which must have this code."""
        said = self.reply()
        assert said.startswith(str(code)), f"{said!r}, expected {code}"
        return said

    def asked(self, line: str) -> str:
        """Say this command; what it is answered."""
        self.send(line)
        return self.reply()

    def does(self, line: str, code: int) -> str:
        """Say this command; it is answered so."""
        self.send(line)
        return self.hears(code)

    def login(self, user: str = "ann", password: str = "sesame") -> FTP:
        """Take the greeting, log in, and transfer bytes as they are."""
        self.hears(220)
        self.enter(user, password)
        return self

    def enter(self, user: str, password: str = "sesame") -> None:
        self.does(f"USER {user}", 331)
        self.does(f"PASS {password}", 230)
        self.does("TYPE I", 200)

    def secure(self, *, protect: bool = True, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> FTP:
        """AUTH TLS (RFC 4217 §4), then PROT P for data connections unless not."""
        self.does("AUTH TLS", 234)
        assert self.ca is not None
        self.control = TLSClient(self.control.sock, self.ca, version)
        if protect:
            self.protect()
        return self

    def protect(self) -> None:
        self.does("PBSZ 0", 200)
        self.does("PROT P", 200)
        self.protected = True

    def ended(self) -> bytes:
        """What is still said, up to the server's end of the control connection."""
        return self.control.read_to_end()

    def gone(self) -> bool:
        """Has the server dropped the control connection?"""
        try:
            self.control.read_to_end()
        except ConnectionResetError:
            return True
        return False

    def moved(self) -> int:
        """How many bytes of the transfer that runs the server has moved (STAT overtakes it)."""
        found = re.search(r"(\d+) bytes so far", self.does("STAT", 211))
        return int(found[1]) if found else 0

    def close(self) -> None:
        self.control.close()
        if self._listener is not None:
            self._listener.close()

    def __enter__(self) -> FTP:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- data connections --------------------------------------------------------------------

    def passive(self, verb: str = "EPSV") -> tuple[str, int]:
        """Where the server listens now, by PASV (RFC 959 §4.1.2) or EPSV (RFC 2428 §3)."""
        if verb == "PASV":
            found = re.search(r"\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)", self.does("PASV", 227))
            assert found is not None
            numbers = list(map(int, found.groups()))
            return ".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5]
        found = re.search(r"\(\|\|\|(\d+)\|\)", self.does(verb, 229))
        assert found is not None
        return self.control.sock.getpeername()[0], int(found[1])

    def active(self, verb: str = "EPRT", *, buffer: int = 0) -> socket.socket:
        """Listen, and have the server told by PORT or EPRT."""
        if self._listener is not None:
            self._listener.close()
        family = self.control.sock.family
        self._listener = sock = socket.socket(family, socket.SOCK_STREAM)
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.bind((self.control.sock.getsockname()[0], 0))
        sock.listen(1)
        sock.settimeout(PATIENCE)
        host, port = sock.getsockname()[:2]
        if verb == "PORT":
            said = ",".join([*host.split("."), str(port >> 8), str(port & 255)])
            self.does(f"PORT {said}", 200)
        else:
            self.does(f"EPRT |{1 if family == socket.AF_INET else 2}|{host}|{port}|", 200)
        return sock

    def connect(self, verb: str = "EPSV", *, buffer: int = 0, source: str = "") -> Client:
        """A data connection, still in the clear, before the command that is to use it."""
        address = self.passive(verb)
        return Client.connect(self.control.sock.family, address, buffer=buffer, source=source)

    def begin(self, command: str, verb: str = "EPSV", *, buffer: int = 0, **tls: Any) -> Client:
        """Say this command; the data connection that it opens, handshake included."""
        if verb in ("PORT", "EPRT"):
            listener = self.active(verb, buffer=buffer)
            self.does(command, 150)
            sock, _ = listener.accept()
            data = Client(sock)
        else:
            data = self.connect(verb, buffer=buffer)
            self.does(command, 150)
        return self.secured(data, **tls)

    def secured(self, data: Client, **tls: Any) -> Client:
        """Over TLS, if PROT P was said: by the session of the control connection, unless not `resume`."""
        if not self.protected:
            return data
        assert self.ca is not None
        assert isinstance(self.control, TLSClient)
        if self.resume:
            return TLSClient(data.sock, self.ca, resume=self.control, **tls)
        version = self.control.context.maximum_version
        return TLSClient(data.sock, self.ca, version, **tls)

    def take(self, command: str, verb: str = "EPSV", **options: Any) -> bytes:
        """What RETR or a listing sends, whole."""
        with self.begin(command, verb, **options) as data:
            taken = data.read_to_end()
        self.hears(226)
        return taken

    def give(
        self, command: str, content: bytes, verb: str = "EPSV", *, code: int = 226, **options: Any
    ) -> str:
        """Upload this to its orderly end; the last reply."""
        with self.begin(command, verb, **options) as data:
            data.send(content)
            finish(data)
        return self.hears(code)

    def size(self, name: str) -> int:
        """Bytes of a file, or of the part of it that has arrived; -1 if there is none."""
        self.send(f"SIZE {name}")
        said = self.reply()
        return int(said[4:]) if said.startswith("213") else -1

    def names(self, path: str = "") -> list[str]:
        """What NLST lists."""
        said = self.take(f"NLST {path}".strip()).decode(errors="surrogateescape")
        return sorted(said.split("\r\n")[:-1])


def finish(data: Client) -> None:
    """The orderly end of an upload: close_notify over TLS, FIN, and the other side's end."""
    data.half_close()
    data.read_to_end()
    data.close()


def hung_up_on(client: Client) -> bool:
    """Has the server dropped this connection?"""
    try:
        return client.sock.recv(1) == b""
    except ConnectionResetError:
        return True


def truncate(data: Client) -> None:
    """FIN alone, which over TLS is no end (RFC 8446 §6.1)."""
    data.sock.shutdown(socket.SHUT_WR)
