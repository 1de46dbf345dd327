"""A contender that does not behave is told so in a line, and leaves no process behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from compare import gate, proc, process
from compare.contenders import TABLE, Contender
from compare.dialects import WrongAnswer
from compare.process import Failed, Server


@pytest.fixture
def start() -> Iterator[Callable[[Contender], Server]]:
    with ExitStack() as stack:

        def starter(contender: Contender) -> Server:
            server = stack.enter_context(Server(contender, None))
            server.start()
            return server

        yield starter


EPOLL = next(one for one in TABLE if one.name == "epoll")


def test_a_server_that_behaves_passes(start: Callable[[Contender], Server]) -> None:
    found = gate.examine(start(EPOLL))
    assert (found.refused, found.notes) == ("", [])
    assert found.facts["after FIN all that is owed comes back, then EOF"]


def test_a_wrong_answer_is_not_measured(
    start: Callable[[Contender], Server], misbehaving: Callable[[str], Contender]
) -> None:
    found = gate.examine(start(misbehaving("wrong")))
    assert found.refused.startswith("not: echoes")
    assert "came back changed" in found.refused


def test_a_death_in_the_middle_is_said(
    start: Callable[[Contender], Server], misbehaving: Callable[[str], Contender]
) -> None:
    found = gate.examine(start(misbehaving("dies")))
    assert "was ended by SIGKILL" in found.refused


def test_one_that_leaves_at_once_is_quoted(
    start: Callable[[Contender], Server], misbehaving: Callable[[str], Contender]
) -> None:
    with pytest.raises(Failed, match="ended with status 1 before it listened: this port is not to my liking"):
        start(misbehaving("leaves"))


def test_a_socket_that_answers_itself_is_no_server() -> None:
    """A free port may be chosen for the very socket that asks who is there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alone:
        alone.bind(("127.0.0.1", 0))
        alone.connect(alone.getsockname())
        alone.send(b"?")
        assert alone.recv(1) == b"?"
        assert process.talks_to_itself(alone)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.connect(alone.getsockname())
            assert not process.talks_to_itself(other)


def test_one_that_never_listens_is_given_up(
    start: Callable[[Contender], Server],
    misbehaving: Callable[[str], Contender],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "START", 0.3)
    with pytest.raises(Failed, match=r"did not listen within 0\.3 s"):
        start(misbehaving("silent"))


def test_a_command_that_does_not_exist_is_named(start: Callable[[Contender], Server]) -> None:
    with pytest.raises(Failed, match="could not be started: No such file or directory: /no/such/server"):
        start(Contender("none", "echo", "yours", "yours", ("/no/such/server", "{port}")))


def test_one_that_will_not_stop_is_killed_with_its_children(
    start: Callable[[Contender], Server],
    misbehaving: Callable[[str], Contender],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "STOP", 0.2)
    server = start(misbehaving("stays"))
    with gate.open_to(server, ""):
        assert server.stop() == "did not stop within 0.2 s of SIGTERM"
    assert proc.group(server.pid) == []


def test_what_the_leader_left_behind_is_killed_too(
    start: Callable[[Contender], Server], misbehaving: Callable[[str], Contender]
) -> None:
    """The leader dies of SIGTERM; the child that still serves a connection does not notice."""
    server = start(misbehaving("well"))
    with gate.open_to(server, "") as client:
        client.sendall(b"a")
        assert client.recv(1) == b"a"
        assert len(proc.group(server.pid)) == 2
        assert server.stop() == ""
        assert proc.group(server.pid) == []


def test_a_server_and_its_children_stay_on_their_core(misbehaving: Callable[[str], Contender]) -> None:
    """Rule 1."""
    core = min(os.sched_getaffinity(0))
    with Server(misbehaving("well"), core) as server:
        server.start()
        with gate.open_to(server, "") as client:
            client.sendall(b"a")
            assert client.recv(1) == b"a"
            everybody = proc.tree(server.pid)
            assert len(everybody) >= 2
            assert all(os.sched_getaffinity(one) == {core} for one in everybody)


def test_stopping_twice_does_nothing(start: Callable[[Contender], Server]) -> None:
    server = start(EPOLL)
    assert (server.stop(), server.stop()) == ("", "")


def test_ours_fail_by_what_others_are_only_noted_for(
    start: Callable[[Contender], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours must pass the whole gate of their service or are not measured."""

    def never(_server: Server, _ca: str) -> None:
        raise WrongAnswer("nobody can")

    check = gate.Check("does the impossible", never)
    monkeypatch.setitem(gate.FURTHER, "echo", (check,))
    theirs, ours = EPOLL, Contender("ours", "echo", "ours", "", EPOLL.command)
    assert gate.examine(start(theirs)).notes == ["not: does the impossible (nobody can)"]
    assert gate.examine(start(ours)).refused == "not: does the impossible (nobody can)"
