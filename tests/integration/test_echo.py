"""echo, RFC 862, through real sockets: every row of its table against each driver.

The tests that take `tcp` also run against any other server: `pytest --target HOST:PORT`.
"""

from __future__ import annotations

import itertools
import random
import select
import socket
import ssl
from collections.abc import Callable, Iterator

import pytest

from tests import servers
from tests.clients import Client, Flood
from tests.servers import Certificate, Own, Running

MIB = 2**20
STREAMS = ("tcp", "tcp6", "tls", "tls6", "unix")
Connect = Callable[..., Client]


@pytest.fixture(scope="module")
def echo(
    implementation: str, certificate: Certificate, target: tuple[str, int] | None
) -> Iterator[Running | None]:
    """One server on everything that echo can listen on; None where another server is the target."""
    if target:
        yield None
        return
    with servers.serving(implementation, "echo", listen=STREAMS, certificate=certificate) as running:
        yield running


@pytest.fixture(params=STREAMS)
def over(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(echo: Running | None, over: str, target: tuple[str, int] | None) -> Connect:
    """Connects over each kind of stream in turn; the target speaks TCP alone."""
    if echo is not None:
        return lambda **options: echo.connect(over, **options)
    if over != "tcp":
        pytest.skip("the target is asked over TCP")
    return lambda **options: Client.connect(socket.AF_INET, target, **options)


@pytest.fixture
def ours(echo: Running | None) -> Running:
    if echo is None:
        pytest.skip("not asked of an independent server")
    return echo


def noise(n: int) -> bytes:
    """n bytes in which nothing repeats by chance."""
    return random.Random(n).randbytes(n)


# -- streams -------------------------------------------------------------------------------------


def test_every_byte_comes_back_in_order_while_the_client_sends(connect: Connect) -> None:
    """RFC 862: "any data received is sent back to the originating source"."""
    data = noise(4 * MIB)
    with connect() as client:
        assert client.exchange(data, end=False) == data


def test_all_that_is_owed_comes_after_the_clients_fin(connect: Connect) -> None:
    """Trap: Twisted's textbook echo drops its write buffer at the peer's FIN (2.98 of 4.19 MB came back)."""
    data = noise(4 * MIB)
    with connect() as client:
        assert client.exchange(data) == data


def test_all_that_is_owed_comes_to_a_reader_who_reads_only_after_its_fin(connect: Connect) -> None:
    """As much as the kernel holds at both ends, read when nothing more is sent."""
    data = noise(MIB)
    with connect(buffer=4096) as client:
        if hasattr(client, "tls"):
            data = data[:65_536]  # cut where the socket is full, a record can't go on
            client.send(data)
        else:
            data = data[: client.send_what_fits(data)]
        client.half_close()
        assert client.read_to_end() == data


def test_fin_first_is_answered_by_fin(connect: Connect) -> None:
    with connect() as client:
        client.half_close()
        assert client.read_to_end() == b""


def test_an_urgent_byte_is_a_byte_of_the_stream(ours: Running) -> None:
    """RFC 862: "any data received"; by default a socket leaves the urgent byte out (RFC 6093 §6)."""
    with ours.connect("tcp") as client:
        client.sock.send(b"abc", socket.MSG_OOB)
        client.half_close()
        assert client.read_to_end() == b"abc"


def test_one_byte_at_a_time(connect: Connect) -> None:
    with connect() as client:
        for byte in noise(500):
            client.send(bytes([byte]))
            assert client.read(1) == bytes([byte])
        client.half_close()
        assert client.read_to_end() == b""


def test_a_reset_in_the_middle_is_nobody_elses_matter(connect: Connect) -> None:
    with connect() as other:
        for _ in range(20):
            client = connect()
            client.send(noise(100_000))
            client.read(1)
            client.reset()
            other.send(b"still")
            assert other.read(5) == b"still"


def test_a_client_that_goes_while_it_is_owed_much_is_forgotten(connect: Connect) -> None:
    for _ in range(5):
        client = connect(buffer=4096)
        client.send_what_fits(noise(MIB))
        client.close()
    with connect() as other:
        other.send(b"still")
        assert other.read(5) == b"still"


def test_many_connections_at_once_get_each_their_own(connect: Connect) -> None:
    clients = [connect() for _ in range(100)]
    for i, client in enumerate(clients):
        client.send(b"%100d" % i)
    for i, client in enumerate(clients):
        assert client.read(100) == b"%100d" % i
    for client in clients:
        client.half_close()
        assert client.read_to_end() == b""
        client.close()


def in_step(client: Client, times: int = 1) -> None:
    """The server has had its turn so often, for this client."""
    for _ in range(times):
        client.send(b"x")
        assert client.read(1) == b"x"


def test_a_flooding_client_does_not_starve_the_others(connect: Connect) -> None:
    """Trap: reading until EAGAIN starves the rest."""
    with connect() as flooder, connect() as other, Flood(flooder, noise(65_536)) as flood:
        assert flood.share(lambda: in_step(other), times=50) < 8 * MIB


# -- TLS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_half_close_works_over_tls(ours: Running, version: ssl.TLSVersion) -> None:
    """RFC 8446 §6.1: close_notify ends one direction; what is owed still arrives, then theirs."""
    data = noise(MIB)
    with ours.connect("tls", version=version) as client:
        assert client.tls.version() == f"TLSv{version.name[-3:].replace('_', '.')}"  # type: ignore[attr-defined]
        assert client.exchange(data) == data


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_bytes_glued_behind_the_handshake_come_back(ours: Running, version: ssl.TLSVersion) -> None:
    with ours.connect("tls", version=version, glue=b"glued") as client:
        assert client.read(5) == b"glued"


def test_a_handshake_cut_at_every_byte_succeeds(ours: Running) -> None:
    with ours.connect("tls", handshake=False) as client:
        whole = client.sock.sendall

        class ByteByByte:
            """The socket, but sending one byte at a time."""

            def __getattr__(self, name: str) -> object:
                return getattr(sock, name)

            def sendall(self, data: bytes) -> None:
                for byte in data:
                    whole(bytes([byte]))

        sock, client.sock = client.sock, ByteByByte()  # type: ignore[assignment]
        client.handshake()  # type: ignore[attr-defined]
        client.send(b"hello")
        assert client.read(5) == b"hello"
        client.sock = sock


@pytest.mark.parametrize(
    "words",
    [b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(70_000), b"\x80\x2e\x01", b"\n"],
    ids=["HTTP", "long record", "SSL 2", "newline"],
)
def test_what_is_no_tls_does_no_harm(ours: Running, words: bytes) -> None:
    with ours.connect("tls", handshake=False) as client, ours.connect("tls") as other:
        client.sock.sendall(words)
        try:
            client.sock.shutdown(socket.SHUT_WR)
            while client.sock.recv(65_536):
                pass
        except OSError:
            pass
        other.send(b"still")
        assert other.read(5) == b"still"


def test_truncation_is_no_end_over_tls(ours: Running) -> None:
    """FIN without close_notify: what came may be cut short, so it gets no answer of an end."""
    with ours.connect("tls") as client:
        client.send(b"half")
        assert client.read(4) == b"half"
        client.sock.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionResetError):
            client.read_to_end()


# -- limits --------------------------------------------------------------------------------------


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(own: Own, certificate: Certificate) -> None:
    running = own("echo", "--limits-idle", "0.5", listen=("tcp", "tls"), certificate=certificate)
    with running.connect() as busy, running.connect() as idle, running.connect("tls") as secret:
        idle.send(b"x")
        while not select.select([idle.sock], [], [], 0)[0] or idle.read(1) != b"x":
            pass
        closed = False
        while not closed:  # the busy one is heard until the idle one is closed, and after
            busy.send(b"busy")
            assert busy.read(4) == b"busy"
            if select.select([idle.sock], [], [], 0.01)[0]:
                assert idle.read_to_end() == b""
                closed = True
        assert secret.read_to_end() == b""
        busy.send(b"busy")
        assert busy.read(4) == b"busy"


@pytest.mark.parametrize("over", ["tcp", "tls", "unix"])
def test_memory_stays_flat_while_a_client_sends_and_never_reads(ours: Running, over: str) -> None:
    """Of 1 GiB offered only what the kernel's buffers hold is taken, and the server grows by less than 2 MiB.

    A server that reads on would have taken it all; one that has stopped reading takes no more
    however often it is offered.
    """
    with ours.connect(over) as other:
        for attempt in ("to touch what every connection needs", "to measure"):
            client = ours.connect(over, buffer=4096)
            before = ours.memory()
            offer = client.wrapped(noise(MIB))
            taken = dry = 0
            client.sock.setblocking(False)
            pending = memoryview(offer)
            while taken < 1024 * MIB and dry < 20:
                try:
                    sent = client.sock.send(pending)
                    taken += sent
                    pending = pending[sent:]
                    dry = 0
                except BlockingIOError:
                    dry += 1
                    in_step(other, times=20)  # the server has had its turns, and takes no more
                if not pending:
                    pending = memoryview(client.wrapped(noise(MIB)))
            assert taken < 128 * MIB, f"{taken / MIB:.0f} MiB were taken from a client that does not read"
            grown = ours.memory() - before
            client.reset()
            in_step(other, times=20)
            assert grown < 2 * MIB or attempt != "to measure", f"{grown / MIB:.1f} MiB grown"


def test_memory_is_given_back_to_who_reads_at_last(ours: Running) -> None:
    """Back-pressure loses nothing: all that was taken comes back."""
    data = itertools.cycle([noise(MIB)])
    with ours.connect(buffer=4096) as client:
        taken = bytearray()
        for chunk in data:
            sent = client.send_what_fits(chunk)
            taken += chunk[:sent]
            if sent < len(chunk):
                break
        client.half_close()
        assert client.read_to_end() == taken


def test_over_connections_is_closed_without_a_word(own: Own) -> None:
    """Echo has no words: what it says would be taken for an echo."""
    running = own("echo", "--limits-connections", "1")
    with running.connect() as first, running.connect() as second:
        assert second.read_to_end() == b""
        first.send(b"still")
        assert first.read(5) == b"still"


# -- several listeners ---------------------------------------------------------------------------


def test_several_listeners_serve_at_once(ours: Running) -> None:
    clients = [ours.connect(over) for over in STREAMS]
    for client in clients:
        client.send(b"hello")
    for client in clients:
        assert client.read(5) == b"hello"
        client.half_close()
        assert client.read_to_end() == b""
        client.close()


def test_ipv6_and_ipv4_can_share_a_port(own: Own) -> None:
    """`[::]` is IPv6 alone: what it would take of IPv4 is said by its own address."""
    with socket.socket(socket.AF_INET) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    running = own("echo", "--listen", f"tcp://127.0.0.1:{port}", "--listen", f"tcp://[::1]:{port}")
    running.wait_for(f"listening on tcp://[::1]:{port}\n")
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with Client.connect(family, (host, port)) as client:
            assert client.exchange(b"hello") == b"hello"
