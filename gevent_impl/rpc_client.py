"""An rpc client for greenlets: each call blocks its greenlet, and no other."""

from __future__ import annotations

import logging
import random
import socket as stdlib_socket
from collections.abc import Callable, Sequence
from ssl import SSLContext
from time import monotonic
from typing import Any

import gevent
from gevent import socket
from gevent.event import AsyncResult
from gevent.queue import Queue

from gevent_impl.driver import Driver
from gevent_impl.session import Connection
from protocols.listen import Address, parse_connect
from protocols.rpc.client import ClientSession, Deliver, DeliverTopic, Pending, Settle
from protocols.rpc.failures import Backoff, CallFailed, NotConnected
from protocols.session import Limits, Orders, Peer, Reason, Server
from protocols.tls import TLS, TLSError, client_context

log = logging.getLogger("twofold")

CONNECT_TIMEOUT = 10.0
"""Seconds that connecting may take, the TLS handshake apart."""


class RPCClient:
    """Calls one server's methods, over `tcp://`, `tls://` or `unix://`; it reconnects by itself.

        with RPCClient("tcp://127.0.0.1:7008") as client:
            client.call("add", [1, 2])

    Whatever can go wrong with a call raises a CallFailed (protocols.rpc.failures).  `timeout` is
    in seconds, for calls that name none.  `on_notification(method, params)` is called for what the
    server notifies outside of subscriptions; it and the functions given to `subscribe` are called
    in order, in one greenlet of the client's.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str = "",
        timeout: float | None = 30.0,
        reconnect: bool = True,
        on_notification: Callable[[str, Any], object] | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.address = parse_connect(address)
        self.timeout = timeout
        self.on_notification = on_notification
        self._token = token
        self._reconnect = reconnect
        self._backoff = backoff or Backoff()
        self._tls: SSLContext | None = None
        self._topics: dict[str, None] = {}
        self._functions: dict[str, Callable[[Any], object]] = {}
        self._session = ClientSession(self._topics, token)
        self._driver = ClientDriver(self)
        self._connection: ClientConnection | None = None
        self._reconnecting: gevent.Greenlet[..., Any] | None = None
        self._answers: dict[Pending, AsyncResult[Any]] = {}
        self._delivered: Queue[Deliver | DeliverTopic] = Queue()
        self._delivering: gevent.Greenlet[..., Any] | None = None
        self._closed = False

    def __enter__(self) -> RPCClient:
        self.connect()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # -- connecting ------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect, and wait until that is done.  Raises NotConnected, which says why it can't be."""
        if self._closed:
            raise NotConnected("the client was closed")
        if self.address.scheme == "tls" and self._tls is None:
            try:
                self._tls = client_context(self.address.ca)
            except TLSError as error:
                raise NotConnected(str(error)) from None
        sock = _dial(self.address)
        self._session = ClientSession(self._topics, self._token)
        self._connection = ClientConnection(self, self._session, sock)
        self._driver.pool.spawn(self._connection.run, self._tls)
        self._connection.ready.get()
        self._backoff.reset()

    def close(self) -> None:
        """End the connection; calls still under way fail with NotConnected."""
        self._closed = True
        if self._reconnecting is not None:
            self._reconnecting.kill()
        if self._connection is not None and not self._connection.gone:
            self._driver.report(self._connection, self._session.drained)
            self._driver.pool.join()
        if self._delivering is not None:
            self._delivering.kill()

    def lost(self) -> None:
        """The connection is over, whoever ended it."""
        if self._reconnect and not self._closed and self._reconnecting is None:
            self._reconnecting = gevent.spawn(self._connect_again)

    def _connect_again(self) -> None:
        try:
            while True:
                gevent.sleep(self._backoff.next(random.random()))
                try:
                    self.connect()
                    return
                except NotConnected as error:
                    log.info("%s: %s", self.address, error)
        finally:
            self._reconnecting = None

    # -- calling ---------------------------------------------------------------------------

    def call(self, method: str, params: Any = None, *, timeout: float | None = None, type: Any = Any) -> Any:
        """The result of a method, converted to `type`; `params` is a list, a dict, or None.

        Killed while it waits, or interrupted by a gevent.Timeout, it cancels the call at the server.
        Raises RemoteError where the server answers an error, and the other CallFaileds.
        """
        pending, orders = self._session.call(method, params, monotonic(), timeout or self.timeout, type)
        return self._wait(pending, self._send(orders, pending))

    def batch(self, calls: Sequence[tuple[str, Any]], *, timeout: float | None = None) -> list[Any]:
        """Several calls in one line; for each its result, or its CallFailed in its place."""
        pending, orders = self._session.batch(calls, monotonic(), timeout or self.timeout)
        self._send(orders, *pending)
        outcomes: list[Any] = []
        for one in pending:
            try:
                outcomes.append(self._wait(one, self._answers[one]))
            except CallFailed as error:
                outcomes.append(error)
        return outcomes

    def notify(self, method: str, params: Any = None) -> None:
        """Say something that is not answered.  Raises NotConnected."""
        self._send(self._session.notify(method, params))

    def subscribe(self, topic: str, function: Callable[[Any], object]) -> None:
        """Have `function(value)` called with each value of a topic, after reconnecting too."""
        self._functions[topic] = function
        pending, orders = self._session.subscribe(topic, monotonic(), self.timeout)
        try:
            self._wait(pending, self._send(orders, pending))
        except CallFailed:
            self._functions.pop(topic, None)
            raise

    def unsubscribe(self, topic: str) -> None:
        """No longer."""
        self._functions.pop(topic, None)
        pending, orders = self._session.unsubscribe(topic, monotonic(), self.timeout)
        self._wait(pending, self._send(orders, pending))

    def _send(self, orders: Orders, *pending: Pending) -> AsyncResult[Any] | None:
        for one in pending:
            self._answers[one] = AsyncResult()
        self._driver.report(self._connection, lambda now: orders)
        return self._answers[pending[0]] if pending else None

    def _wait(self, pending: Pending, answer: AsyncResult[Any] | None) -> Any:
        assert answer is not None
        try:
            return answer.get()
        finally:
            if self._answers.pop(pending, None) is not None:  # whoever waited was stopped
                orders = self._session.cancel(pending)
                self._driver.report(self._connection, lambda now: orders)

    # -- what the session orders -----------------------------------------------------------

    def settle(self, order: Settle) -> None:
        """An answer is in."""
        answer = self._answers.pop(order.pending, None)
        if answer is None:
            return
        if order.error is None:
            answer.set(order.result)
        else:
            answer.set_exception(order.error)

    def deliver(self, order: Deliver | DeliverTopic) -> None:
        """A notification is in."""
        self._delivered.put(order)
        if self._delivering is None:
            self._delivering = gevent.spawn(self._deliver)

    def _deliver(self) -> None:
        while True:
            order = self._delivered.get()
            try:
                if isinstance(order, DeliverTopic):
                    if order.topic in self._functions:
                        self._functions[order.topic](order.value)
                elif self.on_notification is not None:
                    self.on_notification(order.method, order.params)
            except Exception:
                log.exception("what was to be told of a notification failed")


class ClientServer(Server):
    """What a Driver wants to know of a client: that it holds what it must."""

    limits = Limits()


class ClientDriver(Driver):
    """Runs a client's one connection."""

    def __init__(self, client: RPCClient) -> None:
        super().__init__(lambda host: ClientServer())
        self._client = client

    def carry_out_other(self, order: Settle | Deliver | DeliverTopic) -> None:
        if isinstance(order, Settle):
            self._client.settle(order)
        else:
            self._client.deliver(order)

    def forget(self, connection: Connection) -> None:
        del self.connections[connection.session]


class ClientConnection(Connection):
    """The client's end of a connection."""

    __slots__ = ("_client", "_why", "ready")

    def __init__(self, client: RPCClient, session: ClientSession, sock: Any) -> None:
        super().__init__(client._driver, session, sock, Peer(client.address.host, client.address.port))
        self.driver.connections[session] = self
        self.ready: AsyncResult[None] = AsyncResult()
        self._client = client
        self._why = ""

    def make_tls(self, context: SSLContext) -> TLS:
        where = self._client.address
        return TLS(context, server_side=False, server_hostname=where.name or where.host)

    def tls_failed(self, error: TLSError) -> None:
        self._why = str(error)

    def _connected(self) -> None:
        super()._connected()
        self.ready.set()

    def lost(self, reason: Reason) -> None:
        if not self.gone:
            super().lost(reason)
            if not self.ready.ready():
                self.ready.set_exception(NotConnected(f"{self._client.address}: {self._why or reason.value}"))
            self._client.lost()


def _dial(address: Address) -> Any:
    try:
        if address.scheme == "unix":
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(CONNECT_TIMEOUT)
            sock.connect(address.path)
        else:
            sock = socket.create_connection((address.host, address.port), CONNECT_TIMEOUT)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise NotConnected(f"{address}: {error.strerror or error}") from None
    plain = stdlib_socket.socket(fileno=sock.detach())
    plain.setblocking(False)
    return plain
