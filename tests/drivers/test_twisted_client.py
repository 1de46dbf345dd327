"""Twisted's rpc client, against both servers: calls, notifications, time and cancellation.

At the end of each test the reactor must have nothing left to wait for, the process no descriptor
more, and the log no error.  How the client connects, reconnects and ends is in
test_twisted_connection.py.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from twisted.internet.defer import CancelledError, DeferredList, TimeoutError

from protocols.rpc.failures import BadReply, NotConnected, RemoteError, TimedOut
from protocols.rpc.message import Unspeakable
from tests.clients import PATIENCE
from tests.drivers.turns import Make, until, until_counted
from tests.scripted import Scripted, until_end, where
from tests.servers import Certificate, Running


class Point(msgspec.Struct):
    x: int


# -- calls ---------------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["tcp", "tls", "unix"])
async def test_a_call_fires_with_its_result(
    make: Make, rpc: Running, certificate: Certificate, over: str
) -> None:
    client = make(where(rpc, over, certificate if over == "tls" else None))
    await client.connect()
    assert await client.call("add", [1, 2]) == 3
    assert await client.call("add", {"a": 3, "b": 4}) == 7
    assert await client.call("echo") is None
    assert await client.call("echo", ["x" * 1_000_000]) == "x" * 1_000_000
    assert await client.call("echo", [{"x": 5}], type=Point) == Point(5)


async def test_what_the_server_answers_as_an_error_is_a_failure(make: Make, rpc: Running) -> None:
    client = make(where(rpc, "tcp"))
    await client.connect()
    with pytest.raises(RemoteError, match=r"Out of tea \(42\)") as refused:
        await client.call("refuse")
    error = refused.value
    assert (error.code, error.message, error.data) == (42, "Out of tea", {"tin": "blue"})
    with pytest.raises(BadReply, match="the result of add is not what was asked for"):
        await client.call("add", [1, 2], type=str)
    for unspeakable in ([float("nan")], [object()], ["\ud800"], 5):
        with pytest.raises(Unspeakable):
            await client.call("echo", unspeakable)
    assert await client.call("add", [1, 2]) == 3


async def test_calls_are_answered_in_any_order_each_for_itself(make: Make, rpc: Running, gate: str) -> None:
    client = make(where(rpc, "tcp"))
    await client.connect()
    held = client.call("hold", [gate])
    others = await DeferredList([client.call("add", [i, 1]) for i in range(500)])
    assert others == [(True, i + 1) for i in range(500)]
    assert not held.called
    client.notify("open", [gate])
    assert await held == gate


async def test_a_batch_is_a_deferred_for_each(make: Make, rpc: Running) -> None:
    client = make(where(rpc, "tcp"))
    await client.connect()
    calls = [("add", [1, 2]), ("refuse", None), ("upper", ["tea"]), ("echo", {"value": 4})]
    first, second, third, fourth = client.batch(calls)
    assert (await first, await fourth) == (3, 4)
    for failed, code in ((second, 42), (third, -32601)):
        with pytest.raises(RemoteError) as raised:
            await failed
        assert raised.value.code == code
    assert client.batch([]) == []


async def test_what_was_said_before_the_close_arrives(make: Make, rpc: Running, gate: str) -> None:
    client = make(where(rpc, "tcp"))
    await client.connect()
    for _ in range(1000):
        client.notify("echo", ["x" * 1000])
    client.notify("open", [gate])
    await client.close()
    client = make(where(rpc, "tcp"))
    await client.connect()
    assert await client.call("hold", [gate]) == gate


async def test_large_calls_and_large_answers_do_not_wait_for_each_other(make: Make, rpc: Running) -> None:
    """A server reads no further while its answers are not read: the client reads, whatever it has to send."""
    text = "x" * 200_000
    client = make(where(rpc, "tcp"))
    await client.connect()
    outcomes = await DeferredList([client.call("echo", [text]) for _ in range(100)], consumeErrors=True)
    assert all(outcome == (True, text) for outcome in outcomes)


# -- from the server -----------------------------------------------------------------------


async def test_notifications_are_delivered_in_order_and_before_the_result(make: Make, rpc: Running) -> None:
    told: list[Any] = []
    client = make(where(rpc, "tcp"), on_notification=lambda *one: told.append(one))
    await client.connect()
    assert await client.call("tell_in_thread", [100]) == 100
    assert told == [("told", [number]) for number in range(100)]


async def test_a_topics_values_are_delivered_until_unsubscribed(make: Make, rpc: Running) -> None:
    values: list[Any] = []
    client = make(where(rpc, "tcp"))
    await client.connect()
    await client.subscribe("news", values.append)
    for value in (1, 2):
        assert await client.call("publish", ["news", value]) == 1
        await client.call("echo")  # the value was sent after the result: this one's answer is behind it
    assert values == [1, 2]
    await client.unsubscribe("news")
    assert await client.call("publish", ["news", 3]) == 0


async def test_a_subscription_that_fails_is_none(make: Make, rpc: Running) -> None:
    client = make(where(rpc, "tcp"))
    await client.connect()
    with pytest.raises(RemoteError, match="Invalid params"):
        await client.subscribe("olds", print)
    assert (client._topics, client._functions) == ({}, {})
    await client.close()
    with pytest.raises(NotConnected):
        await client.subscribe("news", print)
    assert (client._topics, client._functions) == ({}, {})
    with Scripted(until_end) as server:
        client = make(server.address, timeout=0.05)
        await client.connect()
        with pytest.raises(TimedOut):
            await client.subscribe("news", print)
        assert (client._topics, client._functions) == ({}, {})
        await client.close()


async def test_functions_and_callbacks_may_call_the_client(make: Make, rpc: Running) -> None:
    sums: list[Any] = []
    client = make(where(rpc, "tcp"))
    await client.connect()
    await client.subscribe("news", lambda value: client.call("add", [value, 1]).addCallback(sums.append))
    client.call("publish", ["news", 41]).addCallback(lambda _: client.notify("publish", ["news", 42]))
    await until("both sums", lambda: len(sums) == 2)
    assert sums == [42, 43]


# -- time and cancellation -----------------------------------------------------------------


async def test_a_call_without_an_answer_in_time_fails_and_the_server_is_told(
    make: Make, rpc: Running, gate: str
) -> None:
    client = make(where(rpc, "tcp"), timeout=0.1)
    await client.connect()
    with pytest.raises(TimedOut):
        await client.call("hold", [gate])
    with pytest.raises(TimedOut):
        await client.call("hold", [gate], timeout=0)
    for one in client.batch([("hold", [gate]), ("add", [1, 2])], timeout=0.1):  # a batch's answer is one
        with pytest.raises(TimedOut):
            await one
    client.timeout = PATIENCE
    await until_counted(client, gate, now=0)  # a call that came with its end never began


async def test_cancelling_a_deferred_cancels_its_call(make: Make, rpc: Running, gate: str) -> None:
    client = make(where(rpc, "tcp"))
    await client.connect()
    held = [client.call("hold", [gate]), *client.batch([("hold", [gate]), ("hold", [gate])])]
    await until_counted(client, gate, now=3)
    for one in held:
        one.cancel()
        with pytest.raises(CancelledError):
            await one
    await until_counted(client, gate, cancelled=3)
    assert client._answers == {}
    assert await client.call("add", [1, 2]) == 3


async def test_a_deferreds_own_timeout_cancels_its_call(make: Make, rpc: Running, gate: str) -> None:
    client = make(where(rpc, "tcp"))
    await client.connect()
    with pytest.raises(TimeoutError):
        await client.call("hold", [gate]).addTimeout(0.1, client.reactor)
    await until_counted(client, gate, now=0)


async def test_a_callback_may_cancel_another_call(make: Make, rpc: Running, gate: str) -> None:
    client = make(where(rpc, "tcp"))
    await client.connect()
    held = client.call("hold", [gate])
    await until_counted(client, gate, now=1)
    client.call("add", [1, 2]).addCallback(lambda _: held.cancel())
    with pytest.raises(CancelledError):
        await held
    await until_counted(client, gate, cancelled=1)
