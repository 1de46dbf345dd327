"""rpc through sockets: topics, and subscribers that come, go and do not read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rpc_clients import Connect, Peer, request
from tests.servers import Running, wait_until

SEND_QUEUE = 1_048_576


def published(topic: str, value: Any) -> dict[str, Any]:
    return request("rpc.published", topic=topic, value=value)


def test_what_is_published_reaches_every_subscriber(connect: Connect) -> None:
    subscribers, other, publisher = [connect(), connect()], connect(), connect()
    for peer in subscribers:
        assert peer.call("rpc.subscribe", "news") is True
        assert peer.call("rpc.subscribe", topic="news") is False
    assert publisher.call("publish", "news", {"tea": "ready"}) == 2
    for peer in subscribers:
        assert peer.read() == published("news", {"tea": "ready"})
    for peer in (*subscribers, other):
        peer.end()


def test_a_publisher_may_subscribe_itself(peer: Peer) -> None:
    peer.call("rpc.subscribe", "news")
    assert peer.call("publish", "news", 1) == 1
    assert peer.read() == published("news", 1)
    peer.end()


def test_all_subscribers_see_one_order_from_threads_too(connect: Connect) -> None:
    """What other threads say is marshalled to the loop by the driver."""
    subscribers, publishers = [connect(), connect()], [connect(), connect(), connect()]
    for peer in subscribers:
        peer.call("rpc.subscribe", "news")
    asked = [
        publishers[0].ask("publish_in_thread", "news", 200),
        publishers[1].ask("publish_in_thread", "news", 200),
        publishers[2].ask("publish", "news", "inline", 200),
    ]
    seen = [[peer.read()["params"]["value"] for _ in range(600)] for peer in subscribers]
    assert seen[0] == seen[1]
    assert seen[0].count("inline") == 200
    for number in range(200):
        assert seen[0].count(number) == 2
    for publisher, ident in zip(publishers, asked, strict=True):
        publisher.result(ident)
    for peer in subscribers:
        peer.end()


def test_what_a_thread_publishes_arrives_before_its_result(peer: Peer) -> None:
    peer.call("rpc.subscribe", "news")
    asked = peer.ask("publish_in_thread", "news", 100)
    assert [peer.read() for _ in range(100)] == [published("news", number) for number in range(100)]
    assert peer.result(asked) == 100
    peer.end()


def test_who_unsubscribes_is_told_no_more(connect: Connect) -> None:
    peer, publisher = connect(), connect()
    peer.call("rpc.subscribe", "news")
    peer.call("rpc.subscribe", "flood")
    assert peer.call("rpc.unsubscribe", "news") is True
    assert peer.call("rpc.unsubscribe", "news") is False
    assert publisher.call("publish", "news", 1) == 0
    assert publisher.call("publish", "flood", 2) == 1
    assert peer.read() == published("flood", 2)
    peer.end()


@pytest.mark.parametrize("method", ["rpc.subscribe", "rpc.unsubscribe"])
def test_a_topic_that_is_not_there_is_told(peer: Peer, method: str) -> None:
    data = {"parameter": "topic", "expected": "news, flood", "problem": "no such topic"}
    assert peer.error(method, "olds") == {"code": -32602, "message": "Invalid params", "data": data}


@pytest.mark.parametrize("over", ["tcp", "tls", "unix"])
@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_subscription_ends_with_its_connection(connect: Connect, over: str, how: str) -> None:
    peer, watcher = connect(over), connect()
    peer.call("rpc.subscribe", "news")
    assert watcher.call("subscribers", "news") == 1
    if how == "end":
        peer.client.half_close()
        assert peer.client.read_to_end() == b""
        peer.client.close()
    else:
        peer.client.reset()
    wait_until("no subscriber", lambda: watcher.call("subscribers", "news") == 0)
    watcher.end()


@pytest.mark.parametrize("over", ["tcp", "tls", "unix"])
def test_a_subscriber_that_does_not_read_is_dropped_and_the_others_do_not_notice(
    rpc: Running, connect: Connect, over: str
) -> None:
    """rpc.md: it is "dropped at `send_queue`"; what the server holds for it stays below that."""
    healthy, slow, publisher = connect(over), connect(over, buffer=4096), connect()
    for peer in (healthy, slow):
        peer.call("rpc.subscribe", "flood")
    value = "x" * 100_000
    memory = rpc.memory()
    sent = 0
    while publisher.call("subscribers", "flood") == 2:
        assert publisher.call("publish", "flood", value) == 2
        assert healthy.read() == published("flood", value)
        sent += 1
        assert sent < 200  # the kernel's buffers may take some MiB, but not these
    assert sent * len(value) >= SEND_QUEUE
    assert rpc.memory() - memory < 16 * SEND_QUEUE
    assert publisher.call("publish", "flood", "after") == 1
    assert healthy.read() == published("flood", "after")
    came = 0
    try:
        while slow.read():
            came += 1
    except (EOFError, ConnectionResetError):  # a unix socket knows no RST
        pass
    assert came < sent
    healthy.end()
