"""Echo over UDP as a DatagramProtocol; streams need nothing but the driver's SessionFactory."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from protocols.echo import Datagrams, EchoServer, EchoSettings
from protocols.listen import Address, CannotListen
from protocols.services import SERVICES
from protocols.session import Host
from twisted_impl.driver import Driver
from twisted_impl.listen import Listener, adopt, listen, located, resolve
from twisted_impl.service import ProtocolService, ServiceOptions

log = Logger("twofold")

LARGEST = 65_535
"""Bytes: no datagram is larger, so none is cut (the stock port reads 8,192)."""


class EchoDatagrams(DatagramProtocol):
    """Sends each datagram back to where it came from."""

    noisy = False

    def __init__(self, rule: Datagrams) -> None:
        self.rule = rule

    def startProtocol(self) -> None:
        assert self.transport is not None
        self.rule.ports.add(self.transport.getHost().port)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        assert self.transport is not None
        if self.rule.answers(addr[1]):
            try:
                self.transport.write(datagram, addr)
            except OSError as error:  # full or unreachable: UDP loses datagrams
                log.debug("to {addr}: {error}", addr=addr, error=error)

    def stopProtocol(self) -> None:
        if self.rule.dropped:
            log.info("{n} datagrams from echo-like ports were dropped", n=self.rule.dropped)
            self.rule.dropped = 0


def listen_datagrams(rule: Datagrams, address: Address, reactor: Any) -> Listener:
    """Open one UDP listener.  Raises CannotListen."""
    protocol = EchoDatagrams(rule)
    with _bind(address) if address.fd is None else adopt(address) as sock:  # the reactor duplicates it
        port = reactor.adoptDatagramPort(sock.fileno(), sock.family, protocol, LARGEST)
    return Listener(located(address, port.getHandle()), port)


def _bind(address: Address) -> socket.socket:
    # Not reactor.listenUDP: it would take IPv4 on an IPv6 port as well.
    host, number = resolve(address, socket.SOCK_DGRAM)
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, number))
    except OSError as error:
        sock.close()
        raise CannotListen(address, error.strerror or str(error)) from None
    return sock


class Options(ServiceOptions):
    """`twistd echo`"""

    service = SERVICES["echo"]


def makeService(options: Options) -> ProtocolService:
    """The echo service, on streams and datagrams."""
    datagrams = Datagrams()

    def open_listener(driver: Driver, address: Address | str) -> Listener:
        if isinstance(address, Address) and address.scheme == "udp":
            return listen_datagrams(datagrams, address, driver.reactor)
        return listen(driver, address)

    def make_server(settings: EchoSettings, host: Host) -> EchoServer:
        return EchoServer(settings.limits)

    return ProtocolService(options, make_server, open_listener)
