"""What may stand between a socket and a session: a PROXY header, then TLS, then WebSocket.

Each layer is without I/O and knows nothing of the others; this is their order, and the one thing that
a driver asks.  A connection that needs none of them has none, and pays nothing.
"""

from __future__ import annotations

from dataclasses import replace
from ssl import SSLContext

from protocols.listen import Address
from protocols.proxy import Proxy, ProxyError
from protocols.session import Peer, Server
from protocols.tls import TLS, TLSError, client_context
from protocols.websocket import WebSocket

LAYER_ERRORS = (ProxyError, TLSError)
"""What ends a connection at once; each has its `layer`, a text for the log, and an `alert` for the peer."""

READ = 65_536
TLS_READ = 262_144
WS_READ = 16_384
"""Bytes to read at once.  More over TLS, where every read costs a pass through OpenSSL.  Less over
WebSocket: taking 16 KiB of the smallest frames apart costs 21 ms, in which nobody else has a turn."""


class Layers:
    """The layers of one connection.

    While `proxy` is not None, what arrives is for `past_proxy`; from then on for `received`.
    """

    __slots__ = ("client", "proxy", "read_size", "tls", "websocket")

    def __init__(
        self, *, proxy: Proxy | None = None, tls: TLS | None = None, websocket: WebSocket | None = None
    ) -> None:
        self.proxy = proxy
        self.tls = tls
        self.websocket = websocket
        self.client: Peer | None = None
        """Whom the PROXY header named."""
        self.read_size = WS_READ if websocket is not None else READ if tls is None else TLS_READ

    def start(self) -> bytes:
        """What to send first."""
        return b"" if self.tls is None else self.tls.start()

    def past_proxy(self, data: bytes) -> bytes | None:
        """What follows the PROXY header, None until it is whole; then `client` is known.

        Raises ProxyError.
        """
        assert self.proxy is not None
        rest = self.proxy.received(data)
        if rest is not None:
            self.client, self.proxy = self.proxy.peer, None
        return rest

    def received(self, data: bytes) -> tuple[bytes, bytes]:
        """What these bytes say to the session, and what the layers have to send.  Raises TLSError."""
        tls, websocket = self.tls, self.websocket
        if tls is None:
            if websocket is None:
                return data, b""
            return websocket.received(data)
        plain, answer = tls.received(data)
        if websocket is None:
            return plain, answer
        lines, words = websocket.received(plain)
        return lines, answer + tls.send(words) if words else answer

    def send(self, data: bytes) -> bytes:
        """What goes to the socket for these bytes of the session's."""
        if self.websocket is not None:
            data = self.websocket.send(data)
            if not data:  # OpenSSL does not say what a record of nothing is
                return data
        return data if self.tls is None else self.tls.send(data)

    def close(self) -> bytes:
        """Our last words, once."""
        words = b"" if self.websocket is None else self.websocket.close()
        if self.tls is None:
            return words
        return (self.tls.send(words) if words else b"") + self.tls.close()

    @property
    def established(self) -> bool:
        """Can the session begin?"""
        return (
            self.proxy is None
            and (self.tls is None or self.tls.established)
            and (self.websocket is None or self.websocket.established)
        )

    @property
    def passed(self) -> bool:
        """Is nothing left to be done here?"""
        return self.proxy is None and self.tls is None and self.websocket is None

    @property
    def failed(self) -> str:
        """Why nothing that comes now has a meaning, for the log: the connection is to be closed."""
        return "" if self.websocket is None else self.websocket.failed

    @property
    def ended(self) -> bool:
        """Has the peer said in its last layer that it will say nothing more?"""
        if self.websocket is not None:
            return self.websocket.ended
        return self.tls is not None and self.tls.ended

    @property
    def over(self) -> bool:
        """Will the peer send no byte more, up to its FIN?"""
        return self.ended if self.tls is None else self.tls.ended

    def introduce(self, peer: Peer) -> Peer:
        """The peer, with what is known of it now."""
        return peer if self.tls is None else replace(peer, tls=self.tls.facts())


def layers_for(where: Address, tls: SSLContext | None, server: Server) -> Layers | None:
    """What a new connection of this listener begins with; `tls` is the listener's certificate now."""
    if tls is None and not where.proxy and not where.websocket:
        return None
    return Layers(
        proxy=Proxy() if where.proxy else None,
        tls=None if tls is None else TLS(tls),
        websocket=WebSocket(server.ws_origins) if where.websocket else None,
    )


def layers_to(where: Address) -> Layers | None:
    """What a client's connection to this address begins with.  Raises TLSError."""
    if where.scheme != "tls":
        return None
    context = client_context(where.ca)
    return Layers(tls=TLS(context, server_side=False, server_hostname=where.name or where.host))
