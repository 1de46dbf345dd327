"""One connection as a Twisted Protocol: the transport's events in, a session's orders out.

Reading is held while the peer does not read; one delayed call per connection stands for
every deadline and is armed lazily.
"""

from __future__ import annotations

import select
import socket
import time
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from protocols.layers import Layers
from protocols.session import CHUNK, LINGER, Call, Peer, Reason, Session
from protocols.tls import TLS
from twisted_impl.layers import NEVER, begin, received_through
from twisted_impl.transport import Readable, SendAtOnce

if TYPE_CHECKING:
    from twisted_impl.driver import Driver

log = Logger("twofold")

POLL = 1.0
"""Seconds between looks for a reset that the reactor would not tell of."""


@implementer(IHalfCloseableProtocol, IPushProducer)
class SessionProtocol(Protocol):
    """Carries one session's orders to its transport, and the transport's events to its session."""

    transport: Any

    def __init__(self, driver: Driver, session: Session, host: str, layers: Layers | None = None) -> None:
        self.driver = driver
        self.session = session
        self.host = host  # what it counts for; none, as long as only a proxy's is known
        self.layers = layers
        self.owed: list[bytes] = []
        self.calls: set[Call] = set()
        self.introduced = False  # connected was reported
        self.open = False  # and since then facts are reported, orders carried out
        self.closing = False  # Close was ordered
        self.ended = False  # ended was reported
        self.gone = False
        self._eof = False  # the socket has been read to its end
        self._sent = False  # nothing is left to send, close_notify included
        self._paused = False  # the transport has more than its mark unsent
        self._held = False  # reading is held
        self._resuming = False
        self._blocked = False  # the socket took less than it was given
        self._while_paused = 0
        self.handshake_until = self._linger_until = self.due = NEVER
        self._timer: IDelayedCall | None = None

    # -- facts ---------------------------------------------------------------------------

    def connectionMade(self) -> None:
        transport = self.transport
        transport.setTcpNoDelay(True)
        self.peer = Peer()
        peer, here = transport.getPeer(), transport.getHost()
        if hasattr(peer, "host"):
            if isinstance(transport, tcp.Connection):
                # An urgent byte is a byte of the stream; FTP's ABOR ends in one (RFC 6093 §6).
                transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
            self.peer = Peer(peer.host, peer.port, here.host, here.port)
        transport.registerProducer(self, True)
        self._exact = isinstance(transport, SendAtOnce)
        self.driver.connections[self.session] = self
        if self.layers is None:
            self.introduce()
        else:
            begin(self, self.layers)

    def introduce(self) -> None:
        self.open = self.introduced = True
        self.driver.report(self, self.session.connected, self.peer)

    def dataReceived(self, data: bytes) -> None:
        if self.layers is not None:
            received_through(self, self.layers, data)
        elif self.open:
            self.driver.received(self, data)

    def look(self) -> None:
        """Report what has arrived by now, before what another connection of this client is said to be."""
        if self._exact and not self.gone:
            Readable.of(self.driver.reactor).look(self.transport)

    def readConnectionLost(self) -> None:
        """FIN: over TLS it is only an end if close_notify came first (RFC 8446 §6.1); so with all layers."""
        self._eof = True
        if self.lingering or (self._sent and not self._unsent):
            self.lost(Reason.EOF)  # a peer that has read our close_notify may be faster than our FIN
        elif self.layers is not None and not self.layers.ended:
            self.lost(Reason.RESET)
        elif not self.closing:
            self.report_ended()
            self.arm(time.monotonic() + POLL)

    def writeConnectionLost(self) -> None:
        """Our FIN is in the kernel.  Read on for a while: closing on unread bytes would send RST."""
        if self.gone:
            return
        self._paused = self._blocked = False
        self._hold_or_release()
        if self._eof or (self.layers is not None and self.layers.over):
            self.lost(Reason.EOF)
            return
        self._linger_until = time.monotonic() + LINGER
        self.arm(self._linger_until)
        self.driver.noticed()

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.lost(Reason.EOF if self.lingering or self._sent else Reason.RESET)

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
        if self.closing and not self._sent and not self.gone:
            self._send_the_end()

    def close(self) -> None:
        """Carry out `Close`: nothing more is reported, but all that is owed is sent."""
        self.open = False
        self.closing = True

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
        log.info("{peer}: {layer}: {why}", peer=self.peer, layer=layer, why=why)

    # -- sending, and the reader who does not read -----------------------------------------

    def send(self, data: bytes) -> None:
        if self._blocked:
            unsent = self._unsent
            if unsent > CHUNK and unsent + len(data) > self.driver.server.limits.send_queue:
                self.lost(Reason.SEND_QUEUE)
                return
            if self._paused:
                self._while_paused += len(data)
        self.transport.write(data)

    @property
    def _unsent(self) -> int:
        """Bytes that the socket has not taken; for a transport not ours, those written while it was full."""
        if self._exact:
            unsent: int = self.transport.unsent
            return unsent
        return self._while_paused

    def writeBlocked(self) -> None:
        """The socket took less than it was given: the peer has `send_stall` to read on."""
        if not self._blocked:
            self._blocked = True
            self.arm(time.monotonic() + self.driver.server.limits.send_stall)

    def pauseProducing(self) -> None:
        """The transport has more unsent than its mark.  Called at each write while it has."""
        if not self._paused:
            self._paused = True
            self.writeBlocked()
            self._hold_or_release()

    def resumeProducing(self) -> None:
        """The transport has sent everything."""
        self._paused = self._blocked = False
        self._while_paused = 0
        if self.session.more:
            self._resume_soon()
        self._hold_or_release()

    def stopProducing(self) -> None:
        """The transport is gone; connectionLost says why."""

    def _hold_or_release(self) -> None:
        """Do not read from a peer that does not read."""
        held = self._paused or (self.session.more and self.open)
        if held is not self._held:
            self._held = held
            if held:
                self.transport.pauseProducing()
            elif not self._eof:
                # After FIN the socket is readable for ever: reading it again would only say so again.
                self.transport.resumeProducing()

    def _resume_soon(self) -> None:
        """Report `resumed` in a turn of its own, so that the others have theirs."""
        if not self._resuming and self.open:
            self._resuming = True
            self._hold_or_release()
            self.driver.reactor.callLater(0, self._resume)

    def _resume(self) -> None:
        self._resuming = False
        if self.session.more and self.open and not self._paused:
            self.driver.report(self, self.session.resumed)
            self._hold_or_release()

    # -- the end -------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Was everything said, Close ordered and carried out as far as it is ours to do?"""
        return self.closing and not self._unsent

    @property
    def lingering(self) -> bool:
        """Everything is in the kernel, our FIN included; only the peer's is missing."""
        return self._linger_until != NEVER

    def _send_the_end(self) -> None:
        """close_notify and FIN, behind all that is still unsent; writeConnectionLost follows."""
        self._sent = True
        if self.layers is not None:
            self.transport.write(self.layers.close())
        # While a paused streaming producer is registered, the transport would never close.
        self.transport.unregisterProducer()
        if isinstance(self.transport, tcp.Connection):  # and not Twisted's own TLS, which would lose the rest
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def lost(self, reason: Reason) -> None:
        """The connection is over: say so once, and leave nothing behind."""
        if self.gone:
            return
        self.gone = True
        self.open = False
        self.owed.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.driver.calls.cancel_all(self)
        if self.introduced:
            # Before whatever ends with the connection is told: a session that knew nothing of it would go on.
            self.driver.report(None, self.session.disconnected, reason)
        self.driver.forget(self)
        if reason is Reason.EOF:
            self.transport.unregisterProducer()
            self.transport.loseConnection()
        else:
            self.transport.abortConnection()

    # -- time ----------------------------------------------------------------------------

    def arm(self, when: float) -> None:
        """Look at the deadlines at `when`, unless the timer is due before."""
        if when >= self.due or self.gone:
            return
        if self._timer is not None:
            self._timer.cancel()
        self.due = when
        # reactor.seconds() is wall time: deadlines are compared with time.monotonic() alone.
        self._timer = self.driver.reactor.callLater(max(when - time.monotonic(), 0.001), self._fired)

    def _fired(self) -> None:
        self._timer, self.due = None, NEVER
        now = time.monotonic()
        if now >= self.handshake_until:
            self.lost(Reason.STALLED)
        elif now >= self._linger_until:
            self.lost(Reason.EOF)
        elif self._blocked and now >= self._stalled_at:
            self.lost(Reason.STALLED)
        elif self._eof and self._was_reset():
            self.lost(Reason.RESET)
        elif self.open and self.session.deadline is not None and now >= self.session.deadline:
            self.session.deadline = None
            self.driver.report(self, self.session.expired)
        self._arm_next(now)

    @property
    def _stalled_at(self) -> float:
        if not self._exact:
            return NEVER
        if not self.transport.unsent:
            self._blocked = False
            return NEVER
        took: float = self.transport.took
        return took + self.driver.server.limits.send_stall

    def _was_reset(self) -> bool:
        # After the peer's FIN nothing is registered with the reactor: only asking tells of a reset.
        # Not by SO_ERROR, which a unix socket's end does not set.
        poll = select.poll()
        poll.register(self.transport, 0)
        return bool(poll.poll(0))

    def _arm_next(self, now: float) -> None:
        due = min(self.handshake_until, self._linger_until)
        if self._blocked:
            due = min(due, self._stalled_at)
        if self._eof:
            due = min(due, now + POLL)
        if self.open and self.session.deadline is not None:
            due = min(due, self.session.deadline)
        if due != NEVER:
            self.arm(due)
