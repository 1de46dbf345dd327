"""The demonstration service: the tutorial does what it teaches."""

from __future__ import annotations

from typing import Any

import pytest

from protocols.rpc import Connection
from protocols.rpc.demonstration import declare_waiting, demonstration
from tests.core.rpc import calls, codes, connect, lines, request, said, serve


@pytest.mark.parametrize(
    ("method", "params", "result"),
    [
        ("add", [1, 2], 3),
        ("add", [0.5, 2], 2.5),
        ("subtract", {"minuend": 3, "subtrahend": 1}, 2),
        ("divide", [1, 4], 0.25),
        ("divide", [1, 0], {"code": 1, "message": "Division by zero", "data": {"dividend": 1}}),
        ("echo", [{"a": None}], {"a": None}),
        ("upper", ["straße"], "STRASSE"),
        ("reverse", ["abc"], "cba"),
        ("count", ["a b\nc"], 3),
        ("count", ["a b\nc", "lines"], 2),
        ("count", ["a b\nc", "characters"], 5),
        ("distance", [{"x": 3, "y": 4}], 5),
        ("distance", {"start": {"x": 1}, "end": {"x": 2}}, 1),
        ("now", [], "1970-01-02T00:00:00.500+00:00"),
        ("peer", [], "127.0.0.1:40000"),
        ("announce", ["tea"], 0),
    ],
)
def test_the_demonstration_does_what_it_says(method: str, params: Any, result: Any) -> None:
    (message,) = said(connect(serve(demonstration())).received(lines(request(method, params, 1)), 0.0))
    assert message.get("result", message.get("error")) == result


@pytest.mark.parametrize(("below", "primes"), [(0, 0), (1, 0), (2, 0), (3, 1), (100, 25), (1000, 168)])
def test_the_demonstration_counts_primes(below: int, primes: int) -> None:
    assert demonstration().methods["primes"].function(below) == primes


def test_what_waits_is_declared_once_and_runs_the_drivers_bodies() -> None:
    def sleep(seconds: float) -> float:
        return seconds

    def progress(connection: Connection, steps: int, pause: float) -> int:
        return steps

    session = connect(serve(declare_waiting(demonstration(), sleep, progress)))
    one, other = calls(
        session.received(lines(request("sleep", [0.5], 1), request("progress", {"steps": 3}, 2)), 0.0)
    )
    assert (one.function, one.args, one.run) == (sleep, [0.5], "concurrent")
    assert other.function is progress
    assert list(other.args)[1:] == [3, 0.1]
    assert codes(session.received(lines(request("sleep", [61], 1)), 0.0)) == [-32602]
