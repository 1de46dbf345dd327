"""Line 7 of what every driver must do: calls, answered once each, cancelled, and no more than allowed."""

from __future__ import annotations

import pytest

from tests.integration.probing import Connect, ask, facts_of, in_step, name_of, names

# -- 7: calls ----------------------------------------------------------------------------------

RUNS = pytest.mark.parametrize("run", ["thread", "concurrent", "coroutine"])


@RUNS
def test_a_call_is_answered_once_with_what_it_returned(join: Connect, run: str) -> None:
    client = join()
    gate = f"g{next(names)}"
    client.send(f"call a {run} {gate}\n".encode())
    in_step(client)
    client.send(f"open {gate}\n".encode())
    assert client.read_line() == b"replied a opened"
    in_step(client)


@RUNS
def test_a_call_that_raises_is_answered_with_its_error(join: Connect, run: str) -> None:
    client = join()
    assert ask(client, f"call a {run} raise") == "failed a Mischief"
    in_step(client)


@RUNS
def test_a_call_that_exits_does_not_end_the_server(join: Connect, run: str) -> None:
    client = join()
    assert ask(client, f"call a {run} exit") == "failed a RuntimeError"
    in_step(client)


@pytest.mark.parametrize("run", ["concurrent", "coroutine"])
def test_a_cancelled_call_is_answered_as_such_once(join: Connect, run: str) -> None:
    client = join()
    gate = f"g{next(names)}"
    client.send(f"call a {run} {gate}\n".encode())
    in_step(client)
    assert ask(client, "cancel a") == "failed a cancelled"
    client.send(f"open {gate}\ncancel a\n".encode())
    in_step(client)


@pytest.mark.parametrize("run", ["concurrent", "coroutine"])
def test_a_call_cancelled_in_the_same_breath_is_answered_once(join: Connect, run: str) -> None:
    client = join()
    gate = f"g{next(names)}"
    client.send(f"call a {run} {gate}\n".encode() + b"cancel a\n")
    assert client.read_line() == b"failed a cancelled"
    client.send(f"open {gate}\n".encode())
    in_step(client)


def test_a_cancelled_thread_is_answered_for_when_it_returns(join: Connect) -> None:
    client, other = join(), join()
    gate = f"g{next(names)}"
    client.send(f"call a{gate} thread {gate}\n".encode())
    while f" a{gate}" not in ask(other, "ran"):
        pass
    client.send(f"cancel a{gate}\n".encode())
    in_step(client)  # and no answer came before
    other.send(f"open {gate}\n".encode())
    assert client.read_line() == f"failed a{gate} cancelled".encode()
    in_step(client)


def test_a_cancelled_call_that_has_not_started_never_runs(join: Connect) -> None:
    """The probe has four threads: a fifth call waits for one."""
    client = join()
    gate = f"g{next(names)}"
    for i in range(4):
        client.send(f"call {gate}busy{i} thread {gate}\n".encode())
    while ask(client, "ran").count(f"{gate}busy") < 4:
        pass
    client.send(f"call {gate}late thread {gate}\n".encode())
    in_step(client)
    assert ask(client, f"cancel {gate}late") == f"failed {gate}late cancelled"
    client.send(f"open {gate}\n".encode())
    assert len({client.read_line() for _ in range(4)}) == 4
    assert f"{gate}late" not in ask(client, "ran")
    # A thread that was given up for the call would be missing now.
    again = f"g{next(names)}"
    for i in range(4):
        client.send(f"call {again}busy{i} thread {again}\n".encode())
    while ask(client, "ran").count(f"{again}busy") < 4:
        pass
    client.send(f"open {again}\n".encode())
    assert len({client.read_line() for _ in range(4)}) == 4


def test_threads_are_shared_by_all_and_no_more_than_said(join: Connect) -> None:
    one, two = join(), join()
    gate = f"g{next(names)}"
    for i in range(8):
        (one, two)[i % 2].send(f"call {gate}x{i} thread {gate}\n".encode())
    while ask(one, "ran").count(f"{gate}x") < 4:
        pass
    in_step(two)
    assert ask(one, "ran").count(f"{gate}x") == 4
    one.send(f"open {gate}\n".encode())
    for client in (one, two):
        assert len({client.read_line() for _ in range(4)}) == 4
    assert ask(one, "ran").count(f"{gate}x") == 8


def test_a_disconnect_cancels_its_calls(join: Connect) -> None:
    watcher, client = join(), join()
    gate = f"g{next(names)}"
    for i in range(4):
        client.send(f"call {gate}busy{i} thread {gate}\n".encode())
    while ask(watcher, "ran").count(f"{gate}busy") < 4:
        pass
    client.send(f"call {gate}late thread {gate}\ncall {gate}c concurrent {gate}\n".encode())
    in_step(client)
    client.reset()
    facts = facts_of(watcher, name_of(client))
    watcher.send(f"open {gate}\n".encode())
    in_step(watcher)
    assert facts[-1] == "disconnected:RESET"
    assert "failed" not in facts
    assert ask(watcher, "call after thread raise") == "failed after Mischief"
    assert f"{gate}late" not in ask(watcher, "ran")
