"""Thousands on one channel: all join, one speaks, all read it."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.chat_clients import Serve
from tests.clients import PATIENCE
from tests.integration.test_many import descriptors
from tests.servers import Running

AT_ONCE = 50
"""Clients that are on their way in at a time."""
TAIL = 200
"""Bytes of what a client read that are kept, to find the end of an answer in."""


class Crowd:
    """Clients that read all that they are told, and remember its end."""

    def __init__(self, running: Running) -> None:
        self.family, self.address = running.where["tcp"]
        self.sockets: dict[int, socket.socket] = {}
        self.tails: dict[int, bytes] = {}
        self.poll = select.epoll()
        self.read = 0
        """Bytes, all together."""

    def come(self, nick: str) -> int:
        """One more, who is soon on the channel."""
        sock = socket.socket(self.family)
        fd = sock.fileno()
        self.sockets[fd], self.tails[fd] = sock, b""
        sock.settimeout(PATIENCE)
        sock.connect(self.address)  # type: ignore[arg-type]
        self.poll.register(fd, select.EPOLLIN)
        sock.send(f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nJOIN #crowd\r\n".encode())
        return fd

    def until(self, waiting: set[int], end: bytes, most: int = 0) -> None:
        """Read until this was said to all but `most` of those who wait for it."""
        while len(waiting) > most:
            ready = self.poll.poll(PATIENCE)
            assert ready, f"{len(waiting)} wait in vain for {end!r}"
            for fd, _ in ready:
                data = self.sockets[fd].recv(262_144)
                assert data, self.tails[fd]
                self.read += len(data)
                said = self.tails[fd] + data
                self.tails[fd] = said[-TAIL:]
                if fd in waiting and end in said:
                    waiting.discard(fd)

    def close(self) -> None:
        self.poll.close()
        for sock in self.sockets.values():
            sock.close()


@contextmanager
def crowd(running: Running) -> Iterator[Crowd]:
    made = Crowd(running)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.timeout(600)
def test_a_crowd_joins_one_channel_and_reads_who_speaks(
    serve: Serve, request: pytest.FixtureRequest, record_property: pytest.RecordProperty
) -> None:
    """All join, and each is told of each who comes later; then one speaks, and all others read it.

    300 of them, or as many as `pytest --crowd N` says.
    """
    size: int = request.config.getoption("--crowd")
    with descriptors(size + 500):
        running = serve("flood.enabled = false\ntimeouts.ping = 3600")
        with crowd(running) as everybody:
            start, cpu = time.monotonic(), running.cpu()
            waiting: set[int] = set()
            for at in range(size):
                waiting.add(everybody.come(f"n{at}"))
                everybody.until(waiting, b":End of /NAMES list\r\n", AT_ONCE)
            everybody.until(waiting, b":End of /NAMES list\r\n")
            joined, spent = time.monotonic() - start, running.cpu() - cpu
            record_property("joining", f"{joined:.1f} s, {spent:.1f} s of CPU, {everybody.read >> 20} MiB")
            speaker, *others = everybody.sockets
            start, cpu = time.monotonic(), running.cpu()
            everybody.sockets[speaker].send(b"PRIVMSG #crowd :hear, hear\r\n")
            everybody.until(set(others), b"PRIVMSG #crowd :hear, hear\r\n")
            told = f"{time.monotonic() - start:.3f} s, {running.cpu() - cpu:.2f} s of CPU"
            record_property("speaking", told)
        print(f"{size}: joined in {joined:.1f} s with {spent:.1f} s of CPU; one line to all in {told}")
