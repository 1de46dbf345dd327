"""An rpc client whose calls are Deferreds, to be awaited or chained."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from ssl import SSLContext
from time import monotonic
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IAddress, IDelayedCall, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from protocols.listen import parse_connect
from protocols.rpc.client import ClientSession, Deliver, DeliverTopic, Pending, Settle
from protocols.rpc.failures import Backoff, NotConnected
from protocols.session import Limits, Orders, Reason, Server
from protocols.tls import TLS, TLSError, client_context
from twisted_impl.driver import Driver
from twisted_impl.session import SessionProtocol

log = Logger("twofold")

CONNECT_TIMEOUT = 10.0
"""Seconds that connecting may take, the TLS handshake apart."""


class RPCClient:
    """Calls one server's methods, over `tcp://`, `tls://` or `unix://`; it reconnects by itself.

        client = RPCClient("tcp://127.0.0.1:7008")
        await client.connect()
        await client.call("add", [1, 2])

    Whatever can go wrong with a call fails its Deferred with a CallFailed (protocols.rpc.failures).
    `timeout` is in seconds, for calls that name none.  `on_notification(method, params)` is called
    for what the server notifies outside of subscriptions.
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
        reactor: Any = None,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self.address = parse_connect(address)
        self.timeout = timeout
        self.on_notification = on_notification
        self.reactor: Any = reactor
        self._token = token
        self._reconnect = reconnect
        self._backoff = backoff or Backoff()
        self._topics: dict[str, None] = {}
        self._functions: dict[str, Callable[[Any], object]] = {}
        self._session = ClientSession(self._topics, token)
        self._driver = ClientDriver(self)
        self._connection: ClientProtocol | None = None
        self._connecting: Deferred[Any] | None = None
        self._again: IDelayedCall | None = None
        self._answers: dict[Pending, Deferred[Any]] = {}
        self._closed: Deferred[None] | None = None

    # -- connecting ------------------------------------------------------------------------

    def connect(self) -> Deferred[None]:
        """Fires when connected; fails with NotConnected, which says why it can't be."""
        return Deferred.fromCoroutine(self._connect())

    async def _connect(self) -> None:
        if self._closed is not None:
            raise NotConnected("the client was closed")
        self._session = ClientSession(self._topics, self._token)
        try:
            tls = client_context(self.address.ca) if self.address.scheme == "tls" else None
            self._connecting = self._endpoint().connect(ClientFactory(self, self._session, tls))
            connection: Any = await self._connecting
            self._connection = connection
        except TLSError as error:
            raise NotConnected(str(error)) from None
        except Exception as error:
            raise NotConnected(f"{self.address}: {getattr(error, 'osError', None) or error}") from None
        finally:
            self._connecting = None
        await connection.ready
        self._backoff.reset()

    def _endpoint(self) -> IStreamClientEndpoint:
        where = self.address
        if where.scheme == "unix":
            return UNIXClientEndpoint(self.reactor, where.path, CONNECT_TIMEOUT)
        return HostnameEndpoint(self.reactor, where.host, where.port, CONNECT_TIMEOUT)

    def close(self) -> Deferred[None]:
        """End the connection, and fire when it is gone; calls under way fail with NotConnected."""
        if self._closed is None:
            self._closed = Deferred()
            if self._again is not None and self._again.active():
                self._again.cancel()
            if self._connecting is not None:
                self._connecting.cancel()
            if self._connection is None or self._connection.gone:
                self._closed.callback(None)
            else:
                self._driver.report(self._connection, self._session.drained)
        closed: Deferred[None] = Deferred()
        self._closed.addCallback(closed.callback)
        return closed

    def lost(self) -> None:
        """The connection is over, whoever ended it."""
        if self._closed is not None:
            if not self._closed.called:
                self._closed.callback(None)
        elif self._reconnect:
            self._again = self.reactor.callLater(self._backoff.next(random.random()), self._connect_again)

    def _connect_again(self) -> None:
        def failed(failure: Failure) -> None:
            log.info("{why}", why=failure.getErrorMessage())
            # A connection that was made and lost before it was ready has seen to the next try itself.
            if self._closed is None and not (self._again is not None and self._again.active()):
                self.lost()

        self.connect().addErrback(failed)

    # -- calling ---------------------------------------------------------------------------

    def call(
        self, method: str, params: Any = None, *, timeout: float | None = None, type: Any = Any
    ) -> Deferred[Any]:
        """The result of a method, converted to `type`; `params` is a list, a dict, or None.

        Cancelling the Deferred cancels the call at the server.  Fails with RemoteError where the
        server answers an error, and with the other CallFaileds.
        """
        try:
            pending, orders = self._session.call(method, params, monotonic(), timeout or self.timeout, type)
        except Exception:
            return _failed()
        return self._send(orders, [pending])[0]

    def batch(self, calls: Sequence[tuple[str, Any]], *, timeout: float | None = None) -> list[Deferred[Any]]:
        """Several calls in one line: a Deferred for each.  Raises NotConnected."""
        pending, orders = self._session.batch(calls, monotonic(), timeout or self.timeout)
        return self._send(orders, pending)

    def notify(self, method: str, params: Any = None) -> None:
        """Say something that is not answered.  Raises NotConnected."""
        self._send(self._session.notify(method, params), [])

    def subscribe(self, topic: str, function: Callable[[Any], object]) -> Deferred[Any]:
        """Have `function(value)` called with each value of a topic, after reconnecting too."""
        try:
            pending, orders = self._session.subscribe(topic, monotonic(), self.timeout)
        except Exception:
            return _failed()
        self._functions[topic] = function

        def failed(failure: Failure) -> Failure:
            self._functions.pop(topic, None)
            return failure

        return self._send(orders, [pending])[0].addErrback(failed)

    def unsubscribe(self, topic: str) -> Deferred[Any]:
        """No longer."""
        self._functions.pop(topic, None)
        try:
            pending, orders = self._session.unsubscribe(topic, monotonic(), self.timeout)
        except Exception:
            return _failed()
        return self._send(orders, [pending])[0]

    def _send(self, orders: Orders, pending: Sequence[Pending]) -> list[Deferred[Any]]:
        answers: list[Deferred[Any]] = []
        for one in pending:
            answer: Deferred[Any] = Deferred(partial(self._cancel, one))
            self._answers[one] = answer
            answers.append(answer)
        self._driver.report(self._connection, lambda now: orders)
        return answers

    def _cancel(self, pending: Pending, answer: Deferred[Any]) -> None:
        orders = self._session.cancel(pending)
        self._driver.report(self._connection, lambda now: orders)

    # -- what the session orders -----------------------------------------------------------

    def settle(self, order: Settle) -> None:
        """An answer is in."""
        answer = self._answers.pop(order.pending, None)
        if answer is None or answer.called:
            return
        if order.error is None:
            answer.callback(order.result)
        else:
            answer.errback(order.error)

    def deliver(self, order: Deliver | DeliverTopic) -> None:
        """A notification is in."""
        try:
            if isinstance(order, DeliverTopic):
                if order.topic in self._functions:
                    self._functions[order.topic](order.value)
            elif self.on_notification is not None:
                self.on_notification(order.method, order.params)
        except Exception:
            log.failure("what was to be told of a notification failed")


def _failed() -> Deferred[Any]:
    """A Deferred that failed with the exception being handled."""
    failed: Deferred[Any] = Deferred()
    failed.errback(Failure())
    return failed


class ClientServer(Server):
    """What a Driver wants to know of a client: that it holds what it must."""

    limits = Limits()


class ClientDriver(Driver):
    """Runs a client's one connection."""

    def __init__(self, client: RPCClient) -> None:
        super().__init__(client.reactor, lambda host: ClientServer())
        self._client = client

    def carry_out_other(self, order: Settle | Deliver | DeliverTopic) -> None:
        # A callback may call again: what that orders is carried out after this fact, in the same turn.
        if isinstance(order, Settle):
            self._client.settle(order)
        else:
            self._client.deliver(order)

    def forget(self, connection: SessionProtocol) -> None:
        del self.connections[connection.session]


class ClientProtocol(SessionProtocol):
    """The client's end of a connection."""

    driver: ClientDriver

    def __init__(self, client: RPCClient, session: ClientSession, tls: SSLContext | None) -> None:
        super().__init__(client._driver, session, client.address.host, tls)
        self.ready: Deferred[None] = Deferred()
        self._client = client
        self._why = ""

    def make_tls(self, context: SSLContext) -> TLS:
        where = self._client.address
        return TLS(context, server_side=False, server_hostname=where.name or where.host)

    def tls_failed(self, error: TLSError) -> None:
        self._why = str(error)

    def _connected(self) -> None:
        super()._connected()
        self.ready.callback(None)

    def lost(self, reason: Reason) -> None:
        if not self.gone:
            super().lost(reason)
            if not self.ready.called:
                self.ready.errback(NotConnected(f"{self._client.address}: {self._why or reason.value}"))
            self._client.lost()


class ClientFactory(Factory):
    """Builds the one protocol of one try to connect."""

    noisy = False

    def __init__(self, client: RPCClient, session: ClientSession, tls: SSLContext | None) -> None:
        self._make = lambda: ClientProtocol(client, session, tls)

    def buildProtocol(self, addr: IAddress | None) -> ClientProtocol:
        return self._make()
