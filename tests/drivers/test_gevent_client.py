"""gevent's rpc client, against both servers: calls, notifications, time and cancellation.

At the end of each test the hub must have nothing left to wait for, and the process no
descriptor more.  How the client connects, reconnects and ends is in test_gevent_connection.py.
"""

from __future__ import annotations

from typing import Any

import gevent
import msgspec
import pytest

from gevent_impl.rpc import RPCClient
from protocols.rpc.failures import BadReply, NotConnected, RemoteError, TimedOut
from protocols.rpc.message import Unspeakable
from tests.clients import PATIENCE
from tests.drivers.greenlets import greenlets
from tests.scripted import Scripted, until_end, where
from tests.servers import Certificate, Running


class Point(msgspec.Struct):
    x: int


# -- calls ---------------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["tcp", "tls", "unix"])
@greenlets
def test_a_call_returns_its_result(rpc: Running, certificate: Certificate, over: str) -> None:
    address = where(rpc, over, certificate if over == "tls" else None)
    with RPCClient(address) as client:
        assert client.call("add", [1, 2]) == 3
        assert client.call("add", {"a": 3, "b": 4}) == 7
        assert client.call("echo") is None
        assert client.call("echo", ["x" * 1_000_000]) == "x" * 1_000_000
        assert client.call("echo", [{"x": 5}], type=Point) == Point(5)


@greenlets
def test_what_the_server_answers_as_an_error_is_raised(rpc: Running) -> None:
    with RPCClient(where(rpc, "tcp")) as client:
        with pytest.raises(RemoteError, match=r"Out of tea \(42\)") as refused:
            client.call("refuse")
        assert (refused.value.code, refused.value.message, refused.value.data) == (
            42,
            "Out of tea",
            {"tin": "blue"},
        )
        with pytest.raises(BadReply, match="the result of add is not what was asked for"):
            client.call("add", [1, 2], type=str)
        for unspeakable in ([float("nan")], [object()], ["\ud800"], 5):
            with pytest.raises(Unspeakable):
                client.call("echo", unspeakable)
        assert client.call("add", [1, 2]) == 3


@greenlets
def test_calls_of_many_greenlets_are_answered_each_for_itself(rpc: Running, gate: str) -> None:
    with RPCClient(where(rpc, "tcp")) as client:
        held = gevent.spawn(client.call, "hold", [gate])
        others = [gevent.spawn(client.call, "add", [i, 1]) for i in range(500)]
        assert [one.get() for one in others] == [i + 1 for i in range(500)]
        assert not held.ready()
        client.notify("open", [gate])
        assert held.get() == gate


@greenlets
def test_a_batch_is_a_list_of_outcomes(rpc: Running) -> None:
    with RPCClient(where(rpc, "tcp")) as client:
        outcomes = client.batch(
            [("add", [1, 2]), ("refuse", None), ("upper", ["tea"]), ("echo", {"value": 4})]
        )
        assert [outcomes[0], outcomes[3]] == [3, 4]
        assert [one.code for one in outcomes[1:3]] == [42, -32601]
        assert client.batch([]) == []


@greenlets
def test_what_was_said_before_the_close_arrives(rpc: Running, gate: str) -> None:
    with RPCClient(where(rpc, "tcp")) as client:
        for _ in range(1000):
            client.notify("echo", ["x" * 1000])
        client.notify("open", [gate])
    with RPCClient(where(rpc, "tcp")) as client:
        assert client.call("hold", [gate]) == gate


@greenlets
def test_large_calls_and_large_answers_do_not_wait_for_each_other(rpc: Running) -> None:
    """A server reads no further while its answers are not read: the client reads, whatever it has to send."""
    text = "x" * 200_000
    with RPCClient(where(rpc, "tcp")) as client:
        calls = [gevent.spawn(client.call, "echo", [text]) for _ in range(100)]
        assert all(one.get() == text for one in calls)


# -- from the server -----------------------------------------------------------------------


@greenlets
def test_notifications_are_delivered_in_order_and_before_the_result(rpc: Running) -> None:
    told: list[Any] = []
    with RPCClient(where(rpc, "tcp"), on_notification=lambda *one: told.append(one)) as client:
        assert client.call("tell_in_thread", [100]) == 100
        assert told == [("told", [number]) for number in range(100)]


@greenlets
def test_a_topics_values_are_delivered_until_unsubscribed(rpc: Running) -> None:
    values: list[Any] = []

    def function(value: Any) -> None:
        values.append(value)
        if value == "raise":
            raise ValueError("the function's own trouble")

    with RPCClient(where(rpc, "tcp")) as client:
        client.subscribe("news", function)
        for value in (1, "raise", 2):
            assert client.call("publish", ["news", value]) == 1
            client.call("echo")  # the value was sent after the result: this one's answer is behind it
        assert values == [1, "raise", 2]
        client.unsubscribe("news")
        assert client.call("publish", ["news", 3]) == 0


@greenlets
def test_a_subscription_that_fails_is_none(rpc: Running) -> None:
    with RPCClient(where(rpc, "tcp")) as client:
        with pytest.raises(RemoteError, match="Invalid params"):
            client.subscribe("olds", print)
        assert client._topics == {}
        assert client._functions == {}
    with pytest.raises(NotConnected):
        client.subscribe("news", print)
    assert client._topics == {}
    assert client._functions == {}
    with Scripted(until_end) as server, RPCClient(server.address, timeout=0.05) as client:
        with pytest.raises(TimedOut):
            client.subscribe("news", print)
        assert client._topics == {}
        assert client._functions == {}


@greenlets
def test_a_function_may_call_the_client(rpc: Running) -> None:
    sums: list[Any] = []
    done = gevent.event.Event()
    with RPCClient(where(rpc, "tcp")) as client:

        def function(value: Any) -> None:
            sums.append(client.call("add", [value, 1]))
            done.set()

        client.subscribe("news", function)
        client.call("publish", ["news", 41])
        assert done.wait(PATIENCE)
        assert sums == [42]


# -- time and cancellation -----------------------------------------------------------------


def until_counted(client: RPCClient, gate: str, **expected: int) -> None:
    """Ask until this has been counted at the gate: each answer is a turn of the server's."""
    for _ in range(1000):
        counts = client.call("counts", [gate])
        if expected.items() <= counts.items():
            return
    raise AssertionError(f"{gate}: {counts}, not {expected}")


@greenlets
def test_a_call_without_an_answer_in_time_fails_and_the_server_is_told(rpc: Running, gate: str) -> None:
    with RPCClient(where(rpc, "tcp"), timeout=0.1) as client:
        with pytest.raises(TimedOut):
            client.call("hold", [gate])
        with pytest.raises(TimedOut):
            client.call("hold", [gate], timeout=0)
        outcomes = client.batch([("hold", [gate]), ("add", [1, 2])], timeout=0.1)
        assert [type(one) for one in outcomes] == [TimedOut, TimedOut]  # a batch's answer is one
        client.timeout = PATIENCE
        until_counted(client, gate, now=0)  # a call that came with its end never began


@greenlets
def test_a_killed_greenlets_calls_are_cancelled(rpc: Running, gate: str) -> None:
    with RPCClient(where(rpc, "tcp")) as client:
        one = gevent.spawn(client.call, "hold", [gate])
        several = gevent.spawn(client.batch, [("hold", [gate]), ("hold", [gate])])
        until_counted(client, gate, now=3)
        gevent.killall([one, several])
        until_counted(client, gate, now=0, cancelled=3)
        assert client._answers == {}
        assert client.call("add", [1, 2]) == 3


@greenlets
def test_a_gevent_timeout_round_a_call_cancels_it(rpc: Running, gate: str) -> None:
    with RPCClient(where(rpc, "tcp")) as client:
        with pytest.raises(gevent.Timeout) as raised, gevent.Timeout(0.1) as timeout:
            client.call("hold", [gate])
        assert raised.value is timeout
        until_counted(client, gate, now=0)
