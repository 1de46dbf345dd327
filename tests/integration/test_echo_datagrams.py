"""echo over UDP (RFC 862): whole, to whom it came from, and never for ever."""

from __future__ import annotations

import os
import random
import signal
import socket
import struct
from collections.abc import Iterator

import pytest

from tests import servers
from tests.conftest import skip_unless_in_ci
from tests.servers import Own, Running

MIB = 2**20


@pytest.fixture(scope="module")
def ours(implementation: str) -> Iterator[Running]:
    """One server on UDP over IPv4 and IPv6."""
    if implementation == "target":
        pytest.skip("not asked of an independent server")
    with servers.serving(implementation, "echo", listen=("tcp", "udp", "udp6")) as running:
        yield running


def noise(n: int) -> bytes:
    """n bytes in which nothing repeats by chance."""
    return random.Random(n).randbytes(n)


# -- datagrams -----------------------------------------------------------------------------------


@pytest.fixture(params=["udp", "udp6"])
def datagrams(request: pytest.FixtureRequest, ours: Running) -> Iterator[socket.socket]:
    """A socket that is connected to echo's."""
    family, address = ours.where[request.param]
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(servers.PATIENCE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * MIB)
        sock.connect(address)  # type: ignore[arg-type]
        yield sock


@pytest.mark.parametrize("size", [0, 1, 512, 8_192, 8_193, 65_507])
def test_a_datagram_comes_back_whole(datagrams: socket.socket, size: int) -> None:
    """RFC 862; trap: the stock servers of both frameworks cut at 8,192 bytes."""
    data = noise(size)
    datagrams.send(data)
    assert datagrams.recv(70_000) == data


def test_each_datagram_comes_back_as_one(datagrams: socket.socket) -> None:
    for i in range(50):
        datagrams.send(b"%d" % i)
    assert [datagrams.recv(100) for _ in range(50)] == [b"%d" % i for i in range(50)]


def test_each_datagram_goes_back_to_its_own_sender(ours: Running) -> None:
    family, address = ours.where["udp"]
    senders = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(20)]
    for i, sender in enumerate(senders):
        sender.settimeout(servers.PATIENCE)
        sender.sendto(b"%d" % i, address)  # type: ignore[arg-type]
    for i, sender in enumerate(senders):
        assert sender.recvfrom(100) == (b"%d" % i, address)
        sender.close()


def test_an_icmp_answer_does_not_stop_it(datagrams: socket.socket, ours: Running) -> None:
    """Who is gone when the datagram comes back answers "port unreachable"."""
    for _ in range(20):
        with socket.socket(datagrams.family, socket.SOCK_DGRAM) as gone:
            gone.sendto(b"x", datagrams.getpeername())
    datagrams.send(b"still")
    assert datagrams.recv(100) == b"still"


def forged(source: tuple[str, int], to: tuple[str, int], data: bytes) -> None:
    """Send a datagram with another's source port (IPv4, by a raw socket: root alone may)."""
    length = 8 + len(data)
    # A checksum of 0 says that there is none (RFC 768).
    packet = struct.pack("!HHHH", source[1], to[1], length, 0) + data
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        raw.bind((source[0], 0))
        raw.sendto(packet, (to[0], 0))


def test_datagrams_from_echo_like_ports_are_dropped_and_counted(own: Own) -> None:
    """Two echo servers must not talk for ever (CERT CA-1996-01)."""
    if os.geteuid():
        skip_unless_in_ci("only root may forge a datagram's source port")
    running = own("echo", listen=("tcp", "udp"))
    host, port = running.where["udp"][1]  # type: ignore[misc]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        raw.bind(("127.0.0.1", 0))
        raw.settimeout(servers.PATIENCE)
        for suspect in (7, 13, 17, 19, 37, port):
            forged(("127.0.0.1", suspect), (host, port), b"for ever?")
        forged(("127.0.0.1", 7777), (host, port), b"the last")
        answered = []
        while 7777 not in answered:
            packet = raw.recv(70_000)
            header = (packet[0] & 15) * 4
            source, destination = struct.unpack("!HH", packet[header : header + 4])
            if source == port and destination != port:
                answered.append(destination)
    assert answered == [7777]
    running.signal(signal.SIGTERM)
    running.ended()
    assert "6 datagrams from echo-like ports were dropped" in running.log


def test_two_echo_listeners_do_not_talk_for_ever(own: Own) -> None:
    """A datagram forged to come from our other port is one of our own ports as well."""
    if os.geteuid():
        skip_unless_in_ci("only root may forge a datagram's source port")
    running = own("echo", "--listen", "udp://127.0.0.1:0", "--listen", "udp://127.0.0.1:0", listen=("tcp",))
    running.wait_for("listening on udp://127.0.0.1:", 2)
    ports = [int(line.rpartition(":")[2]) for line in running.stderr.splitlines() if "udp://" in line]
    forged(("127.0.0.1", ports[0]), ("127.0.0.1", ports[1]), b"for ever?")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(servers.PATIENCE)
        for port in ports:
            sock.sendto(b"still", ("127.0.0.1", port))
            assert sock.recv(100) == b"still"
    running.signal(signal.SIGTERM)
    running.ended()
    assert "1 datagrams from echo-like ports were dropped" in running.log
