"""FTP's data connections: each transfer waits in a greenlet of its own, from `Begin` to `finished`.

What a transfer means is the session's; its contract with the driver is `protocols.files.orders`.  A
transfer is cancelled by killing its greenlet: whatever ends it early is an exception in there.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import gevent
from gevent import GreenletExit, Timeout, get_hub
from gevent.socket import socket as Socket

from gevent_impl.datasocket import PIECE, Over, dial, has_spoken, linger, tried
from gevent_impl.outbox import WRITE
from gevent_impl.session import READ, RESET, Connection
from protocols.files.addresses import plain
from protocols.files.orders import Connect, Listen, Outcome
from protocols.files.store import StoreError
from protocols.files.transfer import Download, File, Upload
from protocols.session import HANDSHAKE, Peer
from protocols.tls import TLS, TLSError

if TYPE_CHECKING:
    from gevent_impl.files import FilesDriver

log = logging.getLogger("twofold")

T = TypeVar("T")
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

CUT = {Outcome.CANCELLED, Outcome.STALLED, Outcome.FAILED}
"""Ends of ours before the end of the bytes, which no peer may take for theirs: RST, not FIN."""


class Mover:
    """Moves one transfer's bytes, and waits for whatever that takes."""

    def __init__(
        self,
        driver: FilesDriver,
        control: Connection,
        transfer: Download | Upload,
        via: Connect | tuple[Listen, socket.socket],
    ) -> None:
        self._driver = driver
        self._control = control
        self._transfer = transfer
        self._via = via
        self._socket: socket.socket | Socket | None = None
        self._tls: TLS | None = None
        self._watchers: list[Any] = []
        self._greenlet: Any = None
        self._ending = False  # an end is on its way to the greenlet, or it has found its own
        self._began = self._progress = 0.0
        self._moved = 0

    def at_once(self) -> bool:
        """Do it all now, if nothing has to be waited for; false where a greenlet must go on.

        Most small downloads need none: the client connects before it asks, and the kernel has room.  Then 150
        and 226 leave together.
        """
        download, via = self._transfer, self._via
        if not isinstance(download, Download) or isinstance(via, Connect):
            return False
        file = download.in_one(SENDFILE)
        if file is None:
            return False
        try:
            sock = self._accepted(*via)
            if sock is None:
                return False
            self._socket = sock
            download.moved(os.sendfile(sock.fileno(), file.fileno, file.offset, file.count or 0))
        except OSError:
            return False  # the greenlet will meet it again
        if not download.whole or has_spoken(sock):
            return False
        self._ending = True
        sock.close()
        self._driver.finished(self._control, download, Outcome.COMPLETE)
        return True

    def run(self) -> None:
        """A greenlet's whole life: bring the connection about, move the bytes, report how it ended."""
        self._greenlet = gevent.getcurrent()
        try:
            outcome = self._outcome()
        finally:
            for watcher in self._watchers:
                watcher.close()
            if self._tls is not None:
                self._tls.keep_session()
            if not isinstance(self._via, Connect):
                self._via[1].close()
        self._ending = True
        sock = self._socket
        if sock is not None and outcome in CUT:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        if sock is not None and not (outcome is Outcome.COMPLETE and self._transfer.outgoing):
            sock.close()
            sock = None
        self._driver.finished(self._control, self._transfer, outcome)
        if sock is not None:
            linger(sock)

    def cancel(self) -> None:
        """Drop it; `finished` follows."""
        self._end(GreenletExit())

    def _end(self, how: BaseException) -> None:
        if self._ending:
            return
        self._ending = True
        # Before its first turn, and where its own report brought this about, it looks for itself.
        if self._greenlet is not None and self._greenlet is not gevent.getcurrent():
            self._greenlet.kill(how, block=False)

    def _outcome(self) -> Outcome:
        try:
            if not self._ending:
                early = self._connect()
                if isinstance(self._transfer, Upload):
                    self._receive(self._transfer, early)
                else:
                    self._send(self._transfer)
            return Outcome.CANCELLED if self._ending else Outcome.COMPLETE
        except Over as over:
            return over.outcome
        except GreenletExit:
            return Outcome.CANCELLED
        except StoreError:
            return Outcome.FAILED  # which one, the transfer knows
        except Exception:
            log.exception("%s: a transfer failed", self._control.peer)
            return Outcome.FAILED

    # -- the connection ------------------------------------------------------------------

    def _connect(self) -> bytes:
        """Have the connection, secured if it must be; returns the plaintext that came with that."""
        with Timeout(self._transfer.connect_timeout, Over(Outcome.NOT_CONNECTED)):
            via = self._via
            sock = self._socket  # it may be here, and have taken a part
            if sock is None:
                sock = dial(via) if isinstance(via, Connect) else self._accept(*via)
            self._socket = Socket(sock.family, sock.type, sock.proto, fileno=sock.detach())
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        early = b""
        if self._transfer.protected:
            with Timeout(HANDSHAKE, Over(Outcome.TLS_FAILED)):
                early = self._handshake(self._socket)
        self._began = self._progress = monotonic()
        if self._transfer.stall:
            self._look_again(self._transfer.stall)
        return early

    def _accept(self, listen: Listen, listener: socket.socket) -> socket.socket:
        readable = get_hub().loop.io(listener.fileno(), READ)
        self._watchers.append(readable)
        try:
            while (sock := self._accepted(listen, listener)) is None:
                get_hub().wait(readable)
            return sock
        except OSError as error:
            log.error("%s: no data connection: %s", self._control.peer, error.strerror)
            raise Over(Outcome.NOT_CONNECTED) from None
        finally:
            listener.close()  # nobody else is let in

    def _accepted(self, listen: Listen, listener: socket.socket) -> socket.socket | None:
        """The client's connection, if it is there, and no listener any more.  Raises OSError."""
        while True:
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return None
            if plain(address[0]) == listen.allow:
                listener.close()
                sock.setblocking(False)
                return sock
            sock.close()
            self._driver.strayed(self._control, listen, Peer(*address[:2]))

    def _handshake(self, sock: Socket) -> bytes:
        self._tls = tls = self._driver.tls_beside(self._control)
        plaintext = b""
        try:
            while not tls.established:
                data = sock.recv(PIECE)
                if not data:
                    raise Over(Outcome.TLS_FAILED)
                plaintext, answer = tls.received(data)
                sock.sendall(answer)
        except TLSError as error:
            log.info("%s: data connection: TLS: %s", self._control.peer, error)
            with suppress(OSError):
                sock.sendall(error.alert)
            raise Over(Outcome.TLS_FAILED) from None
        except OSError:
            raise Over(Outcome.TLS_FAILED) from None
        if self._transfer.resumption and not tls.resumed:
            raise Over(Outcome.NOT_RESUMED)
        return plaintext

    def _look_again(self, after: float) -> None:
        timer = get_hub().loop.timer(after)
        self._watchers.append(timer)
        timer.start(self._look_for_stall, timer)

    def _look_for_stall(self, timer: Any) -> None:
        self._watchers.remove(timer)
        timer.close()
        left = self._progress + self._transfer.stall - monotonic()
        if left > 0:
            self._look_again(left)
        else:
            self._end(Over(Outcome.STALLED))

    # -- in ------------------------------------------------------------------------------

    def _receive(self, upload: Upload, plaintext: bytes) -> None:
        assert self._socket is not None
        sock, tls, buffer = self._socket, self._tls, self._driver.buffer
        readable = self._watch(READ)
        if plaintext:
            self._step(upload.write, plaintext)
            self._made(len(plaintext))
        while tls is None or not tls.ended:
            # Waiting first lets the others run between two pieces (see `session`).
            get_hub().wait(readable)
            try:
                count = sock.recv_into(buffer, self._size(PIECE))
            except OSError:
                raise Over(Outcome.RESET) from None
            if not count:
                if tls is not None and not upload.truncation:
                    raise Over(Outcome.TRUNCATED)
                break
            piece = buffer[:count]
            if tls is not None:
                plaintext = self._decrypted(tls, piece)
                if plaintext:
                    self._step(upload.write, plaintext)
            else:
                self._step(upload.write, bytes(piece) if upload.slow else piece)  # the buffer is everybody's
            self._made(count)
        self._step(upload.end)
        if tls is not None:
            self._write(tls.close())
        # A killed client ends both its connections: what the control connection says comes first.
        self._control.look()

    def _decrypted(self, tls: TLS, data: memoryview) -> bytes:
        try:
            plaintext, answer = tls.received(data)
        except TLSError as error:
            log.info("%s: data connection: TLS: %s", self._control.peer, error)
            raise Over(Outcome.RESET) from None
        if answer:
            self._write(answer)
        return plaintext

    # -- out -----------------------------------------------------------------------------

    def _send(self, download: Download) -> None:
        assert self._socket is not None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        tls, writable = self._tls, self._watch(WRITE)
        file = download.file()
        if file is None or not self._send_file(download, file, writable):
            while data := self._step(download.read, self._size(TEXT)):
                self._write(data if tls is None else tls.send(data))
                get_hub().wait(writable)
                self._made(len(data))
        if tls is not None:
            self._write(tls.close())
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            raise Over(Outcome.RESET) from None

    def _send_file(self, download: Download, file: File, writable: Any) -> bool:
        """Let the kernel copy it; false where it can't."""
        assert self._socket is not None
        done = download.bytes
        to, offset = self._socket.fileno(), file.offset + done
        left = None if file.count is None else file.count - done
        while not download.whole and (left is None or left):
            size = self._size(SENDFILE if left is None else min(left, SENDFILE))
            try:
                count = os.sendfile(to, file.fileno, offset, size)
            except BlockingIOError:
                get_hub().wait(writable)
                continue
            except OSError as error:
                if error.errno in NO_SENDFILE and not download.bytes:
                    return False
                raise Over(Outcome.RESET if isinstance(error, ConnectionError) else Outcome.FAILED) from None
            download.moved(count)
            if not count or download.whole:
                break
            offset += count
            left = None if left is None else left - count
            self._made(count)
            if count == size:  # there is room for more: let the others run before
                get_hub().wait(writable)
        return True

    def _write(self, data: bytes) -> None:
        assert self._socket is not None
        view = memoryview(data)
        try:
            while view:
                view = view[self._socket.send(view) :]
                self._progress = monotonic()
        except OSError:
            raise Over(Outcome.RESET) from None

    # -- each step -----------------------------------------------------------------------

    def _watch(self, events: int) -> Any:
        assert self._socket is not None
        self._watchers.append(get_hub().loop.io(self._socket.fileno(), events))
        return self._watchers[-1]

    def _step(self, function: Callable[..., T], *args: Any) -> T:
        """Do this with the transfer: in a thread, if it may be slow."""
        if not self._transfer.slow:
            return function(*args)
        running: Any = get_hub().threadpool.spawn(tried, function, args)
        try:
            result, error = running.get()
        except BaseException:
            # A thread can't be stopped, and nothing is over while it may touch the file.
            running.wait()
            raise
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def _size(self, most: int) -> int:
        """Bytes to move at once: at a rate, a quarter of a second's."""
        rate = self._transfer.rate
        return min(most, max(rate // 4, 1)) if rate else most

    def _made(self, count: int) -> None:
        """So much was moved; wait until the rate allows more."""
        self._progress = now = monotonic()
        if self._transfer.rate:
            self._moved += count
            early = self._began + self._moved / self._transfer.rate - now
            if early > 0:
                self._progress += early  # that we wait is no stall
                gevent.sleep(early)
