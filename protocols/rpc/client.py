"""The client's half of JSON-RPC 2.0 on one connection: calls out, answers in.

A client's driver carries out three orders more than a server's: `Settle`, `Deliver` and
`DeliverTopic`.  So no code of the user's ever runs inside a fact.  Besides facts there are
the user's wishes, `call`, `notify` and the like, which return orders as facts do.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw

from protocols.lines import Lines, TooLong
from protocols.rpc.errors import INVALID_PARAMS, METHOD_NOT_FOUND
from protocols.rpc.failures import (
    BadReply,
    CallCancelled,
    CallFailed,
    ConnectionLost,
    NotConnected,
    RemoteError,
    TimedOut,
)
from protocols.rpc.message import ABSENT, NULL, Refusal, check, error_line, notification_line
from protocols.rpc.service import PUBLISHED
from protocols.session import ABORT, CLOSE, Order, Orders, Peer, Reason, Session

log = logging.getLogger("protocols.rpc.client")

LINE = 16_777_216
"""Bytes of one line that a server may answer; ours, and more than it takes from us."""

DEPTH = 500
"""Brackets open at once in an answer."""


class Pending:
    """A call that is not answered yet.  Settled exactly once, by a `Settle` order."""

    __slots__ = ("due", "ident", "message", "method", "topic", "type")

    def __init__(self, ident: int, method: str, message: int, due: float, type: Any) -> None:
        self.ident = ident
        self.method = method
        self.message = message  # which line it was sent in: a batch's calls share one
        self.due = due
        self.type = type
        self.topic = ""  # what rpc.subscribe asked for

    def __repr__(self) -> str:
        return f"<Pending {self.method} {self.ident}>"


@dataclass(frozen=True, slots=True, eq=False)
class Settle:
    """Tell who waits for this call: `error`, or `result` if there is none."""

    pending: Pending
    result: Any = None
    error: CallFailed | None = None


@dataclass(frozen=True, slots=True)
class Deliver:
    """The server sent a notification: give it to who asked for those."""

    method: str
    params: Any = None


@dataclass(frozen=True, slots=True)
class DeliverTopic:
    """A value was published under a topic: give it to who subscribed."""

    topic: str
    value: Any = None


ClientOrder: TypeAlias = "Order | Settle | Deliver | DeliverTopic"


class _Error(msgspec.Struct):
    """JSON-RPC 2.0 §5.1."""

    code: int
    message: str
    data: Any = None


class _Incoming(msgspec.Struct):
    """An answer, or a notification or a request of the server's."""

    jsonrpc: str
    method: str | None = None
    params: Raw = ABSENT
    result: Raw = ABSENT
    error: _Error | None = None
    id: Raw = ABSENT


class _Published(msgspec.Struct):
    topic: str
    value: Any = None


_decode = msgspec.json.Decoder(_Incoming).decode
_decode_batch = msgspec.json.Decoder(list[_Incoming]).decode
_decode_published = msgspec.json.Decoder(_Published).decode


class ClientSession(Session):
    """One connection to a server.  Ids are 1, 2, 3, …

    `topics` outlives it: the names of what is subscribed to, which the next connection's
    session is given as well and asks for again.  So is `token`, for rpc.authenticate.
    """

    def __init__(self, topics: dict[str, None] | None = None, token: str = "", line: int = LINE) -> None:
        super().__init__()
        self.topics = {} if topics is None else topics
        self._token = token
        self._lines = Lines(line)
        self._pending: dict[bytes, Pending] = {}
        self._dues: list[tuple[float, int, Pending]] = []
        self._ours: set[Pending] = set()
        """What no caller waits for: what this session asked when it connected."""
        self._last = 0
        self._messages = 0
        self._open = False
        self.works = False
        """Has the server said anything that a server of ours would?  Then there is no need to back off."""
        self._why: CallFailed | None = None
        """What the server said that concerns no call of its own, such as a refusal."""

    # -- wishes ------------------------------------------------------------------------

    def call(
        self, method: str, params: Any, now: float, timeout: float | None = None, type: Any = Any
    ) -> tuple[Pending, Orders]:
        """Call a method; `params` is a list, a dict, a Struct, or None for none.

        The result is converted to `type`.  Raises NotConnected, and Unspeakable for params
        that JSON can't say.
        """
        self._check_open()
        pending, text = self._request(method, params, now, timeout, type)
        self._remember(pending)
        return pending, (text + b"\n",)

    def batch(
        self, calls: Sequence[tuple[str, Any]], now: float, timeout: float | None = None
    ) -> tuple[list[Pending], Orders]:
        """Several calls in one line, answered in one line.  Raises as `call` does."""
        self._check_open()
        requests = [self._request(method, params, now, timeout, Any) for method, params in calls]
        if not requests:
            return [], ()  # §6: an empty array is no batch
        for pending, _ in requests:
            pending.message = requests[0][0].message
            self._remember(pending)
        return [pending for pending, _ in requests], (b"[%b]\n" % b",".join(text for _, text in requests),)

    def notify(self, method: str, params: Any = None) -> Orders:
        """Say something that is not answered.  Raises as `call` does."""
        self._check_open()
        return (notification_line(method, params),)

    def cancel(self, pending: Pending) -> Orders:
        """Give a call up: it is settled now, and the server told to stop."""
        if self._forget(pending) is None:
            return ()
        self._arm()
        error = CallCancelled(f"{pending.method}: cancelled")
        return (_cancel_line(pending), Settle(pending, error=error))  # type: ignore[return-value]

    def subscribe(self, topic: str, now: float, timeout: float | None = None) -> tuple[Pending, Orders]:
        """Want what is published under a topic, on this connection and on those after it."""
        pending, orders = self.call("rpc.subscribe", [topic], now, timeout)
        pending.topic = topic
        self.topics[topic] = None
        return pending, orders

    def unsubscribe(self, topic: str, now: float, timeout: float | None = None) -> tuple[Pending, Orders]:
        """Want no more of it."""
        self.topics.pop(topic, None)
        return self.call("rpc.unsubscribe", [topic], now, timeout)

    def _check_open(self) -> None:
        if not self._open:
            raise NotConnected(str(self._why) if self._why else "there is no connection")

    def _request(
        self, method: str, params: Any, now: float, timeout: float | None, type: Any
    ) -> tuple[Pending, bytes]:
        # A request is a notification with an id (§4.1), which goes in before its last brace.
        text = notification_line(method, params)[:-2]
        self._last += 1
        self._messages += 1
        due = inf if timeout is None else now + timeout
        return Pending(self._last, method, self._messages, due, type), b'%b,"id":%d}' % (text, self._last)

    def _remember(self, pending: Pending) -> None:
        self._pending[b"%d" % pending.ident] = pending
        if pending.due < inf:
            heapq.heappush(self._dues, (pending.due, pending.ident, pending))
            self._arm()

    # -- facts -------------------------------------------------------------------------

    def connected(self, peer: Peer, now: float) -> Orders:
        self._open = True
        orders: list[Order] = []
        wishes: list[tuple[str, str, str]] = [("rpc.authenticate", self._token, "")] if self._token else []
        wishes += [("rpc.subscribe", topic, topic) for topic in self.topics]
        for method, argument, topic in wishes:
            pending, sent = self.call(method, [argument], now)
            pending.topic = topic
            self._ours.add(pending)
            orders += sent
        return orders

    def received(self, data: bytes, now: float) -> Orders:
        out: list[Any] = []
        for line in self._lines.feed(data):
            if not self._open:
                break
            try:
                self._read(line, out)
            except BadReply as error:
                # Out of step with the server, no later answer could be trusted either.
                self._why = error
                self._lose(error, out)
                out.append(ABORT)
        self._arm()
        return out

    def ended(self, now: float) -> Orders:
        out: list[Any] = []
        last = self._lines.end()
        if last is not None and self._open:
            try:
                self._read(last, out)
            except BadReply as error:
                self._why = error
        self._lose(self._lost(Reason.EOF), out)
        return [*out, CLOSE]

    def expired(self, now: float) -> Orders:
        out: list[Any] = []
        while self._dues and self._dues[0][0] <= now:
            _, _, pending = heapq.heappop(self._dues)
            if self._forget(pending) is not None:
                error = TimedOut(f"{pending.method}: no answer in time")
                out += (_cancel_line(pending), Settle(pending, error=error))
        self._arm()
        return out

    def drained(self, now: float) -> Orders:
        out: list[Any] = []
        self._why = NotConnected("the client was closed")
        self._lose(self._why, out)
        return [*out, CLOSE]

    def disconnected(self, reason: Reason, now: float) -> Orders:
        out: list[Any] = []
        self._lose(self._lost(reason), out)
        return out

    # -- answers -----------------------------------------------------------------------

    def _read(self, line: bytes | TooLong, out: list[Any]) -> None:
        """One line of the server's.  Raises BadReply for what is not JSON-RPC."""
        if isinstance(line, TooLong):
            raise BadReply(f"the server sent a line of more than {self._lines.limit} bytes")
        try:
            check(line, DEPTH)
            several = line.lstrip(b" \t\r")[:1] == b"["
            messages = _decode_batch(line) if several else [_decode(line)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Refusal):
            raise BadReply(f"the server sent what is not JSON-RPC: {_glimpse(line)}") from None
        for message in messages:
            self._take(message, line, out)

    def _take(self, message: _Incoming, line: bytes, out: list[Any]) -> None:
        ident = bytes(message.id)
        if message.jsonrpc != "2.0":
            raise BadReply(f'the server sent what is not JSON-RPC "2.0": {_glimpse(line)}')
        if message.method is not None:
            if ident:
                out.append(error_line(ident, METHOD_NOT_FOUND))  # a client has no methods
            else:
                out.append(_delivery(message.method, message.params))
                self.works = True
            return
        result = bytes(message.result)
        # §5: "Either the result member or error member MUST be included, but both members MUST
        # NOT be included."  Many servers add a null for the other one; that is let pass.
        if not result if message.error is None else result not in (b"", NULL):
            raise BadReply(
                f"the server's answer has neither a result nor an error, or both: {_glimpse(line)}"
            )
        pending = self._pending.get(ident)
        if pending is not None:
            self.works = True
            self._forget(pending)
            self._settle(pending, message, out)
        elif ident == NULL and message.error is not None:
            self._complaint(message.error, out)
        elif not (ident.isdigit() and len(ident) < 20 and int(ident) <= self._last):
            raise BadReply(f"the server answered what was not asked: {_glimpse(line)}")
        # Else the late answer to a call that was cancelled or timed out.

    def _settle(self, pending: Pending, message: _Incoming, out: list[Any]) -> None:
        error: CallFailed | None = None
        result = None
        if message.error is not None:
            error = _remote(message.error)
            if pending.topic and message.error.code == INVALID_PARAMS.code:
                self.topics.pop(pending.topic, None)  # there is no such topic: don't ask for it again
        else:
            try:
                result = msgspec.json.decode(message.result, type=pending.type)
            except (msgspec.ValidationError, RecursionError) as why:
                error = BadReply(f"the result of {pending.method} is not what was asked for: {why}")
        if pending in self._ours:
            self._ours.discard(pending)
            if error is not None:
                log.warning("%s %s failed after connecting: %s", pending.method, pending.topic, error)
            return
        out.append(Settle(pending, result, error))

    def _complaint(self, error: _Error, out: list[Any]) -> None:
        """An error with id null: the server could not read a line, or won't have us."""
        self._why = _remote(error)
        if len({pending.message for pending in self._pending.values()}) == 1:
            self._lose(self._why, out, still_open=True)  # only one line can be meant

    def _lost(self, reason: Reason) -> CallFailed:
        if isinstance(self._why, BadReply):
            return self._why
        why = reason.value if self._why is None else f"{reason.value}; {self._why}"
        return ConnectionLost(f"the connection ended first: {why}")

    def _lose(self, error: CallFailed, out: list[Any], still_open: bool = False) -> None:
        """Nothing more will be answered."""
        self._open = self._open and still_open
        for pending in list(self._pending.values()):
            if pending not in self._ours:
                out.append(Settle(pending, error=error))
        self._pending.clear()
        self._ours.clear()
        self._dues.clear()
        self._arm()

    def _forget(self, pending: Pending) -> Pending | None:
        key = b"%d" % pending.ident
        # Another connection's call may have the same id, and is nothing of ours.
        found = self._pending.pop(key) if self._pending.get(key) is pending else None
        # What is over leaves the heap lazily; not later than when it is most of it.
        if len(self._dues) > 64 + 2 * len(self._pending):
            self._dues = [(one.due, one.ident, one) for one in self._pending.values() if one.due < inf]
            heapq.heapify(self._dues)
        return found

    def _arm(self) -> None:
        while self._dues and b"%d" % self._dues[0][1] not in self._pending:
            heapq.heappop(self._dues)
        self.deadline = self._dues[0][0] if self._dues else None


def _cancel_line(pending: Pending) -> bytes:
    return notification_line("rpc.cancel", {"id": pending.ident})


def _remote(error: _Error) -> RemoteError:
    return RemoteError(error.code, error.message, error.data)


def _delivery(method: str, params: Raw) -> Deliver | DeliverTopic:
    text = bytes(params)
    try:
        if method == PUBLISHED:
            published = _decode_published(text)
            return DeliverTopic(published.topic, published.value)
        return Deliver(method, msgspec.json.decode(text) if text else None)
    except msgspec.ValidationError:
        raise BadReply(f"the server's notification {method!r} can't be read: {_glimpse(text)}") from None


def _glimpse(line: bytes) -> str:
    """Enough of it to recognize HTTP, SSH or a shell by."""
    return repr(line[:60]) + ("…" if len(line) > 60 else "")
