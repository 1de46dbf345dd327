"""A Service: the methods and topics that one server offers, each declared once.

    service = Service("weather", version="1.0")

    @service.method
    def temperature(city: str) -> float:
        "Degrees Celsius, now."

`load` finds one by its `package.module:object`.  `protocols/rpc/demonstration.py` is the
tutorial.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeVar, overload

from protocols.rpc.errors import ErrorKind
from protocols.rpc.message import notification_line
from protocols.rpc.method import Method, Run, describe, sayable
from protocols.session import Host, Session, To

F = TypeVar("F", bound=Callable[..., Any])

PUBLISHED = "rpc.published"
"""The notification by which a topic's value reaches its subscribers: {"topic", "value"}."""


class Subscribers(Collection[Session]):
    """Sessions that want a topic.  Changed on the loop only, and read there when it matters.

    `publish` hands this very object over, so who is a subscriber is decided when the driver
    carries the order out, and no thread ever walks a set that another one changes.
    """

    def __init__(self) -> None:
        self._sessions: dict[Session, None] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions))

    def __contains__(self, session: object) -> bool:
        return session in self._sessions

    def add(self, session: Session) -> bool:
        """Was it new?"""
        known = session in self._sessions
        self._sessions[session] = None
        return not known

    def discard(self, session: Session) -> bool:
        """Was it there?"""
        return self._sessions.pop(session, self) is None


class Topic:
    """Something that is published: its name, its words for the peer, and who wants it."""

    def __init__(self, service: Service, name: str, docs: str, type: Any) -> None:
        self._service = service
        self.name = name
        self.docs = docs
        self.type = type
        self.subscribers = Subscribers()

    def publish(self, value: Any) -> None:
        """Tell every subscriber.  Callable from any thread; encoded once for all of them.

        Raises Unspeakable for what JSON can't say.
        """
        self._service.publish(self.name, value)


class Service:
    """What one server offers.  Given to one server at a time, which attaches its host."""

    def __init__(self, name: str, version: str = "1", docs: str = "") -> None:
        self.name = name
        self.version = version
        self.docs = docs
        self.methods: dict[str, Method] = {}
        self.topics: dict[str, Topic] = {}
        self._host: Host | None = None

    @overload
    def method(self, function: F, /) -> F: ...

    @overload
    def method(
        self,
        /,
        *,
        name: str | None = None,
        run: Run = "inline",
        authenticated: bool = False,
        errors: Sequence[ErrorKind] = (),
    ) -> Callable[[F], F]: ...

    def method(
        self,
        function: F | None = None,
        /,
        *,
        name: str | None = None,
        run: Run = "inline",
        authenticated: bool = False,
        errors: Sequence[ErrorKind] = (),
    ) -> F | Callable[[F], F]:
        """Declare a method: `@service.method`, or with words about it in parentheses.

        `run` says how: "inline" for what is quick, which is called on the loop; "thread" for
        what blocks or computes; "concurrent" for what waits in the framework's own way.
        `authenticated` methods want rpc.authenticate first.  `errors` are those of its own
        that it may raise, for the documentation.
        """

        def declare(function: F) -> F:
            self.add(Method(function, name, run, authenticated, errors))
            return function

        return declare if function is None else declare(function)

    def add(self, method: Method) -> None:
        """Declare a method that was built already."""
        # §8: names that begin with "rpc." are "reserved for system extensions".
        if method.name.startswith("rpc."):
            raise ValueError(f"{method.name}: names that begin with rpc. are the protocol's own")
        if method.name in self.methods:
            raise ValueError(f"{method.name} is declared already")
        self.methods[method.name] = method

    def topic(self, name: str, docs: str = "", type: Any = Any) -> Topic:
        """Declare a topic: peers may subscribe to it, and `publish` reaches them."""
        if name in self.topics:
            raise ValueError(f"topic {name} is declared already")
        if not sayable(type):
            raise TypeError(f"topic {name}: JSON has no words for {describe(type)}")
        topic = self.topics[name] = Topic(self, name, docs, type)
        return topic

    def publish(self, topic: str, value: Any) -> None:
        """Tell every subscriber of a declared topic.  Callable from any thread."""
        subscribers = self.topics[topic].subscribers
        if self._host is None or not subscribers:
            return
        line = notification_line(PUBLISHED, {"topic": topic, "value": value})
        self._host.tell([To(subscribers, (line,))])

    def attach(self, host: Host) -> None:
        """A server takes the service up; what is published goes through its host."""
        self._host = host


class LoadError(ValueError):
    """A service that can't be loaded; the text is one line for who named it."""


def load(where: str) -> Service:
    """The Service at `package.module:object`, or what the function there returns."""
    name, colon, path = where.partition(":")
    if not (name and colon and path):
        raise LoadError(f"{where}: expected package.module:object")
    try:
        found: Any = importlib.import_module(name)
        for part in path.split("."):
            found = getattr(found, part)
        if callable(found) and not isinstance(found, Service):
            found = found()
    except Exception as error:
        # Somebody else's module may raise anything at import; its author gets the cause.
        raise LoadError(f"{where}: {type(error).__name__}: {error}") from error
    if not isinstance(found, Service):
        raise LoadError(f"{where}: expected a Service, found {type(found).__name__}")
    return found
