"""rpc through sockets: cancellation, and the limits on calls and on what a line may hold."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.rpc_clients import IN_FLIGHT, QUEUED, THREADS, Connect, Peer, request
from tests.servers import Running

CANCELLED = {"code": -32001, "message": "Cancelled"}
OwnRPC = Callable[..., Running]

stoppable = pytest.mark.parametrize("method", ["hold", "hold_otherwise"])
waiting = pytest.mark.parametrize("method", ["hold", "hold_otherwise", "hold_in_thread"])


# -- cancellation --------------------------------------------------------------------------


@stoppable
def test_a_cancelled_call_is_stopped_and_answered(peer: Peer, gate: str, method: str) -> None:
    """As LSP answers requests that $/cancelRequest cancels."""
    held = peer.ask(method, gate)
    peer.until_counted(gate, now=1)
    peer.cancel(held)
    assert peer.failure(held) == CANCELLED
    peer.until_counted(gate, now=0, cancelled=1)
    peer.tell("open", gate)
    peer.end()  # and is not answered again


def test_a_cancelled_threads_result_is_dropped(peer: Peer, gate: str) -> None:
    """A thread can't be stopped: it is answered for at once, and keeps its place until it returns."""
    held = [peer.ask("hold_in_thread", gate) for _ in range(IN_FLIGHT)]
    peer.until_counted(gate, now=THREADS)
    for ident in held:
        peer.cancel(ident)
        assert peer.failure(ident) == CANCELLED
    peer.until_counted(gate, now=THREADS, cancelled=0)
    after = [peer.ask("hold", f"{gate} after") for _ in range(IN_FLIGHT)]
    peer.until_counted(f"{gate} after", begun=IN_FLIGHT - THREADS)
    peer.tell("open", gate)
    peer.until_counted(f"{gate} after", now=IN_FLIGHT, most=IN_FLIGHT)
    peer.tell("open", f"{gate} after")
    assert sorted(peer.read()["id"] for _ in after) == after
    # The one that no thread had taken up never was.
    assert peer.call("counts", gate)["begun"] == THREADS
    peer.end()


def test_a_cancel_overtakes_the_calls_that_wait(peer: Peer, gate: str) -> None:
    held = [peer.ask("hold", gate) for _ in range(IN_FLIGHT + 2)]
    peer.cancel(held[-1])
    assert peer.failure(held[-1]) == CANCELLED
    peer.tell("open", gate)
    assert [peer.result(ident) for ident in held[:-1]] == [gate] * (IN_FLIGHT + 1)
    assert peer.call("counts", gate) == {"now": 0, "most": IN_FLIGHT, "begun": IN_FLIGHT + 1, "cancelled": 0}


def test_a_cancel_right_behind_its_call_reaches_it(peer: Peer, gate: str) -> None:
    """In one packet: before the call has had a turn."""
    peer.send(*[request("hold", gate, id=1), request("rpc.cancel", 1)] * 100)
    for _ in range(100):
        assert peer.failure(1) == CANCELLED
    peer.until_counted(gate, now=0)


def test_the_places_of_cancelled_calls_are_free_again(peer: Peer, gate: str) -> None:
    for _ in range(3):
        held = [peer.ask("hold", gate) for _ in range(IN_FLIGHT + QUEUED)]
        for ident in reversed(held):
            peer.cancel(ident)
            assert peer.failure(ident) == CANCELLED
        peer.until_counted(gate, now=0)


def test_a_cancel_as_a_request_says_whether_there_was_such_a_call(peer: Peer, gate: str) -> None:
    held = peer.ask("hold", gate)
    cancel = peer.ask("rpc.cancel", held)
    assert peer.failure(held) == CANCELLED
    assert peer.result(cancel) is True
    assert peer.call("rpc.cancel", held) is False
    assert peer.call("rpc.cancel", "unheard of") is False


def test_a_cancelled_member_lets_its_batch_leave(peer: Peer, gate: str) -> None:
    peer.send([request("hold", gate, id="a"), request("add", 1, 2, id="b")])
    peer.cancel("a")
    assert [answer.get("error", answer.get("result")) for answer in peer.read()] == [CANCELLED, 3]


# -- how many calls ------------------------------------------------------------------------


@stoppable
def test_no_more_than_in_flight_run_at_once(peer: Peer, gate: str, method: str) -> None:
    held = [peer.ask(method, gate) for _ in range(IN_FLIGHT + QUEUED)]
    peer.until_counted(gate, now=IN_FLIGHT)
    error = peer.error(method, gate)
    data = {"in_flight": IN_FLIGHT, "queued": QUEUED}
    assert error == {"code": -32003, "message": "Too many calls waiting", "data": data}
    peer.tell("open", gate)
    assert [peer.result(ident) for ident in held] == [gate] * len(held)
    assert peer.call("counts", gate) == {"now": 0, "most": IN_FLIGHT, "begun": len(held), "cancelled": 0}


def test_no_more_than_threads_run_at_once(connect: Connect, gate: str) -> None:
    one, two = connect(), connect()
    held = [(peer, peer.ask("hold_in_thread", gate)) for peer in (one, two) for _ in range(IN_FLIGHT)]
    one.until_counted(gate, now=THREADS)
    one.tell("open", gate)
    for peer in (one, two):
        answers = sorted(peer.read()["id"] for _ in range(IN_FLIGHT))
        assert answers == [ident for owner, ident in held if owner is peer]
    assert one.call("counts", gate) == {"now": 0, "most": THREADS, "begun": 2 * IN_FLIGHT, "cancelled": 0}


def test_calls_beyond_the_servers_count_wait_and_take_turns(own_rpc: OwnRPC, gate: str) -> None:
    """Who has waited longest is next; who asks for many stands behind the others again for each."""
    running = own_rpc("--limits-calls=1")
    greedy, modest, watcher = (Peer(running.connect()) for _ in range(3))

    def begun() -> list[int]:
        return [watcher.call("counts", f"{gate} {which}")["begun"] for which in ("a", "b", "c", "modest")]

    many = ["a", "b", "c"]
    greedy.send(*(request("hold", f"{gate} {which}", id=which) for which in many))
    watcher.until_counted(f"{gate} a", now=1)
    one = modest.ask("hold", f"{gate} modest")
    modest.call("add", 1, 2)  # so that it stands in line by now
    assert begun() == [1, 0, 0, 0]
    watcher.tell("open", f"{gate} a")
    watcher.until_counted(f"{gate} b", now=1)
    assert begun() == [1, 1, 0, 0]
    watcher.tell("open", f"{gate} b")
    watcher.until_counted(f"{gate} modest", now=1)
    assert begun() == [1, 1, 0, 1]
    watcher.tell("open", f"{gate} modest")
    watcher.tell("open", f"{gate} c")
    assert modest.result(one) == f"{gate} modest"
    assert [greedy.read()["id"] for _ in many] == many
    for peer in (greedy, modest, watcher):
        peer.end()


def test_no_more_than_the_servers_count_run_at_once(own_rpc: OwnRPC, gate: str) -> None:
    running = own_rpc("--limits-calls=3")
    peers = [Peer(running.connect()) for _ in range(3)]
    held = [[peer.ask("hold", gate) for _ in range(3)] for peer in peers]
    peers[0].until_counted(gate, now=3)
    peers[0].tell("open", gate)
    for peer, asked in zip(peers, held, strict=True):
        assert [peer.read()["id"] for _ in asked] == asked
    assert peers[0].call("counts", gate) == {"now": 0, "most": 3, "begun": 9, "cancelled": 0}
    for peer in peers:
        peer.end()


def test_places_of_a_lost_connection_go_to_those_who_wait(own_rpc: OwnRPC, gate: str) -> None:
    running = own_rpc("--limits-calls=2")
    lost, other = Peer(running.connect()), Peer(running.connect())
    for _ in range(4):
        lost.ask("hold", f"{gate} lost")
    other.until_counted(f"{gate} lost", now=2)
    held = other.ask("hold", gate)
    assert other.call("counts", gate)["begun"] == 0
    lost.client.reset()
    other.until_counted(gate, now=1)
    other.until_counted(f"{gate} lost", now=0, begun=2, cancelled=2)
    other.tell("open", gate)
    assert other.result(held) == gate
    other.end()


# -- how long ------------------------------------------------------------------------------


@waiting
def test_a_call_has_its_time_waiting_included(own_rpc: OwnRPC, gate: str, method: str) -> None:
    peer = Peer(own_rpc("--limits-call-seconds=0.3", "--limits-in-flight=1").connect())
    begin = time.monotonic()
    held = ["a", "b", "c"]
    # Read at once, they are due at once; else the second ran for what it has more than the first.
    peer.send(*(request(method, gate, id=ident) for ident in held))
    for ident in held:
        data = {"seconds": 0.3}
        assert peer.failure(ident) == {"code": -32002, "message": "Timed out", "data": data}
    assert time.monotonic() - begin >= 0.3
    if method == "hold_in_thread":
        peer.until_counted(gate, now=1, begun=1)  # the other two never ran
        peer.tell("open", gate)
        peer.until_counted(gate, now=0)
    else:
        peer.until_counted(gate, now=0, begun=1, cancelled=1)
    assert peer.call("add", 1, 2) == 3
    peer.end()


def test_silence_is_closed_after_idle_but_not_while_a_call_is_owed(own_rpc: OwnRPC, gate: str) -> None:
    running = own_rpc("--limits-idle=0.3")
    busy = Peer(running.connect())
    held = busy.ask("hold", gate)
    begin = time.monotonic()
    silent = Peer(running.connect())  # and is silent for as long as `busy`, or less
    assert silent.client.read_to_end() == b""
    assert time.monotonic() - begin >= 0.3
    silent.client.close()
    opener = Peer(running.connect())
    opener.until_counted(gate, now=1)
    opener.tell("open", gate)
    opener.end()
    assert busy.result(held) == gate
    assert busy.client.read_to_end() == b""  # now it is silent as well
    busy.client.close()


# -- how large -----------------------------------------------------------------------------


def test_what_one_line_may_hold_is_limited(own_rpc: OwnRPC) -> None:
    peer = Peer(own_rpc("--limits-line=100", "--limits-depth=3", "--limits-batch=2").connect())
    fits = b'{"jsonrpc":"2.0","method":"add","params":[1,2],"id":1'
    peer.client.send(fits.ljust(99) + b"}\r\n" + fits.ljust(100) + b"}\n" + fits + b"}\n")
    assert peer.result(1) == 3
    data: dict[str, Any] = {"problem": "line too long", "most": 100}
    assert peer.read() == {
        "jsonrpc": "2.0",
        "error": {"code": -32600, "message": "Invalid Request", "data": data},
        "id": None,
    }
    assert peer.result(1) == 3
    assert peer.call("echo", [1]) == [1]
    peer.ask("echo", [[1]])
    assert peer.failure(None) == {
        "code": -32700,
        "message": "Parse error",
        "data": {"problem": "nested too deep", "depth": 3},
    }
    peer.send([1, 1])
    assert len(peer.read()) == 2
    peer.send([1, 1, 1])
    data = {"problem": "batch too long", "most": 2}
    assert peer.failure(None) == {"code": -32600, "message": "Invalid Request", "data": data}
    peer.end()


def test_a_result_that_no_reader_could_be_sent_is_an_error(peer: Peer) -> None:
    error = peer.error("repeat", "x", 1_048_577)
    assert error == {"code": -32009, "message": "Result too large", "data": {"most": 1_048_576}}
    assert len(peer.call("repeat", "x", 1_000_000)) == 1_000_000


def test_answers_of_fifty_megabytes_reach_a_slow_reader(connect: Connect) -> None:
    """A healthy reader never exceeds `send_queue`; a batch's answer is bounded by it as a whole."""
    peer = connect(buffer=65_536)
    asked = [request("repeat", "x", 1_000_000, id=number) for number in range(50)]
    peer.send(asked[:20], *asked)
    whole = peer.read()
    assert [answer["id"] for answer in whole if "error" not in answer] == [0]
    assert {answer["error"]["code"] for answer in whole if "error" in answer} == {-32009}
    assert [peer.read()["id"] for _ in asked] == list(range(50))
