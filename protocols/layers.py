"""What may stand between a socket and a session: a PROXY header, then TLS.

Each layer is without I/O and knows nothing of the others; this is their order, and the one thing that
a driver asks.  A connection that needs none of them has none, and pays nothing.
"""

from __future__ import annotations

from dataclasses import replace
from ssl import SSLContext
from typing import TypeAlias

from protocols.listen import Address
from protocols.proxy import Proxy, ProxyError
from protocols.session import Peer, Server
from protocols.tls import TLS, TLSError, client_context

LayerError: TypeAlias = "ProxyError | TLSError"
"""What ends a connection at once; each has its `layer`, a text for the log, and an `alert` for the peer."""
LAYER_ERRORS = (ProxyError, TLSError)

READ = 65_536
TLS_READ = 262_144
"""Bytes to read at once; more over TLS, where every read costs a pass through OpenSSL."""


class Layers:
    """The layers of one connection.

    While `proxy` is not None, what arrives is for `past_proxy`; from then on for `received`.
    """

    __slots__ = ("client", "proxy", "read_size", "tls")

    def __init__(self, *, proxy: Proxy | None = None, tls: TLS | None = None) -> None:
        self.proxy = proxy
        self.tls = tls
        self.client: Peer | None = None
        """Whom the PROXY header named."""
        self.read_size = READ if tls is None else TLS_READ

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
        return (data, b"") if self.tls is None else self.tls.received(data)

    def send(self, data: bytes) -> bytes:
        """What goes to the socket for these bytes of the session's."""
        return data if self.tls is None else self.tls.send(data)

    def close(self) -> bytes:
        """Our last words, once."""
        return b"" if self.tls is None else self.tls.close()

    @property
    def established(self) -> bool:
        """Can the session begin?"""
        return self.proxy is None and (self.tls is None or self.tls.established)

    @property
    def passed(self) -> bool:
        """Is nothing left to be done here?"""
        return self.proxy is None and self.tls is None

    @property
    def ended(self) -> bool:
        """Has the peer said in its last layer that it will say nothing more?"""
        return self.tls is not None and self.tls.ended

    @property
    def over(self) -> bool:
        """Can nothing more come from the peer that concerns anybody?"""
        return self.tls is not None and self.tls.ended

    def introduce(self, peer: Peer) -> Peer:
        """The peer, with what is known of it now."""
        return peer if self.tls is None else replace(peer, tls=self.tls.facts())


def layers_for(where: Address, tls: SSLContext | None, server: Server) -> Layers | None:
    """What a new connection of this listener begins with; `tls` is the listener's certificate now."""
    if tls is None and not where.proxy:
        return None
    return Layers(proxy=Proxy() if where.proxy else None, tls=None if tls is None else TLS(tls))


def layers_to(where: Address) -> Layers | None:
    """What a client's connection to this address begins with.  Raises TLSError."""
    if where.scheme != "tls":
        return None
    context = client_context(where.ca)
    return Layers(tls=TLS(context, server_side=False, server_hostname=where.name or where.host))
