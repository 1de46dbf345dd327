"""The files service under Twisted: the driver's SessionFactory, and data connections beside it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from ssl import SSLContext
from typing import Any

from twisted.logger import Logger

from protocols.files.certificate import control_context, fit
from protocols.files.orders import Begin, CancelTransfer, Connect, Listen, Outcome, Unlisten
from protocols.files.server import FilesServer
from protocols.files.settings import FilesSettings
from protocols.files.transfer import Download, Upload
from protocols.services import SERVICES
from protocols.session import Host, Orders
from protocols.settings import Settings
from protocols.tls import TLS
from stores.files import open_store
from twisted_impl.data import Mover, Passive
from twisted_impl.driver import Driver
from twisted_impl.service import ProtocolService, ServiceOptions
from twisted_impl.session import SessionProtocol

log = Logger("twofold")


class FilesDriver(Driver):
    """Knows the orders of data connections besides.  A control connection has at most one of each."""

    server: FilesServer

    def __init__(self, reactor: Any, make_server: Callable[[Host], FilesServer]) -> None:
        super().__init__(reactor, make_server)
        self.start_tls = control_context(self.server.settings)
        self._listeners: dict[SessionProtocol, Passive] = {}
        self._movers: dict[SessionProtocol, Mover] = {}

    def carry_out_other(self, connection: SessionProtocol | None, order: Any) -> None:
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
                mover.start()
        elif type(order) is CancelTransfer:
            self._cancel(connection)
        else:
            super().carry_out_other(connection, order)

    def finished(self, connection: SessionProtocol, transfer: Download | Upload, outcome: Outcome) -> None:
        """A transfer is over: its session is told even after it has closed."""
        self._movers.pop(connection, None)
        # `CancelTransfer` is carried out at once, and its end reported behind what else was ordered with it:
        # that may be Close, and only then is it known.
        self.report(None, self._finished, connection, transfer, outcome)

    def _finished(
        self, connection: SessionProtocol, transfer: Download | Upload, outcome: Outcome, now: float
    ) -> Orders:
        session: Any = connection.session
        if connection.open:
            self._report(connection, session.finished, (transfer, outcome))
        else:
            session.finished(transfer, outcome, now)
        return ()

    def forget(self, connection: SessionProtocol) -> None:
        super().forget(connection)
        self._unlisten(connection)
        self._cancel(connection)

    def reload(self, settings: Settings) -> None:
        super().reload(settings)
        self.start_tls = control_context(self.server.settings)

    def fit_tls(self, context: SSLContext) -> None:
        fit(context, self.server.settings)

    def tls_beside(self, connection: SessionProtocol) -> TLS:
        """For a data connection of this client."""
        assert connection.layers is not None
        assert connection.layers.tls is not None
        return connection.layers.tls.beside()

    def _listen(self, connection: SessionProtocol, order: Listen) -> None:
        session: Any = connection.session
        try:
            passive = Passive(self, connection, order)
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            if not in_use:
                log.error("{peer}: no passive port: {error}", peer=connection.peer, error=error.strerror)
            self.report(connection, session.listen_failed, order, in_use)
        else:
            self._listeners[connection] = passive
            self.report(connection, session.listening, order, passive.port)

    def _cancel(self, connection: SessionProtocol) -> None:
        mover = self._movers.get(connection)
        if mover is not None:  # or its end is reported next: it may have been over as soon as it began
            mover.cancel()

    def _unlisten(self, connection: SessionProtocol) -> None:
        passive = self._listeners.pop(connection, None)
        if passive is not None:
            passive.close()


class Options(ServiceOptions):
    """`twistd files`"""

    service = SERVICES["files"]

    def read(self) -> FilesSettings:
        """As every service; the certificate is looked at as well."""
        settings = super().read()
        assert isinstance(settings, FilesSettings)
        control_context(settings)
        return settings


def makeService(options: Options) -> ProtocolService:
    """The files service."""

    def make_server(settings: FilesSettings, host: Host) -> FilesServer:
        return FilesServer(settings, host, open_store(settings), configured=options["config"] is not None)

    return ProtocolService(options, make_server, make_driver=FilesDriver)
