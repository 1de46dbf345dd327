"""The client's session and the server's, joined by a loop."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.rpc import Service
from protocols.rpc.client import DeliverTopic, Settle
from protocols.rpc.failures import (
    CallCancelled,
    RemoteError,
)
from protocols.session import Call, Cancel, Cancelled, To
from tests.core.rpc import connect, serve
from tests.core.test_rpc_client import client, settled

service = Service("joined")
news = service.topic("news")


@service.method
def add(a: int, b: int) -> int:
    """Quick."""
    return a + b


@service.method(run="thread")
def double(value: int) -> int:
    """Slow."""
    return value * 2


class Link:
    """A client and a server that hear each other, and a driver's work between them."""

    def __init__(self, **limits: Any) -> None:
        self.server = serve(service, **limits)
        self.there = connect(self.server)
        self.here = client()
        self.settled: list[Settle] = []
        self.delivered: list[Any] = []
        self.calls: list[Call] = []

    def carry(self, orders: Any) -> None:
        """The client's orders, and all that follows from them but the end of calls."""
        for order in orders:
            if isinstance(order, bytes):
                self.back(self.there.received(order, 0.0))
            elif isinstance(order, Settle):
                self.settled.append(order)
            else:
                self.delivered.append(order)

    def back(self, orders: Any) -> None:
        for order in orders:
            if isinstance(order, bytes):
                self.carry(self.here.received(order, 0.0))
            elif isinstance(order, Call):
                self.calls.append(order)
            elif isinstance(order, Cancel):
                self.calls.remove(order.call)
                self.back(self.there.failed(order.call, Cancelled(), 0.0))
            elif isinstance(order, To):
                assert list(order.sessions) == [self.there]
                self.back(order.orders)
        while self.there.more:
            self.back(self.there.resumed(0.0))

    def run(self) -> None:
        """The oldest call returns."""
        call = self.calls.pop(0)
        self.back(self.there.replied(call, call.function(*call.args), 0.0))


def test_client_and_server_understand_each_other() -> None:
    link = Link(in_flight=1)
    _, orders = link.here.call("add", {"a": 1, "b": 2}, 0.0)
    link.carry(orders)
    _, orders = link.here.batch([("double", [4]), ("add", [1, 1]), ("none", None)], 0.0)
    link.carry(orders)
    assert [one.result for one in link.settled] == [3]
    link.run()
    assert [one.result for one in link.settled] == [3, 8, 2, None]
    assert isinstance(link.settled[3].error, RemoteError)
    assert link.settled[3].error.code == -32601


def test_a_cancel_reaches_the_call_and_the_next_one_runs() -> None:
    link = Link(in_flight=1)
    first, orders = link.here.call("double", [1], 0.0)
    link.carry(orders)
    second, orders = link.here.call("double", [2], 0.0)
    link.carry(orders)
    link.carry(link.here.cancel(first))
    link.run()
    assert settled(link.settled) == [(second, 4), (first, CallCancelled)] or settled(link.settled) == [
        (first, CallCancelled),
        (second, 4),
    ]
    assert link.server.slots.used == 0


def test_what_is_published_reaches_the_subscriber() -> None:
    link = Link()
    _, orders = link.here.subscribe("news", 0.0)
    link.carry(orders)
    news.publish({"tea": "ready"})
    link.back(link.server.host.told)  # type: ignore[attr-defined]
    assert link.delivered == [DeliverTopic("news", {"tea": "ready"})]
    assert link.here.topics == {"news": None}


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["add", "double", "none"]), st.integers(-9, 9)), max_size=12))
def test_every_call_is_settled_once(wishes: list[tuple[str, int]]) -> None:
    link = Link(in_flight=2, queued=2)
    pendings = []
    for method, number in wishes:
        params = [number, number] if method == "add" else [number]
        pending, orders = link.here.call(method, params, 0.0)
        pendings.append(pending)
        link.carry(orders)
    while link.calls:
        link.run()
    assert sorted(one.pending.ident for one in link.settled) == [one.ident for one in pendings]
    assert link.server.slots.used == 0
