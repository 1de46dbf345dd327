"""An rpc client for greenlets: each call blocks its greenlet, and no other."""

from __future__ import annotations

import logging
import random
import socket as stdlib_socket
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import gevent
from gevent import socket
from gevent.event import AsyncResult
from gevent.lock import RLock
from gevent.queue import Queue

from gevent_impl.driver import Driver
from gevent_impl.session import Connection
from protocols.layers import layers_to
from protocols.listen import Address, parse_connect
from protocols.rpc.client import ClientSession, Deliver, DeliverTopic, Pending, Settle
from protocols.rpc.failures import Backoff, CallFailed, NotConnected
from protocols.session import LINGER, Limits, Orders, Peer, Reason, Server
from protocols.tls import TLSError

log = logging.getLogger("twofold")

CONNECT_TIMEOUT = 10.0
"""Seconds that connecting may take, the TLS handshake apart."""
SEND_QUEUE = 67_108_864
"""Bytes that may wait for the server to read them before it is given up; ours."""


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
        self._topics: dict[str, None] = {}
        self._functions: dict[str, Callable[[Any], object]] = {}
        self._session = ClientSession(self._topics, token)
        self._driver = ClientDriver(self)
        self._connection: ClientConnection | None = None
        self._reconnecting: gevent.Greenlet[..., Any] | None = None
        self._answers: dict[Pending, AsyncResult[Any]] = {}
        self._delivered: Queue[Deliver | DeliverTopic] = Queue()
        self._delivering: gevent.Greenlet[..., Any] | None = None
        self._trying = RLock()
        self.closed = False

    def __enter__(self) -> RPCClient:
        self.connect()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # -- connecting ------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect, and wait until that is done.  Raises NotConnected, which says why it can't be.

        Does nothing if there is a connection.  One that is lost later is made again.
        """
        with self._trying:  # whoever else tries
            if not self.connected:
                self._connect()

    @property
    def connected(self) -> bool:
        """Is there a connection now?"""
        return self._connection is not None and self._connection.open

    def _connect(self) -> None:
        try:
            layers = layers_to(self.address)
        except TLSError as error:
            raise NotConnected(str(error)) from None
        sock = None if self.closed else _dial(self.address)
        if sock is None or self.closed:  # meanwhile
            if sock is not None:
                sock.close()
            raise NotConnected("the client was closed")
        connection = ClientConnection(self, ClientSession(self._topics, self._token), sock)
        self._connection = connection
        self._driver.pool.spawn(connection.run, layers)
        try:
            connection.ready.get()
        except NotConnected:
            raise
        except BaseException:  # whoever tried was stopped
            connection.lost(Reason.ABORTED)
            raise

    def close(self) -> None:
        """End the connection, and wait until it is gone; calls still under way fail with NotConnected."""
        self.closed = True
        if self._reconnecting is not None:
            self._reconnecting.kill()
        connection = self._connection
        if connection is not None and connection.open:
            self._driver.report(connection, self._session.drained)
            self._driver.pool.join(timeout=LINGER)
        else:
            self._session.drained(monotonic())  # for those who call it from now on
        if connection is not None:
            connection.lost(Reason.ABORTED)
        self._driver.pool.join()
        if self._delivering is not None:
            self._delivering.kill()

    def established(self, connection: ClientConnection, session: ClientSession) -> None:
        """The connection can be called on."""
        self._connection, self._session = connection, session

    def lost(self, session: ClientSession) -> None:
        """A connection that was ready is over, whoever ended it."""
        if session.works:
            self._backoff.reset()
        if self._reconnect and not self.closed and self._reconnecting is None:
            self._reconnecting = gevent.spawn(self._connect_again)

    def _connect_again(self) -> None:
        try:
            while not self.connected:  # what was made may be lost again before we hear of it
                gevent.sleep(self._backoff.next(random.random()))
                try:
                    self.connect()
                except NotConnected as error:
                    log.info("%s", error)
        finally:
            self._reconnecting = None

    # -- calling ---------------------------------------------------------------------------

    def call(self, method: str, params: Any = None, *, timeout: float | None = None, type: Any = Any) -> Any:
        """The result of a method, converted to `type`; `params` is a list, a dict, or None.

        Killed while it waits, or interrupted by a gevent.Timeout, it cancels the call at the server.
        Raises RemoteError where the server answers an error, and the other CallFaileds.
        """
        pending, orders = self._session.call(method, params, monotonic(), self._seconds(timeout), type)
        try:
            return self._send(orders, pending)[0].get()
        finally:
            self._give_up(pending)

    def batch(self, calls: Sequence[tuple[str, Any]], *, timeout: float | None = None) -> list[Any]:
        """Several calls in one line; for each its result, or its CallFailed in its place."""
        pending, orders = self._session.batch(calls, monotonic(), self._seconds(timeout))
        try:
            return [_outcome(answer) for answer in self._send(orders, *pending)]
        finally:
            self._give_up(*pending)

    def notify(self, method: str, params: Any = None) -> None:
        """Say something that is not answered.  Raises NotConnected."""
        self._send(self._session.notify(method, params))

    def subscribe(self, topic: str, function: Callable[[Any], object]) -> None:
        """Have `function(value)` called with each value of a topic, after reconnecting too."""
        pending, orders = self._session.subscribe(topic, monotonic(), self.timeout)
        self._functions[topic] = function
        try:
            self._send(orders, pending)[0].get()
        except BaseException:
            self._functions.pop(topic, None)
            self._topics.pop(topic, None)
            raise
        finally:
            self._give_up(pending)

    def unsubscribe(self, topic: str) -> None:
        """No longer; without a connection, not after reconnecting either, though NotConnected is raised."""
        self._functions.pop(topic, None)
        pending, orders = self._session.unsubscribe(topic, monotonic(), self.timeout)
        try:
            self._send(orders, pending)[0].get()
        finally:
            self._give_up(pending)

    def _seconds(self, timeout: float | None) -> float | None:
        return self.timeout if timeout is None else timeout

    def _send(self, orders: Orders, *pending: Pending) -> list[AsyncResult[Any]]:
        answers: list[AsyncResult[Any]] = [AsyncResult() for _ in pending]
        self._answers.update(zip(pending, answers, strict=True))
        self._driver.report(self._connection, lambda now: orders)
        return answers

    def _give_up(self, *pending: Pending) -> None:
        """Whoever waited is done, or was stopped: nobody wants what is not settled yet."""
        for one in pending:
            if self._answers.pop(one, None) is not None:
                orders = self._session.cancel(one)
                self._driver.report(self._connection, lambda now, orders=orders: orders)

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


def _outcome(answer: AsyncResult[Any]) -> Any:
    """A call's result, or its CallFailed."""
    try:
        return answer.get()
    except CallFailed as error:
        return error


class ClientServer(Server):
    """What a Driver wants to know of a client: how much it holds for a server that does not read."""

    limits = Limits(send_queue=SEND_QUEUE)


class ClientDriver(Driver):
    """Runs a client's one connection."""

    def __init__(self, client: RPCClient) -> None:
        super().__init__(lambda host: ClientServer())
        self._client = client

    def carry_out_other(self, connection: Connection | None, order: Settle | Deliver | DeliverTopic) -> None:
        if isinstance(order, Settle):
            self._client.settle(order)
        else:
            self._client.deliver(order)

    def forget(self, connection: Connection) -> None:
        del self.connections[connection.session]


class ClientConnection(Connection):
    """The client's end of a connection."""

    __slots__ = ("_client", "_session", "_why", "ready")

    def __init__(self, client: RPCClient, session: ClientSession, sock: Any) -> None:
        super().__init__(client._driver, session, sock, Peer(client.address.host, client.address.port))
        self.driver.connections[session] = self
        self.ready: AsyncResult[None] = AsyncResult()
        self._client = client
        self._session = session
        self._why = ""

    def layer_failed(self, layer: str, why: str) -> None:
        self._why = why

    def introduce(self) -> None:
        if self.gone:
            return  # given up before its first turn
        self._client.established(self, self._session)
        super().introduce()
        if not self.gone:
            self.ready.set()

    def _hold_or_release(self) -> None:
        """Read on, however much is unsent: it was us who asked.

        Servers stop reading from a peer that does not read their answers.  Two such peers
        would wait for each other.
        """

    def lost(self, reason: Reason) -> None:
        if self.gone:
            return
        super().lost(reason)
        if self.ready.ready():
            self._client.lost(self._session)
        else:
            why = "the client was closed" if self._client.closed else self._why or reason.value
            self.ready.set_exception(NotConnected(f"{self._client.address}: {why}"))


def _dial(address: Address) -> stdlib_socket.socket:
    try:
        sock = _dial_unix(address.path) if address.scheme == "unix" else _dial_tcp(address.host, address.port)
    except OSError as error:
        raise NotConnected(f"{address}: {error.strerror or error}") from None
    plain = stdlib_socket.socket(fileno=sock.detach())
    plain.setblocking(False)
    return plain


def _dial_tcp(host: str, port: int) -> socket.socket:
    sock = socket.create_connection((host, port), CONNECT_TIMEOUT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _dial_unix(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(CONNECT_TIMEOUT)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock
