"""Listeners: TCP, TLS and unix sockets as StreamServers, and how an address becomes one."""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
from ssl import SSLContext
from typing import Any

import gevent
from gevent.server import StreamServer

from gevent_impl.driver import Driver
from protocols.listen import Address, CannotListen
from protocols.session import Peer
from protocols.tls import TLSError, server_context

log = logging.getLogger("twofold")

BACKLOG = 1024
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
BACK_OFF = 0.5
"""Seconds between tries while there are no descriptors; what comes waits in the backlog."""


class StreamListener(StreamServer):
    """Accepts the connections of one address; each is served in a greenlet of the driver's pool."""

    def __init__(self, driver: Driver, address: Address, sock: socket.socket) -> None:
        self.driver = driver
        self.where = address
        self.exhausted = False
        self.tls: SSLContext | None = None
        self.use(self.certificate())
        super().__init__(sock, spawn=driver.pool)

    def certificate(self) -> SSLContext | None:
        """What the files hold now.  Raises TLSError."""
        if not self.where.encrypted:
            return None
        return server_context(self.where.cert, self.where.key)

    def use(self, context: SSLContext | None) -> None:
        """Give it to new connections."""
        if context is not None:
            self.driver.fit_tls(context)
            self.tls = context

    def do_read(self) -> tuple[socket.socket, Any] | None:  # type: ignore[override]
        """Accept one connection; without descriptors, leave it in the backlog for a while."""
        try:
            sock, address = self.socket.accept()
        except BlockingIOError:
            return None
        except ConnectionAbortedError:
            return None
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
            if not self.exhausted:
                self.exhausted = True
                log.error("%s: %s: new connections wait in the backlog", self.where, error.strerror)
            self.stop_accepting()
            gevent.spawn_later(BACK_OFF, self._accept_again)
            return None
        if self.exhausted:
            self.exhausted = False
            log.info("%s: accepting again", self.where)
        sock.setblocking(False)
        return sock, address

    def _accept_again(self) -> None:
        if self.started:
            self.start_accepting()

    def handle(self, sock: socket.socket, address: tuple[str, int]) -> None:
        """Serve one connection."""
        peer = Peer()
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # An urgent byte is a byte of the stream; FTP's ABOR ends in one (RFC 6093 §6).
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
            peer = Peer(*address[:2], *sock.getsockname()[:2])
        self.driver.accepted(sock, peer, self.where, self.tls)

    def stop(self, timeout: float | None = None) -> None:
        """Stop listening, at once; the connections are the driver's."""
        self.close()
        remove_unix_socket(self.where)


def bind(address: Address) -> socket.socket:
    """A non-blocking socket that is bound and, for streams, listens.  Raises CannotListen."""
    try:
        return _adopt(address) if address.fd is not None else _bind(address)
    except OSError as error:
        raise CannotListen(address, error.strerror or str(error)) from None


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


def _adopt(address: Address) -> socket.socket:
    sock = socket.socket(fileno=address.fd)
    kind = socket.SOCK_DGRAM if address.scheme == "udp" else socket.SOCK_STREAM
    if (
        sock.type != kind
        or (sock.family == socket.AF_UNIX) != (address.scheme == "unix")
        or (kind == socket.SOCK_STREAM and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    ):
        raise CannotListen(address, f"descriptor {address.fd} is no listening {address.scheme} socket")
    sock.set_inheritable(False)
    sock.setblocking(False)
    return sock


def _bind(address: Address) -> socket.socket:
    where: Any
    if address.scheme == "unix":
        family, where = socket.AF_UNIX, address.path
    else:
        kind = socket.SOCK_DGRAM if address.scheme == "udp" else socket.SOCK_STREAM
        found = socket.getaddrinfo(address.host, address.port, type=kind, flags=socket.AI_PASSIVE)
        family, _, _, _, where = found[0]
    sock = socket.socket(family, socket.SOCK_DGRAM if address.scheme == "udp" else socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if family == socket.AF_UNIX:
            _remove_stale(address)
            sock.bind(where)
            os.chmod(where, address.mode)  # nobody can connect before listen()
        else:
            if address.scheme != "udp":  # for UDP it would let two servers share a port
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(where)
        if address.scheme != "udp":
            sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _remove_stale(address: Address) -> None:
    """Remove the socket file of a dead server; a live one's connect succeeds, and stays."""
    try:
        if not stat.S_ISSOCK(os.lstat(address.path).st_mode):
            return  # bind() says that it is in use
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(address.path)
        except ConnectionRefusedError:
            os.unlink(address.path)
        except BlockingIOError:
            pass  # alive, with a full backlog


def remove_unix_socket(address: Address) -> None:
    """Take our socket file away when we stop; not one that somebody inherited to us."""
    if address.scheme == "unix" and address.fd is None:
        try:
            os.unlink(address.path)
        except FileNotFoundError:
            pass


def listen(driver: Driver, address: Address) -> StreamListener:
    """Open one stream listener.  Raises CannotListen."""
    sock = bind(address)
    try:
        return StreamListener(driver, located(address, sock), sock)
    except TLSError as error:
        sock.close()
        raise CannotListen(address, str(error)) from None
