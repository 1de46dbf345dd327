"""A plain blocking peer, written close to the sockets: it knows no protocol and no driver.

Every wait has an end: what does not come in time is a failure, not a hang.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

PATIENCE = 30.0
"""Seconds after which an answer will not come."""
CHUNK = 262_144

C = TypeVar("C", bound="Client")


class Client:
    """One connection.  A context manager: at its end it is closed."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._read = bytearray()
        self._ended = False  # the peer's end was seen
        sock.settimeout(PATIENCE)

    @classmethod
    def connect(
        cls: type[C], family: int, address: object, *, buffer: int = 0, source: str = "", **more: object
    ) -> C:
        """Connect.  `buffer`: bytes of SO_RCVBUF, set before, so that the window stays small."""
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            if buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            if source:
                sock.bind((source, 0))
            sock.settimeout(PATIENCE)
            sock.connect(address)  # type: ignore[arg-type]
            if family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return cls(sock, **more)
        except BaseException:
            sock.close()
            raise

    def __enter__(self: C) -> C:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- bytes that a layer between may change -----------------------------------------------

    def wrapped(self, data: bytes) -> bytes:
        """What goes to the socket for these bytes."""
        return data

    def unwrapped(self, data: bytes) -> tuple[bytes, bool]:
        """What these bytes from the socket (none: its end) say, and whether that was the end."""
        return data, not data

    # -- sending -----------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        self.sock.sendall(self.wrapped(data))

    def send_what_fits(self, data: bytes) -> int:
        """Send until the socket takes no more; how many of these bytes it took."""
        self.sock.setblocking(False)
        view, sent = memoryview(self.wrapped(data)), 0
        try:
            while sent < len(view):
                sent += self.sock.send(view[sent:])
        except BlockingIOError:
            pass
        finally:
            self.sock.settimeout(PATIENCE)
        return sent

    def half_close(self) -> None:
        """FIN: we shall send nothing more, and go on reading."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """RST, now."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()

    # -- reading -----------------------------------------------------------------------------

    def _more(self) -> bool:
        if not self._ended:
            data, self._ended = self.unwrapped(self.sock.recv(CHUNK))
            self._read += data
        return not self._ended

    def wait_for_bytes(self) -> None:
        """Until something has come, without reading it."""
        assert select.select([self.sock], [], [], PATIENCE)[0], "nothing came"

    def read(self, n: int) -> bytes:
        """Exactly n bytes."""
        while len(self._read) < n:
            if not self._more() and len(self._read) < n:
                raise EOFError(f"{len(self._read)} of {n} bytes came")
        return self._take(n)

    def read_line(self) -> bytes:
        """Up to the next LF, without it."""
        while b"\n" not in self._read:
            if not self._more() and b"\n" not in self._read:
                raise EOFError(f"the end, after {bytes(self._read[:100])!r}")
        return self._take(self._read.index(b"\n") + 1)[:-1]

    def read_to_end(self) -> bytes:
        """Everything up to the peer's end; ConnectionResetError if it was none."""
        while self._more():
            pass
        return self._take(len(self._read))

    def _take(self, n: int) -> bytes:
        taken = bytes(self._read[:n])
        del self._read[:n]
        return taken

    def exchange(self, data: bytes, *, end: bool = True) -> bytes:
        """Send these bytes while reading what comes, then half-close; everything up to the end.

        Without `end`: as many bytes back as were sent.
        """
        view, sent = memoryview(self.wrapped(data)), 0
        until = time.monotonic() + 3 * PATIENCE
        while True:
            if sent == len(view) and end:
                self.half_close()
                return self.read_to_end()
            if len(self._read) >= len(data) and not end:
                return self._take(len(data))
            writing = [self.sock] if sent < len(view) else []
            readable, writable, _ = select.select([self.sock], writing, [], until - time.monotonic())
            assert readable or writable, f"{sent} of {len(view)} bytes sent, {len(self._read)} came"
            if writable:
                self.sock.setblocking(False)
                try:
                    sent += self.sock.send(view[sent : sent + CHUNK])
                except BlockingIOError:
                    pass
                self.sock.settimeout(PATIENCE)
            if readable and not self._more():
                return self._take(len(self._read))


class TLSClient(Client):
    """The same over TLS, by the standard library's ssl over memory: records can be cut and glued."""

    def __init__(
        self,
        sock: socket.socket,
        ca: Path,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        glue: bytes = b"",
        handshake: bool = True,
        resume: TLSClient | None = None,
    ) -> None:
        """`glue` goes out in the same packet as the last words of the handshake.

        `resume`: the session of this client, with its context.
        """
        super().__init__(sock)
        if resume is None:
            self.context = ssl.create_default_context(cafile=str(ca))
            self.context.minimum_version = self.context.maximum_version = version
        else:
            self.context = resume.context
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_hostname="localhost",
            session=None if resume is None else resume.tls.session,
        )
        self.established = False
        if handshake:
            self.handshake(glue)

    def handshake(self, glue: bytes = b"") -> None:
        while not self.established:
            try:
                self.tls.do_handshake()
                self.established = True
                if glue:
                    self.tls.write(glue)
            except ssl.SSLWantReadError:
                pass
            self.sock.sendall(self._outgoing.read())
            if not self.established:
                data = self.sock.recv(CHUNK)
                if not data:
                    raise ConnectionResetError("closed in the handshake")
                self._incoming.write(data)
        glued = (
            self._incoming.read()
        )  # TLS 1.2 ends with the server's word, and what it says may come with it
        if glued:
            data, self._ended = self.unwrapped(glued)
            self._read += data

    def say_hello(self) -> None:
        """The first words of a handshake, and no more."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.sock.sendall(self._outgoing.read())

    @property
    def serial(self) -> int:
        """The serial number of the server's certificate."""
        certificate = self.tls.getpeercert()
        assert certificate is not None
        return int(str(certificate["serialNumber"]), 16)

    def wrapped(self, data: bytes) -> bytes:
        if data:
            self.tls.write(data)
        return self._outgoing.read()

    def unwrapped(self, data: bytes) -> tuple[bytes, bool]:
        if not data:
            raise ConnectionResetError("FIN without close_notify")
        self._incoming.write(data)
        plain = bytearray()
        try:
            while chunk := self.tls.read(CHUNK):
                plain += chunk
            return bytes(plain), True
        except ssl.SSLWantReadError:
            return bytes(plain), False
        except ssl.SSLZeroReturnError:
            return bytes(plain), True

    def half_close(self) -> None:
        """close_notify, which ends one direction (RFC 8446 §6.1); the socket stays as it is."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.sock.sendall(self._outgoing.read())


class Flood(threading.Thread):
    """Sends the same bytes through one client over and over, and reads what comes, until told.

    What it sends and reads in a thread of its own never waits for the test.  A context manager.
    """

    def __init__(self, client: Client, data: bytes, most: int = 2**32) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.data = data  # none: it only reads
        self.most = most  # bytes to move at most: a server that never lets others in must not fill a disk
        self.moved = 0  # bytes, there and back
        self.over = threading.Event()  # told, or everything is moved
        self.error: BaseException | None = None

    def run(self) -> None:
        sock = self.client.sock
        try:
            pending = memoryview(b"")
            while pending or not self.over.is_set():
                if not pending:
                    pending = memoryview(self.client.wrapped(self.data))
                readable, _, _ = select.select([sock], [sock] if pending else [], [], PATIENCE)
                if readable:
                    self.client._more()
                    self.moved += len(self.client._read)
                    self.client._read.clear()
                sock.setblocking(False)
                try:
                    sent = sock.send(pending[:CHUNK])
                    pending = pending[sent:]
                    self.moved += sent
                except BlockingIOError:
                    pass
                sock.settimeout(PATIENCE)
                if self.moved >= self.most:
                    self.over.set()
        except BaseException as error:
            self.error = error
            self.over.set()

    def share(self, ask: Callable[[], object], times: int) -> float:
        """Ask this so often: the bytes that the flood moved for one answer, on average.

        Of a server that gives turns, some pieces; of one that does not, whatever moved until the
        flood paused, which may be once in many answers.
        """
        before = self.moved
        for _ in range(times):
            ask()
        return (self.moved - before) / times

    def __enter__(self) -> Flood:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()
        if self.error:
            raise self.error
