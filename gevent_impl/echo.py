"""Echo over UDP as a DatagramServer; streams need nothing but the driver's StreamListener."""

from __future__ import annotations

import logging
from ssl import SSLContext
from typing import Any

from gevent.server import DatagramServer

from gevent_impl.driver import Driver
from gevent_impl.listen import bind, listen, located
from gevent_impl.service import Listener, Load, Service
from protocols.echo import Datagrams, EchoServer, EchoSettings
from protocols.listen import Address
from protocols.session import Host

log = logging.getLogger("twofold")

LARGEST = 65_535
"""Bytes: no datagram is larger, so none is cut (the stock server reads 8,192)."""


class EchoDatagrams(DatagramServer):
    """Sends each datagram back, straight from the hub: neither read nor send can wait."""

    def __init__(self, rule: Datagrams, address: Address) -> None:
        sock = bind(address)
        self.where = located(address, sock)
        self.rule = rule
        rule.ports.add(self.where.port)
        super().__init__(sock, spawn=None)

    def certificate(self) -> None:
        """Datagrams have none."""

    def use(self, context: SSLContext | None) -> None:
        """There is nothing to use."""

    def do_read(self) -> tuple[bytes, Any] | None:  # type: ignore[override]
        try:
            return self.socket.recvfrom(LARGEST)
        except BlockingIOError:
            return None
        except OSError as error:  # an ICMP answer to an earlier datagram: nobody's fault here
            log.debug("%s: %s", self.where, error)
            return None

    def handle(self, data: bytes, address: tuple[Any, ...]) -> None:  # type: ignore[override]
        if self.rule.answers(address[1]):
            try:
                self.socket.sendto(data, address)
            except OSError as error:  # full or unreachable: UDP loses datagrams
                log.debug("%s: to %s: %s", self.where, address, error)

    def stop(self, timeout: float | None = None) -> None:
        """Stop listening, at once."""
        self.close()
        if self.rule.dropped:
            log.info("%s: %d datagrams from echo-like ports were dropped", self.where, self.rule.dropped)
            self.rule.dropped = 0


def make_service(load: Load, source: str | None) -> Service:
    """The echo service, on streams and datagrams.  Raises SettingsError."""
    datagrams = Datagrams()

    def open_listener(driver: Driver, address: Address) -> Listener:
        if address.scheme == "udp":
            return EchoDatagrams(datagrams, address)
        return listen(driver, address)

    def make_server(settings: EchoSettings, host: Host) -> EchoServer:
        return EchoServer(settings.limits)

    return Service(load, source, make_server, open_listener)
