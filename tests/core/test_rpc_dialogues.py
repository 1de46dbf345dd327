"""The dialogues of rpc, played against the core: whole, byte by byte, cut at random."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from protocols.session import CLOSE
from tests.core.rpc import closed, connect, play, said, serve
from tests.dialogue import Closed, End, Expect, Send, names, read
from tests.specification import service

Cut = Callable[[bytes], list[bytes]]


def whole(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def at_random(data: bytes) -> list[bytes]:
    cuts = sorted(random.Random(len(data)).choices(range(len(data) + 1), k=9))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]


@pytest.mark.parametrize("name", names("rpc_"))
@pytest.mark.parametrize("cut", [whole, byte_by_byte, at_random])
def test_a_dialogue_is_answered_step_by_step(name: str, cut: Cut) -> None:
    """JSON-RPC 2.0 §7, and the bad input of every day."""
    session = connect(serve(service))
    steps = read(name)
    answers: list[object] = []
    ended = False
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if isinstance(step, Send):
            answers += said(play(session, cut(step.data)))
        elif isinstance(step, End):
            orders = session.ended(0.0)
            answers += said(orders)
            ended = closed(orders)
        elif isinstance(step, Expect):
            assert answers, f"no answer, expected {step.line!r}"
            assert answers.pop(0) == json.loads(step.line)
        elif isinstance(step, Closed):
            assert ended
        if not isinstance(following, Expect):
            assert answers == []


@pytest.mark.parametrize("name", names("rpc_"))
@pytest.mark.parametrize("cut", [whole, byte_by_byte, at_random])
def test_a_dialogue_glued_together_is_answered_in_order(name: str, cut: Cut) -> None:
    """Pipelining: the same answers when nobody waits for any."""
    session = connect(serve(service))
    steps = read(name)
    data = b"".join(step.data for step in steps if isinstance(step, Send))
    orders = play(session, cut(data), end=True)
    assert said(orders) == [json.loads(step.line) for step in steps if isinstance(step, Expect)]
    assert orders[-1] == CLOSE
