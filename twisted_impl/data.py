"""FTP's data connections: a coroutine for each transfer, which awaits the connection and then its end.

What a transfer means is the session's; its contract with the driver is `protocols.files.orders`.  A
transfer is cancelled by cancelling the Deferred of its coroutine.
"""

from __future__ import annotations

import os
import socket
from time import monotonic
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from protocols.files.addresses import plain
from protocols.files.orders import Connect, Listen, Outcome
from protocols.files.store import StoreError
from protocols.files.transfer import Download, Upload
from protocols.session import HANDSHAKE, Peer
from protocols.tls import TLSError
from twisted_impl.datatransport import SENDFILE, DataProtocol, Over, Receiver, Sender
from twisted_impl.session import SessionProtocol
from twisted_impl.transport import Accepted

if TYPE_CHECKING:
    from twisted_impl.files import FilesDriver

log = Logger("twofold")

BACKLOG = 8
"""Connections that may wait at a passive port: strangers may stand before the client."""
CUT = {Outcome.CANCELLED, Outcome.STALLED, Outcome.FAILED}
"""Ends of ours before the end of the bytes, which no peer may take for theirs: RST, not FIN."""


@implementer(IReadDescriptor)
class Passive:
    """A passive port, and the one connection that it is for.

    Not one of Twisted's ports, which announce on the log that they begin and end.
    """

    def __init__(self, driver: FilesDriver, control: SessionProtocol, listen: Listen) -> None:
        """Listens.  Raises OSError."""
        self._driver = driver
        self._control = control
        self._listen = listen
        self._connected: Deferred[DataProtocol] = Deferred()
        self._waiting = False  # the reactor watches for a connection
        self._socket = socket.socket(socket.AF_INET6 if ":" in listen.host else socket.AF_INET)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((listen.host, listen.port))
            self._socket.listen(BACKLOG)
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "twofold"

    def accepted(self) -> socket.socket | None:
        """The client's connection, if it is there, and we listen no more.  Raises OSError."""
        while True:
            try:
                sock, address = self._socket.accept()
            except BlockingIOError:
                return None
            if plain(address[0]) == self._listen.allow:
                self._stop_listening()  # nobody else is let in
                sock.setblocking(False)
                return sock
            sock.close()
            session: Any = self._control.session
            self._driver.report(self._control, session.strayed, self._listen, Peer(*address[:2]))

    def doRead(self) -> None:
        try:
            sock = self.accepted()
        except OSError as error:
            log.error("{peer}: no data connection: {error}", peer=self._control.peer, error=error.strerror)
            self._stop_listening()
            self._connected.errback(error)
            return
        if sock is not None:
            self.connect(sock)

    def connect(self, sock: socket.socket) -> None:
        """This is the client's connection."""
        connection = DataProtocol()
        connection.makeConnection(Accepted(sock, connection, self._driver.reactor))
        self._connected.callback(connection)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor puts everything away."""
        self._socket.close()

    def connected(self) -> Deferred[DataProtocol]:
        """The connection, once it is there."""
        if not self._connected.called:
            self._waiting = True
            self._driver.reactor.addReader(self)
        return self._connected

    def close(self) -> None:
        """Nobody waits for it any more."""
        self._stop_listening()

    def _stop_listening(self) -> None:
        if self.fileno() >= 0:
            if self._waiting:
                self._driver.reactor.removeReader(self)
            self._socket.close()


class Mover:
    """Moves one transfer's bytes: `start` it once, and it reports how it ended."""

    def __init__(
        self,
        driver: FilesDriver,
        control: SessionProtocol,
        transfer: Download | Upload,
        via: Connect | Passive,
    ) -> None:
        self._driver = driver
        self._control = control
        self._transfer = transfer
        self._via = via
        self._connection: DataProtocol | None = None
        self._running: Deferred[None] | None = None
        self._ending: Outcome | None = None  # why the coroutine was cancelled
        self._timer: IDelayedCall | None = None

    def at_once(self) -> bool:
        """Do it all now, if nothing has to be waited for; false where it has to be begun.

        Most small downloads need no protocol and no transport: the client connects before it asks, and the
        kernel has room.  Then 150 and 226 leave together.
        """
        download, via = self._transfer, self._via
        if not isinstance(download, Download) or isinstance(via, Connect):
            return False
        file = download.in_one(SENDFILE)
        if file is None:
            return False
        try:
            sock = via.accepted()
        except OSError:
            return False  # whoever waits will meet it again
        if sock is None:
            return False
        try:
            download.moved(os.sendfile(sock.fileno(), file.fileno, file.offset, file.count or 0))
        except OSError:
            pass  # the sender will meet it again
        if not download.whole or _has_spoken(sock):
            via.connect(sock)
            return False
        self._ending = Outcome.COMPLETE
        sock.close()
        self._driver.finished(self._control, download, Outcome.COMPLETE)
        return True

    def start(self) -> None:
        """Begin; `finished` follows, not before the orders at hand are carried out."""
        self._running = Deferred.fromCoroutine(self._run())

    def cancel(self, why: Outcome = Outcome.CANCELLED) -> None:
        """Drop it; `finished` follows."""
        if self._ending is None and self._running is not None:
            self._ending = why
            self._running.cancel()

    async def _run(self) -> None:
        outcome = await self._outcome()
        self._ending = outcome
        if self._timer is not None:
            self._timer.cancel()
        if isinstance(self._via, Passive) and self._connection is None:
            self._via.close()
        if self._connection is not None:
            if self._connection.tls is not None:
                self._connection.tls.keep_session()
            if outcome in CUT:
                self._connection.transport.abortConnection()
            elif outcome is Outcome.COMPLETE and self._transfer.outgoing:
                self._connection.linger(self._driver.reactor)
            else:
                self._connection.transport.loseConnection()
        self._driver.finished(self._control, self._transfer, outcome)

    async def _outcome(self) -> Outcome:
        try:
            self._connection = connection = await self._connect()
            early = await self._secure(connection) if self._transfer.protected else b""
            if self._transfer.stall:
                connection.progress = monotonic()
                self._look_again(self._transfer.stall)
            await self._moving(connection, early).run()
            return Outcome.COMPLETE
        except Over as over:
            return over.outcome
        except CancelledError:
            return self._ending or Outcome.CANCELLED
        except StoreError:
            return Outcome.FAILED  # which one, the transfer knows
        except Exception:
            log.failure("{peer}: a transfer failed", peer=self._control.peer)
            return Outcome.FAILED

    def _moving(self, connection: DataProtocol, early: bytes) -> Sender | Receiver:
        transfer, reactor = self._transfer, self._driver.reactor
        if isinstance(transfer, Upload):
            return Receiver(reactor, connection, transfer, early, self._control.look)
        return Sender(reactor, connection, transfer)

    # -- the connection ------------------------------------------------------------------

    async def _connect(self) -> DataProtocol:
        connected = self._dial(self._via) if isinstance(self._via, Connect) else self._via.connected()
        connected.addTimeout(self._transfer.connect_timeout, self._driver.reactor)
        try:
            return await connected
        except Exception:  # refused, unreachable, late, or cancelled: endpoints have a word of their own
            raise Over(self._ending or Outcome.NOT_CONNECTED) from None

    def _dial(self, connect: Connect) -> Deferred[DataProtocol]:
        kind = TCP6ClientEndpoint if ":" in connect.host else TCP4ClientEndpoint
        endpoint = kind(
            self._driver.reactor,
            connect.host,
            connect.port,
            timeout=self._transfer.connect_timeout,
            bindAddress=(connect.local_host, 0),
        )
        factory = Factory.forProtocol(DataProtocol)
        factory.noisy = False
        connected: Any = endpoint.connect(factory)
        return connected  # type: ignore[no-any-return]

    async def _secure(self, connection: DataProtocol) -> bytes:
        handshake = connection.secure(self._driver.tls_beside(self._control))
        handshake.addTimeout(HANDSHAKE, self._driver.reactor)
        try:
            early = await handshake
        except TLSError as error:
            log.info("{peer}: data connection: TLS: {error}", peer=self._control.peer, error=error)
            connection.transport.write(error.alert)
            raise Over(Outcome.TLS_FAILED) from None
        except (TimeoutError, Over):
            raise Over(Outcome.TLS_FAILED) from None
        assert connection.tls is not None
        if self._transfer.resumption and not connection.tls.resumed:
            raise Over(Outcome.NOT_RESUMED)
        return early

    def _look_again(self, after: float) -> None:
        self._timer = self._driver.reactor.callLater(after, self._look_for_stall)

    def _look_for_stall(self) -> None:
        assert self._connection is not None
        self._timer = None
        left = self._connection.progress + self._transfer.stall - monotonic()
        if left > 0:
            self._look_again(left)
        else:
            self.cancel(Outcome.STALLED)


def _has_spoken(sock: socket.socket) -> bool:
    """Has the peer sent something which it would be answered RST for if we closed now?"""
    try:
        return bool(sock.recv(1))
    except OSError:
        return False
