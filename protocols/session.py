"""The contract between a protocol and the driver that runs it.

Inputs are facts, named in the past; outputs are orders, named as commands.  A session
never waits: whatever has to be waited for (bytes, time, a slow call, a slow reader)
belongs to the driver, which reports how the wait ended.  `docs/architecture.md` is the
long form of this page; `tests/integration/test_contract.py` is its proof.

Not in here: any protocol, and any way to wait.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol, TypeAlias

import msgspec

LINGER = 5.0
"""Seconds a closed connection may still take to be read to its end by the peer."""

HANDSHAKE = 10.0
"""Seconds for all that comes before a session's first byte: a PROXY header, the handshakes of TLS and
WebSocket.  The connection counts from its first byte."""

CHUNK = 65_536
"""Bytes after which a session stops answering and sets `more`, and the driver's mark for
what a connection may have unsent before reading from it pauses."""


# -- facts about the other end ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end, and how it reached us.

    Hosts are numeric; for unix sockets they are empty and the ports 0.
    """

    host: str = ""
    port: int = 0
    local_host: str = ""
    local_port: int = 0
    tls: str | None = None  # "TLSv1.3 TLS_AES_256_GCM_SHA384", or None in the clear

    def __str__(self) -> str:
        if not self.host:
            return "unix"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Reason(enum.Enum):
    """Why a connection is over, the same words whatever the operating system said."""

    EOF = "closed"
    RESET = "reset by peer"
    STALLED = "stopped reading"
    SEND_QUEUE = "send queue exceeded"
    ABORTED = "aborted"
    BUG = "internal error"


class Refused(enum.Enum):
    """Why a connection is turned away before it has a session."""

    CONNECTIONS = "too many connections"
    PER_IP = "too many connections from your address"


class Cancelled(Exception):
    """What `failed` reports for a call that a `Cancel` order ended."""


# -- orders ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Close:
    """Send everything that is owed, then end the connection (FIN; close_notify over TLS)."""


@dataclass(frozen=True, slots=True)
class Abort:
    """Drop the connection now, with whatever is still unsent."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """Run `function(*args, **kwargs)` without making anybody wait.

    Answered by exactly one `replied` or `failed` with this same object, unless the
    connection is lost first.  `run` is "thread" for what blocks or computes, and
    "concurrent" for what waits in the framework's own way: a coroutine or a Deferred
    under Twisted, a blocking function in a greenlet under gevent.
    """

    function: Callable[..., Any]
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    run: Literal["thread", "concurrent"] = "thread"


@dataclass(frozen=True, slots=True, eq=False)
class Cancel:
    """Stop this call.

    Answered by `failed(call, Cancelled(), now)` once it is really over: a thread that
    can't be stopped is answered for when it returns, and its result is dropped.
    """

    call: Call


@dataclass(frozen=True, slots=True)
class StartTLS:
    """Once what is owed is sent, let the TLS handshake begin; answered by `secured`."""


@dataclass(frozen=True, slots=True, eq=False)
class To:
    """These orders for those other sessions: a broadcast, a kill.

    Sessions whose connection is gone are passed over.  Without any orders it says that the sessions'
    `more` or `deadline` has changed: somebody else gave them more to say.
    """

    sessions: Collection[Session]
    orders: Orders


class ServiceOrder:
    """What an order is that only one service gives, and only its drivers know: files has some."""

    __slots__ = ()


Order: TypeAlias = "bytes | Close | Abort | Call | Cancel | StartTLS | To | ServiceOrder"
Orders: TypeAlias = "Sequence[Order]"


# -- what a protocol is ----------------------------------------------------------------


class Session:
    """One connection's half of a protocol, without its socket and clock.

    The driver reports facts and carries out, in order, the orders that each returns.
    `now` is seconds of time.monotonic().  No method waits, and none raises for anything
    that a peer can do: an exception here is a bug, and costs that connection only.
    """

    __slots__ = ("__weakref__", "deadline", "more")

    def __init__(self) -> None:
        self.deadline: float | None = None
        """Report `expired` once `now >= deadline`; the driver clears it when it does."""
        self.more = False
        """There is more to say: report `resumed` once the connection can take it."""

    def connected(self, peer: Peer, now: float) -> Orders:
        """The first fact, after a TLS listener's handshake."""
        return ()

    def received(self, data: bytes, now: float) -> Orders:
        """At least one byte arrived, in order, cut anywhere."""
        return ()

    def ended(self, now: float) -> Orders:
        """The peer will send nothing more; it may still read.  Reported once."""
        return (CLOSE,)

    def expired(self, now: float) -> Orders:
        """The deadline has passed."""
        return (CLOSE,)

    def replied(self, call: Call, result: Any, now: float) -> Orders:
        """The call returned `result`."""
        return ()

    def failed(self, call: Call, error: Exception, now: float) -> Orders:
        """The call raised `error`, or was cancelled (`Cancelled`)."""
        return ()

    def resumed(self, now: float) -> Orders:
        """`more` was set, and what was unsent has shrunk below the low-water mark."""
        return ()

    def secured(self, peer: Peer, now: float) -> Orders:
        """The handshake that `StartTLS` ordered is done."""
        return ()

    def drained(self, now: float) -> Orders:
        """The server is stopping: finish what is owed, then order `Close`."""
        return (CLOSE,)

    def disconnected(self, reason: Reason, now: float) -> Orders:
        """The connection is over.  Reported once, last; orders may address others."""
        return ()


class Host(Protocol):
    """What a driver gives a server's shared object: no session reads a clock or a loop."""

    def wall(self) -> float:
        """Seconds since 1970, UTC."""
        ...

    def token(self) -> str:
        """A new id, unguessable, of letters, digits, `-` and `_`."""
        ...

    def tell(self, orders: Orders) -> None:
        """Carry out `To` orders soon, in a turn of their own.  Callable from any thread.

        What is told from the loop's own thread is carried out before any later fact.
        """
        ...


Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one server may hold, and one connection may cost, in every service."""

    connections: Annotated[
        int, msgspec.Meta(ge=1, description="connections at once, TLS handshakes included")
    ] = 10_000
    connections_per_ip: Annotated[
        int, msgspec.Meta(ge=0, description="connections at once from one address; 0: no limit")
    ] = 0
    idle: Annotated[
        float,
        msgspec.Meta(ge=0, description="seconds of silence before the connection is closed; 0: never"),
    ] = 0
    send_queue: Annotated[
        int, msgspec.Meta(ge=65_536, description="bytes that may wait for a reader before it is dropped")
    ] = 1_048_576
    send_stall: Annotated[
        float,
        msgspec.Meta(gt=0, description="seconds a reader may take nothing of what waits for it"),
    ] = 60


class Server:
    """What the sessions of one server share, and where they come from."""

    limits: Limits
    """Read at each use: SIGHUP may replace it."""
    threads: int = 16
    """How many `Call`s may run in threads at once; more wait for one to return."""
    proxy_from: tuple[str, ...] = ()
    """Addresses and networks whose PROXY headers are believed.  Read at each use, as `limits`."""
    ws_origins: tuple[str, ...] = ()
    """Origins whose pages may open a WebSocket; none: any.  Read at each use."""

    def session(self) -> Session:
        """A session for a connection that was just accepted."""
        raise RuntimeError(f"{type(self).__name__} makes no sessions")

    def reload(self, settings: Any) -> None:
        """The service's settings were read again; `settings.limits` are the new ones."""
        self.limits = settings.limits

    def refusal(self, why: Refused) -> bytes:
        """What to tell a connection that can't be taken; nothing, where no word exists."""
        return b""

    def close(self) -> None:
        """The last connection is over: let go of what outlives it.  May block; said in a thread."""


CLOSE = Close()
ABORT = Abort()
START_TLS = StartTLS()
"""The orders that carry nothing: one object each is enough."""
