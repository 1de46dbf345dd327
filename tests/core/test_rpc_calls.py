"""Calls that take time: what runs, what waits, and when each is answered."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from protocols.rpc import ErrorKind, RPCError, Service
from protocols.rpc.session import RPCSession
from protocols.session import CHUNK, CLOSE, Call, Cancel, Cancelled, Reason
from tests.core.rpc import calls, closed, codes, connect, lines, others, play, request, said, serve

service = Service("calls")


@service.method(run="thread")
def work(name: str = "") -> str:
    """Takes a while."""
    return name


@service.method
def add(a: int, b: int) -> int:
    """Quick."""
    return a + b


@service.method
def fail(words: str) -> None:
    """Raises what is no answer."""
    raise OSError(f"/etc/passwd: {words}")


@service.method
def refuse() -> None:
    """Raises an answer of its own."""
    raise RPCError(ErrorKind(7, "Not today"), {"try": "tomorrow"})


def begin(session: RPCSession, *ids: Any, now: float = 0.0) -> list[Call]:
    """Ask for `work` once for each id; the calls that were ordered."""
    return calls(session.received(lines(*(request("work", [str(id)], id) for id in ids)), now))


def test_replies_leave_in_order_of_completion() -> None:
    session = connect(serve(service))
    first, second = begin(session, 1, 2)
    assert said(session.received(lines(request("add", [1, 2], 3)), 0.0)) == [
        {"jsonrpc": "2.0", "result": 3, "id": 3}
    ]
    assert [one["id"] for one in said(session.replied(second, "b", 0.0))] == [2]
    assert [one["id"] for one in said(session.replied(first, "a", 0.0))] == [1]


def test_a_call_says_what_to_run_and_how() -> None:
    (call,) = begin(connect(serve(service)), 5)
    assert (call.function, call.args, call.run) == (work, ["5"], "thread")


def test_a_batch_leaves_whole_when_its_last_part_is_in() -> None:
    """§6: "an Array containing the corresponding Response objects"; here in their order."""
    session = connect(serve(service))
    batch = [request("work", ["x"], 1), request("add", [1, 2], 2), request("work", ["y"], 3), 1]
    orders = session.received(lines(batch), 0.0)
    assert said(orders) == []
    first, last = calls(orders)
    assert session.replied(last, "y", 0.0) == []
    (answer,) = said(session.replied(first, "x", 0.0))
    assert [one["id"] for one in answer] == [1, 2, 3, None]


def test_a_notification_that_runs_is_never_answered() -> None:
    """§4.1: "The Server MUST NOT reply to a Notification"."""
    session = connect(serve(service))
    for error in (None, OSError("no"), RPCError(ErrorKind(1, "no"))):
        (call,) = calls(session.received(lines(request("work")), 0.0))
        answer = session.failed(call, error, 0.0) if error else session.replied(call, "", 0.0)
        assert answer == []
    assert session.received(lines(request("fail", ["x"]), request("refuse"), request("nothing")), 0.0) == []


def test_a_failed_method_is_logged_and_answered_without_its_words(caplog: Any) -> None:
    """rpc.md: never a traceback, a path, or a secret."""
    session = connect(serve(service))
    orders = session.received(lines(request("fail", ["secret"], 1)), 0.0)
    (call,) = begin(session, 2)
    orders = [*orders, *session.failed(call, OSError("/etc/secret/key"), 0.0)]
    for id, message in zip((1, 2), said(orders), strict=True):
        assert message == {
            "jsonrpc": "2.0",
            "error": {"code": -32603, "message": "Internal error"},
            "id": id,
        }
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
    assert caplog.records[0].levelno == logging.ERROR


def test_a_method_may_choose_its_error() -> None:
    session = connect(serve(service))
    (message,) = said(session.received(lines(request("refuse", id=1)), 0.0))
    assert message["error"] == {"code": 7, "message": "Not today", "data": {"try": "tomorrow"}}


# -- cancellation ----------------------------------------------------------------------


def test_a_cancelled_call_is_answered_at_once_and_its_result_dropped() -> None:
    """rpc.md: answered with an error -32001."""
    session = connect(serve(service))
    (call,) = begin(session, "a")
    cancel, answer = session.received(lines(request("rpc.cancel", {"id": "a"})), 0.0)
    assert isinstance(cancel, Cancel)
    assert cancel.call is call
    assert said([answer]) == [
        {"jsonrpc": "2.0", "error": {"code": -32001, "message": "Cancelled"}, "id": "a"}
    ]
    assert session.replied(call, "late", 0.0) == []


def test_a_cancelled_call_keeps_its_place_until_it_is_over() -> None:
    """Contract: "a thread that can't be stopped keeps its place in the count until it returns"."""
    server = serve(service, in_flight=1)
    session = connect(server)
    (call,) = begin(session, 1, 2)
    orders = session.received(lines(request("rpc.cancel", [1])), 0.0)
    assert calls(orders) == []
    assert server.slots.used == 1
    (second,) = calls(session.failed(call, Cancelled(), 0.0))
    assert second.args == ["2"]


def test_a_cancel_overtakes_what_waits() -> None:
    session = connect(serve(service, in_flight=1))
    (first,) = begin(session, 1, 2, 3)
    assert codes(session.received(lines(request("rpc.cancel", [2])), 0.0)) == [-32001]
    (third,) = calls(session.replied(first, "", 0.0))
    assert third.args == ["3"]


@pytest.mark.parametrize("id", ["9", '"1"', "null", "1.0", "[1]", "{}"])
def test_a_cancel_of_nothing_says_nothing(id: str) -> None:
    session = connect(serve(service))
    begin(session, 1)
    line = b'{"jsonrpc":"2.0","method":"rpc.cancel","params":[%b]}\n' % id.encode()
    assert list(session.received(line, 0.0)) == []


def test_a_cancel_knows_a_string_by_its_characters() -> None:
    session = connect(serve(service))
    (call,) = begin(session, "ä")  # which json writes as an escape
    line = '{"jsonrpc":"2.0","method":"rpc.cancel","params":["ä"]}\n'.encode()
    assert codes(session.received(line, 0.0)) == [-32001]
    assert session.failed(call, Cancelled(), 0.0) == []


def test_a_cancel_in_the_same_batch_is_part_of_its_answer() -> None:
    session = connect(serve(service))
    orders = session.received(lines([request("work", id=1), request("rpc.cancel", [1], 2)]), 0.0)
    ((cancelled, result),) = said(orders)
    assert cancelled["error"]["code"] == -32001
    assert result["result"] is True


def test_a_call_that_the_driver_cancelled_is_answered_so() -> None:
    session = connect(serve(service))
    (call,) = begin(session, 1)
    assert codes(session.failed(call, Cancelled(), 0.0)) == [-32001]


# -- how many --------------------------------------------------------------------------


def test_calls_beyond_in_flight_wait_and_beyond_queued_are_refused() -> None:
    session = connect(serve(service, in_flight=2, queued=1))
    orders = session.received(lines(*(request("work", [], id) for id in range(1, 6))), 0.0)
    assert len(calls(orders)) == 2
    assert [(one["id"], one["error"]["code"]) for one in said(orders)] == [(4, -32003), (5, -32003)]
    assert len(calls(session.replied(calls(orders)[0], "", 0.0))) == 1


def test_a_server_wide_place_goes_to_who_waited_longest() -> None:
    server = serve(service, calls=1)
    ann, bob, cem = connect(server), connect(server), connect(server)
    (first,) = begin(ann, 1, 2, 3)
    assert begin(bob, 4) == begin(cem, 5) == []
    started = []
    session, call = ann, first
    for _ in range(4):
        orders = session.replied(call, "", 0.0)
        ((session, call),) = [(session, one) for one in calls(orders)] + [
            (next(iter(to.sessions)), one) for to in others(orders) for one in calls(to.orders)
        ]
        started.append(call.args[0])
    assert started == ["2", "4", "5", "3"]  # ann asked first, then each in turn
    assert session.replied(call, "", 0.0) is not None
    assert server.slots.used == 0


def test_a_lost_connection_gives_its_places_back() -> None:
    server = serve(service, calls=1)
    ann, bob = connect(server), connect(server)
    begin(ann, 1, 2)
    begin(bob, 3)
    (to,) = others(ann.disconnected(Reason.RESET, 0.0))
    assert list(to.sessions) == [bob]
    assert calls(to.orders)[0].args == ["3"]
    assert server.slots.used == 1


def test_a_lost_connection_loses_its_turn() -> None:
    server = serve(service, calls=1)
    ann, bob, cem = connect(server), connect(server), connect(server)
    (call,) = begin(ann, 1)
    begin(bob, 2)
    begin(cem, 3)
    assert bob.disconnected(Reason.EOF, 0.0) == []
    assert len(server.slots) == 1, "who is gone still stands in line"
    (to,) = others(ann.replied(call, "", 0.0))
    assert list(to.sessions) == [cem]


def test_places_that_come_free_together_are_all_taken() -> None:
    server = serve(service, calls=2)
    ann, bob = connect(server), connect(server)
    begin(ann, 1, 2)
    begin(bob, 3, 4, 5)
    orders = ann.disconnected(Reason.EOF, 0.0)
    assert [calls(to.orders)[0].args for to in others(orders)] == [["3"], ["4"]]
    assert server.slots.used == 2


# -- time ------------------------------------------------------------------------------


def test_a_call_that_takes_too_long_is_answered_and_cancelled() -> None:
    """rpc.md: "a time for each call (30 s; also for one that waits)"."""
    session = connect(serve(service, call_seconds=30, in_flight=1))
    (first,) = begin(session, 1, now=0.0)
    assert begin(session, 2, now=10.0) == []
    assert session.deadline == 30.0
    orders = session.expired(30.0)
    assert [one.call for one in orders if isinstance(one, Cancel)] == [first]
    assert codes(orders) == [-32002]
    assert session.deadline == 40.0
    assert codes(session.expired(40.0)) == [-32002]
    assert session.deadline is None
    assert session.failed(first, Cancelled(), 41.0) == []


def test_a_deadline_that_is_not_due_expires_nothing() -> None:
    session = connect(serve(service, call_seconds=30))
    begin(session, 1)
    assert session.expired(29.0) == []
    assert session.deadline == 30.0


def test_silence_closes_only_when_nothing_is_in_flight() -> None:
    session = connect(serve(service, idle=5, call_seconds=0))
    assert session.deadline == 5.0
    (call,) = begin(session, 1, now=1.0)
    assert session.deadline is None
    assert session.expired(100.0) == []
    assert not closed(session.replied(call, "", 200.0))
    assert session.deadline == 205.0
    assert session.expired(205.0) == [CLOSE]


# -- the end ---------------------------------------------------------------------------


def test_the_answers_owed_at_fin_leave_before_the_close() -> None:
    session = connect(serve(service, in_flight=1))
    (first,) = begin(session, 1, 2)
    assert session.ended(0.0) == []
    answer, second = session.replied(first, "a", 0.0)
    assert isinstance(second, Call)
    orders = session.replied(second, "b", 0.0)
    assert said([answer, *orders[:-1]]) == [
        {"jsonrpc": "2.0", "result": "a", "id": 1},
        {"jsonrpc": "2.0", "result": "b", "id": 2},
    ]
    assert orders[-1] == CLOSE


def test_what_follows_the_last_newline_is_one_last_line() -> None:
    session = connect(serve(service))
    assert session.received(lines(request("add", [1, 2], 1))[:-1], 0.0) == []
    answer, close = session.ended(0.0)
    assert said([answer])[0]["result"] == 3
    assert close == CLOSE


def test_a_stopping_server_takes_nothing_new_and_finishes_what_it_has() -> None:
    session = connect(serve(service, in_flight=1))
    (first,) = begin(session, 1, 2)
    assert session.drained(0.0) == []
    assert codes(session.received(lines(request("add", [1, 2], 3), request("add", [1, 2])), 0.0)) == [-32007]
    (second,) = calls(session.replied(first, "a", 0.0))
    cancel, answer, close = session.received(lines(request("rpc.cancel", [2])), 0.0)
    assert isinstance(cancel, Cancel)
    assert cancel.call is second
    assert codes([answer]) == [-32001]
    assert close == CLOSE


def test_an_idle_connection_of_a_stopping_server_is_closed_at_once() -> None:
    assert connect(serve(service)).drained(0.0) == [CLOSE]


# -- more ------------------------------------------------------------------------------

big = Service("big")


@big.method
def fill(size: int) -> str:
    """As many letters."""
    return "x" * size


@big.method(run="thread")
def slow_fill(size: int) -> str:
    """The same, later."""
    return "x" * size


def test_answers_stop_at_a_chunk_and_go_on_when_resumed() -> None:
    """Contract: "A session stops after 64 KiB of output with `more = True`"."""
    session = connect(serve(big))
    data = lines(*(request("fill", [20_000], id) for id in range(20)))
    sizes = [sum(map(len, session.received(data, 0.0)))]
    while session.more:
        sizes.append(sum(map(len, session.resumed(0.0))))
    assert len(sizes) >= 5
    assert max(sizes) < CHUNK + 20_100
    assert sum(sizes) > 400_000


def test_what_arrives_meanwhile_is_kept_in_order() -> None:
    session = connect(serve(big))
    orders = list(session.received(lines(*(request("fill", [40_000], id) for id in (1, 2, 3))), 0.0))
    assert session.more
    orders += session.received(lines(request("fill", [1], 4)), 0.0)
    orders += session.ended(0.0)
    while session.more:
        orders += session.resumed(0.0)
    assert [one["id"] for one in said(orders)] == [1, 2, 3, 4]
    assert orders[-1] == CLOSE


def test_no_call_starts_and_no_result_leaves_while_there_is_more() -> None:
    session = connect(serve(big, in_flight=2))
    ask = lines(*(request("slow_fill", [0], id) for id in (1, 2, 3)))
    first, second = calls(session.received(ask, 0.0))
    assert len(said(session.replied(first, "x" * CHUNK, 0.0))) == 1
    assert session.more
    assert session.replied(second, "y", 0.0) == []
    orders = session.resumed(0.0)
    assert said(orders)[0]["result"] == "y"
    assert len(calls(orders)) == 1


def test_drained_behind_more_refuses_only_what_comes_later() -> None:
    session = connect(serve(big))
    orders = list(session.received(lines(*(request("fill", [70_000], id) for id in (1, 2))), 0.0))
    orders += session.drained(0.0)
    orders += session.received(lines(request("fill", [1], 3)), 0.0)
    while session.more:
        orders += session.resumed(0.0)
    answers = said(orders)
    assert [len(one.get("result", "")) for one in answers] == [70_000, 70_000, 0]
    assert answers[2]["error"]["code"] == -32007
    assert orders[-1] == CLOSE


def test_a_result_that_no_reader_could_be_sent_is_an_error() -> None:
    """Beyond `send_queue` the driver would have to drop the peer; it is told instead."""
    session = connect(serve(big, send_queue=100_000))
    assert codes(play(session, [lines(request("fill", [100_000], 1))])) == [-32009]
    (answers,) = said(play(session, [lines([request("fill", [60_000], id) for id in (1, 2)])]))
    assert len(answers[0]["result"]) == 60_000
    assert answers[1]["error"]["code"] == -32009
