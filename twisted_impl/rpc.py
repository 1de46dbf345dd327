"""The rpc service under Twisted, and what of its demonstration waits: as coroutines."""

from __future__ import annotations

import sys

from twisted.internet.task import deferLater

from protocols.rpc.connection import Connection
from protocols.rpc.demonstration import declare_waiting, demonstration, step_taken
from protocols.rpc.server import RPCServer
from protocols.rpc.service import LoadError, load
from protocols.rpc.settings import RPCSettings
from protocols.services import SERVICES
from protocols.session import Host
from protocols.settings import SettingsError
from twisted_impl.rpc_client import RPCClient
from twisted_impl.service import ProtocolService, ServiceOptions

__all__ = ["Options", "RPCClient", "makeService"]


async def sleep(seconds: float) -> float:
    from twisted.internet import reactor

    await deferLater(reactor, seconds)
    return seconds


async def progress(connection: Connection, steps: int, pause: float) -> int:
    for step in range(1, steps + 1):
        await sleep(pause)
        step_taken(connection, step, steps)
    return steps


class Options(ServiceOptions):
    """`twistd rpc`"""

    service = SERVICES["rpc"]


def makeService(options: Options) -> ProtocolService:
    """The rpc service."""

    def make_server(settings: RPCSettings, host: Host) -> RPCServer:
        if "" not in sys.path:
            sys.path.insert(0, "")  # a module beside us is found, as by python -m
        try:
            service = load(settings.service) if settings.service else None
        except LoadError as error:
            raise SettingsError(str(error)) from None
        if service is None:
            service = declare_waiting(demonstration(), sleep, progress)
        return RPCServer(service, settings.limits, settings.token, host)

    return ProtocolService(options, make_server)
