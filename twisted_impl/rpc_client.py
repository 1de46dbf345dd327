"""An rpc client whose calls are Deferreds, to be awaited or chained."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredLock, fail, succeed
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.error import TimeoutError
from twisted.internet.interfaces import IAddress, IDelayedCall, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from protocols.layers import Layers, layers_to
from protocols.listen import parse_connect
from protocols.rpc.client import ClientSession, Deliver, DeliverTopic, Pending, Settle
from protocols.rpc.failures import Backoff, NotConnected
from protocols.session import LINGER, Limits, Orders, Reason, Server
from protocols.tls import TLSError
from twisted_impl.driver import Driver
from twisted_impl.session import SessionProtocol

log = Logger("twofold")

CONNECT_TIMEOUT = 10.0
"""Seconds that connecting may take, the TLS handshake apart."""
SEND_QUEUE = 67_108_864
"""Bytes that may wait for the server to read them before it is given up; ours."""


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
        self._lock = DeferredLock()
        self._trying: Deferred[Any] | None = None
        self._again: IDelayedCall | None = None
        self._answers: dict[Pending, Deferred[Any]] = {}
        self._closing: list[Deferred[None]] = []
        self._impatient: IDelayedCall | None = None
        self.closed = False

    # -- connecting ------------------------------------------------------------------------

    def connect(self) -> Deferred[None]:
        """Fires when connected; fails with NotConnected, which says why it can't be.

        Does nothing if there is a connection.  One that is lost later is made again.
        """
        return self._lock.run(lambda: Deferred.fromCoroutine(self._connect()))  # whoever else tries

    @property
    def connected(self) -> bool:
        """Is there a connection now?"""
        return self._connection is not None and self._connection.open

    async def _connect(self) -> None:
        if self.connected:
            return
        if self.closed:
            raise NotConnected("the client was closed")
        session = ClientSession(self._topics, self._token)
        try:
            factory = ClientFactory(self, session, layers_to(self.address))
            self._trying = _cancellable(self._endpoint().connect(factory))
            connection: Any = await self._trying
        except CancelledError:
            if self.closed:
                raise NotConnected("the client was closed") from None
            raise
        except TLSError as error:
            raise NotConnected(str(error)) from None
        except Exception as error:
            raise NotConnected(f"{self.address}: {_why(error)}") from None
        finally:
            self._trying = None
        self._connection = connection
        try:
            await connection.ready
        except CancelledError:
            connection.lost(Reason.ABORTED)
            raise

    def _endpoint(self) -> IStreamClientEndpoint:
        where = self.address
        if where.scheme == "unix":
            return UNIXClientEndpoint(self.reactor, where.path, CONNECT_TIMEOUT)
        return HostnameEndpoint(self.reactor, where.host, where.port, CONNECT_TIMEOUT)

    def close(self) -> Deferred[None]:
        """End the connection, and fire when it is gone; calls under way fail with NotConnected."""
        self.closed = True
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._trying is not None:
            self._trying.cancel()
        connection = self._connection
        if connection is None or not connection.open:
            self._session.drained(monotonic())  # for those who call it from now on
        if connection is None or connection.put_away:
            return succeed(None)
        gone: Deferred[None] = Deferred()
        self._closing.append(gone)
        if connection.open and self._impatient is None:
            self._impatient = self.reactor.callLater(LINGER, connection.lost, Reason.ABORTED)
            self._driver.report(connection, self._session.drained)
        elif not (connection.open or connection.closing):
            connection.lost(Reason.ABORTED)
        return gone

    def established(self, connection: ClientProtocol, session: ClientSession) -> None:
        """The connection can be called on."""
        self._connection, self._session = connection, session
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def lost(self, session: ClientSession) -> None:
        """A connection that was ready is over, whoever ended it."""
        if session.works:
            self._backoff.reset()
        if self._reconnect:
            self._connect_later()

    def put_away(self, connection: ClientProtocol) -> None:
        """A connection's descriptor is closed."""
        if connection is not self._connection:
            return
        if self._impatient is not None and self._impatient.active():
            self._impatient.cancel()
        closing, self._closing = self._closing, []
        for gone in closing:
            gone.callback(None)

    def _connect_later(self) -> None:
        if self._again is None and not self.closed:
            self._again = self.reactor.callLater(self._backoff.next(random.random()), self._connect_again)

    def _connect_again(self) -> None:
        def failed(failure: Failure) -> None:
            log.info("{why}", why=failure.getErrorMessage())
            self._connect_later()

        self._again = None
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
            pending, orders = self._session.call(method, params, monotonic(), self._seconds(timeout), type)
        except Exception:
            return fail()
        return self._send(orders, [pending])[0]

    def batch(self, calls: Sequence[tuple[str, Any]], *, timeout: float | None = None) -> list[Deferred[Any]]:
        """Several calls in one line: a Deferred for each.  Raises NotConnected."""
        pending, orders = self._session.batch(calls, monotonic(), self._seconds(timeout))
        return self._send(orders, pending)

    def notify(self, method: str, params: Any = None) -> None:
        """Say something that is not answered.  Raises NotConnected."""
        self._send(self._session.notify(method, params), [])

    def subscribe(self, topic: str, function: Callable[[Any], object]) -> Deferred[Any]:
        """Have `function(value)` called with each value of a topic, after reconnecting too."""
        try:
            pending, orders = self._session.subscribe(topic, monotonic(), self.timeout)
        except Exception:
            return fail()
        self._functions[topic] = function

        def failed(failure: Failure) -> Failure:
            self._functions.pop(topic, None)
            self._topics.pop(topic, None)
            return failure

        return self._send(orders, [pending])[0].addErrback(failed)

    def unsubscribe(self, topic: str) -> Deferred[Any]:
        """No longer; without a connection, not after reconnecting either, though it fails."""
        self._functions.pop(topic, None)
        try:
            pending, orders = self._session.unsubscribe(topic, monotonic(), self.timeout)
        except Exception:
            return fail()
        return self._send(orders, [pending])[0]

    def _seconds(self, timeout: float | None) -> float | None:
        return self.timeout if timeout is None else timeout

    def _send(self, orders: Orders, pending: Sequence[Pending]) -> list[Deferred[Any]]:
        answers: list[Deferred[Any]] = []
        for one in pending:
            self._answers[one] = Deferred(partial(self._cancel, one))
            answers.append(self._answers[one])
        self._driver.report(self._connection, lambda now: orders)
        return answers

    def _cancel(self, pending: Pending, answer: Deferred[Any]) -> None:
        # Nobody waits any more: Deferred.cancel() itself fails it, with CancelledError.
        self._answers.pop(pending, None)
        orders = self._session.cancel(pending)
        self._driver.report(self._connection, lambda now: orders)

    # -- what the session orders -----------------------------------------------------------

    def settle(self, order: Settle) -> None:
        """An answer is in."""
        answer = self._answers.pop(order.pending, None)
        if answer is None:
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


def _cancellable(inner: Deferred[Any]) -> Deferred[Any]:
    """As `inner`; but cancelled it fails with CancelledError.  An endpoint may call that a DNS failure."""

    def cancel(outer: Deferred[Any]) -> None:
        outer.errback(CancelledError())
        inner.cancel()

    def settle(result: Any) -> None:
        if not outer.called:
            outer.callback(result)  # a Failure is an errback

    outer: Deferred[Any] = Deferred(cancel)
    inner.addBoth(settle)
    return outer


def _why(error: Exception) -> str:
    """Why connecting failed, as the operating system says it."""
    if isinstance(error, TimeoutError):
        return "timed out"
    number = getattr(error, "osError", None)
    return os.strerror(number) if isinstance(number, int) else str(error) or type(error).__name__


class ClientServer(Server):
    """What a Driver wants to know of a client: how much it holds for a server that does not read."""

    limits = Limits(send_queue=SEND_QUEUE)


class ClientDriver(Driver):
    """Runs a client's one connection."""

    def __init__(self, client: RPCClient) -> None:
        super().__init__(client.reactor, lambda host: ClientServer())
        self._client = client

    def carry_out_other(
        self, connection: SessionProtocol | None, order: Settle | Deliver | DeliverTopic
    ) -> None:
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

    def __init__(self, client: RPCClient, session: ClientSession, layers: Layers | None) -> None:
        super().__init__(client._driver, session, client.address.host, layers)
        self.ready: Deferred[None] = Deferred()
        self.put_away = False  # the descriptor is closed
        self._was_ready = False
        self._client = client
        self._session = session
        self._why = ""

    def layer_failed(self, layer: str, why: str) -> None:
        self._why = why

    def introduce(self) -> None:
        self._client.established(self, self._session)
        super().introduce()
        if not self.gone:
            self._was_ready = True
            self.ready.callback(None)

    def _hold_or_release(self) -> None:
        """Read on, however much is unsent: it was us who asked.

        Servers stop reading from a peer that does not read their answers.  Two such peers
        would wait for each other.
        """

    def lost(self, reason: Reason) -> None:
        if self.gone:
            return
        super().lost(reason)
        if self._was_ready:
            self._client.lost(self._session)
        elif not self.ready.called:
            why = "the client was closed" if self._client.closed else self._why or reason.value
            self.ready.errback(NotConnected(f"{self._client.address}: {why}"))

    def connectionLost(self, reason: Failure | None = None) -> None:
        super().connectionLost(reason)
        self.put_away = True
        self._client.put_away(self)


class ClientFactory(Factory):
    """Builds the one protocol of one try to connect."""

    noisy = False

    def __init__(self, client: RPCClient, session: ClientSession, layers: Layers | None) -> None:
        self._make = lambda: ClientProtocol(client, session, layers)

    def buildProtocol(self, addr: IAddress | None) -> ClientProtocol:
        return self._make()
