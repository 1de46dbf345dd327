"""What the connections of one server share: the order of facts, the cork, the drain.

A fact is reported, its orders are carried out, what arose meanwhile is reported after
them, and only then is anything sent: one join and one send for each connection that is
owed something.  Nothing in here switches greenlets, so nothing in here can interleave.
"""

from __future__ import annotations

import logging
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from ssl import SSLContext
from time import monotonic
from typing import Any, TypeAlias

from gevent import get_hub
from gevent.event import Event
from gevent.pool import Pool

from gevent_impl.calls import Calls
from gevent_impl.session import Connection
from protocols.admission import TURNED_AWAY, Admission, TurnedAway
from protocols.layers import layers_for
from protocols.listen import Address
from protocols.proxy import believed
from protocols.session import (
    Abort,
    Call,
    Cancel,
    Close,
    Host,
    Orders,
    Peer,
    Reason,
    Server,
    Session,
    StartTLS,
    To,
)
from protocols.settings import Settings

log = logging.getLogger("twofold")

Fact: TypeAlias = "Callable[..., Orders]"
"""A method of a session, to which `now` is added."""
OWN = frozenset({bytes, Call, Cancel, Close, Abort, StartTLS})
"""Orders for the session's own connection, which mean nothing once that is gone."""
DRAIN_LINGER = 1.0
"""Seconds that a stopping server waits for connections that only have to be closed by the peer."""


class Driver:
    """Runs the sessions of one protocols.Server, and is their Host."""

    def __init__(self, make_server: Callable[[Host], Server], start_tls: SSLContext | None = None) -> None:
        self.server = make_server(self)
        self.start_tls = start_tls
        self.admission = Admission(self.server.limits)
        self.pool = Pool()
        self.calls = Calls(self, self.server.threads)
        self.connections: dict[Session, Connection] = {}
        self.draining = False
        self._turned_away = 0
        self._fewer = Event()
        self._facts: deque[tuple[Connection | None, Fact, tuple[Any, ...]]] = deque()
        self._owing: list[Connection] = []
        self._reporting = False
        self._told: deque[Orders] = deque()
        self._loop = get_hub().loop
        self._thread = threading.get_ident()

    # -- the Host of protocols.session ---------------------------------------------------

    wall = staticmethod(time.time)

    @staticmethod
    def token() -> str:
        return secrets.token_urlsafe(16)

    def tell(self, orders: Orders) -> None:
        self._told.append(orders)
        if threading.get_ident() == self._thread:
            self.carry_out_told()
        else:
            self._loop.run_callback_threadsafe(self.carry_out_told)

    def carry_out_told(self) -> None:
        """Carry out what other threads have told so far, before any later fact."""
        while self._told:
            orders = self._told.popleft()
            self.report(None, lambda now, orders=orders: orders)

    # -- facts and orders ----------------------------------------------------------------

    def received(self, connection: Connection, data: bytes) -> None:
        """Report `received`: what `report` does, with a short way for the commonest answer, bytes."""
        session = connection.session
        if self._reporting:
            self.report(connection, session.received, data)
            return
        self._reporting = True
        try:
            try:
                orders = session.received(data, monotonic())
                if len(orders) == 1 and type(orders[0]) is bytes and connection.layers is None:
                    connection.send(orders[0])  # nothing else is owed: whatever was has been flushed
                elif orders:
                    self._carry_out(connection, orders)
            except Exception:
                self._failed(connection, session.received)
            deadline = session.deadline
            if session.more or (deadline is not None and deadline < connection.due):
                connection.settle()
            if self._facts or self._owing:
                self._report_rest()
        finally:
            self._reporting = False

    def report(self, connection: Connection | None, fact: Fact, *args: Any) -> None:
        """Report one fact; one that arises meanwhile is reported after its orders."""
        self._facts.append((connection, fact, args))
        if not self._reporting:
            self._reporting = True
            try:
                self._report_rest()
            finally:
                self._reporting = False

    def _report_rest(self) -> None:
        """Report what has been queued, and what arises from it, then send what is owed."""
        while self._facts or self._owing:
            while self._facts:
                connection, fact, args = self._facts.popleft()
                if connection is None or connection.open:
                    self._report(connection, fact, args)
            owing, self._owing = self._owing, []
            for one in owing:
                try:
                    one.flush()
                except Exception:
                    self._failed(one, one.flush)

    def _report(self, connection: Connection | None, fact: Fact, args: tuple[Any, ...]) -> None:
        try:
            orders = fact(*args, monotonic())
            if orders:
                self._carry_out(connection, orders)
        except Exception:
            self._failed(connection, fact)
            return
        if connection is not None:
            connection.settle()

    def _failed(self, connection: Connection | None, fact: Callable[..., Any]) -> None:
        """A session raised, or gave an order that is none: a bug, and it costs that connection only."""
        log.exception("%s failed; its connection is aborted", getattr(fact, "__qualname__", fact))
        if connection is not None:
            connection.lost(Reason.BUG)

    def _carry_out(self, connection: Connection | None, orders: Orders) -> None:
        for order in orders:
            if type(order) is To:
                self._carry_out_for(order)
            elif type(order) not in OWN:
                self.carry_out_other(connection, order)
            elif connection is None or not connection.open:
                continue
            elif type(order) is bytes:
                if order:
                    if not connection.owed:
                        self._owing.append(connection)
                    connection.owed.append(order)
            elif type(order) is Call:
                self.calls.start(connection, order)
            elif type(order) is Cancel:
                self.calls.cancel(connection, order.call)
            elif type(order) is Close:
                connection.close()
                self._owing.append(connection)
            elif type(order) is Abort:
                connection.lost(Reason.ABORTED)
            else:
                connection.begin_tls()

    def _carry_out_for(self, to: To) -> None:
        connections, orders = self.connections, to.orders
        if orders and all(type(order) is bytes for order in orders):
            # A broadcast: for each receiver, no more is done than has to be.
            data = orders[0] if len(orders) == 1 else b"".join(orders)  # type: ignore[arg-type]
            owing = self._owing
            for session in to.sessions:
                other = connections.get(session)
                if other is not None and other.open:
                    owed = other.owed
                    if not owed:
                        owing.append(other)
                    owed.append(data)  # type: ignore[arg-type]
            return
        for session in to.sessions:
            other = connections.get(session)
            if other is not None:
                self._carry_out(other, orders)
                other.settle()

    def carry_out_other(self, connection: Connection | None, order: Any) -> None:
        """An order that only some drivers know.  `connection` is gone, or None, where nobody is owed it."""
        raise RuntimeError(f"{order!r} is no order")

    def fit_tls(self, context: SSLContext) -> None:
        """A listener's context, before anybody uses it: some services ask more of it."""

    # -- coming and going ----------------------------------------------------------------

    def accepted(self, sock: socket.socket, peer: Peer, where: Address, tls: SSLContext | None) -> None:
        """Serve a connection, in its own greenlet; answer one too many in the protocol's words."""
        if self.draining:
            return  # accepted just before the listeners were closed
        if where.proxy and not believed(peer.host, self.server.proxy_from):
            log.warning("%s: %s is not in proxy_from: refused", where, peer)
            return
        host = "" if where.proxy else peer.host
        refused = self.admission.admit(host)
        if refused is None:
            session = self.server.session()
        elif self._hears_why(encrypted=tls is not None):
            self._turned_away += 1
            session = TurnedAway(self.server.refusal(refused))
        else:
            return
        connection = Connection(self, session, sock, peer)
        connection.host = host
        self.connections[session] = connection
        connection.run(layers_for(where, tls, self.server))

    def place(self, connection: Connection) -> None:
        """The PROXY header has said who this is: count it there, or turn it away now."""
        if type(connection.session) is TurnedAway:
            return
        refused = self.admission.place(connection.peer.host)
        if refused is None:
            connection.host = connection.peer.host
        elif self._hears_why(connection.layers is not None and connection.layers.tls is not None):
            self.forget(connection)
            self._turned_away += 1
            connection.session = TurnedAway(self.server.refusal(refused))
            self.connections[connection.session] = connection
        else:
            connection.lost(Reason.ABORTED)

    def _hears_why(self, encrypted: bool) -> bool:
        """Nobody is given a TLS handshake only to be told that there is no place."""
        return not encrypted and self._turned_away < TURNED_AWAY

    def forget(self, connection: Connection) -> None:
        """This connection is over."""
        del self.connections[connection.session]
        if type(connection.session) is TurnedAway:
            self._turned_away -= 1
        else:
            self.admission.release(connection.host)
        self.noticed()

    def noticed(self) -> None:
        """One connection less to wait for when draining."""
        self._fewer.set()

    def reload(self, settings: Settings) -> None:
        """New limits, from now on; a connection keeps what its session took from the old ones."""
        self.server.reload(settings)
        self.admission.limits = self.server.limits

    @property
    def unfinished(self) -> int:
        """Connections that still have something to say."""
        return sum(not one.finished for one in self.connections.values())

    def tell_drained(self) -> None:
        """Tell every session that the server stops; from now on nobody new comes in."""
        self.draining = True
        for connection in list(self.connections.values()):
            if connection.open:
                self.report(connection, connection.session.drained)
            elif not connection.closing:
                connection.lost(Reason.ABORTED)  # still in its handshakes

    def drain(self, seconds: float) -> int:
        """Wait until the sessions have finished.

        Returns how many were cut off when the time was over.
        """
        self._wait_until(lambda: all(one.lingering for one in self.connections.values()), seconds)
        cut = [one for one in self.connections.values() if not one.lingering]
        if not cut:
            self._wait_until(lambda: not self.connections, DRAIN_LINGER)
        for connection in list(self.connections.values()):
            connection.lost(Reason.EOF if connection.lingering else Reason.ABORTED)
        self.pool.join(timeout=DRAIN_LINGER)
        return len(cut)

    def _wait_until(self, done: Callable[[], bool], seconds: float) -> None:
        end = monotonic() + seconds
        while not done() and (left := end - monotonic()) > 0:
            self._fewer.clear()
            self._fewer.wait(left)
