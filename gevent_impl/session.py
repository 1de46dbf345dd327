"""One connection: the greenlet that waits for it, and everything else it waits for.

The greenlet reads; a second one writes (see outbox), but only while the socket takes less
than it is owed; one timer per connection stands for every deadline and is armed lazily.
"""

from __future__ import annotations

import logging
import select
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent import get_hub
from gevent.event import Event

from gevent_impl.layers import NEVER, begin, received_through
from gevent_impl.outbox import Outbox
from protocols.layers import Layers
from protocols.session import CHUNK, LINGER, Call, Peer, Reason, Session
from protocols.tls import TLS

if TYPE_CHECKING:
    from gevent_impl.driver import Driver

log = logging.getLogger("twofold")

READ = 1
LOW_WATER = CHUNK // 4
"""Bytes unsent below which a held connection is read again, and `resumed` is reported."""
READ_SIZE = 65_536
"""Bytes read at once, unless the layers between want another size."""
POLL = 1.0
"""Seconds between looks for a reset that no event would tell of."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on and 0 seconds: close() sends RST and drops what is unsent."""


class Connection:
    """Carries one session's orders to its socket, and the socket's facts to its session."""

    __slots__ = (
        "_eof", "_greenlet", "_held", "_linger_until", "_outbox", "_readable",
        "_released", "_resuming", "_socket", "_timer", "_watching", "calls", "closing", "driver", "due",
        "ended", "gone", "handshake_until", "host", "introduced", "layers", "open", "owed", "peer", "session",
    )  # fmt: skip

    def __init__(self, driver: Driver, session: Session, sock: socket.socket, peer: Peer) -> None:
        self.driver = driver
        self.session = session
        self.peer = peer
        self.host = peer.host  # what it counts for; none, as long as only a proxy's is known
        self.owed: list[bytes] = []
        self.calls: set[Call] = set()
        self.layers: Layers | None = None
        self.introduced = False  # connected was reported
        self.open = False  # and since then facts are reported, orders carried out
        self.closing = False  # Close was ordered
        self.ended = False  # ended was reported
        self.gone = False
        self._eof = False  # the socket has been read to its end
        self._socket = sock
        self._readable = get_hub().loop.io(sock.fileno(), READ)
        self._greenlet: Any = None
        self._outbox: Outbox | None = None
        self._watching = False  # the watcher for bytes is started
        self._held = False  # reading is held
        self._released: Event | None = None
        self._resuming = False
        self.handshake_until = self._linger_until = self.due = NEVER
        self._timer: Any = None

    def run(self, layers: Layers | None = None) -> None:
        """Serve this connection, in its own greenlet, until it is over."""
        self._greenlet = gevent.getcurrent()
        try:
            if layers is None:
                self.introduce()
            else:
                begin(self, layers)
            self._read()
            if not self.gone:
                self._eof = True
                self._read_ended()
            while not self.gone:
                self._await_release()
        finally:
            self.lost(Reason.BUG)
            self._readable.close()
            self._socket.close()

    # -- facts ---------------------------------------------------------------------------

    def introduce(self) -> None:
        self.open = self.introduced = True
        self.driver.report(self, self.session.connected, self.peer)

    def _read(self) -> None:
        switch, recv, readable = get_hub().switch, self._socket.recv, self._readable
        received = self.driver.received
        while not self.gone:
            # recv() of ready data does not switch greenlets: waiting on the watcher first lets the
            # others run between two chunks, and saves the recv that would only say EAGAIN.
            # This is hub.wait(readable), less the waiter that it makes and the watcher that it
            # starts and stops each time: 0.8 of 8.2 µs an echo.
            if not self._watching:
                self._watching = True
                readable.start(self._greenlet.switch)
            switch()
            if self._held:
                self._await_release()
                continue
            try:
                data = recv(READ_SIZE if self.layers is None else self.layers.read_size)
            except BlockingIOError:
                continue
            except OSError:
                self.lost(Reason.RESET)
                return
            if not data:
                return
            if self.layers is not None:
                received_through(self, self.layers, data)
            elif self.open:
                received(self, data)

    def look(self) -> None:
        """Report what has arrived by now, before what another connection of this client is said to be."""
        if self._held or self._eof or self.gone:
            return
        try:
            data = self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            self.lost(Reason.RESET)
            return
        if not data:
            self._read_ended()  # the greenlet that reads will find the same
        elif self.layers is not None:
            received_through(self, self.layers, data)
        elif self.open:
            self.driver.received(self, data)

    def _read_ended(self) -> None:
        """FIN: over TLS it is only an end if close_notify came first (RFC 8446 §6.1); so with all layers."""
        if self.closing and self._linger_until != NEVER:
            self.lost(Reason.EOF)
        elif self.layers is not None and not self.layers.ended:
            self.lost(Reason.RESET)
        elif not self.closing:
            self.report_ended()
            self.arm(time.monotonic() + POLL)

    def report_ended(self) -> None:
        if not self.ended:
            self.ended = True
            self.driver.report(self, self.session.ended)

    def settle(self) -> None:
        """After a fact: is there more to say, or less time than what is armed?"""
        session = self.session
        if session.more:
            self._resume_soon()
        deadline = session.deadline
        if deadline is not None and deadline < self.due:
            self.arm(deadline)

    # -- orders --------------------------------------------------------------------------

    def flush(self) -> None:
        """Send what the session is owed by now, as one piece."""
        if self.gone:
            return
        owed = self.owed
        if owed:
            data = owed[0] if len(owed) == 1 else b"".join(owed)
            owed.clear()
            self.send(data if self.layers is None else self.layers.send(data))
        if self.closing and not self._outbox:
            self._sent_everything()

    def close(self) -> None:
        """Carry out `Close`: nothing more is reported, but all that is owed is sent."""
        self.open = False
        self.closing = True
        self._hold_or_release()

    def begin_tls(self) -> None:
        """Carry out `StartTLS`."""
        context = self.driver.start_tls
        if context is None:
            raise RuntimeError("StartTLS was ordered from a server without a certificate")
        self.flush()
        if not self.gone:
            begin(self, Layers(tls=TLS(context)))

    def layer_failed(self, layer: str, why: str) -> None:
        """A PROXY header, a handshake, a record or a frame is none; the connection ends next."""
        log.info("%s: %s: %s", self.peer, layer, why)

    # -- sending -------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send at once what the socket takes; a greenlet waits with the rest."""
        outbox = self._outbox
        if outbox:
            if len(outbox) > CHUNK and len(outbox) + len(data) > self.driver.server.limits.send_queue:
                self.lost(Reason.SEND_QUEUE)
            else:
                outbox.append(data)
                self._hold_or_release()
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            # Ours to tell, and not the sender's: in a fan-out, this runs in somebody else's greenlet.
            self.lost(Reason.RESET)
            return
        if sent < len(data):
            self._outbox = Outbox(self._socket, memoryview(data)[sent:], self._moved, self._reset)
            self.arm(self._outbox.progress + self.driver.server.limits.send_stall)
            self._hold_or_release()

    def _moved(self) -> None:
        """Some of the outbox has left."""
        if not self._outbox:
            self._outbox = None
        if self.session.more and self._unsent <= LOW_WATER:
            self._resume_soon()
        self._hold_or_release()
        if self.closing and self._outbox is None:
            self._sent_everything()

    def _reset(self) -> None:
        self.lost(Reason.RESET)

    @property
    def _unsent(self) -> int:
        return 0 if self._outbox is None else len(self._outbox)

    def _hold_or_release(self) -> None:
        """Do not read from a peer that does not read."""
        held = self._unsent > (LOW_WATER if self._held else CHUNK) or (self.session.more and self.open)
        if held is not self._held:
            self._held = held
            if not held and self._released is not None:
                self._released.set()

    def _await_release(self) -> None:
        # Whoever waits for something else must not be woken by bytes.
        self._readable.stop()
        self._watching = False
        if self._released is None:
            self._released = Event()
        self._released.clear()
        self._released.wait()

    def _resume_soon(self) -> None:
        """Report `resumed` in a turn of its own, so that the others have theirs."""
        if not self._resuming and self.open:
            self._resuming = True
            self._hold_or_release()
            get_hub().loop.run_callback(self._resume)

    def _resume(self) -> None:
        self._resuming = False
        if self.session.more and self.open and self._unsent <= LOW_WATER:
            self.driver.report(self, self.session.resumed)
        self._hold_or_release()

    # -- the end -------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Was everything said, Close ordered and carried out as far as it is ours to do?"""
        return self.closing and not self._outbox

    @property
    def lingering(self) -> bool:
        """Everything is in the kernel, our FIN included; only the peer's is missing."""
        return self._linger_until != NEVER

    def _sent_everything(self) -> None:
        """FIN, then read on for a while: closing on unread bytes would send RST after them."""
        if self.lingering or self.gone:
            return
        if self.layers is not None and (last := self.layers.close()):
            self.send(last)
            if self._outbox:
                return  # and once more when that is sent
        if self._eof or (self.layers is not None and self.layers.over):
            self.lost(Reason.EOF)
            return
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.lost(Reason.RESET)
            return
        self._linger_until = time.monotonic() + LINGER
        self.arm(self._linger_until)
        self.driver.noticed()

    def lost(self, reason: Reason) -> None:
        """The connection is over: say so once, and leave nothing behind."""
        if self.gone:
            return
        self.gone = True
        self.open = False
        self.owed.clear()
        if self._timer is not None:
            self._timer.close()
        if reason is not Reason.EOF:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            except OSError:
                pass  # it is reset already
        self.driver.calls.cancel_all(self)
        if self.introduced:
            # Before whatever ends with the connection is told: a session that knew nothing of it would go on.
            self.driver.report(None, self.session.disconnected, reason)
        self.driver.forget(self)
        if self._outbox is not None:
            self._outbox.kill()
        if self._greenlet is not None and self._greenlet is not gevent.getcurrent():
            self._greenlet.kill(block=False)

    # -- time ----------------------------------------------------------------------------

    def arm(self, when: float) -> None:
        """Look at the deadlines at `when`, unless the timer is due before."""
        if when >= self.due or self.gone:
            return
        if self._timer is not None:
            self._timer.close()
        self.due = when
        self._timer = get_hub().loop.timer(max(when - time.monotonic(), 0.001))
        self._timer.start(self._fired, update=True)

    def _fired(self) -> None:
        self._timer.close()
        self._timer, self.due = None, NEVER
        now = time.monotonic()
        if now >= self.handshake_until:
            self.lost(Reason.STALLED)
        elif now >= self._linger_until:
            self.lost(Reason.EOF)
        elif self._outbox and now >= self._outbox.progress + self.driver.server.limits.send_stall:
            self.lost(Reason.STALLED)
        elif self._eof and self._was_reset():
            self.lost(Reason.RESET)
        elif self.open and self.session.deadline is not None and now >= self.session.deadline:
            self.session.deadline = None
            self.driver.report(self, self.session.expired)
        self._arm_next(now)

    def _was_reset(self) -> bool:
        # After the peer's FIN the socket is readable for ever: only asking tells of a reset.  Not
        # by SO_ERROR, which a unix socket's end does not set.
        poll = select.poll()
        poll.register(self._socket, 0)
        return bool(poll.poll(0))

    def _arm_next(self, now: float) -> None:
        due = min(self.handshake_until, self._linger_until)
        if self._outbox:
            due = min(due, self._outbox.progress + self.driver.server.limits.send_stall)
        if self._eof:
            due = min(due, now + POLL)
        if self.open and self.session.deadline is not None:
            due = min(due, self.session.deadline)
        if due != NEVER:
            self.arm(due)
