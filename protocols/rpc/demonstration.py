"""The service that is offered when none is named, and the tutorial for writing one.

A service is a `Service` and functions declared in it.  Read this file from the top, then
copy it: `--service package.module:object` offers yours in its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from protocols.rpc.connection import Connection
from protocols.rpc.errors import ErrorKind, RPCError
from protocols.rpc.method import Method
from protocols.rpc.service import Service

# -- values ----------------------------------------------------------------------------
#
# Annotations are the contract.  Whatever msgspec can decode may stand in one: numbers, text,
# lists, dicts, Optional, Literal, Structs, and bounds, which `Annotated` adds.

Number = int | float

Seconds = Annotated[float, Meta(ge=0, le=60)]


class Point(msgspec.Struct):
    """A place on a plane.  A peer writes it as {"x": 3, "y": 4}."""

    x: float
    y: float = 0


# -- errors of our own -----------------------------------------------------------------
#
# Any code outside -32768 to -32000 is free.  Raise RPCError with one; any other exception
# is answered as -32603 "Internal error", and its traceback goes to the log, not to the peer.

DIVISION_BY_ZERO = ErrorKind(1, "Division by zero", "the divisor is 0")


def demonstration() -> Service:
    """The demonstration, but for what waits: see `declare_waiting`."""
    service = Service("demonstration", "1", "Arithmetic, text and time, to try a client on.")

    # A method is a function.  Its parameters may come by position, "params": [1, 2], or by
    # name, "params": {"a": 1, "b": 2}; they are checked before it is called.

    @service.method
    def add(a: Number, b: Number) -> Number:
        """The sum of two numbers."""
        return a + b

    @service.method
    def subtract(minuend: Number, subtrahend: Number) -> Number:
        """The difference of two numbers."""
        return minuend - subtrahend

    @service.method(errors=[DIVISION_BY_ZERO])
    def divide(dividend: Number, divisor: Number) -> float:
        """The quotient of two numbers."""
        if divisor == 0:
            raise RPCError(DIVISION_BY_ZERO, {"dividend": dividend})
        return dividend / divisor

    @service.method
    def echo(value: Any) -> Any:
        """The value itself."""
        return value

    @service.method
    def upper(text: str) -> str:
        """The text in capitals."""
        return text.upper()

    @service.method
    def reverse(text: str) -> str:
        """The text from its end to its beginning."""
        return text[::-1]

    # A default makes a parameter optional, a Literal lists what may be given.

    @service.method
    def count(text: str, what: Literal["characters", "words", "lines"] = "words") -> int:
        """How much of it there is in the text."""
        if what == "characters":
            return len(text)
        return len(text.split() if what == "words" else text.splitlines())

    @service.method
    def distance(start: Point, end: Point = Point(0, 0)) -> float:  # noqa: B008 (never changed)
        """How far it is from one point to another, or to the origin."""
        return math.hypot(end.x - start.x, end.y - start.y)

    # What a parameter annotated Connection is given does not come from the peer: it is the
    # peer's connection.

    @service.method
    def now(connection: Connection) -> str:
        """The server's time, UTC, as RFC 3339 writes it."""
        return datetime.fromtimestamp(connection.wall(), timezone.utc).isoformat(timespec="milliseconds")

    @service.method
    def peer(connection: Connection) -> str:
        """Your address, as the server sees it."""
        return str(connection.peer)

    # What computes or blocks runs in a thread: everybody else is served meanwhile.

    @service.method(run="thread")
    def primes(below: Annotated[int, Meta(ge=0, le=5_000_000)]) -> int:
        """How many primes there are below a number."""
        sieve = bytearray([1]) * below
        sieve[:2] = bytes(len(sieve[:2]))
        for number in range(2, math.isqrt(below) + 1):
            if sieve[number]:
                sieve[number * number :: number] = bytes(len(range(number * number, below, number)))
        return sum(sieve)

    # What not everybody may do wants rpc.authenticate first.

    @service.method(authenticated=True)
    def secret() -> str:
        """What only those learn who know the token."""
        return "the tea is in the blue tin"

    # A topic reaches every connection that subscribed, with rpc.subscribe {"topic": "notices"}.

    notices = service.topic("notices", "What `announce` was given.", str)

    @service.method
    def announce(text: Annotated[str, Meta(max_length=1000)]) -> int:
        """Tell all subscribers of the topic `notices`; how many there were."""
        notices.publish(text)
        return len(notices.subscribers)

    return service


# -- waiting ---------------------------------------------------------------------------
#
# What waits does so in the framework's own way, a coroutine under Twisted, a blocking call
# in a greenlet under gevent, so each driver brings these two functions' bodies.  In a service
# written for one framework, a concurrent method is declared like the others:
#
#     @service.method(run="concurrent")
#     async def sleep(seconds: float) -> float: ...


def sleep(seconds: Seconds) -> float:
    """Wait so many seconds; the result is their number.  Try rpc.cancel on it."""
    raise NotImplementedError("the driver brings the body")


def progress(connection: Connection, steps: Annotated[int, Meta(ge=1, le=1000)], pause: Seconds = 0.1) -> int:
    """Take so many steps, with a pause before each, and notify `progress` after each of them."""
    raise NotImplementedError("the driver brings the body")


def step_taken(connection: Connection, step: int, steps: int) -> None:
    """What `progress` notifies after a step."""
    connection.notify("progress", {"step": step, "steps": steps})


def declare_waiting(
    service: Service,
    sleep_body: Callable[[float], Any],
    progress_body: Callable[[Connection, int, float], Any],
) -> Service:
    """Add the methods that wait, with the bodies of one framework; returns the service."""
    service.add(Method(sleep, run="concurrent", body=sleep_body))
    service.add(Method(progress, run="concurrent", body=progress_body))
    return service
