"""The chat service under gevent: nothing but the driver's connections, and what it keeps."""

from __future__ import annotations

from gevent_impl.service import Load, Service
from protocols.chat.server import ChatServer
from protocols.chat.settings import ChatSettings
from protocols.session import Host
from protocols.settings import Settings
from stores.chat import open_stores, with_motd


def make_service(read: Load, source: str | None) -> Service:
    """The chat service.  Raises SettingsError and CannotStart."""

    def read_all() -> Settings:
        settings = read()
        assert isinstance(settings, ChatSettings)
        return with_motd(settings)

    def make_server(settings: ChatSettings, host: Host) -> ChatServer:
        server = ChatServer(settings, host, open_stores(settings))
        server.rehash = lambda: service.reread_soon()
        return server

    service = Service(read_all, source, make_server)
    return service
