"""The client's half: calls out, answers in, and each thing that can go wrong by its name."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.rpc import Service
from protocols.rpc.client import ClientSession, Deliver, DeliverTopic, Pending, Settle
from protocols.rpc.failures import (
    Backoff,
    BadReply,
    CallCancelled,
    ConnectionLost,
    NotConnected,
    RemoteError,
    TimedOut,
)
from protocols.rpc.message import Unspeakable
from protocols.session import ABORT, CLOSE, Reason, Refused
from tests.core.rpc import PEER, lines, serve


def client(**more: Any) -> ClientSession:
    session = ClientSession(**more)
    session.connected(PEER, 0.0)
    return session


def settled(orders: Any) -> list[tuple[Pending, Any]]:
    """What was settled, and how: its result, or the type of its error."""
    return [
        (one.pending, type(one.error) if one.error else one.result)
        for one in orders
        if isinstance(one, Settle)
    ]


def test_a_call_is_one_line_and_its_answer_settles_it() -> None:
    session = client()
    pending, orders = session.call("add", [1, 2], 0.0)
    assert [json.loads(line) for line in orders] == [  # type: ignore[arg-type]
        {"jsonrpc": "2.0", "method": "add", "params": [1, 2], "id": 1}
    ]
    assert settled(session.received(lines({"jsonrpc": "2.0", "result": 3, "id": 1}), 0.0)) == [(pending, 3)]


def test_answers_find_their_calls_in_any_order() -> None:
    session = client()
    first, _ = session.call("a", None, 0.0)
    second, _ = session.call("b", None, 0.0)
    answers = [{"jsonrpc": "2.0", "result": id, "id": id} for id in (2, 1)]
    assert settled(session.received(lines(*answers), 0.0)) == [(second, 2), (first, 1)]


def test_a_batch_is_one_line_and_answered_in_one() -> None:
    session = client()
    pendings, (line,) = session.batch([("a", [1]), ("b", None)], 0.0)
    assert isinstance(line, bytes)
    assert [one["id"] for one in json.loads(line)] == [1, 2]
    answers = [{"jsonrpc": "2.0", "result": id, "id": id} for id in (2, 1)]
    assert settled(session.received(lines(answers), 0.0)) == [(pendings[1], 2), (pendings[0], 1)]
    assert session.batch([], 0.0) == ([], ())


def test_a_result_is_converted_to_the_type_that_was_asked_for() -> None:
    class Point(msgspec.Struct):
        x: int

    session = client()
    session.call("a", None, 0.0, type=Point)
    answer = {"jsonrpc": "2.0", "result": {"x": 3}, "id": 1}
    assert settled(session.received(lines(answer), 0.0))[0][1] == Point(3)
    session.call("a", None, 0.0, type=int)
    assert settled(session.received(lines({**answer, "id": 2}), 0.0))[0][1] is BadReply


def test_an_error_answer_keeps_its_words() -> None:
    session = client()
    session.call("a", None, 0.0)
    error = {"code": 7, "message": "No", "data": [1]}
    (settle,) = session.received(lines({"jsonrpc": "2.0", "error": error, "id": 1}), 0.0)
    assert isinstance(settle, Settle)
    assert isinstance(settle.error, RemoteError)
    assert (settle.error.code, settle.error.message, settle.error.data) == (7, "No", [1])


def test_a_call_without_an_answer_times_out_and_the_server_is_told() -> None:
    session = client()
    slow, _ = session.call("a", None, 0.0, timeout=9)
    quick, _ = session.call("b", None, 0.0, timeout=5)
    session.call("c", None, 0.0)
    assert session.deadline == 5
    line, *rest = session.expired(5.0)
    assert isinstance(line, bytes)
    assert json.loads(line) == {"jsonrpc": "2.0", "method": "rpc.cancel", "params": {"id": 2}}
    assert settled(rest) == [(quick, TimedOut)]
    assert session.deadline == 9
    late = {"jsonrpc": "2.0", "error": {"code": -32001, "message": "Cancelled"}, "id": 2}
    assert session.received(lines(late), 6.0) == []
    assert settled(session.received(lines({"jsonrpc": "2.0", "result": 0, "id": 1}), 6.0)) == [(slow, 0)]
    assert session.deadline is None


def test_deadlines_of_what_is_over_do_not_pile_up() -> None:
    session = client()
    session.call("never answered", None, 0.0, timeout=1)
    for id in range(2, 1000):
        session.call("a", None, 0.0, timeout=id)
        session.received(lines({"jsonrpc": "2.0", "result": 0, "id": id}), 0.0)
    assert len(session._dues) < 100


def test_a_cancelled_call_is_settled_at_once_and_once() -> None:
    session = client()
    pending, _ = session.call("a", None, 0.0)
    _, settle = session.cancel(pending)
    assert settled([settle]) == [(pending, CallCancelled)]
    assert session.cancel(pending) == ()
    assert session.disconnected(Reason.EOF, 0.0) == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b'{"jsonrpc":"2.0","result":"\xff","id":1}\n',
        b'{"jsonrpc":"1.0","result":1,"id":1}\n',
        b'{"jsonrpc":"2.0","id":1}\n',
        b'{"jsonrpc":"2.0","result":1,"error":{"code":1,"message":""},"id":1}\n',
        b'{"jsonrpc":"2.0","result":1,"id":99}\n',
        b'{"jsonrpc":"2.0","result":1,"id":"x"}\n',
        b'{"jsonrpc":"2.0","error":"no","id":1}\n',
        b"[" * 10_000 + b"\n",
        b"[1]\n",
        b"x" * 2000 + b"\n",
        b'{"jsonrpc":"2.0","method":"rpc.published","params":[1]}\n',
    ],
)
def test_a_server_that_talks_nonsense_is_left_with_a_clear_error(garbage: bytes) -> None:
    session = client(line=1000)
    pending, _ = session.call("a", None, 0.0)
    *rest, abort = session.received(garbage, 0.0)
    assert settled(rest) == [(pending, BadReply)]
    assert abort == ABORT
    with pytest.raises(NotConnected, match="the server"):
        session.call("a", None, 0.0)
    assert session.disconnected(Reason.ABORTED, 0.0) == []


def test_a_lost_connection_fails_what_was_under_way() -> None:
    session = client()
    pending, _ = session.call("a", None, 0.0, timeout=5)
    (settle,) = session.disconnected(Reason.RESET, 0.0)
    assert isinstance(settle, Settle)
    assert settle.pending is pending
    assert isinstance(settle.error, ConnectionLost)
    assert str(settle.error) == "the connection ended first: reset by peer"
    assert session.deadline is None
    with pytest.raises(NotConnected):
        session.notify("a")


def test_a_call_of_another_connection_with_the_same_id_is_left_alone() -> None:
    lost, session = client(), client()
    pending, _ = lost.call("a", None, 0.0)
    other, _ = session.call("b", None, 0.0)
    assert pending.ident == other.ident
    assert session.cancel(pending) == ()
    assert len(session.cancel(other)) == 2


def test_closing_says_so_to_those_who_call_afterwards() -> None:
    session = client()
    pending, _ = session.call("a", None, 0.0)
    settle, close = session.drained(0.0)
    assert isinstance(settle, Settle)
    assert (settle.pending, str(settle.error), close) == (pending, "the client was closed", CLOSE)
    with pytest.raises(NotConnected, match="the client was closed"):
        session.call("a", None, 0.0)


def test_a_connection_works_once_the_server_has_said_anything_to_the_point() -> None:
    session = client()
    session.call("a", None, 0.0)
    session.received(b'{"jsonrpc":"2.0","error":{"code":-32008,"message":"No"},"id":null}\n', 0.0)
    assert not session.works
    session.received(b'{"jsonrpc":"2.0","method":"told"}\n', 0.0)
    assert session.works


def test_a_refused_connection_says_why() -> None:
    session = client()
    session.call("a", None, 0.0)
    session.call("b", None, 0.0)
    session.received(serve(Service("x")).refusal(Refused.CONNECTIONS), 0.0)
    *settles, close = session.ended(0.0)
    for one in settles:
        assert isinstance(one, Settle)
        assert "too many connections" in str(one.error)
    assert len(settles) == 2
    assert close == CLOSE


def test_an_error_without_an_id_is_the_answer_if_only_one_line_can_be_meant() -> None:
    session = client()
    pendings, _ = session.batch([("a", None), ("b", None)], 0.0)
    error = {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": None}
    assert settled(session.received(lines(error), 0.0)) == [(one, RemoteError) for one in pendings]
    session.call("a", None, 0.0)


def test_before_and_after_the_connection_there_is_none() -> None:
    with pytest.raises(NotConnected):
        ClientSession().call("a", None, 0.0)
    session = client()
    session.ended(0.0)
    with pytest.raises(NotConnected):
        session.call("a", None, 0.0)


def test_params_that_json_cannot_say_are_the_callers_mistake() -> None:
    session = client()
    for params in ([float("nan")], "text", 5, ["\ud800"]):
        with pytest.raises(Unspeakable):
            session.call("a", params, 0.0)
    assert session.disconnected(Reason.EOF, 0.0) == []


def test_notifications_are_delivered_and_requests_refused() -> None:
    session = client()
    orders = session.received(
        lines(
            {"jsonrpc": "2.0", "method": "progress", "params": {"step": 1}},
            {"jsonrpc": "2.0", "method": "bare"},
            {"jsonrpc": "2.0", "method": "rpc.published", "params": {"topic": "t", "value": 5}},
            {"jsonrpc": "2.0", "method": "ask", "id": "x"},
        ),
        0.0,
    )
    assert orders[:3] == [Deliver("progress", {"step": 1}), Deliver("bare"), DeliverTopic("t", 5)]
    assert isinstance(orders[3], bytes)
    assert json.loads(orders[3])["error"]["code"] == -32601


def test_subscriptions_and_the_token_survive_a_reconnect(caplog: Any) -> None:
    topics: dict[str, None] = {}
    session = client(topics=topics)
    for topic in ("a", "b", "gone"):
        session.subscribe(topic, 0.0)
    session.unsubscribe("a", 0.0)
    error = {"jsonrpc": "2.0", "error": {"code": -32602, "message": "Invalid params"}, "id": 3}
    session.received(lines(error), 0.0)
    session.disconnected(Reason.RESET, 0.0)
    again = ClientSession(topics, token="secret")
    orders = again.connected(PEER, 1.0)
    assert [(one["method"], one["params"]) for one in map(json.loads, orders)] == [  # type: ignore[arg-type]
        ("rpc.authenticate", ["secret"]),
        ("rpc.subscribe", ["b"]),
    ]
    refused = {"jsonrpc": "2.0", "error": {"code": -32005, "message": "Authentication failed"}, "id": 1}
    assert again.received(lines(refused, {"jsonrpc": "2.0", "result": True, "id": 2}), 1.0) == []
    assert "Authentication failed" in caplog.text
    assert "secret" not in caplog.text
    assert again.disconnected(Reason.EOF, 2.0) == []


def test_backing_off_takes_longer_each_time_up_to_a_limit() -> None:
    backoff = Backoff(first=1, factor=2, most=10, jitter=0.5)
    assert [backoff.next(0.0) for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    assert backoff.next(1.0) == 5
    backoff.reset()
    assert backoff.next(0.0) == 1
    backoff.tries = 10**9
    assert backoff.next(0.0) == 10


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"\n", b'{"jsonrpc":"2.0","result":1,"id":1}\n'])))
def test_no_server_can_make_it_raise(chunks: list[bytes]) -> None:
    session = client(line=100)
    pending, _ = session.call("a", None, 0.0, timeout=1)
    out: list[Any] = []
    for chunk in filter(None, chunks):
        out += session.received(chunk, 0.0)
    out += session.expired(1.0)
    out += session.ended(2.0)
    out += session.disconnected(Reason.EOF, 2.0)
    assert [one.pending for one in out if isinstance(one, Settle)] == [pending]
