"""`tests.rpc_methods` under Twisted: what waits is a coroutine or a Deferred."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from protocols.rpc import Connection, Service
from tests.rpc_methods import SECRET, Gate, declare, gates

service = declare(Service("methods"), lambda deferred: deferred.called or deferred.callback(None))


def opened(gate: Gate) -> Deferred[None]:
    deferred: Deferred[None] = Deferred()
    if gate.opened.is_set():
        deferred.callback(None)
    else:
        gate.waiting.append(deferred)
    return deferred


@service.method(run="concurrent")
async def hold(gate: str) -> str:
    """Wait at the gate, as a coroutine."""
    with gates[gate].counted():
        await opened(gates[gate])
    return gate


@service.method(run="concurrent")
def hold_otherwise(gate: str) -> Any:
    """Wait at the gate, as a Deferred."""
    counted = gates[gate].counted()
    counted.__enter__()

    def over(result: Any) -> Any:
        error = getattr(result, "value", None)
        if error is None:
            counted.__exit__(None, None, None)
            return gate
        counted.__exit__(type(error), error, None)
        return result

    return opened(gates[gate]).addBoth(over)


@service.method(run="concurrent")
async def until_file(path: str) -> str:
    """Wait until there is such a file."""
    from twisted.internet import reactor

    while not Path(path).exists():
        await deferLater(reactor, 0.005)
    return path


@service.method(run="concurrent")
async def tell_around(connection: Connection, gate: str) -> str:
    """Notify the caller before the gate and after it."""
    connection.notify("before")
    await hold(gate)
    connection.notify("after")
    return gate


@service.method(run="concurrent")
async def fail_concurrently() -> None:
    """An error that nobody chose."""
    raise OSError(2, "no tea", SECRET)
