"""Server transports that send at once, and ports that wait out a lack of descriptors.

Twisted's `transport.write` only buffers: each answer costs two epoll_ctl and a turn of the
loop before it leaves.  These try `send()` first when nothing is queued; what the socket does
not take, and every error, goes the stock way.  They lean on names that Twisted keeps to
itself: where one is missing, SEND_AT_ONCE is False and stock transports serve in their place.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import Any

from twisted.internet import abstract, tcp, unix
from twisted.logger import Logger

log = Logger("twofold")

ACCEPTS = 100
"""Connections accepted before the open ones have their turn."""
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
BACK_OFF = 0.5
"""Seconds between tries while there are no descriptors; what comes waits in the backlog."""

SEND_AT_ONCE = {"_tempDataBuffer", "_tempDataLen", "_writeDisconnected", "connected"} <= set(
    abstract.FileDescriptor.write.__code__.co_names
) and {"dataBuffer", "offset", "writeSomeData"} <= set(abstract.FileDescriptor.doWrite.__code__.co_names)
"""Are the names that the transports below lean on where they look for them?"""


class SendAtOnce:
    """Over a stock server transport: `write` sends before it buffers.

    Its protocol is told when the socket takes less: `writeBlocked()`.
    """

    took = 0.0
    """time.monotonic() when the socket last took bytes that had to wait."""

    def write(self: Any, data: bytes) -> None:
        if self._tempDataBuffer or self.dataBuffer or self._writeDisconnected or not self.connected:
            abstract.FileDescriptor.write(self, data)
            return
        try:
            sent = self.socket.send(data)
        except OSError:
            sent = 0  # if it says more than "not now", the reactor will meet it again, and report it
        if sent < len(data):
            self.took = time.monotonic()
            abstract.FileDescriptor.write(self, data[sent:] if sent else data)
            self.protocol.writeBlocked()

    def writeSomeData(self: Any, data: bytes) -> Any:
        self.took = time.monotonic()
        return tcp.Connection.writeSomeData(self, data)

    @property
    def unsent(self: Any) -> int:
        """Bytes that the socket has not taken yet."""
        unsent: int = len(self.dataBuffer) - self.offset + self._tempDataLen
        return unsent


class TCPServer(SendAtOnce, tcp.Server):
    """A TCP connection that sends at once."""


class UNIXServer(SendAtOnce, unix.Server):
    """A unix socket's connection that sends at once; descriptors are not passed over it."""

    doRead = tcp.Connection.doRead  # type: ignore[assignment]


class _PatientPort:
    """Over a stock port: without descriptors, connections wait in the backlog.

    The stock port accepts them on a reserved descriptor and closes them.
    """

    exhausted = False

    def doRead(self: Any) -> None:
        for _ in range(ACCEPTS):
            try:
                sock, address = self.socket.accept()
            except BlockingIOError:
                return
            except (ConnectionAbortedError, PermissionError):
                continue
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                self._back_off(error)
                return
            if self.exhausted:
                self.exhausted = False
                log.info("{port}: accepting again", port=self)
            protocol = self.factory.buildProtocol(self._buildAddr(address))
            if protocol is None:
                sock.close()
                continue
            self.sessionno += 1
            transport = self.transport(sock, protocol, address, self, self.sessionno, self.reactor)
            protocol.makeConnection(transport)

    def _back_off(self: Any, error: OSError) -> None:
        if not self.exhausted:
            self.exhausted = True
            log.error("{port}: {why}: new connections wait in the backlog", port=self, why=error.strerror)
        self.stopReading()
        self.reactor.callLater(BACK_OFF, self._accept_again)

    def _accept_again(self: Any) -> None:
        if self.connected and not self.disconnecting:
            self.startReading()


class TCPPort(_PatientPort, tcp.Port):
    """A listening TCP socket, ours or inherited."""

    transport = TCPServer if SEND_AT_ONCE else tcp.Server

    def _buildAddr(self, address: tuple[Any, ...]) -> Any:
        return self._addressType("TCP", *address)

    @classmethod
    def adopt(cls, sock: socket.socket, factory: Any, reactor: Any) -> TCPPort:
        """A port for a socket that listens already."""
        port = cls(0, factory, interface=sock.getsockname()[0], reactor=reactor)
        port._preexistingSocket = sock
        return port


class UNIXPort(_PatientPort, unix.Port):
    """A listening unix socket, ours or inherited."""

    transport = UNIXServer if SEND_AT_ONCE else unix.Server
    inherited = False

    @classmethod
    def adopt(cls, sock: socket.socket, factory: Any, reactor: Any) -> UNIXPort:
        """A port for a socket that listens already, whose file is not ours to change."""
        # The stock port would change the mode of the file at the start, and unlink it at the end.
        port = cls(b"\0", factory, backlog=128, reactor=reactor)
        port._preexistingSocket = sock
        port.inherited = True
        return port
