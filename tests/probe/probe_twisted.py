"""`twistd probe`: the probe under Twisted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from probe import SERVICE, ProbeServer, ProbeSettings
from twisted.internet.defer import Deferred

from protocols.session import Host
from protocols.tls import server_context
from twisted_impl.service import ProtocolService, ServiceOptions


class Gate:
    """Deferreds and coroutines wait in a list, threads at an event."""

    def __init__(self) -> None:
        self._waiting: list[Deferred[str]] = []
        self._for_threads = threading.Event()

    def wait(self, run: str) -> Callable[[], Any]:
        if run == "thread":
            return self._wait_in_thread
        return self._wait if run == "concurrent" else self._wait_in_coroutine

    def _wait_in_thread(self) -> str:
        self._for_threads.wait()
        return "opened"

    def _wait(self) -> Deferred[str]:
        waiting: Deferred[str] = Deferred(self._waiting.remove)
        self._waiting.append(waiting)
        return waiting

    async def _wait_in_coroutine(self) -> str:
        return await self._wait()

    def open(self) -> None:
        self._for_threads.set()
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback("opened")


class Options(ServiceOptions):
    """`twistd probe`"""

    service = SERVICE


def makeService(options: Options) -> ProtocolService:
    def make_server(settings: ProbeSettings, host: Host) -> ProbeServer:
        return ProbeServer(settings, host, Gate)

    service = ProtocolService(options, make_server)
    settings: Any = service.settings
    if settings.cert:
        service.driver.start_tls = server_context(settings.cert, settings.key)
    return service
