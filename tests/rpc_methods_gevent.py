"""`tests.rpc_methods` under gevent: what waits blocks its greenlet, plainly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event

from protocols.rpc import Connection, Service
from tests.rpc_methods import SECRET, declare, gates

service = declare(Service("methods"), lambda event: event.set())


@service.method(run="concurrent")
def hold(gate: str) -> str:
    """Wait at the gate, in a greenlet."""
    event = Event()
    with gates[gate].counted():
        if not gates[gate].opened.is_set():
            gates[gate].waiting.append(event)
            event.wait()
    return gate


@service.method(run="concurrent")
def hold_otherwise(gate: str) -> Any:
    """The same: under gevent there is no other way."""
    return hold(gate)


@service.method(run="concurrent")
def until_file(path: str) -> str:
    """Wait until there is such a file."""
    while not Path(path).exists():
        gevent.sleep(0.005)
    return path


@service.method(run="concurrent")
def tell_around(connection: Connection, gate: str) -> str:
    """Notify the caller before the gate and after it."""
    connection.notify("before")
    hold(gate)
    connection.notify("after")
    return gate


@service.method(run="concurrent")
def fail_concurrently() -> None:
    """An error that nobody chose."""
    raise OSError(2, "no tea", SECRET)
