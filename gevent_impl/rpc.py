"""The rpc service under gevent, and what of its demonstration waits: in a greenlet, plainly."""

from __future__ import annotations

import gevent

from gevent_impl.rpc_client import RPCClient
from gevent_impl.service import Load, Service
from protocols.rpc.connection import Connection
from protocols.rpc.demonstration import declare_waiting, demonstration, step_taken
from protocols.rpc.server import RPCServer
from protocols.rpc.service import LoadError, load
from protocols.rpc.settings import RPCSettings
from protocols.session import Host
from protocols.settings import SettingsError

__all__ = ["RPCClient", "make_service"]


def sleep(seconds: float) -> float:
    gevent.sleep(seconds)
    return seconds


def progress(connection: Connection, steps: int, pause: float) -> int:
    for step in range(1, steps + 1):
        gevent.sleep(pause)
        step_taken(connection, step, steps)
    return steps


def make_service(read: Load, source: str | None) -> Service:
    """The rpc service.  Raises SettingsError."""

    def make_server(settings: RPCSettings, host: Host) -> RPCServer:
        try:
            service = load(settings.service) if settings.service else None
        except LoadError as error:
            raise SettingsError(str(error)) from None
        if service is None:
            service = declare_waiting(demonstration(), sleep, progress)
        return RPCServer(service, settings.limits, settings.token, host)

    return Service(read, source, make_server)
