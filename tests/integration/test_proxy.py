"""PROXY headers through sockets: who the session is told has connected, and who may say so."""

from __future__ import annotations

import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.clients import Client
from tests.integration.probing import ask
from tests.servers import Certificate, Own, Running, wait_until

V1 = b"PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n"
V2 = (
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x21"
    + struct.pack("!H", 36 + 7)
    + socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::9")
    + struct.pack("!HH", 56324, 443)
    + b"\x04\x00\x04\0\0\0\0"
)
LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\0\0"
UNKNOWN = b"PROXY UNKNOWN\r\n"
SEEN_V1 = "192.0.2.1 56324 192.0.2.9 443"
SEEN_V2 = "2001:db8::1 56324 2001:db8::9 443"


OVER = ("tcp", "tcp+proxy", "tls+proxy")
WITHOUT_HANDSHAKE: dict[str, dict[str, bool]] = {"tcp+proxy": {}, "tls+proxy": {"handshake": False}}
BELIEVED = ("--proxy-from", "127.0.0.1", "--proxy-from", "127.0.1.0/24")


def listening(own: Own, certificate: Certificate, *flags: str) -> Running:
    """A probe of one's own that believes 127.0.0.1 and those in 127.0.1.0/24."""
    return own("probe", *BELIEVED, *flags, listen=OVER, certificate=certificate)


@pytest.fixture(scope="module")
def proxied(implementation: str, certificate: Certificate) -> Iterator[Running]:
    if implementation == "target":
        pytest.skip("the probe is ours alone")
    with servers.serving(implementation, "probe", *BELIEVED, listen=OVER, certificate=certificate) as running:
        yield running


def dropped(client: Client) -> bool:
    """Was the connection closed, in whatever way, without a word?"""
    try:
        return client.read_to_end() == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(("header", "seen"), [(V1, SEEN_V1), (V2, SEEN_V2)], ids=["v1", "v2"])
def test_the_session_is_told_of_the_client_and_not_of_the_proxy(
    proxied: Running, header: bytes, seen: str
) -> None:
    """proxy-protocol.txt §2: what "the server would have been able to get by itself"."""
    with proxied.connect("tcp+proxy") as client:
        client.send(header + b"who\n")
        assert client.read_line().decode() == f"{seen} None"
        assert ask(client, "ping x") == "pong x"
        client.half_close()
        assert client.read_to_end() == b""


@pytest.mark.parametrize("header", [LOCAL, UNKNOWN], ids=["local", "unknown"])
def test_a_proxy_that_speaks_for_itself_keeps_its_address(proxied: Running, header: bytes) -> None:
    """§2.2: LOCAL "must use the real connection endpoints"."""
    with proxied.connect("tcp+proxy") as client:
        host, port = client.sock.getsockname()
        local_host, local_port = client.sock.getpeername()
        client.send(header + b"who\n")
        assert client.read_line().decode() == f"{host} {port} {local_host} {local_port} None"


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_the_header_comes_before_tls(proxied: Running, header: bytes) -> None:
    with proxied.connect("tls+proxy", handshake=False) as client:
        client.sock.sendall(header)
        client.handshake()  # type: ignore[attr-defined]
        seen = ask(client, "who")
        assert seen.startswith(SEEN_V1 if header is V1 else SEEN_V2)
        assert "TLSv1.3" in seen


@pytest.mark.parametrize("header", [V1, V2, LOCAL], ids=["v1", "v2", "local"])
def test_a_header_cut_at_every_byte_is_read(proxied: Running, header: bytes) -> None:
    with proxied.connect("tcp") as other, proxied.connect("tcp+proxy") as client:
        for at in range(len(header)):
            client.send(header[at : at + 1])
            assert ask(other, "ping between") == "pong between"
        assert ask(client, "ping x") == "pong x"


def test_the_session_hears_nothing_before_the_header_is_whole(proxied: Running) -> None:
    """§2: "The receiver MUST NOT start processing the connection before it receives a complete … header"."""
    with proxied.connect("tcp") as watcher, proxied.connect("tcp+proxy") as client:
        client.send(V1[:-1])
        assert ask(watcher, "name watcher") == "named watcher"
        assert ask(watcher, "there") == "there watcher"
        client.send(V1[-1:])
        assert ask(client, "name client") == "named client"
        assert ask(watcher, "there") == "there client watcher"


NONE = {
    "none": b"ping x\n",
    "TLS": b"\x16\x03\x01\x02\x00",
    "too short": b"PROXY TCP4 1.2.3.4\r\n",
    "endless": b"PROXY" + b" " * 200,
    "version 3": V2[:12] + b"\x31\x11\0\0",
}


@pytest.mark.parametrize("first", NONE.values(), ids=NONE)
@pytest.mark.parametrize("over", ["tcp+proxy", "tls+proxy"])
def test_what_is_no_header_is_dropped_without_a_word(proxied: Running, over: str, first: bytes) -> None:
    """§2.1: "must be discarded and cause the receiver to abort the connection"."""
    with proxied.connect(over, **WITHOUT_HANDSHAKE[over]) as client:
        client.sock.sendall(first)
        with pytest.raises(ConnectionResetError):
            client.sock.recv(1)
    proxied.wait_for("PROXY: ")


def test_a_header_that_ends_early_is_dropped(proxied: Running) -> None:
    with proxied.connect("tcp+proxy") as client:
        client.send(V1[:20])
        client.half_close()
        assert dropped(client)


def test_strangers_are_refused_and_logged(own: Own, certificate: Certificate) -> None:
    """§2: "only trusted proxies are allowed to use this protocol"."""
    running = listening(own, certificate)
    for over in ("tcp+proxy", "tls+proxy"):
        for source, is_believed in (("127.0.0.1", True), ("127.0.0.2", False), ("127.0.1.77", True)):
            with running.connect(over, source=source, **WITHOUT_HANDSHAKE[over]) as client:
                if is_believed and over == "tcp+proxy":
                    client.send(V1)
                    assert ask(client, "ping x") == "pong x"
                elif not is_believed:
                    assert dropped(client)
    running.wait_for("is not in proxy_from: refused", times=2)
    with running.connect("tcp", source="127.0.0.2") as client:
        assert ask(client, "ping x") == "pong x"


def test_nobody_is_believed_unless_the_settings_name_them(own: Own) -> None:
    running = own("probe", listen=("tcp", "tcp+proxy"))
    with running.connect("tcp+proxy") as client:
        assert dropped(client)


def test_connections_per_ip_counts_the_client_and_not_the_proxy(own: Own, certificate: Certificate) -> None:
    running = listening(own, certificate, "--limits-connections-per-ip", "2")
    refusal = b"refused too many connections from your address\n"

    def proxied_from(host: bytes) -> Client:
        client = running.connect("tcp+proxy")
        client.send(b"PROXY TCP4 %b 192.0.2.9 1 2\r\nping x\n" % host)
        return client

    here = [proxied_from(b"192.0.2.%d" % (number // 2)) for number in range(6)]
    for client in here:
        assert client.read_line() == b"pong x", "six behind one proxy, two each"
    with proxied_from(b"192.0.2.1") as excess:
        assert excess.read_to_end() == refusal
    with running.connect("tls+proxy", handshake=False) as excess:
        excess.sock.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.9 1 2\r\n")
        assert dropped(excess), "there are no words before the handshake"
    here.pop(2).close()

    def admitted() -> bool:
        with proxied_from(b"192.0.2.1") as client:
            try:
                return client.read_line() == b"pong x"
            except (EOFError, ConnectionError):
                return False

    wait_until("a place that was left is given again", admitted)
    for client in here:
        client.close()


def test_a_header_that_has_not_come_counts_as_a_connection(own: Own, certificate: Certificate) -> None:
    running = listening(own, certificate, "--limits-connections", "2")
    with running.connect("tcp+proxy"), running.connect("tcp") as client:
        assert ask(client, "ping x") == "pong x"
        with running.connect("tcp") as excess:
            assert excess.read_to_end() == b"refused too many connections\n"
        with running.connect("tcp+proxy") as excess:
            excess.send(V1)
            assert excess.read_to_end() == b"refused too many connections\n"


def test_sighup_rereads_who_is_believed(own: Own, tmp_path: Path) -> None:
    file = tmp_path / "twofold.toml"
    file.write_text("[chat]\nproxy_from = []\n")
    running = own("chat", "--config", str(file), listen=("tcp", "tcp+proxy"))

    def greeted() -> bool:
        with running.connect("tcp+proxy") as client:
            client.send(V1 + b"CAP LS\r\n")
            try:
                return b" LS " in client.read_line()
            except (EOFError, ConnectionError):
                return False

    assert not greeted()
    file.write_text("[chat]\nproxy_from = ['127.0.0.0/8']\n")
    running.signal(signal.SIGHUP)
    running.wait_for("reread ")
    assert greeted()
    file.write_text("[chat]\nproxy_from = ['localhost']\n")
    running.signal(signal.SIGHUP)
    running.wait_for(
        f"nothing was reread, and what was in force stays: {file}: chat.proxy_from: "
        'expected addresses and networks such as 10.0.0.0/8, got ["localhost"]\n'
    )
    assert greeted()


@pytest.mark.slow
def test_a_header_has_ten_seconds(own: Own, certificate: Certificate) -> None:
    running = listening(own, certificate)
    with running.connect("tcp+proxy") as silent, running.connect("tls+proxy", handshake=False) as slow:
        slow.sock.sendall(V1)
        slow.sock.sendall(b"\x16\x03\x01")
        for client in (silent, slow):
            with pytest.raises(ConnectionResetError):
                client.sock.recv(1)
