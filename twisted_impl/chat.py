"""The chat service under Twisted: nothing but the driver's SessionFactory, and what it keeps."""

from __future__ import annotations

from protocols.chat.server import ChatServer
from protocols.chat.settings import ChatSettings
from protocols.services import SERVICES
from protocols.session import Host
from stores.chat import open_stores, with_motd
from twisted_impl.service import ProtocolService, ServiceOptions


class Options(ServiceOptions):
    """`twistd chat`"""

    service = SERVICES["chat"]

    def read(self) -> ChatSettings:
        """As every service, and the message of the day from its file."""
        settings = super().read()
        assert isinstance(settings, ChatSettings)
        return with_motd(settings)


def makeService(options: Options) -> ProtocolService:
    """The chat service."""

    def make_server(settings: ChatSettings, host: Host) -> ChatServer:
        server = ChatServer(settings, host, open_stores(settings))
        server.rehash = lambda: service.reread_soon()
        return server

    service = ProtocolService(options, make_server)
    return service
