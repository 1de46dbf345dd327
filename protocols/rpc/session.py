"""The server's half of JSON-RPC 2.0 on one connection: lines in, answers and calls out.

How a line is read is `message`'s, what a method is `method`'s and `service`'s, whose turn it
is `slots`'s.  In here: what runs, what waits, what is owed, and when it leaves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import astuple

from protocols.lines import Lines, TooLong
from protocols.rpc.answer import failure, success, too_large
from protocols.rpc.calls import Calls
from protocols.rpc.connection import Connection
from protocols.rpc.errors import (
    CANCELLED,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NOT_AUTHENTICATED,
    STOPPING,
    TIMED_OUT,
    RPCError,
)
from protocols.rpc.message import (
    END,
    ID,
    ID_STARTS,
    RESULT,
    Refusal,
    check,
    encode,
    error_line,
    quick_decoder,
    read_batch,
    read_request,
    too_deep,
)
from protocols.rpc.method import Method
from protocols.rpc.owed import Batch, Owed
from protocols.session import CHUNK, CLOSE, Call, Cancel, Order, Orders, Peer, Reason, Session

if TYPE_CHECKING:
    from protocols.rpc.server import RPCServer

SURE: Final = frozenset({int, bool})
"""Types of results that JSON can always say: no look for NaN, for surrogates, for line breaks."""


class Stop:
    """Stands among the lines that wait, where `drained` was reported: what follows it is refused."""


STOP: Final = Stop()


class RPCSession(Session):
    """One connection.  Replies leave in the order in which they become known."""

    __slots__ = (
        "_backlog",
        "_calls",
        "_connection",
        "_decode_quick",
        "_ended",
        "_heard",
        "_limits",
        "_lines",
        "_out",
        "_parked",
        "_said",
        "_slots",
        "_stopping",
        "server",
        "token",
    )

    def __init__(self, server: RPCServer) -> None:
        super().__init__()
        self.server = server
        self.token = server.token
        self._limits = limits = server.limits
        self._slots = server.slots
        self._calls = Calls(limits, server.slots)
        self._decode_quick = server.decode_quick
        self._connection = Connection(self, server.host)
        self._lines = Lines(limits.line)
        self._backlog: deque[bytes | TooLong | Stop] = deque()
        """Lines that arrived while `more` was set."""
        self._parked: deque[bytes] = deque()
        """Answers that became known while `more` was set."""
        self._out: list[Order] = []
        """The orders of the fact that is being reported."""
        self._said = 0
        """Bytes since the last time the driver was known to have sent nearly all."""
        self._heard = 0.0
        self._ended = False
        self._stopping = False

    # -- facts -------------------------------------------------------------------------

    def connected(self, peer: Peer, now: float) -> Orders:
        self._connection.peer = peer
        self._heard = now
        self._arm()
        return ()

    def received(self, data: bytes, now: float) -> Orders:
        self._heard = now
        if self.more:
            self._backlog.extend(self._lines.feed(data))
            return ()
        out = self._out = []
        self._read(self._lines.feed(data), now)
        # A deadline of idleness may stay what it was: `expired` looks at `_heard`.
        return self._done() if self._calls.owed or self._stopping else out

    def ended(self, now: float) -> Orders:
        self._ended = True
        self._out = []
        last = self._lines.end()
        if last is not None:
            self._backlog.append(last)
        if not self.more:
            self._read_backlog(now)
        return self._done()

    def resumed(self, now: float) -> Orders:
        self._out = []
        self._said = 0
        self.more = False
        while self._parked and not self.more:
            self._send(self._parked.popleft())
        if not self.more:
            self._read_backlog(now)
        self._heard = now
        return self._done()

    def replied(self, call: Call, result: Any, now: float) -> Orders:
        self._out = []
        owed = self._calls.over(call)
        if owed is not None:
            self._heard = now
            self._settle(owed, success(owed.name, owed.ident, result, self._limits.send_queue))
        return self._done()

    def failed(self, call: Call, error: Exception, now: float) -> Orders:
        self._out = []
        owed = self._calls.over(call)
        if owed is not None:
            self._heard = now
            self._settle(owed, failure(owed.name, owed.ident, error))
        return self._done()

    def expired(self, now: float) -> Orders:
        self._out = []
        while (owed := self._calls.overdue(now)) is not None:
            answer = error_line(owed.ident, TIMED_OUT, {"seconds": self._limits.call_seconds})
            self._give_up(owed, answer)
        if self._quiet() and now >= self._heard + self._limits.idle:
            self._out.append(CLOSE)
            self.deadline = None
            return self._out
        return self._done()

    def drained(self, now: float) -> Orders:
        self._out = []
        # Lines that wait came before this fact, and are still answered in full.
        self._backlog.append(STOP)
        if not self.more:
            self._read_backlog(now)
        return self._done()

    def disconnected(self, reason: Reason, now: float) -> Orders:
        self._out = []
        for topic in self.server.service.topics.values():
            topic.subscribers.discard(self)
        self._calls.clear()
        self._backlog.clear()
        self._parked.clear()
        self._slots.leave(self)
        self._slots.grant(self, self._out)
        self.deadline = None
        self.more = False
        return self._out

    # -- lines in ----------------------------------------------------------------------

    def _read(self, lines: Iterable[bytes | TooLong | Stop], now: float) -> None:
        """Answer lines until they are done or `more` is set; what is left then waits.

        The loop's body is the fast way: an inline method, all its parameters by position.
        It only says yes.  Anything it hesitates at goes to `_take`, which knows everything.
        """
        out, decode, said, limits = self._out, self._decode_quick, self._said, self._limits
        depth, most, rest = limits.depth, limits.send_queue, iter(lines)
        for line in rest:
            # Fewer bytes than `depth` can't hold more brackets than that.
            if (
                line.__class__ is bytes
                and line.isascii()
                and (len(line) <= depth or not too_deep(line, depth))
            ):
                try:
                    request = decode(line)
                    ident = encode(request.id)  # a Raw as it came, in half the time of bytes()
                    if ident and ident[0] not in ID_STARTS:
                        raise ValueError
                except (ValueError, RecursionError):
                    pass  # `_take` finds out what it is
                else:
                    params = request.params
                    if params.__class__ is not tuple:  # some have defaults
                        params = astuple(params)
                    try:
                        result = request.function(*params)
                    except Exception as error:
                        answer = failure(request.name, ident, error)
                    else:
                        answer = b""
                        if result.__class__ in SURE:
                            try:
                                answer = b"".join((RESULT, encode(result), ID, ident, END))
                            except ValueError:  # an int of more than 4,300 digits
                                pass
                        answer = answer or success(request.name, ident, result, most)
                    if ident:
                        out.append(answer)
                        said += len(answer)
                        if said >= CHUNK:
                            self.more = True
                            self._backlog.extend(rest)
                    continue
            self._said = said
            self._take(line, now)
            said = self._said
            if self.more:
                self._backlog.extend(rest)
            decode = self._decode_quick
        self._said = said

    def _read_backlog(self, now: float) -> None:
        lines, self._backlog = self._backlog, deque()
        self._read(lines, now)

    def _take(self, line: bytes | TooLong | Stop, now: float) -> None:
        """One line, whatever it is."""
        if isinstance(line, Stop):
            self._stopping = True
            self._decode_quick = quick_decoder([])
            return
        try:
            if isinstance(line, TooLong):
                raise Refusal(INVALID_REQUEST, {"problem": "line too long", "most": self._limits.line})
            check(line, self._limits.depth)
            members = read_batch(line, self._limits.batch)
        except Refusal as refusal:
            self._send(error_line(refusal.ident, refusal.kind, refusal.data))
            return
        if members is None:
            self._request(line, Owed(), now)
            return
        batch = Batch(len(members), self._limits.send_queue)
        for place, member in enumerate(members):
            self._request(member, Owed(batch, place), now)

    def _request(self, text: Any, owed: Owed, now: float) -> None:
        """One request or notification, alone or a batch's member."""
        try:
            request = read_request(text)
        except Refusal as refusal:
            owed.ident = refusal.ident
            self._settle(owed, error_line(refusal.ident, refusal.kind, refusal.data))
            return
        owed.ident = bytes(request.id)
        owed.name = request.method
        try:
            method = self._find(request.method)
            arguments, keywords = method.bind(request.params, self._connection)
            if method.run != "inline":
                call = Call(method.function, arguments, keywords, method.run)
                if self._calls.start(call, owed, now, held=self.more):
                    self._out.append(call)
                return
        except RPCError as refusal:
            self._settle(owed, error_line(owed.ident, refusal.kind, refusal.data))
            return
        try:
            result = method.function(*arguments, **keywords)
        except Exception as error:
            answer = failure(owed.name, owed.ident, error)
        else:
            answer = success(owed.name, owed.ident, result, self._limits.send_queue)
        self._settle(owed, answer)

    def _find(self, name: str) -> Method:
        if self._stopping and name != "rpc.cancel":
            raise RPCError(STOPPING)
        method = self.server.find(name)
        if method is None:
            raise RPCError(METHOD_NOT_FOUND)
        if method.authenticated and not self._connection.authenticated:
            raise RPCError(NOT_AUTHENTICATED)
        return method

    # -- calls -------------------------------------------------------------------------

    def could_start(self) -> bool:
        """Is there a call that only the server's count can still hold back?"""
        return not self.more and self._calls.could_start()

    def next_call(self) -> Call | None:
        """It is this session's turn: the call to start, if there still is one."""
        return self._calls.next() if self.could_start() else None

    def cancel(self, ident: bytes) -> bool:
        """rpc.cancel: answer that call now, whatever it still does.  Was there one?"""
        owed = self._calls.find(ident)
        if owed is None:
            return False
        self._give_up(owed, error_line(owed.ident, CANCELLED))
        return True

    def _give_up(self, owed: Owed, answer: bytes) -> None:
        running = self._calls.drop(owed)
        if running is not None:
            self._out.append(Cancel(running))
        self._settle(owed, answer)

    # -- answers out -------------------------------------------------------------------

    def _settle(self, owed: Owed, answer: bytes) -> None:
        """Say the answer, alone or as its part of a batch; a notification gets none, ever."""
        self._calls.answered(owed)
        if not owed.ident:
            answer = b""
        if owed.batch is None:
            if answer:
                self._send(answer)
            return
        if len(answer) > owed.batch.room:
            answer = too_large(owed.ident, self._limits.send_queue)
        whole = owed.batch.put(owed.place, answer)
        if whole is not None:
            self._send(whole)

    def _send(self, line: bytes) -> None:
        """Now, or after `resumed`: what a driver must hold stays near CHUNK, whatever was asked."""
        if self.more:
            self._parked.append(line)
            return
        self._out.append(line)
        self._said += len(line)
        if self._said >= CHUNK:
            self.more = True

    # -- the end of a fact -------------------------------------------------------------

    def _done(self) -> Orders:
        """Start what may start, close if all is said, and set the deadline."""
        if self.could_start():
            self._slots.enlist(self)
        self._slots.grant(self, self._out)
        if (self._ended or self._stopping) and not self._busy():
            self._out.append(CLOSE)
            self.deadline = None
            self.more = False
            return self._out
        self._arm()
        return self._out

    def _busy(self) -> bool:
        return bool(self._calls.owed or self._parked or self._backlog)

    def _quiet(self) -> bool:
        """Does silence count?  Only with nothing owed, and if there is a limit to it."""
        return bool(self._limits.idle) and not self.more and not self._calls.owed

    def _arm(self) -> None:
        self.deadline = self._heard + self._limits.idle if self._quiet() else self._calls.due()
