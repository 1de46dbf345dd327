"""Which services there are: what the launchers offer, and what `docs/` describes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from protocols.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its name on the command line and in the file, and what it can listen on."""

    name: str
    description: str
    schemes: tuple[str, ...]
    declared: str
    """Its settings, as module:class, imported when asked for: `--help` needs no protocol."""
    proxy: bool = False
    """Does it take `?proxy=1`?  Its server then says in `proxy_from` from whom."""

    def settings(self) -> type[Settings]:
        module, _, name = self.declared.partition(":")
        kind: type[Settings] = getattr(import_module(module), name)
        return kind


SERVICES = {
    service.name: service
    for service in (
        Service(
            "echo",
            "RFC 862: every byte and every datagram goes back",
            ("tcp", "udp", "unix", "tls"),
            "protocols.echo:EchoSettings",
        ),
        Service(
            "chat",
            "IRC: RFC 1459, RFC 2812, Modern IRC and IRCv3",
            ("tcp", "unix", "tls", "ws", "wss"),
            "protocols.chat.settings:ChatSettings",
            proxy=True,
        ),
        Service(
            "files",
            "FTP: RFC 959, 1123, 2389, 2428, 3659, 4217",
            ("tcp", "tls"),
            "protocols.files.settings:FilesSettings",
        ),
        Service(
            "rpc",
            "JSON-RPC 2.0, one JSON text per line",
            ("tcp", "unix", "tls"),
            "protocols.rpc.settings:RPCSettings",
        ),
    )
}
