"""A contender that fails costs its own row: the reason is told, others are measured, no process is left."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compare import gate, proc, process
from compare.contenders import BARE, Contender
from compare.process import Failed, Server
from compare.results import Results, read
from tests.compare.running import command, left_behind, mine, run, unwrapped


def measured_by(results: Results, name: str) -> list[str]:
    """The cells in which a contender was measured without a problem."""
    return [one.cell for one in results.rounds if one.name == name and not one.problem]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("falls", "echo falls, round 1: was ended by SIGKILL"),
        ("hushes", r"echo hushes, round 1: \d+ of 50 connections got no last answer"),
        ("errs", "echo errs, round 1: byte 0 of 1,024 came back changed"),
    ],
)
def test_who_fails_in_a_round_is_told_and_the_rest_is_measured(tmp_path: Path, how: str, why: str) -> None:
    mark = str(tmp_path / "mark")
    done = run(command(tmp_path / "out", *mine(how, mark), "--seconds", "1"))
    assert re.search(why, unwrapped(done.stdout))
    assert (done.returncode, done.stderr) == (0, "")
    (path,) = (tmp_path / "out").glob("*.json")
    results = read(path)
    assert measured_by(results, "epoll") == ["echo", "echo-memory"]
    assert "echo" not in measured_by(results, how)
    assert left_behind(mark) == []


def test_nobody_to_measure_is_a_line_and_status_1(tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    done = run(
        command(tmp_path / "out", *mine("wrong", mark), "--contender", "none=/no/such {port}", only="none")
    )
    assert done.returncode == 1
    assert done.stderr == "nobody could be measured\n"
    assert "echo none: not measured: could not be started: No such file or directory: /no/such" in unwrapped(
        done.stdout
    )
    assert left_behind(mark) == []


def test_what_needs_more_descriptors_than_there_are_is_left_out_and_said(tmp_path: Path) -> None:
    done = run(command(tmp_path / "out"), descriptors=256)
    assert (done.returncode, done.stderr) == (0, "")
    said = "echo-memory: left out: it needs 1,100 descriptors, and the limit (ulimit -H -n) is 256"
    assert said in unwrapped(done.stdout)
    (path,) = (tmp_path / "out").glob("*.json")
    results = read(path)
    assert said in results.notes
    assert measured_by(results, "epoll") == ["echo"]


def test_too_few_descriptors_for_anything_are_one_line(tmp_path: Path) -> None:
    done = run(command(tmp_path / "out"), descriptors=40)
    assert (done.returncode, done.stdout) == (2, "")
    assert "40 descriptors are too few for anything: raise ulimit -n" in done.stderr
    assert "Traceback" not in done.stderr


# -- a single server --------------------------------------------------------------------


def test_who_leaves_the_group_is_ended_too(misbehaving: Callable[[str], Contender]) -> None:
    """A daemon is in a session of its own, where no signal to its group comes."""
    with Server(misbehaving("roams"), None) as server:
        server.start()
        with gate.open_to(server, "") as client:
            client.sendall(b"a")
            assert client.recv(1) == b"a"
            everybody = proc.tree(server.pid)
            assert len(everybody) == 3
            assert proc.group(server.pid) == [server.pid]
            server.stop()
            assert [one for one in everybody if proc.alive(one)] == []


def test_a_server_of_many_children_leaves_none_behind() -> None:
    """ForkingTCPServer has a child for each connection."""
    command = (sys.executable, str(BARE / "echo_forks.py"), "{port}")
    with Server(Contender("forks", "echo", "control", "", command), None) as server:
        server.start()
        clients = [gate.open_to(server, "") for _ in range(10)]
        for client in clients:
            client.sendall(b"a")
            assert client.recv(1) == b"a"
        everybody = proc.tree(server.pid)
        assert len(everybody) >= 11
        server.stop()
        for client in clients:
            client.close()
        assert [one for one in everybody if proc.alive(one)] == []


def test_what_is_said_on_stderr_fills_no_disk(misbehaving: Callable[[str], Contender]) -> None:
    with Server(misbehaving("talks"), None) as server:
        server.start()
        assert server.last_words() == ": ?[31mso much to say"
        assert server.stop() == "wrote 4 MiB to stderr, which is part of its cost"


def test_a_port_that_somebody_takes_first_is_left_to_him(
    misbehaving: Callable[[str], Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the choice of a port and the contender's bind others may have it; another one is tried."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken, free = stranger.getsockname()[1], process.free_port(socket.SOCK_STREAM)
        ports = [taken, free]
        monkeypatch.setattr(process, "free_port", lambda _kind: ports.pop(0))
        with Server(misbehaving("well"), None) as server:
            server.start()
            assert (server.port, ports) == (free, [])
            assert gate.examine(server).refused == ""


def test_no_stranger_is_taken_for_the_contender(
    misbehaving: Callable[[str], Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers at once, but its CPU is not what is metered."""
    monkeypatch.setattr(process, "START", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        monkeypatch.setattr(process, "free_port", lambda _kind: stranger.getsockname()[1])
        server = Server(misbehaving("silent"), None)
        with server, pytest.raises(Failed, match="another process than those that it started listens"):
            server.start()


def test_a_port_is_below_those_that_connections_get() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if lowest <= 11_000:
        pytest.skip("connections get nearly every port here")
    assert 10_000 <= process.free_port(socket.SOCK_STREAM) < lowest


def test_without_descriptors_a_contender_fails_in_a_line() -> None:
    script = (
        "import resource; from compare.contenders import TABLE; from compare.process import *\n"
        "server = Server(TABLE[4], None); resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        "try: server.start()\n"
        "except Failed as error: print(error, server.stop() or 'stopped')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "could not be started: Too many open files stopped\n"
