"""What the tests of Twisted's client wait with: turns of the reactor, and answers."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.clients import PATIENCE
from twisted_impl.rpc import RPCClient

Make = Callable[..., RPCClient]


def turn() -> Deferred[None]:
    """One turn of the reactor."""
    from twisted.internet import reactor

    return deferLater(reactor, 0)


async def until(what: str, holds: Callable[[], object]) -> None:
    """Let the reactor turn until this holds."""
    from twisted.internet import reactor

    over = reactor.callLater(PATIENCE, lambda: None)
    while not holds():
        assert over.active(), f"waited in vain: {what}"
        await turn()
    over.cancel()


async def until_counted(client: RPCClient, gate: str, **expected: int) -> None:
    """Ask until this has been counted at the gate: each answer is a turn of the server's."""
    for _ in range(1000):
        counts = await client.call("counts", [gate])
        if all(counts[name] == number for name, number in expected.items()):
            return
    raise AssertionError(f"{gate}: {counts}, not {expected}")
