"""Connections of the generator: opened one by one, then driven by events.

Most round trips need neither class method: the loop calls the socket's own bound methods
(`load.closed`).  `Careful` is for what does not fit in one read or one write, and for TLS.
"""

from __future__ import annotations

import select
import socket
import ssl

from compare import dialects
from compare.load.jobs import Job

PATIENCE = 3.0
"""Seconds without a single byte after which a server counts as hanging."""


class Lost(Exception):
    """The server closed, refused, answered wrongly or fell silent; the text says which."""


def open_socket(job: Job, context: ssl.SSLContext | None = None) -> socket.socket:
    """A connected, still blocking socket."""
    kind = socket.SOCK_DGRAM if job.transport == "udp" else socket.SOCK_STREAM
    sock = socket.socket(socket.AF_INET, kind)
    sock.settimeout(PATIENCE)
    try:
        sock.connect(("127.0.0.1", job.port))
        if job.transport != "udp":
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
    except OSError as error:
        sock.close()
        raise Lost(f"no connection: {error}") from None
    return sock


def tls_context(job: Job) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=job.ca) if job.transport == "tls" else None


class Connection:
    """A connection that has done one whole exchange, so that it is really being served."""

    def __init__(self, job: Job, number: int, context: ssl.SSLContext | None) -> None:
        self.message = dialects.stamped(job.request, number) if job.stamped else job.request
        self.expected = dialects.stamped(job.reply, number) if job.stamped else job.reply
        self.job = job
        self.sock = open_socket(job, context)
        try:
            self._first_exchange()
        except OSError as error:
            self.sock.close()
            raise Lost(f"no answer on connection {number + 1}: {error}") from None
        except Lost:
            self.sock.close()
            raise
        self.sock.setblocking(False)

    def _first_exchange(self) -> None:
        # What is larger than the socket's buffers is sent once events drive the connection.
        if len(self.message) > 131_072:
            return
        self.sock.sendall(self.message)
        reply = bytearray()
        while len(reply) < len(self.expected):
            data = self.sock.recv(len(self.expected) - len(reply))
            if not data:
                raise Lost("the server closed the connection")
            reply += data
        self.check(bytes(reply))

    def check(self, reply: bytes) -> None:
        """Raises Lost for a wrong answer.  Answers may come in another order than the requests."""
        if reply == self.expected:
            return
        try:
            dialects.check(self.job.dialect, self.expected, reply, self.job.depth)
        except dialects.WrongAnswer as error:
            raise Lost(str(error)) from None


class Careful:
    """Reads and writes of any length, plain or TLS: what comes in parts is put together here."""

    def __init__(self, connection: Connection, epoll: select.epoll, held: bytes = b"") -> None:
        self.sock = connection.sock
        self.expected = connection.expected
        self.buffer = bytearray(len(self.expected))
        self.buffer[: len(held)] = held
        self._view = memoryview(self.buffer)
        self._got = len(held)
        self._epoll = epoll
        self._unsent = memoryview(b"")
        self._watched = select.EPOLLIN
        self._tls = isinstance(self.sock, ssl.SSLSocket)

    def receive(self, _buffer: object = None) -> int:
        """Bytes of the answer that are here; once it is whole, the next one begins."""
        if self._unsent:
            self._flush()
        size = len(self.buffer)
        try:
            while self._got < size:
                count = self.sock.recv_into(self._view[self._got :])
                if not count:
                    raise Lost("the server closed the connection")
                self._got += count
                if not self._tls:  # epoll sees what the kernel holds, not what OpenSSL does
                    break
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        if self._got < size:
            return self._got
        self._got = 0
        return size

    def send(self, message: bytes) -> int:
        """Send it all, now or as soon as the socket takes it; says that it did."""
        self._unsent = memoryview(message)
        self._flush()
        return len(message)

    @property
    def blocked(self) -> bool:
        return bool(self._unsent)

    def _flush(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[self.sock.send(self._unsent) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            pass  # the rest goes when the socket can take it
        watch = select.EPOLLIN | select.EPOLLOUT if self._unsent else select.EPOLLIN
        if watch != self._watched:
            self._watched = watch
            self._epoll.modify(self.sock, watch)
