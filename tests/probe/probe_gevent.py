"""`python -m probe_gevent`: the probe under gevent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from gevent.event import Event
from probe import SERVICE, ProbeServer, ProbeSettings

from gevent_impl.__main__ import command
from gevent_impl.service import Load, Service
from protocols.session import Host
from protocols.tls import server_context


class Gate:
    """Greenlets wait at one event, threads at another."""

    def __init__(self) -> None:
        self._event = Event()
        self._for_threads = threading.Event()

    def wait(self, run: str) -> Callable[[], Any]:
        event: Any = self._for_threads if run == "thread" else self._event

        def wait() -> str:
            event.wait()
            return "opened"

        return wait

    def open(self) -> None:
        self._event.set()
        self._for_threads.set()


def make_service(load: Load, source: str | None) -> Service:
    def make_server(settings: ProbeSettings, host: Host) -> ProbeServer:
        return ProbeServer(settings, host, Gate)

    service = Service(load, source, make_server)
    settings: Any = service.settings
    if settings.cert:
        service.driver.start_tls = server_context(settings.cert, settings.key)
    return service


if __name__ == "__main__":
    command(SERVICE, make_service)(prog_name="python -m probe_gevent")
