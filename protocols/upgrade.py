"""A WebSocket's opening handshake, the server's side: one HTTP request, and our answer (RFC 6455 §4.2).

The request is read by h11.  What follows it, and the frames, are in `websocket`.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Collection
from typing import Final

import h11

TEXT: Final = "text.ircv3.net"
BINARY: Final = "binary.ircv3.net"
SUBPROTOCOLS: Final = (TEXT, BINARY)

LONGEST: Final = 16_384
"""Bytes of a request: ours.  Browsers add their cookies; servers for the web take 8 to 16 KiB."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
_REASONS = {400: "Bad Request", 403: "Forbidden", 405: "Method Not Allowed", 426: "Upgrade Required"}
_REASONS |= {431: "Request Header Fields Too Large", 501: "Not Implemented"}


class Refusal(Exception):
    """A request that is not answered by 101; carries the HTTP status and what else the answer says."""

    def __init__(self, status: int, text: str, *headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers

    def response(self) -> bytes:
        """The whole answer, after which the connection is closed."""
        body = f"{self}\n".encode()
        lines = [
            f"HTTP/1.1 {self.status} {_REASONS[self.status]}",
            *self.headers,
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Upgrade:
    """Reads one request.  `origins` are those whose pages may connect; none: any."""

    __slots__ = ("_http", "_origins", "subprotocol")

    def __init__(self, origins: Collection[str] = ()) -> None:
        self._origins = {origin.lower() for origin in origins}
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST)
        self.subprotocol: str | None = None
        """What was agreed on; None if the client offered nothing that we know."""

    def received(self, data: bytes) -> tuple[bytes, bytes] | None:
        """None until the request is whole; then our answer, 101, and what followed the request.

        Raises Refusal.
        """
        try:
            if data:  # for h11 no bytes mean the end
                self._http.receive_data(data)
            request = self._http.next_event()
            if not isinstance(request, h11.Request):
                return None
            answer = self._answer(request)
            self._http.next_event()  # EndOfMessage: there is no body
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint
            raise Refusal(status if status in _REASONS else 400, "This is no HTTP request.") from None
        return answer, self._http.trailing_data[0]

    def _answer(self, request: h11.Request) -> bytes:
        if request.method != b"GET":
            raise Refusal(405, "A WebSocket is opened by GET.", "Allow: GET")
        if request.http_version != b"1.1":
            raise Refusal(400, "A WebSocket is opened by HTTP/1.1.")
        asked = "upgrade" in _tokens(request, b"connection")
        if not asked or "websocket" not in _tokens(request, b"upgrade"):
            # RFC 9110 §15.5.22: the answer names what to upgrade to.
            raise Refusal(
                426, "Only WebSockets are served here.", "Upgrade: websocket", "Connection: Upgrade"
            )
        if _values(request, b"sec-websocket-version") != ["13"]:
            # §4.4: with the "Sec-WebSocket-Version" header "the server is capable of understanding".
            raise Refusal(426, "Only version 13 is spoken here.", "Sec-WebSocket-Version: 13")
        if _values(request, b"transfer-encoding") or any(map(int, _values(request, b"content-length"))):
            raise Refusal(400, "A request to upgrade has no body.")
        key = _values(request, b"sec-websocket-key")
        if len(key) != 1 or not _is_key(key[0]):
            raise Refusal(400, "Sec-WebSocket-Key must be 16 bytes, in Base64.")
        origin = _values(request, b"origin")
        # §4.2.1: "A connection attempt lacking this header field SHOULD NOT be interpreted as coming
        # from a browser client."  It is browsers' users whom the check protects; whatever else
        # connects could as well name an origin that is allowed.
        if origin and self._origins and not (len(origin) == 1 and origin[0].lower() in self._origins):
            raise Refusal(403, "This origin is not allowed here.")
        offered = _tokens(request, b"sec-websocket-protocol", lower=False)
        # IRCv3: "The server MUST accept any subprotocol it supports, respecting the client's order".
        self.subprotocol = next((one for one in offered if one in SUBPROTOCOLS), None)
        lines = [
            b"HTTP/1.1 101 Switching Protocols",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: " + accept(key[0]),
        ]
        if self.subprotocol is not None:
            lines.append(b"Sec-WebSocket-Protocol: " + self.subprotocol.encode())
        return b"\r\n".join(lines) + b"\r\n\r\n"


def accept(key: str) -> bytes:
    """What proves that a request was understood as one for a WebSocket (§4.2.2)."""
    return b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest())


def _values(request: h11.Request, name: bytes) -> list[str]:
    return [value.decode("latin-1") for header, value in request.headers if header == name]


def _tokens(request: h11.Request, name: bytes, *, lower: bool = True) -> list[str]:
    words = [word.strip() for value in _values(request, name) for word in value.split(",")]
    return [word.lower() for word in words] if lower else words


def _is_key(text: str) -> bool:
    try:
        return len(b64decode(text.encode("latin-1"), validate=True)) == 16
    except binascii.Error:
        return False
