"""The bytes of a data connection: its protocol, and who sends and receives over it.

A download is a pull producer that owns the socket's descriptor: whenever the transport has room, it
lets the kernel copy the next piece of the file, or gives the transport the next piece to write.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol, IPullProducer
from twisted.internet.protocol import Protocol
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from zope.interface import implementer

from protocols.files.orders import Outcome
from protocols.files.transfer import Download, File, Transfer, Upload
from protocols.session import LINGER
from protocols.tls import TLS, TLSError

T = TypeVar("T")
PIECE = 262_144
"""Bytes that are received at once."""
TEXT = 196_608
"""Bytes that are read and sent at once, where sendfile can't: over TLS, and in ASCII.

Not more: with 256 KiB malloc gave each piece back to the system, and 200,000 page faults for 1 GiB
doubled what TLS costs."""
SENDFILE = 1_048_576
"""Bytes that the kernel may copy before others have their turn."""
UNSENT = 16_384
"""Bytes that the kernel may hold unsent before it says that there is room.

With the megabytes that it allows itself, what it is given has left the processor's caches by the time that it
is sent: two to three times the CPU for each byte."""
NO_SENDFILE = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}
"""What sendfile says of a file that it can't read from."""


class Over(Exception):
    """The transfer has come to this end."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def dropped(data: bytes) -> None:
    """Nobody wants to know."""


@implementer(IHalfCloseableProtocol)
class DataProtocol(Protocol):
    """One data connection: whoever uses it sets what happens to bytes and at its ends."""

    transport: Any

    def __init__(self) -> None:
        self.tls: TLS | None = None
        self.progress = 0.0
        """time.monotonic() when a byte last moved."""
        self.received: Callable[[bytes], None] = dropped
        self.read_ended: Callable[[], None] | None = None
        self.write_ended: Callable[[], None] | None = None
        self.lost: Callable[[], None] | None = None

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self.transport.bufferSize = PIECE
        self.transport.pauseProducing()

    def dataReceived(self, data: bytes) -> None:
        self.progress = monotonic()
        self.received(data)

    def readConnectionLost(self) -> None:
        if self.read_ended is not None:
            self.read_ended()

    def writeConnectionLost(self) -> None:
        if self.write_ended is not None:
            self.write_ended()

    def writeBlocked(self) -> None:
        """The socket took less than it was given: the transport tells when there is room."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        if self.lost is not None:
            self.lost()

    def secure(self, tls: TLS) -> Deferred[bytes]:
        """Have the handshake; fires with the plaintext that came with it.  Fails with TLSError or Over."""
        self.tls = tls
        done: Deferred[bytes] = Deferred()

        def received(data: bytes) -> None:
            try:
                early, answer = tls.received(data)
            except TLSError as error:
                done.errback(error)
                return
            self.transport.write(answer)
            if tls.established:
                self.transport.pauseProducing()
                self.received, self.lost, self.read_ended = dropped, None, None
                done.callback(early)

        def lost() -> None:
            if not done.called:
                done.errback(Over(Outcome.TLS_FAILED))

        self.received, self.lost, self.read_ended = received, lost, lost
        self.transport.resumeProducing()
        return done

    def linger(self, reactor: Any) -> None:
        """Our FIN is in the kernel: read until the peer's, for closing on unread bytes would send RST."""
        timer = reactor.callLater(LINGER, self.transport.abortConnection)

        def over() -> None:
            if timer.active():
                timer.cancel()
            self.transport.loseConnection()

        self.received, self.read_ended, self.lost = dropped, over, over
        self.transport.resumeProducing()


class Moving:
    """What both directions share: how the end is told, slow steps, the rate."""

    def __init__(self, reactor: Any, connection: DataProtocol, transfer: Transfer) -> None:
        self._reactor = reactor
        self._connection = connection
        self._transport = connection.transport
        self._tls = connection.tls
        self._transfer = transfer
        self._done: Deferred[None] = Deferred()
        self._idle: Deferred[None] | None = None
        self._busy = False  # a step runs in a thread
        self._early: IDelayedCall | None = None  # the rate makes us wait
        self._began = monotonic()
        self._moved = 0
        connection.lost = self._lost

    async def run(self) -> None:
        """Move everything.  Raises Over, StoreError, or whatever a store raises by mistake."""
        try:
            self.start()
            await self._done
        finally:
            if self._early is not None:
                self._early.cancel()
            while self._busy:
                # A thread can't be stopped, and nothing is over while it may touch the file.
                self._idle = Deferred()
                with suppress(CancelledError):
                    await self._idle

    def start(self) -> None:
        """Begin; `_done` fires at the end."""
        raise NotImplementedError

    def hold(self) -> None:
        """No piece may come for a while."""
        raise NotImplementedError

    def go_on(self) -> None:
        """The next piece may come."""
        raise NotImplementedError

    def _lost(self) -> None:
        self._end(Failure(Over(Outcome.RESET)))

    def _end(self, why: Failure | None = None) -> None:
        if not self._done.called:
            self._done.callback(None) if why is None else self._done.errback(why)

    def _step(self, function: Callable[..., T], *args: Any, then: Callable[[T], None]) -> None:
        """Do this with the transfer, in a thread if it may be slow, and go on with what it returned."""
        if not self._transfer.slow:
            try:
                result = function(*args)
            except Exception:
                self._end(Failure())
            else:
                then(result)
            return

        def over(result: T | Failure) -> None:
            self._busy = False
            if self._idle is not None:
                self._idle.callback(None)
            elif isinstance(result, Failure):
                self._end(result)
            elif not self._done.called:
                then(result)

        self._busy = True
        deferToThread(function, *args).addBoth(over)

    def _size(self, most: int) -> int:
        """Bytes to move at once: at a rate, a quarter of a second's."""
        rate = self._transfer.rate
        return min(most, max(rate // 4, 1)) if rate else most

    def _made(self, count: int) -> None:
        """So much was moved; go on, when the rate allows more."""
        self._connection.progress = now = monotonic()
        self._moved += count
        early = self._began + self._moved / self._transfer.rate - now if self._transfer.rate else 0
        if early > 0:
            self._connection.progress += early  # that we wait is no stall
            self.hold()
            self._early = self._reactor.callLater(early, self._in_time)
        else:
            self.go_on()

    def _in_time(self) -> None:
        self._early = None
        self.go_on()


class Receiver(Moving):
    """Gives an upload what arrives.  `look` lets the control connection say what has arrived there."""

    def __init__(
        self, reactor: Any, connection: DataProtocol, upload: Upload, early: bytes, look: Callable[[], None]
    ) -> None:
        super().__init__(reactor, connection, upload)
        self._upload = upload
        self._first = early
        self._look = look
        self._held = True

    def start(self) -> None:
        self._connection.received = self._received
        self._connection.read_ended = self._read_ended
        self._transport.bufferSize = self._size(PIECE)
        self._write(self._first, len(self._first))

    def hold(self) -> None:
        if not self._held:
            self._held = True
            self._transport.pauseProducing()

    def go_on(self) -> None:
        if self._tls is not None and self._tls.ended:
            self._finish()
        elif self._held:
            self._held = False
            self._transport.resumeProducing()

    def _received(self, data: bytes) -> None:
        count = len(data)
        if self._tls is not None:
            try:
                data, answer = self._tls.received(data)
            except TLSError:
                self._lost()
                return
            if answer:
                self._transport.write(answer)
        self._write(data, count)

    def _write(self, data: bytes, count: int) -> None:
        if self._upload.slow:
            self.hold()
        if data:
            self._step(self._upload.write, data, then=lambda _: self._made(count))
        else:
            self._made(count)

    def _read_ended(self) -> None:
        if self._tls is None or self._upload.truncation:
            self._finish()
        elif not self._tls.ended:
            self._end(Failure(Over(Outcome.TRUNCATED)))

    def _finish(self) -> None:
        self._connection.read_ended = None
        self._step(self._upload.end, then=lambda _: self._whole())

    def _whole(self) -> None:
        if self._tls is not None:
            self._transport.write(self._tls.close())
        self._look()
        self._end()


@implementer(IPullProducer)
class Sender(Moving):
    """Sends a download: by the kernel where that can be, else piece by piece."""

    def __init__(self, reactor: Any, connection: DataProtocol, download: Download) -> None:
        super().__init__(reactor, connection, download)
        self._download = download
        self._file = download.file()
        self._rest = memoryview(b"")  # of what is being sent

    def start(self) -> None:
        self._connection.write_ended = self._end
        self._transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        self._transport.registerProducer(self, False)

    def hold(self) -> None:
        self._transport.stopWriting()

    def go_on(self) -> None:
        self._transport.startWriting()  # which asks for more while there is room

    def resumeProducing(self) -> None:
        """There is room."""
        if self._busy or self._early is not None or self._done.called:
            self.hold()
        elif self._file is not None:
            self._send_file(self._file)
        elif self._rest:
            self._send()
        else:
            if self._download.slow:
                self.hold()
            self._step(self._download.read, self._size(TEXT), then=self._send_piece)

    def stopProducing(self) -> None:
        """The transport is gone: connectionLost says so."""

    def _send_piece(self, data: bytes) -> None:
        if data:
            self._rest = memoryview(data if self._tls is None else self._tls.send(data))
            self._send()
        else:
            self._finish()

    def _send(self) -> None:
        # Not by way of `write`, which copies whatever the socket does not take.
        try:
            sent = self._transport.socket.send(self._rest)
        except BlockingIOError:
            self.go_on()
            return
        except OSError:
            self._lost()
            return
        self._rest = self._rest[sent:]
        self._made(sent)

    def _send_file(self, file: File) -> None:
        if self._download.whole:  # sent at once, but for its end
            self._finish()
            return
        sent, left = self._download.bytes, SENDFILE
        if file.count is not None:
            left = min(left, file.count - sent)
        try:
            count = os.sendfile(self._transport.fileno(), file.fileno, file.offset + sent, self._size(left))
        except BlockingIOError:
            self._transport.startWriting()
        except OSError as error:
            if error.errno in NO_SENDFILE and not sent:
                self._file = None
                self.resumeProducing()
            else:
                reset = isinstance(error, ConnectionError)
                self._end(Failure(Over(Outcome.RESET if reset else Outcome.FAILED)))
        else:
            self._download.moved(count)
            if count and not self._download.whole:
                self._made(count)
            else:
                self._finish()

    def _finish(self) -> None:
        # With a producer the transport would wait for more, and never close.
        self._transport.unregisterProducer()
        if self._tls is not None:
            self._transport.write(self._tls.close())
        self._transport.loseWriteConnection()
