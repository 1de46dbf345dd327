"""A WebSocket client by hand: every frame is as it is written, also those that nobody should send."""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

from tests.clients import Client

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of RFC 6455 §1.3."""


class Frame(NamedTuple):
    """One frame; `first` is its first byte."""

    first: int
    payload: bytes


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    mask: bool = True,
    rsv: int = 0,
    size: int | None = None,
) -> bytes:
    """A client's frame; `size` is what its header says in place of the payload's length."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    length = len(payload) if size is None else size
    masked = 0x80 if mask else 0
    if length < 126:
        header = bytes((first, masked | length))
    elif length < 65_536:
        header = struct.pack("!BBH", first, masked | 126, length)
    else:
        header = struct.pack("!BBQ", first, masked | 127, length)
    if not mask:
        return header + payload
    key = os.urandom(4)
    return header + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def request(*headers: str, method: str = "GET", version: str = "1.1", **changed: str | None) -> bytes:
    """A request to upgrade; `changed` replaces a header (`Sec_WebSocket_Key`), or leaves it out."""
    usual: dict[str, str | None] = {
        "Host": "irc.example.org",
        "Connection": "keep-alive, Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
    }
    usual |= {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{method} /irc HTTP/{version}", *headers]
    lines += [f"{name}: {value}" for name, value in usual.items() if value is not None]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def taken_apart(data: bytes) -> list[Frame]:
    """A server's frames, which are all there is in `data`."""
    frames = []
    while data:
        size, at = data[1], 2
        if size == 126:
            size, at = struct.unpack_from("!H", data, 2)[0], 4
        elif size == 127:
            size, at = struct.unpack_from("!Q", data, 2)[0], 10
        assert len(data) >= at + size, "a frame that is cut"
        frames.append(Frame(data[0], data[at : at + size]))
        data = data[at + size :]
    return frames


class WebSocketClient:
    """Over a connection of whatever kind.  Frames are sent and read one by one."""

    def __init__(self, client: Client, *headers: str, glue: bytes = b"", open: bool = True) -> None:
        """`glue` goes out in one piece with the request."""
        self.client = client
        if open:
            client.send(request(*headers) + glue)
            self.head = self.read_head()
            assert self.head.startswith("HTTP/1.1 101 "), self.head
            assert f"Sec-WebSocket-Accept: {ACCEPT}" in self.head

    def __enter__(self) -> WebSocketClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def read_head(self) -> str:
        """An HTTP answer up to its empty line."""
        lines = []
        while line := self.client.read_line().rstrip(b"\r"):
            lines.append(line.decode())
        return "\n".join(lines)

    def send(self, line: str) -> None:
        self.client.send(frame(TEXT, line.encode()))

    def read_frame(self) -> Frame:
        first, size = self.client.read(2)
        assert not size & 0x80, 'RFC 6455 §5.1: "A server MUST NOT mask any frames"'
        if size == 126:
            (size,) = struct.unpack("!H", self.client.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.client.read(8))
        return Frame(first, self.client.read(size))

    def ask(self, line: str) -> str:
        """One line there, one line back, both as text."""
        self.send(line)
        answer = self.read_frame()
        assert answer.first == 0x80 | TEXT
        return answer.payload.decode()

    def closed(self) -> int | None:
        """The code of the server's Close, which comes next, and with which the stream ends."""
        first, payload = self.read_frame()
        assert first == 0x80 | CLOSE
        assert self.client.read_to_end() == b""
        return struct.unpack("!H", payload[:2])[0] if payload else None
