"""Line 11 of what every driver must do, too many connections; and the limits on waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.clients import Client
from tests.integration.probing import ask
from tests.servers import PATIENCE, Certificate, Own, wait_until

# -- 11: too many ------------------------------------------------------------------------------


def test_over_connections_is_told_in_the_protocols_words_and_closed(
    own: Own, certificate: Certificate
) -> None:
    running = own(
        "probe", "--limits-connections", "3", listen=("tcp", "unix", "tls"), certificate=certificate
    )
    here = [running.connect() for _ in range(3)]
    for client in here:
        assert ask(client, "ping x") == "pong x"
    for over in ("tcp", "unix"):
        with running.connect(over) as excess:
            assert excess.read_to_end() == b"refused too many connections\n"
    with pytest.raises(ConnectionResetError), running.connect("tls"):
        pass  # there are no words before the handshake
    here.pop().close()
    for client in here:
        assert ask(client, "ping y") == "pong y"

    def admitted() -> bool:
        with running.connect() as client:
            try:
                return ask(client, "ping z") == "pong z"
            except (EOFError, ConnectionError):
                return False

    wait_until("a place that was left is given again", admitted)
    for client in here:
        client.close()


def test_over_connections_per_ip_is_counted_by_address(own: Own, certificate: Certificate) -> None:
    running = own(
        "probe", "--limits-connections-per-ip", "2", listen=("tcp", "unix", "tls"), certificate=certificate
    )
    here = [running.connect(source="127.0.0.2") for _ in range(2)]
    for client in here:
        assert ask(client, "ping x") == "pong x"
    with running.connect(source="127.0.0.2") as excess:
        assert excess.read_to_end() == b"refused too many connections from your address\n"
    with running.connect(source="127.0.0.3") as other, running.connect("unix") as local:
        assert ask(other, "ping x") == "pong x"
        assert ask(local, "ping x") == "pong x"
    with pytest.raises(ConnectionResetError), running.connect("tls", source="127.0.0.2"):
        pass
    for client in here:
        client.close()


def test_a_handshake_counts_as_a_connection(own: Own, certificate: Certificate) -> None:
    running = own("probe", "--limits-connections", "1", listen=("tcp", "tls"), certificate=certificate)
    with running.connect("tls", handshake=False) as first:
        first.say_hello()  # type: ignore[attr-defined]
        first.wait_for_bytes()
        with running.connect() as excess:
            assert excess.read_to_end() == b"refused too many connections\n"


def test_those_turned_away_are_few_at_once(own: Own) -> None:
    """Who does not close after the refusal costs a descriptor for LINGER: only 100 may."""
    running = own("probe", "--limits-connections", "1")
    with running.connect() as first:
        assert ask(first, "ping x") == "pong x"
        excess = [running.connect() for _ in range(150)]
        heard = [_all_of(client) for client in excess]
        assert heard[:100] == [b"refused too many connections\n"] * 100
        assert heard[100:] == [b""] * 50
        for client in excess:
            client.close()
        assert ask(first, "ping x") == "pong x"


def _all_of(client: Client) -> bytes:
    try:
        return client.read_to_end()
    except ConnectionResetError:
        return b""


def test_without_descriptors_connections_wait_in_the_backlog(own: Own) -> None:
    """Trap: stock Twisted closes strangers, stock gevent logs a traceback at each try."""
    running = own("probe", prefix=["prlimit", "--nofile=40:40"])
    clients = [running.connect() for _ in range(60)]  # the kernel takes them all
    answered: set[int] = set()

    def answers() -> int:
        for i, client in enumerate(clients):
            if i not in answered and _answers(client):
                answered.add(i)
        return len(answered)

    for client in clients:
        client.send(b"ping x\n")
    running.wait_for("Too many open files: new connections wait in the backlog")
    wait_until("those who came in are answered", lambda: answers() >= 20 and 0 in answered)
    clients[0].send(b"deadline 2\n")  # four tries of the server, in which nothing is new
    assert clients[0].read_line() == b"expired"
    assert answers() < 40
    assert running.log.count("wait in the backlog") == 1, running.log
    # Nobody was closed, and as those who are in leave, those who wait come in.
    while answers() < len(clients):
        before = len(answered)
        for i in answered:
            clients[i].close()
        wait_until("those in the backlog are answered", lambda before=before: answers() > before)
    for client in clients:
        client.close()
    # accept(2) finds no descriptor before it finds nobody waiting: that it works again shows with the next.
    with running.connect() as last:
        last.send(b"ping x\n")
        assert last.read_line() == b"pong x"
    running.wait_for("accepting again", running.log.count("wait in the backlog"))


def _answers(client: Client) -> bool:
    """Has the answer come by now?"""
    if client.sock.fileno() < 0:
        return False
    client.sock.setblocking(False)
    try:
        return client.sock.recv(100) == b"pong x\n"
    except BlockingIOError:
        return False
    finally:
        client.sock.settimeout(PATIENCE)


def test_a_client_killed_in_the_middle_of_a_line_is_forgotten(own: Own) -> None:
    running = own("probe")
    _, (host, port) = running.where["tcp"]  # type: ignore[misc]
    script = (
        "import socket, sys\n"
        f"s = socket.create_connection(({host!r}, {port}))\n"
        "s.sendall(b'name killed\\nping half')\n"
        "print(s.recv(100), flush=True)\n"
        "sys.stdin.read()\n"
    )
    peer = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert peer.stdin is not None
    assert peer.stdout is not None
    assert "named killed" in peer.stdout.readline()
    os.kill(peer.pid, signal.SIGKILL)
    peer.wait()
    peer.stdin.close()
    peer.stdout.close()
    with running.connect() as other:
        while ask(other, "facts killed") == "facts killed ":
            pass
        while "disconnected" not in ask(other, "facts killed"):
            pass
        assert ask(other, "ping x") == "pong x"


# -- limits on waiting ---------------------------------------------------------------------------


def test_a_reader_who_takes_nothing_for_send_stall_is_dropped(own: Own, certificate: Certificate) -> None:
    running = own(
        "probe", "--limits-send-stall", "0.2", listen=("tcp", "tls", "unix"), certificate=certificate
    )
    with running.connect() as watcher:
        for over in ("tcp", "tls", "unix"):
            with running.connect(over, buffer=4096) as client:
                assert ask(client, f"name {over}") == f"named {over}"
                client.send(b"say 8000000\n")
                assert ask(watcher, f"await {over}") == "awaiting"
                assert watcher.read_line().split()[-1] == b"disconnected:STALLED"


@pytest.mark.slow
def test_a_slow_reader_who_does_read_is_not_dropped(own: Own) -> None:
    """send_stall counts from the last byte that the socket took: the whole may take longer."""
    running = own("probe", "--limits-send-stall", "3")
    with running.connect(buffer=4096) as client, running.connect() as other:
        client.send(b"say 6000000\n")
        left = 6_000_000
        for _ in range(8):
            other.send(b"deadline 0.45\n")
            left -= len(client.read(400_000))
            assert other.read_line() == b"expired"
        client.read(left)
        assert ask(client, "ping x") == "pong x"


def test_after_close_send_stall_rules_until_all_is_in_the_kernel(own: Own) -> None:
    running = own("probe", "--limits-send-stall", "0.2")
    with running.connect() as watcher, running.connect(buffer=4096) as client:
        assert ask(client, "name slow") == "named slow"
        client.send(b"say 8000000\nclose\n")
        assert ask(watcher, "await slow") == "awaiting"
        assert watcher.read_line().split()[-1] == b"disconnected:STALLED"


@pytest.mark.slow
def test_after_close_a_peer_has_linger_seconds_to_close(own: Own) -> None:
    running = own("probe")
    with running.connect() as watcher, running.connect() as client:
        assert ask(client, "name silent") == "named silent"
        client.send(b"close\n")
        assert client.read_to_end() == b""
        assert ask(watcher, "await silent") == "awaiting"
        assert watcher.read_line().split()[-1] == b"disconnected:EOF"


@pytest.mark.slow
def test_a_handshake_has_ten_seconds(own: Own, certificate: Certificate) -> None:
    running = own("probe", listen=("tcp", "tls"), certificate=certificate)
    with running.connect("tls", handshake=False) as client:
        client.sock.sendall(b"\x16\x03\x01")
        with pytest.raises(ConnectionResetError):
            client.sock.recv(1)
