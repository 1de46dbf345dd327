"""The files service under gevent: the driver's connections, and data connections beside them."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable
from ssl import SSLContext
from typing import Any

from gevent_impl.data import Mover
from gevent_impl.datasocket import PIECE
from gevent_impl.driver import Driver
from gevent_impl.service import Load, Service
from gevent_impl.session import Connection
from protocols.files.certificate import control_context, fit
from protocols.files.orders import Begin, CancelTransfer, Connect, Listen, Outcome, Unlisten
from protocols.files.server import FilesServer
from protocols.files.settings import FilesSettings
from protocols.files.transfer import Download, Upload
from protocols.session import Host, Peer
from protocols.settings import Settings
from protocols.tls import TLS
from stores.files import open_store

log = logging.getLogger("twofold")

BACKLOG = 8
"""Connections that may wait at a passive port: strangers may stand before the client."""


class FilesDriver(Driver):
    """Knows the orders of data connections besides.  A control connection has at most one of each."""

    server: FilesServer

    def __init__(self, make_server: Callable[[Host], FilesServer]) -> None:
        super().__init__(make_server)
        self.start_tls = control_context(self.server.settings)
        self.buffer = memoryview(bytearray(PIECE))
        """For whoever has just received; nobody keeps it past a switch."""
        self._listeners: dict[Connection, tuple[Listen, socket.socket]] = {}
        self._movers: dict[Connection, Mover] = {}

    def carry_out_other(self, connection: Connection | None, order: Any) -> None:
        if connection is None or connection.gone:
            return  # what there was of it is dropped already
        if type(order) is Listen:
            self._listen(connection, order)
        elif type(order) is Unlisten:
            self._unlisten(connection)
        elif type(order) is Begin:
            via = order.via if isinstance(order.via, Connect) else self._listeners.pop(connection)
            self._movers[connection] = mover = Mover(self, connection, order.transfer, via)
            if not mover.at_once():
                self.pool.spawn(mover.run)
        elif type(order) is CancelTransfer:
            self._cancel(connection)
        else:
            super().carry_out_other(connection, order)

    def strayed(self, connection: Connection, listen: Listen, peer: Peer) -> None:
        """Somebody else than the client came to its port."""
        session: Any = connection.session
        self.report(connection, session.strayed, listen, peer)

    def finished(self, connection: Connection, transfer: Download | Upload, outcome: Outcome) -> None:
        """A transfer is over: its session may be told even after it has closed."""
        self._movers.pop(connection, None)
        session: Any = connection.session
        self.report(connection if connection.open else None, session.finished, transfer, outcome)

    def forget(self, connection: Connection) -> None:
        super().forget(connection)
        self._unlisten(connection)
        self._cancel(connection)

    def reload(self, settings: Settings) -> None:
        super().reload(settings)
        self.start_tls = control_context(self.server.settings)

    def fit_tls(self, context: SSLContext) -> None:
        fit(context, self.server.settings)

    def tls_beside(self, connection: Connection) -> TLS:
        """For a data connection of this client."""
        assert connection.layers is not None
        assert connection.layers.tls is not None
        return connection.layers.tls.beside()

    def _listen(self, connection: Connection, order: Listen) -> None:
        session: Any = connection.session
        try:
            sock = _listening(order)
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            if not in_use:
                log.error("%s: no passive port: %s", connection.peer, error.strerror)
            self.report(connection, session.listen_failed, order, in_use)
            return
        self._listeners[connection] = order, sock
        self.report(connection, session.listening, order, sock.getsockname()[1])

    def _cancel(self, connection: Connection) -> None:
        mover = self._movers.get(connection)
        if mover is not None:  # or its end is reported next: it may have been over as soon as it began
            mover.cancel()

    def _unlisten(self, connection: Connection) -> None:
        listener = self._listeners.pop(connection, None)
        if listener is not None:
            listener[1].close()


def _listening(order: Listen) -> socket.socket:
    # Not one of gevent's sockets, whose watchers cost more than most small downloads need.
    sock = socket.socket(socket.AF_INET6 if ":" in order.host else socket.AF_INET)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((order.host, order.port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def make_service(read: Load, source: str | None) -> Service:
    """The files service.  Raises SettingsError and CannotStart."""

    def read_all() -> Settings:
        settings = read()
        assert isinstance(settings, FilesSettings)
        control_context(settings)
        return settings

    def make_server(settings: FilesSettings, host: Host) -> FilesServer:
        return FilesServer(settings, host, open_store(settings), configured=source is not None)

    return Service(read_all, source, make_server, make_driver=FilesDriver)
