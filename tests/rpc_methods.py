"""What the tests of rpc call: methods that are seen from outside, since everything is counted.

A call that waits does so at a gate, until somebody calls `open`.  How it waits is each
framework's: `tests.rpc_methods_twisted:service` and `tests.rpc_methods_gevent:service`.
"""

from __future__ import annotations

import select
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec

from protocols.rpc import Connection, ErrorKind, RPCError, Service

OWN_ERROR = ErrorKind(42, "Out of tea", "the tin is empty")
SECRET = "/etc/twofold/the-secret-path"
"""Stands in exceptions that no peer may read."""

UNSAYABLE: dict[str, Callable[[], Any]] = {
    "nan": lambda: float("nan"),
    "infinity inside": lambda: {"a": [1.5, -float("inf")]},
    "surrogate": lambda: "\ud800",
    "surrogate inside": lambda: {"a": ["\udfff"]},
    "object": object,
    "cycle": lambda: _cycle(),
}


class Counts(msgspec.Struct):
    """The calls at one gate: waiting now, at most at once, begun, cancelled."""

    now: int = 0
    most: int = 0
    begun: int = 0
    cancelled: int = 0


class Gate:
    """Where calls wait for `open`."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.opened = threading.Event()
        self.waiting: list[Any] = []
        """What the framework's calls wait on."""
        self._lock = threading.Lock()

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self._lock:
            self.counts.now += 1
            self.counts.begun += 1
            self.counts.most = max(self.counts.most, self.counts.now)
        try:
            yield
        except BaseException:
            with self._lock:
                self.counts.cancelled += 1
            raise
        finally:
            with self._lock:
                self.counts.now -= 1


gates: defaultdict[str, Gate] = defaultdict(Gate)


def declare(service: Service, release: Callable[[Any], object]) -> Service:
    """Add the methods that do not depend on the framework; `release` lets one concurrent call go on."""
    for name in ("news", "flood"):
        service.topic(name, "For the tests.")

    @service.method
    def add(a: int, b: int) -> int:
        """The sum."""
        return a + b

    @service.method
    def echo(value: Any = None) -> Any:
        """The value itself."""
        return value

    @service.method
    def repeat(text: str, times: Annotated[int, msgspec.Meta(ge=0)]) -> str:
        """The text, so many times."""
        return text * times

    @service.method(errors=[OWN_ERROR])
    def refuse() -> None:
        """An error of the method's own choosing."""
        raise RPCError(OWN_ERROR, {"tin": "blue"})

    @service.method
    def fail() -> None:
        """An error that nobody chose."""
        raise OSError(2, "no tea", SECRET)

    @service.method(run="thread")
    def fail_in_thread() -> None:
        """The same, elsewhere."""
        raise OSError(2, "no tea", SECRET)

    @service.method
    def unsayable(which: str) -> Any:
        """A value that JSON has no words for."""
        return UNSAYABLE[which]()

    @service.method(authenticated=True)
    def secret() -> str:
        """For those who showed the token."""
        return "blue"

    # -- where and how it runs ---------------------------------------------------------

    @service.method
    def ident() -> int:
        """The thread that an inline method runs in."""
        return threading.get_ident()

    @service.method(run="thread")
    def ident_in_thread() -> int:
        """The thread that one for threads runs in."""
        return threading.get_ident()

    @service.method
    def open(gate: str) -> None:
        """Let everybody at this gate go on, now and from now on."""
        gates[gate].opened.set()
        for one in gates[gate].waiting:
            release(one)
        gates[gate].waiting.clear()

    @service.method
    def counts(gate: str) -> Counts:
        """What has been counted there."""
        return gates[gate].counts

    @service.method(run="thread")
    def hold_in_thread(gate: str) -> str:
        """Wait at the gate, in a thread."""
        with gates[gate].counted():
            gates[gate].opened.wait()
        return gate

    @service.method(run="thread")
    def until_file_in_thread(path: str) -> str:
        """Wait until there is such a file: what even a stopping server can be told."""
        while not Path(path).exists():
            select.select([], [], [], 0.005)
        return path

    # -- from server to client ---------------------------------------------------------

    @service.method
    def tell(connection: Connection, times: int) -> int:
        """Notify the caller, inline."""
        for number in range(times):
            connection.notify("told", [number])
        return times

    @service.method(run="thread")
    def tell_in_thread(connection: Connection, times: int) -> int:
        """Notify the caller, from a thread."""
        for number in range(times):
            connection.notify("told", [number])
        return times

    @service.method(run="thread")
    def tell_around_in_thread(connection: Connection, gate: str) -> str:
        """Notify the caller before the gate and after it, from a thread."""
        connection.notify("before")
        gates[gate].opened.wait()
        connection.notify("after")
        return gate

    @service.method
    def publish(topic: str, value: Any, times: int = 1) -> int:
        """Publish, inline; how many subscribers there were."""
        for _ in range(times):
            service.publish(topic, value)
        return len(service.topics[topic].subscribers)

    @service.method(run="thread")
    def publish_in_thread(topic: str, times: int) -> int:
        """Publish the numbers from 0 on, from a thread."""
        for number in range(times):
            service.publish(topic, number)
        return times

    @service.method
    def subscribers(topic: str) -> int:
        """How many there are."""
        return len(service.topics[topic].subscribers)

    return service


def _cycle() -> list[Any]:
    cycle: list[Any] = []
    cycle.append(cycle)
    return cycle
