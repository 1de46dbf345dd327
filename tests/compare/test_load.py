"""The generator: it counts what came back whole and right, and says why it stopped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest
from hdrh.histogram import HdrHistogram

from compare import dialects
from compare.contenders import TABLE, Contender
from compare.load.client import Generator
from compare.load.jobs import Job
from compare.process import Server


@pytest.fixture(scope="module")
def generator() -> Iterator[Generator]:
    with Generator(None) as one:
        one.start()
        yield one


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(next(one for one in TABLE if one.name == "epoll"), None) as one:
        one.start()
        yield one


def _echo(server: Server, size: int = 1024, **more: object) -> Job:
    message = dialects.echo_message(size)
    words: dict[str, object] = {
        "kind": "closed",
        "port": server.port,
        "connections": 5,
        "request": message,
        "reply": message,
        "stamped": True,
        "warmup": 0.02,
        "seconds": 0.1,
        "pid": server.pid,
    }
    return Job(**{**words, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 64, 1024, 65_536, 1_000_000])
def test_a_closed_loop_counts_and_meters(generator: Generator, server: Server, size: int) -> None:
    found = generator.do(_echo(server, size))
    assert found.problem == ""
    assert found.connections == 5
    assert found.operations == sum(found.series) > 0
    assert len(found.series) == 10
    assert found.server_cpu > 0
    assert found.generator_cpu > 0


def test_depth_counts_each_message(generator: Generator, server: Server) -> None:
    request = dialects.echo_message(100) * 16
    found = generator.do(_echo(server, request=request, reply=request, depth=16))
    assert found.problem == ""
    assert found.operations % 16 == 0
    assert found.operations > 0


def test_an_open_loop_keeps_its_rate_and_its_histogram(generator: Generator, server: Server) -> None:
    found = generator.do(_echo(server, kind="paced", rate=500, seconds=0.2))
    assert found.problem == ""
    assert found.intended == 100
    assert found.samples + found.unsent + found.unanswered == 100
    assert HdrHistogram.decode(found.histogram).total_count == found.samples


def test_churn_counts_connections_of_one_exchange(generator: Generator, server: Server) -> None:
    found = generator.do(_echo(server, kind="churn", stamped=False))
    assert found.problem == ""
    assert found.operations > 0
    assert found.server_cpu > 0


def test_a_ping_beside_a_flood_is_timed_from_the_intended_send(generator: Generator, server: Server) -> None:
    found = generator.do(_echo(server, kind="fairness", connections=2, rate=500, seconds=0.2))
    assert found.problem == ""
    assert found.intended == 100
    assert found.samples + found.unsent == 100
    assert HdrHistogram.decode(found.histogram).total_count == found.samples


def test_a_ping_that_starves_counts_with_how_long_it_waited(
    generator: Generator, misbehaving: Callable[[str], Contender]
) -> None:
    with Server(misbehaving("starves"), None) as server:
        server.start()
        found = generator.do(_echo(server, kind="fairness", connections=2, rate=100, seconds=0.1))
    assert found.problem == ""
    assert (found.samples, found.unanswered, found.operations) == (10, 10, 0)
    assert HdrHistogram.decode(found.histogram).get_min_value() >= 1_000_000


@pytest.mark.parametrize("kind", ["churn", "fairness"])
def test_neither_takes_a_wrong_answer(
    generator: Generator, misbehaving: Callable[[str], Contender], kind: str
) -> None:
    with Server(misbehaving("turns" if kind == "fairness" else "wrong"), None) as wrong:
        wrong.start()
        job = _echo(wrong, kind=kind, stamped=False, connections=2, rate=500, seconds=1.0, warmup=0.001)
        found = generator.do(job)
    assert "wrong" in found.problem or "came back changed" in found.problem


def test_a_wrong_answer_ends_the_window(
    generator: Generator, misbehaving: Callable[[str], Contender]
) -> None:
    with Server(misbehaving("wrong"), None) as wrong:
        wrong.start()
        found = generator.do(_echo(wrong))
    assert "came back changed" in found.problem
    assert found.operations == 0


@pytest.mark.parametrize("size", [1024, 32_768])
def test_every_answer_is_compared_not_only_the_first(
    generator: Generator, misbehaving: Callable[[str], Contender], size: int
) -> None:
    """Rule 4: same message bytes, checked on arrival, for all."""
    with Server(misbehaving("turns"), None) as turning:
        turning.start()
        found = generator.do(_echo(turning, size, seconds=30.0, warmup=0.001))
    assert "came back changed" in found.problem


def test_a_closed_connection_keeps_what_was_counted(
    generator: Generator, misbehaving: Callable[[str], Contender]
) -> None:
    with Server(misbehaving("dies"), None) as dying:
        dying.start()
        found = generator.do(_echo(dying, 4096, seconds=30.0, warmup=0.01))
    assert found.problem
    assert found.operations == sum(found.series)


def test_nobody_there_is_said(generator: Generator, server: Server) -> None:
    assert generator.do(_echo(server, port=9)).problem.startswith("no connection: ")


def test_idle_connections_are_held_until_released(generator: Generator, server: Server) -> None:
    assert generator.do(_echo(server, kind="idle", connections=20)).connections == 20
    assert generator.do(Job(kind="release")).problem == ""


@pytest.mark.parametrize(("transport", "size"), [("tcp", 1024), ("tcp", 65_536), ("udp", 512)])
def test_the_null_server_answers_what_it_is_told(generator: Generator, transport: str, size: int) -> None:
    """Rule 1: the generator's own ceiling is measured against a null server."""
    from compare.measure import null_command

    service = "udp" if transport == "udp" else "echo"
    null = Contender("null", service, "control", "", null_command(transport, size))
    with Server(null, None) as server:
        server.start()
        job = _echo(server, size, transport=transport, reply=bytes(size), stamped=False)
        found = generator.do(job)
    assert found.problem == ""
    assert found.operations > 0
    assert sys.executable in null.command
