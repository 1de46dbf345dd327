"""A service that does, over the wire, everything that a session may order.

One command a line.  What it was told (the facts) is kept in the server's shared object, for
others to ask after the connection is gone.  Without a socket, as every protocol.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from protocols.lines import Lines
from protocols.services import Service
from protocols.session import (
    ABORT,
    CHUNK,
    CLOSE,
    START_TLS,
    Call,
    Cancel,
    Cancelled,
    Host,
    Orders,
    Peer,
    Reason,
    Refused,
    Server,
    Session,
    To,
)
from protocols.settings import Listen, Settings

SERVICE = Service(
    "probe",
    "every order there is, over the wire",
    ("tcp", "tls", "unix", "ws", "wss"),
    "probe:ProbeSettings",
    proxy=True,
)


class ProbeSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of the probe; `cert` and `key` are for `starttls`."""

    listen: Listen = ("tcp://127.0.0.1:0",)
    threads: int = 4
    cert: str = ""
    key: str = ""
    proxy_from: tuple[str, ...] = ()
    ws_origins: tuple[str, ...] = ()


class Gate(Protocol):
    """What a call waits for, until somebody opens it."""

    def wait(self, run: str) -> Callable[[], Any]:
        """What a Call with this `run` executes."""
        ...

    def open(self) -> None: ...


class ProbeServer(Server):
    """What has been seen so far."""

    def __init__(self, settings: ProbeSettings, host: Host, gate: Callable[[], Gate]) -> None:
        self.limits = settings.limits
        self.threads = settings.threads
        self.proxy_from, self.ws_origins = settings.proxy_from, settings.ws_origins
        self.host = host
        self.sessions: list[Probe] = []
        self.seen: dict[str, list[str]] = {}
        self.awaited: dict[str, list[Probe]] = {}
        self.ran: list[str] = []
        self.nested = 0
        self.inside = False
        self._gate = gate
        self._gates: dict[str, Gate] = {}

    def session(self) -> Probe:
        return Probe(self)

    def reload(self, settings: ProbeSettings) -> None:
        super().reload(settings)
        self.proxy_from, self.ws_origins = settings.proxy_from, settings.ws_origins

    def refusal(self, why: Refused) -> bytes:
        return f"refused {why.value}\n".encode()

    def gate(self, name: str) -> Gate:
        if name not in self._gates:
            self._gates[name] = self._gate()
        return self._gates[name]

    def found(self, name: str) -> list[Probe]:
        return self.sessions if name == "all" else [one for one in self.sessions if one.name == name]


class Mischief(RuntimeError):
    """What the probe raises when it is asked to."""


def fact(method: Callable[..., Orders]) -> Callable[..., Orders]:
    """Note that this fact was reported, and whether another was being reported meanwhile."""

    @wraps(method)
    def reported(self: Probe, *args: Any) -> Orders:
        name = method.__name__
        said = f"{name}:{args[0].name}" if isinstance(args[0], Reason) else name
        if not (name == "received" and self.seen[-1:] == ["received"]):
            self.seen.append(said)
        if self.server.inside:
            self.server.nested += 1
        self.server.inside = True
        try:
            orders = method(self, *args)
            if name in self.mischief:
                raise Mischief(name)
            return orders
        finally:
            self.server.inside = False

    return reported


class Probe(Session):
    """Does what it is told."""

    __slots__ = (
        "_lines",
        "_then_close",
        "_to_say",
        "calls",
        "half_open",
        "mischief",
        "name",
        "peer",
        "seen",
        "server",
        "words_at_end",
    )

    def __init__(self, server: ProbeServer) -> None:
        super().__init__()
        self.server = server
        self.name = ""
        self.seen: list[str] = []
        self.calls: dict[str, Call] = {}
        self.half_open = False  # the peer's FIN does not end this one
        self.mischief: set[str] = set()
        self.words_at_end = b""
        self._lines = Lines(65_536)
        self._to_say = 0
        self._then_close = False

    # -- facts ---------------------------------------------------------------------------

    @fact
    def connected(self, peer: Peer, now: float) -> Orders:
        self.peer = peer
        self.server.sessions.append(self)
        return ()

    @fact
    def received(self, data: bytes, now: float) -> Orders:
        orders: list[Any] = []
        for line in self._lines.feed(data):
            if not isinstance(line, bytes):
                return [b"line too long\n", CLOSE]
            word, *args = line.decode().split()
            orders += getattr(self, f"do_{word}")(now, *args)
        return orders

    @fact
    def ended(self, now: float) -> Orders:
        if self.half_open or self._to_say:
            return ()
        if self.calls:
            self._then_close = True
            return ()
        return self._closed()

    @fact
    def expired(self, now: float) -> Orders:
        return [b"expired\n", *(self._closed() if "ended" in self.seen else ())]

    @fact
    def replied(self, call: Call, result: Any, now: float) -> Orders:
        return self._over(call, f"replied {self._tag(call)} {result}\n")

    @fact
    def failed(self, call: Call, error: Exception, now: float) -> Orders:
        word = "cancelled" if isinstance(error, Cancelled) else type(error).__name__
        return self._over(call, f"failed {self._tag(call)} {word}\n")

    @fact
    def resumed(self, now: float) -> Orders:
        return self._say_more()

    @fact
    def secured(self, peer: Peer, now: float) -> Orders:
        return [f"secured {peer.tls}\n".encode()]

    @fact
    def drained(self, now: float) -> Orders:
        if self.half_open:
            return [b"drained\n"]
        if self.calls or self._to_say:
            self._then_close = True
            return [b"drained\n"]
        return [b"drained\n", *self._closed()]

    @fact
    def disconnected(self, reason: Reason, now: float) -> Orders:
        self.server.sessions.remove(self)
        self.server.seen[self.name] = self.seen
        watching = self.server.awaited.pop(self.name, [])
        orders: list[Any] = [To(tuple(watching), (self._facts_of(self.name, [*self.seen]),))]
        if self.words_at_end:
            orders.append(To(tuple(self.server.sessions), (self.words_at_end,)))
        return orders

    # -- commands: bytes -----------------------------------------------------------------

    def do_ping(self, now: float, token: str) -> Orders:
        return [f"pong {token}\n".encode()]

    def do_name(self, now: float, name: str) -> Orders:
        self.name = name
        return [f"named {name}\n".encode()]

    def do_say(self, now: float, n: str, letter: str = "x") -> Orders:
        """N bytes in one order."""
        return [letter.encode() * int(n)]

    def do_count(self, now: float, n: str) -> Orders:
        """N orders, one line each: 0, 1, 2, …"""
        return [b"%d\n" % i for i in range(int(n))]

    def do_more(self, now: float, n: str) -> Orders:
        """N bytes, CHUNK at a time, as far as the peer reads."""
        self._to_say += int(n)
        return self._say_more()

    def do_charge(self, now: float, name: str, n: str) -> Orders:
        """The others of this name have N bytes to say: `resumed` says them."""
        others = self.server.found(name)
        for one in others:
            one._to_say += int(n)
            one.more = True
        return [b"charged\n", To(tuple(others), ())]

    def do_to(self, now: float, name: str, *words: str) -> Orders:
        return [To(tuple(self.server.found(name)), ((" ".join(words) + "\n").encode(),))]

    def do_blare(self, now: float, n: str, letter: str) -> Orders:
        """N bytes to everybody else."""
        others = tuple(one for one in self.server.sessions if one is not self and one.name)
        return [To(others, (letter.encode() * int(n),))]

    def do_tell(self, now: float, name: str, *words: str) -> Orders:
        """As `to`, but by Host.tell, from inside this fact."""
        self.server.host.tell(self.do_to(now, name, *words))
        return ()

    # -- commands: ends ------------------------------------------------------------------

    def do_close(self, now: float) -> Orders:
        return self._closed()

    def do_abort(self, now: float) -> Orders:
        return [ABORT]

    def do_kill(self, now: float, name: str) -> Orders:
        return [To(tuple(self.server.found(name)), (ABORT,))]

    def do_epitaph(self, now: float, *words: str) -> Orders:
        """What everybody is told when this one is disconnected."""
        self.words_at_end = (" ".join(words) + "\n").encode()
        return [b"noted\n"]

    def do_stay(self, now: float) -> Orders:
        """Do not close at the peer's FIN, nor when the server stops."""
        self.half_open = True
        return [b"staying\n"]

    def do_raise(self, now: float) -> Orders:
        raise Mischief("asked to")

    def do_mischief(self, now: float, name: str) -> Orders:
        """Raise when this fact is reported."""
        self.mischief.add(name)
        return [b"noted\n"]

    def do_nonsense(self, now: float) -> Orders:
        """Orders of which one is none."""
        return [b"before\n", "no order", b"after\n"]  # type: ignore[list-item]

    def do_misdirect(self, now: float, name: str) -> Orders:
        """An order that is none, for another session."""
        return [To(tuple(self.server.found(name)), ("no order",)), b"after\n"]  # type: ignore[arg-type]

    def do_starttls(self, now: float) -> Orders:
        return [b"go ahead\n", START_TLS]

    def do_tooearly(self, now: float, name: str) -> Orders:
        """Bytes where the handshake has to be: a mistake of ours, with words for another behind it."""
        return [START_TLS, b"too early\n", To(tuple(self.server.found(name)), (b"owed\n",))]

    # -- commands: waiting ---------------------------------------------------------------

    def do_deadline(self, now: float, seconds: str) -> Orders:
        self.deadline = now + float(seconds)
        return ()

    def do_call(self, now: float, tag: str, run: str, what: str) -> Orders:
        """Call TAG, which waits for the gate WHAT, or is `raise`, `exit`, `tell` or `stuck`."""
        wait = self.server.gate(what).wait(run)

        def function() -> Any:
            self.server.ran.append(tag)
            if what == "raise":
                raise Mischief(tag)
            if what == "exit":
                sys.exit("a call that ends the process")
            if what == "tell":
                self.server.host.tell(self.do_to(now, self.name, "told", tag))
                return tag
            if what == "stuck":
                time.sleep(1000)
            return wait()

        call = Call(function, run="thread" if run == "thread" else "concurrent")
        self.calls[tag] = call
        return [call]

    def do_cancel(self, now: float, tag: str) -> Orders:
        return [Cancel(self.calls[tag])] if tag in self.calls else ()

    def do_open(self, now: float, gate: str) -> Orders:
        self.server.gate(gate).open()
        return ()

    # -- commands: questions -------------------------------------------------------------

    def do_facts(self, now: float, name: str) -> Orders:
        """What the connection of this name was told, now or once it is over."""
        living = self.server.found(name)
        if living or name not in self.server.seen:
            return [self._facts_of(name, living[0].seen if living else [])]
        return [self._facts_of(name, self.server.seen[name])]

    def do_await(self, now: float, name: str) -> Orders:
        """The same, once it is over."""
        if name in self.server.seen:
            return self.do_facts(now, name)
        self.server.awaited.setdefault(name, []).append(self)
        return [b"awaiting\n"]

    def do_who(self, now: float) -> Orders:
        """How the asker came."""
        peer = self.peer
        return [f"{peer.host} {peer.port} {peer.local_host} {peer.local_port} {peer.tls}\n".encode()]

    def do_nested(self, now: float) -> Orders:
        return [b"nested %d\n" % self.server.nested]

    def do_ran(self, now: float) -> Orders:
        return [("ran " + " ".join(self.server.ran) + "\n").encode()]

    def do_there(self, now: float) -> Orders:
        """The names of all who are here."""
        return [("there " + " ".join(sorted(one.name for one in self.server.sessions)) + "\n").encode()]

    # ------------------------------------------------------------------------------------

    def _say_more(self) -> Orders:
        now = min(self._to_say, CHUNK)
        self._to_say -= now
        self.more = self._to_say > 0
        orders: list[Any] = [b"m" * now]
        if not self.more and ("ended" in self.seen or self._then_close):
            orders += self._closed()
        return orders

    def _tag(self, call: Call) -> str:
        return next((tag for tag, one in self.calls.items() if one is call), "unknown")

    def _over(self, call: Call, words: str) -> Orders:
        self.calls.pop(self._tag(call), None)
        done = self._then_close and not self.calls
        return [words.encode(), *(self._closed() if done else ())]

    def _closed(self) -> Orders:
        self.seen.append("close")
        return [CLOSE]

    @staticmethod
    def _facts_of(name: str, seen: list[str]) -> bytes:
        return f"facts {name} {' '.join(seen)}\n".encode()
