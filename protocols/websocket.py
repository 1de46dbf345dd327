"""Lines over WebSocket, the server's side: one message is one line (RFC 6455; IRCv3 WebSocket).

To its session a WebSocket is a stream of lines that end in CR LF, as any other connection.  Frames are
taken apart by wsproto.  Those that we send are made here: wsproto needs 2.8 µs for a line of 100 bytes,
and the four lines of `_frame` 0.3, which a channel of many members pays for each of them.

Extensions are not negotiated.  Compression would cost each connection some 300 KiB of zlib's windows.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import ClassVar

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, TextMessage

from protocols.upgrade import BINARY, Refusal, Upgrade

MESSAGE = 16_384
"""Bytes of the longest message; a longer one is answered by Close 1009.

IRCv3: "servers SHOULD impose limits on the maximum size of messages they will accept".  This is above
what any line may have, so that a line which is too long for its protocol is told so in its words.
"""

NORMAL = 1000
TOO_BIG = 1009
_NO_CODE = 1005  # stands for a Close without a code, and is never sent (RFC 6455 §7.4.1)

_FINAL = 0x80
_TEXT, _BINARY, _CLOSE, _PONG = (_FINAL | opcode for opcode in (1, 2, 8, 10))
_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


class WebSocket:
    """One connection's WebSocket.

    `established` turns true with our 101, `ended` with the peer's Close.  `failed` says, for the log,
    why the connection is of no more use: then send what there is to send, `close`, and close.
    """

    __slots__ = (
        "_close_code", "_closed", "_message", "_opcode", "_parser", "_unended", "_upgrade", "ended",
        "established", "failed",
    )  # fmt: skip

    _last: ClassVar[tuple[int, bytes, bytes]] = (0, b"", b"")
    """An opcode, lines, and their frames.

    A broadcast gives the same object to one receiver after the other, and is framed once.
    """

    def __init__(self, origins: Collection[str] = ()) -> None:
        self._upgrade: Upgrade | None = Upgrade(origins)
        self._parser = Connection(ConnectionType.SERVER)
        self._opcode = _TEXT
        self._message = bytearray()  # what has come of one that has not ended
        self._unended = b""  # a line that the session has not ended
        self._close_code = NORMAL
        self._closed = False
        self.established = False
        self.ended = False
        self.failed = ""

    def received(self, data: bytes) -> tuple[bytes, bytes]:
        """The lines that these bytes complete, and what WebSocket itself has to send now."""
        if self.ended or self.failed:
            return b"", b""
        if self._upgrade is None:
            return self._frames(data)
        try:
            done = self._upgrade.received(data)
        except Refusal as refusal:
            self._closed = True  # there is no Close frame to be sent
            self.failed = f"{refusal.status}: {refusal}"
            return b"", refusal.response()
        if done is None:
            return b"", b""
        if self._upgrade.subprotocol == BINARY:
            self._opcode = _BINARY
        self._upgrade = None
        self.established = True
        answer, rest = done
        lines, more = self._frames(rest)
        return lines, answer + more

    def _frames(self, data: bytes) -> tuple[bytes, bytes]:
        self._parser.receive_data(data)
        lines: list[bytes] = []
        ping = None
        for event in self._parser.events():
            if isinstance(event, (TextMessage, BytesMessage)):
                if not self._take(event, lines):
                    break
            elif isinstance(event, Ping):
                ping = event
            elif isinstance(event, CloseConnection):
                self._peer_closed(event)
                break
        # §5.5.3: who has several pings to answer "MAY elect to send a Pong frame for only the most
        # recently processed Ping frame".  No number of them makes us send more than a chunk brought.
        pong = _frame(_PONG, bytes(ping.payload)) if ping is not None and not self._closed else b""
        return b"".join(lines), pong

    def _take(self, event: Message, lines: list[bytes]) -> bool:  # type: ignore[type-arg]
        """This part of a message, and the line if it was the last; False if it is too much."""
        message, part = self._message, event.data
        message += part.encode() if isinstance(part, str) else part
        if len(message) > MESSAGE:
            self._fail(TOO_BIG, f"a message of more than {MESSAGE} bytes")
            return False
        if event.message_finished:
            lines.append(_line(bytes(message)))
            message.clear()
        return True

    def _peer_closed(self, event: CloseConnection) -> None:
        """A Close of the peer's, or of wsproto's own for what it could not take."""
        if self._parser.state is ConnectionState.OPEN:
            self._fail(int(event.code), event.reason or "")
        else:
            self.ended = True
            self._close_code = int(event.code)  # §5.5.1: "typically echos the status code it received"

    def _fail(self, code: int, why: str) -> None:
        if not self._closed:
            self._close_code = code
        self.failed = f"{code}: {why}"
        self._message.clear()

    def send(self, data: bytes) -> bytes:
        """These bytes' lines, a message for each; what has no LF yet waits for it."""
        if not self.established or self._closed:
            raise RuntimeError("send before the handshake is done, or after close")
        opcode, last = self._opcode, WebSocket._last
        if not self._unended and last[1] is data and last[0] == opcode:
            return last[2]
        *lines, unended = (self._unended + data if self._unended else data).split(b"\n")
        frames = b"".join([_message(opcode, line) for line in lines])
        if not self._unended and not unended:
            WebSocket._last = (opcode, data, frames)
        self._unended = unended
        return frames

    def close(self) -> bytes:
        """Our Close, once, behind what the session left unended."""
        if not self.established or self._closed:
            return b""
        self._closed = True
        rest = _message(self._opcode, self._unended) if self._unended else b""
        code = b"" if self._close_code == _NO_CODE else struct.pack("!H", self._close_code)
        return rest + _frame(_CLOSE, code)


def _line(message: bytes) -> bytes:
    """A message as a line of a stream, and never as two.

    IRCv3: "each message MUST consist of a single IRC line", without CR and LF.  Those at its end are
    taken for what they are, since clients of before the specification send them.  Any other is a
    space: what a gateway's user writes into one message must not become another command.
    """
    message = message.rstrip(b"\r\n")
    if b"\n" in message or b"\r" in message:
        message = message.translate(_LINE_ENDS)
    return message + b"\r\n"


def _message(opcode: int, line: bytes) -> bytes:
    if line[-1:] == b"\r":
        line = line[:-1]
    if opcode == _TEXT and not line.isascii():
        # "Servers MAY replace non-UTF-8 bytes with the UTF-8 encoding of the Unicode replacement
        # character": a browser closes a connection that sends it anything else.
        line = line.decode("utf-8", "replace").encode()
    return _frame(opcode, line)


def _frame(opcode: int, payload: bytes) -> bytes:
    """RFC 6455 §5.2; "a server MUST NOT mask any frames" (§5.1)."""
    size = len(payload)
    if size < 126:
        return _HEADERS[opcode][size] + payload
    return (
        struct.pack("!BBH" if size < 65_536 else "!BBQ", opcode, 126 if size < 65_536 else 127, size)
        + payload
    )


_HEADERS = {
    opcode: tuple(bytes((opcode, size)) for size in range(126)) for opcode in (_TEXT, _BINARY, _CLOSE, _PONG)
}
