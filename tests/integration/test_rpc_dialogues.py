"""The dialogues of rpc, the last two of their five ways: through both servers' sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests import servers
from tests.dialogue import Closed, End, Expect, Send, names, read
from tests.rpc_clients import parse
from tests.servers import Certificate, Running

Cut = Callable[[bytes], list[bytes]]


def whole(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.fixture(scope="module")
def specification(implementation: str, certificate: Certificate) -> Iterator[Running]:
    if implementation == "target":
        pytest.skip("rpc's tests are about our own servers")
    flags = ("--service", "tests.specification:service")
    listen = ("tcp", "tls", "unix")
    with servers.serving(implementation, "rpc", *flags, listen=listen, certificate=certificate) as running:
        yield running


@pytest.mark.parametrize("name", names("rpc_"))
@pytest.mark.parametrize("over", ["tcp", "tls", "unix"])
@pytest.mark.parametrize("cut", [whole, byte_by_byte])
def test_a_dialogue_is_answered_step_by_step(specification: Running, name: str, over: str, cut: Cut) -> None:
    """JSON-RPC 2.0 §7, and the bad input of every day."""
    with specification.connect(over) as client:
        for step in read(name):
            if isinstance(step, Send):
                for piece in cut(step.data):
                    client.send(piece)
            elif isinstance(step, End):
                client.half_close()
            elif isinstance(step, Expect):
                assert parse(client.read_line()) == parse(step.line)
            elif isinstance(step, Closed):
                assert client.read_to_end() == b""


@pytest.mark.parametrize("name", names("rpc_"))
@pytest.mark.parametrize("over", ["tcp", "tls", "unix"])
def test_a_dialogue_glued_together_is_answered_in_order(specification: Running, name: str, over: str) -> None:
    """Pipelining: the same answers when nobody waits for any."""
    steps = read(name)
    with specification.connect(over) as client:
        said = client.exchange(b"".join(step.data for step in steps if isinstance(step, Send)))
    expected = [parse(step.line) for step in steps if isinstance(step, Expect)]
    assert [parse(line) for line in said.splitlines()] == expected
