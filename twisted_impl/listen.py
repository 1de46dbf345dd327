"""Listeners: TCP, TLS and unix sockets as ports, and how an address becomes one."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from ssl import SSLContext
from typing import Any, TypeVar

from twisted.internet import tcp, unix
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from protocols.layers import layers_for
from protocols.listen import Address, CannotListen
from protocols.proxy import believed
from protocols.tls import TLSError, server_context
from twisted_impl.driver import Driver
from twisted_impl.session import SessionProtocol
from twisted_impl.transport import TCPPort, UNIXPort

log = Logger("twofold")

BACKLOG = 1024
T = TypeVar("T")


class SessionFactory(Factory):
    """Builds the protocols of one listener; what they share is its driver's."""

    noisy = False

    def __init__(self, driver: Driver, where: Address | str, tls: SSLContext | None = None) -> None:
        self.driver = driver
        self.where = where
        self.tls = tls

    def buildProtocol(self, addr: IAddress | None) -> SessionProtocol | None:
        host: str = getattr(addr, "host", "")
        where, server = self.where, self.driver.server
        if not isinstance(where, str) and where.proxy:
            if not believed(host, server.proxy_from):
                log.warn("{where}: {host} is not in proxy_from: refused", where=where, host=host)
                return None
            host = ""  # until the header has said who it is
        session = self.driver.admit(host, encrypted=self.tls is not None)
        if session is None:
            return None
        layers = None if isinstance(where, str) else layers_for(where, self.tls, server)
        return SessionProtocol(self.driver, session, host, layers)


class Listener:
    """One open port and the factory that serves it."""

    def __init__(
        self, where: Address | str, port: IListeningPort, factory: SessionFactory | None = None
    ) -> None:
        self.where = where
        self.port = port
        self.factory = factory

    def certificate(self) -> SSLContext | None:
        """What the files hold now.  Raises TLSError."""
        if isinstance(self.where, str) or not self.where.encrypted:
            return None
        return server_context(self.where.cert, self.where.key)

    def use(self, context: SSLContext | None) -> None:
        """Give it to new connections."""
        if self.factory is not None and context is not None:
            self.factory.driver.fit_tls(context)
            self.factory.tls = context

    def stop(self) -> Any:
        """Stop listening, at once."""
        return self.port.stopListening()


def listen(driver: Driver, address: Address | str) -> Listener:
    """Open one stream listener: an address, or a Twisted endpoint's description.  Raises CannotListen."""
    if isinstance(address, str):
        return listen_endpoint(driver, address)
    tls = None
    if address.encrypted:
        try:
            tls = server_context(address.cert, address.key)
            driver.fit_tls(tls)
        except TLSError as error:
            raise CannotListen(address, str(error)) from None
    factory = SessionFactory(driver, address, tls)
    port = _port(address, factory, driver.reactor)
    open_port(address, port.startListening)
    return Listener(located(address, port.socket), port, factory)


def listen_endpoint(driver: Driver, description: str) -> Listener:
    """Open a Twisted endpoint, such as `tcp:7007:interface=127.0.0.1`.  Raises CannotListen."""
    factory = SessionFactory(driver, description)
    opened: list[Any] = []
    try:
        listening: Deferred[Any] = serverFromString(driver.reactor, description).listen(factory)
    except Exception as error:
        raise CannotListen(description, str(error)) from None
    listening.addBoth(opened.append)
    port = opened[0] if opened else None
    if not IListeningPort.providedBy(port):
        why = getattr(port, "value", "not open at once")
        raise CannotListen(description, getattr(getattr(why, "socketError", None), "strerror", str(why)))
    if type(port) is tcp.Port:
        port.transport = TCPPort.transport
    elif type(port) is unix.Port:
        port.transport = UNIXPort.transport
    return Listener(description, port, factory)


def open_port(address: Address, opens: Callable[..., T], *args: Any) -> T:
    """What `opens(*args)` returns.  Raises CannotListen, in one line, where Twisted raises its own."""
    try:
        return opens(*args)
    except CannotListenError as error:
        why = error.socketError
        raise CannotListen(address, getattr(why, "strerror", None) or str(why)) from None


def inherited_scheme(fd: int) -> str:
    """What an inherited descriptor is: unix, udp or tcp.  Raises CannotListen."""
    try:
        with socket.socket(fileno=os.dup(fd)) as sock:
            if sock.family == socket.AF_UNIX:
                return "unix"
            return "udp" if sock.type == socket.SOCK_DGRAM else "tcp"
    except OSError as error:
        raise CannotListen(f"descriptor {fd}", error.strerror or str(error)) from None


def located(address: Address, sock: socket.socket) -> Address:
    """The address with what the kernel chose or the inherited socket had."""
    if sock.family == socket.AF_UNIX:
        return address.at(path=sock.getsockname())
    host, port = sock.getsockname()[:2]
    return address.at(host=host, port=port)


def adopt(address: Address) -> socket.socket:
    """The inherited socket `fd` itself, so that closing it ends it.  Raises CannotListen."""
    try:
        sock = socket.socket(fileno=address.fd)
        kind = socket.SOCK_DGRAM if address.scheme == "udp" else socket.SOCK_STREAM
        fits = sock.type == kind and (sock.family == socket.AF_UNIX) == (address.scheme == "unix")
        if kind == socket.SOCK_STREAM:
            fits = fits and bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError as error:
        raise CannotListen(address, error.strerror or str(error)) from None
    if not fits:
        raise CannotListen(address, f"descriptor {address.fd} is no listening {address.scheme} socket")
    sock.set_inheritable(False)
    sock.setblocking(False)
    return sock


def resolve(address: Address, kind: socket.SocketKind) -> tuple[str, int]:
    """The numeric host and the port to bind.  Raises CannotListen."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=kind, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CannotListen(address, error.strerror or str(error)) from None
    host, port = found[0][4][:2]
    return str(host), int(port)


def _port(address: Address, factory: SessionFactory, reactor: Any) -> TCPPort | UNIXPort:
    unix_socket = address.scheme == "unix"
    if address.fd is not None:
        return (UNIXPort if unix_socket else TCPPort).adopt(adopt(address), factory, reactor)
    if unix_socket:
        try:
            _remove_stale(address.path)
        except OSError as error:
            raise CannotListen(address, error.strerror or str(error)) from None
        return UNIXPort(os.fsencode(address.path), factory, BACKLOG, mode=address.mode, reactor=reactor)
    host, number = resolve(address, socket.SOCK_STREAM)
    return TCPPort(number, factory, BACKLOG, interface=host, reactor=reactor)


def _remove_stale(path: str) -> None:
    """Remove the socket file of a dead server; a live one's connect succeeds, and stays."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return  # binding says that it is in use
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except BlockingIOError:
            pass  # alive, with a full backlog
