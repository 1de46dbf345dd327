"""The client in C and the generator count alike; how fast each is, is no test's business."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compare.contenders import TABLE, Contender
from compare.load.client import Generator
from compare.process import Server
from compare.proof.__main__ import agree, compared
from compare.proof.second import Found, ProofFailed, Shape, build, by_client, by_generator
from tests.conftest import skip_unless_in_ci


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None:
        skip_unless_in_ci("there is no C compiler (cc)")
    return build(tmp_path_factory.mktemp("proof"))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(next(one for one in TABLE if one.name == "epoll"), None) as one:
        one.start()
        yield one


@pytest.mark.parametrize("size", [1, 1024, 65_536])
def test_the_client_in_c_counts_and_meters(program: Path, server: Server, size: int) -> None:
    found = by_client(program, server, Shape(connections=5, size=size, seconds=0.1), None)
    assert found.operations > 0
    assert found.seconds > 0
    assert found.server_cpu > 0
    assert found.p50 == 0


def test_both_count_what_an_open_loop_sends(program: Path, server: Server) -> None:
    """At a rate that any machine keeps, both must have counted the same."""
    shape = Shape(connections=3, rate=200, seconds=0.5)
    with Generator(None) as generator:
        generator.start()
        ours, theirs = by_generator(generator, server, shape), by_client(program, server, shape, None)
    assert ours.operations == 100
    assert 90 <= theirs.operations <= 110  # those that are on their way at either edge
    assert min(ours.p50, theirs.p50) > 0
    assert ours.figures().keys() == theirs.figures().keys()


def test_the_client_in_c_compares_every_byte(program: Path, misbehaving: Callable[[str], Contender]) -> None:
    with Server(misbehaving("turns"), None) as turning:
        turning.start()
        with pytest.raises(ProofFailed, match="what came back is not what was sent"):
            by_client(program, turning, Shape(connections=1, seconds=30), None)


def test_a_tenth_of_difference_is_agreement_and_more_is_not() -> None:
    def found(operations: int) -> list[Found]:
        return [Found(operations=operations, seconds=1.0, server_cpu=0.5)]

    for operations, verdict in ((1_090, True), (1_200, False)):
        pairs = compared(found(operations), found(1_000))
        assert all(agree(unit, *pair) for unit, pair in pairs.items()) is verdict
