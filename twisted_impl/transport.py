"""Server transports that send at once and read in batches, and ports that wait for descriptors.

Twisted's `transport.write` only buffers: each answer costs two epoll_ctl and a turn of the
loop before it leaves.  These try `send()` first when nothing is queued; what the socket does
not take, and every error, goes the stock way.  They lean on names that Twisted keeps to
itself: where one is missing, FAST is False and stock transports serve in their place.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from typing import Any, ClassVar
from weakref import WeakKeyDictionary, ref

from twisted.internet import abstract, main, tcp, unix
from twisted.logger import Logger
from twisted.python.failure import Failure

log = Logger("twofold")

ACCEPTS = 100
"""Connections accepted before the open ones have their turn."""
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
BACK_OFF = 0.5
"""Seconds between tries while there are no descriptors; what comes waits in the backlog."""

FAST = (
    hasattr(select, "epoll")
    and {"_tempDataBuffer", "_tempDataLen", "_writeDisconnected", "connected"}
    <= set(abstract.FileDescriptor.write.__code__.co_names)
    and {
        "dataBuffer",
        "offset",
        "writeSomeData",
        "_writeDisconnecting",
        "_writeDisconnected",
        "_closeWriteConnection",
    }
    <= set(abstract.FileDescriptor.doWrite.__code__.co_names)
)
"""Is there an epoll, and are the names that the transports below lean on where they look for them?"""


class Readable:
    """One reader for the reactor, in place of the many transports that wait for bytes.

    The reactor wraps each event that it hands out in a logging context, which is 2 to 3 of the
    10 µs that an echo takes.  Here the transports wait in an epoll of their own, whose descriptor
    is all that the reactor watches: that is paid for once a batch.
    """

    _of: ClassVar[WeakKeyDictionary[Any, Readable]] = WeakKeyDictionary()

    @classmethod
    def of(cls, reactor: Any) -> Readable:
        """The one of this reactor."""
        if reactor not in cls._of:
            cls._of[reactor] = cls(reactor)
        return cls._of[reactor]

    def __init__(self, reactor: Any) -> None:
        self._reactor = ref(reactor)
        self._epoll = select.epoll()
        self._transports: dict[int, Any] = {}
        self.fileno = self._epoll.fileno
        reactor.addReader(self)

    def add(self, transport: Any) -> None:
        """Tell this transport when there is something to read; again changes nothing."""
        fd = transport.fileno()
        if fd not in self._transports:
            self._transports[fd] = transport
            self._epoll.register(fd, select.EPOLLIN)

    def discard(self, transport: Any) -> None:
        """No longer."""
        fd = transport.fileno()
        if self._transports.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def doRead(self) -> None:
        """Let everybody who can read do so once: no flooding client starves the others."""
        transports = self._transports
        for fd, _ in self._epoll.poll(0):
            transport = transports.get(fd)
            if transport is None:
                continue  # lost while we read from those before it
            try:
                lost = transport.doRead()
            except Exception:
                log.failure("reading from {transport} failed", transport=transport)
                lost = main.CONNECTION_LOST
            if lost is not None:
                self._ended(transport, lost)

    def look(self, transport: Any) -> None:
        """Read what has arrived by now, before the loop's next turn, if it would be read then."""
        if transport.connected and transport.fileno() in self._transports:
            lost = transport.doRead()
            if lost is not None:
                self._ended(transport, lost)

    def _ended(self, transport: Any, lost: Exception) -> None:
        self.discard(transport)
        if lost is main.CONNECTION_DONE:
            transport.readConnectionLost(Failure(lost))
        else:
            transport.stopWriting()
            transport.connectionLost(Failure(lost))

    def logPrefix(self) -> str:
        return "twofold"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor puts everything away."""
        for transport in list(self._transports.values()):
            transport.connectionLost(reason)
        self._epoll.close()
        del self._of[self._reactor()]


class SendAtOnce:
    """Over a stock server transport: `write` sends before it buffers.

    Its protocol is told when the socket takes less: `writeBlocked()`.
    """

    took = 0.0
    """time.monotonic() when the socket last took bytes that had to wait."""

    def startReading(self: Any) -> None:
        Readable.of(self.reactor).add(self)

    def stopReading(self: Any) -> None:
        Readable.of(self.reactor).discard(self)

    def doRead(self: Any) -> Any:
        try:
            data = self.socket.recv(self.bufferSize)
        except BlockingIOError:
            return None
        except OSError:
            return main.CONNECTION_LOST
        if not data:
            return main.CONNECTION_DONE
        self.protocol.dataReceived(data)
        return None

    def write(self: Any, data: bytes) -> None:
        if self._tempDataBuffer or self.dataBuffer or self._writeDisconnected or not self.connected:
            abstract.FileDescriptor.write(self, data)
            return
        if not data:
            return  # to send nothing would take a reset off the socket, and its end would look like a FIN
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = 0  # the reactor will meet EPIPE when it writes the rest, and report that
            self.stopReading()  # for what could be read now is no FIN
        if sent < len(data):
            self.took = time.monotonic()
            abstract.FileDescriptor.write(self, data[sent:] if sent else data)
            self.protocol.writeBlocked()

    def loseWriteConnection(self: Any) -> None:
        if self._writeDisconnecting or self.unsent or not self.connected:
            abstract.FileDescriptor.loseWriteConnection(self)
            return
        # Nothing has to be waited for: not by way of doWrite, which is two epoll_ctl and a turn later.
        self.stopWriting()
        self._writeDisconnecting = self._writeDisconnected = True
        self._closeWriteConnection()

    def doWrite(self: Any) -> Any:
        if self.producer is None or self.streamingProducer or self.unsent:
            return tcp.Connection.doWrite(self)
        # A pull producer is asked as long as there is room, and says `stopWriting` while it has nothing.
        # The stock way takes us off the reactor before it asks: two epoll_ctl for each piece of a file.
        self.producer.resumeProducing()
        return None

    def writeSomeData(self: Any, data: bytes) -> Any:
        if not data:
            return 0  # doWrite asks, when a producer is to be told that there is room
        self.took = time.monotonic()
        return tcp.Connection.writeSomeData(self, data)

    @property
    def unsent(self: Any) -> int:
        """Bytes that the socket has not taken yet."""
        unsent: int = len(self.dataBuffer) - self.offset + self._tempDataLen
        return unsent


class TCPServer(SendAtOnce, tcp.Server):
    """A TCP connection that sends at once."""


class Accepted(SendAtOnce, tcp.Connection):
    """A TCP connection that was accepted by no port, and sends at once."""

    def __init__(self, sock: socket.socket, protocol: Any, reactor: Any) -> None:
        tcp.Connection.__init__(self, sock, protocol, reactor)
        self.logstr = "twofold"
        self.connected = True
        self.startReading()


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

    transport = TCPServer if FAST else tcp.Server

    def createInternetSocket(self) -> socket.socket:
        sock: socket.socket = super().createInternetSocket()
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        return sock

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

    transport = UNIXServer if FAST else unix.Server
    inherited = False

    @classmethod
    def adopt(cls, sock: socket.socket, factory: Any, reactor: Any) -> UNIXPort:
        """A port for a socket that listens already, whose file is not ours to change."""
        # The stock port would change the mode of the file at the start, and unlink it at the end.
        port = cls(b"\0", factory, backlog=128, reactor=reactor)
        port._preexistingSocket = sock
        port.inherited = True
        return port
