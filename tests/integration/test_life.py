"""Lines 10 and 11 of what every driver must do: stopping, rereading, and too many connections."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients import Client, Flood
from tests.servers import PATIENCE, Authority, Certificate, Own, Running, wait_until

STOP = pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])


def ask(client: Client, line: str) -> str:
    client.send(f"{line}\n".encode())
    return client.read_line().decode()


def refused(running: Running, over: str = "tcp") -> bool:
    """Is nobody listening any more?"""
    family, address = running.where[over]
    with socket.socket(family) as sock:
        try:
            sock.connect(address)  # type: ignore[arg-type]
        except ConnectionRefusedError:
            return True
        return False


# -- 10: stopping ------------------------------------------------------------------------------


@STOP
def test_a_signal_stops_an_idle_server_with_status_0_and_one_line(own: Own, signum: int) -> None:
    running = own("probe")
    running.signal(signum)
    running.ended()
    assert running.stderr.splitlines()[1:] == ["stopped"]


@STOP
def test_calls_in_flight_are_answered_after_the_signal(
    own: Own, signum: int, certificate: Certificate
) -> None:
    """Sessions are told `drained`; they close at once unless an answer is owed."""
    running = own("probe", listen=("tcp", "tls", "unix"), certificate=certificate)
    idle = [running.connect(over) for over in ("tcp", "tls", "unix")]
    busy = [running.connect(over) for over in ("tcp", "tls", "unix")]
    for client, run in zip(busy, ("thread", "concurrent", "coroutine"), strict=True):
        client.send(f"call a {run} gate\nping sent\n".encode())
        assert client.read_line() == b"pong sent"
    for client in idle:
        assert ask(client, "ping x") == "pong x"
    running.signal(signum)
    for client in idle:
        assert client.read_to_end() == b"drained\n"
    for client in busy:
        assert client.read_line() == b"drained"
    running.wait_for("stopping: 3 connections to finish within 10 s")
    busy[0].send(b"open gate\n")
    for client in busy:
        assert client.read_line() == b"replied a opened"
        assert client.read_to_end() == b""
        client.close()
    for client in idle:
        client.close()
    running.ended()
    assert running.stderr.splitlines()[-1] == "stopped"


def test_listeners_stop_at_once(own: Own, certificate: Certificate) -> None:
    """Trap: adopting a listening descriptor dups it: connects succeed until the original is closed."""
    running = own("probe", listen=("tcp", "tls", "unix"), certificate=certificate)
    with running.connect() as client:
        client.send(b"call a thread gate\n")
        assert ask(client, "ping x") == "pong x"
        running.signal(signal.SIGTERM)
        assert client.read_line() == b"drained"
        assert all(refused(running, over) for over in ("tcp", "tls", "unix"))
        assert ask(client, "open gate") == "replied a opened"
        assert client.read_to_end() == b""
    running.ended()


def test_what_takes_too_long_is_cut_off_and_counted(own: Own) -> None:
    running = own("probe", "--drain-timeout", "0.2")
    clients = [running.connect() for _ in range(3)]
    for client in clients:
        assert ask(client, "stay") == "staying"
    running.signal(signal.SIGTERM)
    for client in clients:
        assert client.read_line() == b"drained"
        with pytest.raises(ConnectionResetError):
            client.read_to_end()
    running.ended()
    assert running.stderr.splitlines()[-2:] == [
        "stopping: 3 connections to finish within 0.2 s",
        "stopped: 3 connections cut off",
    ]


def test_a_slow_reader_gets_all_that_it_is_owed_before_the_end(own: Own) -> None:
    running = own("probe")
    with running.connect(buffer=4096) as client, running.connect() as other:
        client.send(b"more 8388608\n")
        client.read(100_000)
        running.signal(signal.SIGTERM)
        assert other.read_line() == b"drained"
        assert len(client.read_to_end()) == 8_388_608 - 100_000 + len(b"drained\n")
    running.ended()


def test_a_handshake_that_has_not_finished_does_not_hold_up_the_stop(
    own: Own, certificate: Certificate
) -> None:
    running = own("probe", "--drain-timeout", "1000", listen=("tls",), certificate=certificate)
    with running.connect("tls", handshake=False) as client, running.connect("tls") as other:
        client.sock.sendall(b"\x16\x03\x01")
        assert ask(other, "ping x") == "pong x"
        running.signal(signal.SIGTERM)
        assert other.read_to_end() == b"drained\n"
        with pytest.raises(ConnectionResetError):
            client.sock.recv(1)
    running.ended()
    assert running.stderr.splitlines()[1:] == ["stopped"], "it was waited for"


@STOP
def test_a_second_signal_ends_the_process_now_even_with_a_thread_stuck(own: Own, signum: int) -> None:
    running = own("probe", "--drain-timeout", "1000")
    with running.connect() as client:
        client.send(b"call a thread stuck\n")
        while ask(client, "ran") != "ran a":
            pass
        running.signal(signal.SIGTERM)
        assert client.read_line() == b"drained"
        running.wait_for("stopping: 1 connection to finish within 1000 s")
        running.signal(signum)
        running.ended(status=128 + signum, last="stopping: 1 connection")


def test_a_stuck_thread_does_not_keep_a_server_from_ending(own: Own) -> None:
    running = own("probe", "--drain-timeout", "0.1")
    with running.connect() as client:
        client.send(b"call a thread stuck\n")
        while ask(client, "ran") != "ran a":
            pass
        running.signal(signal.SIGTERM)
        running.ended()
        assert running.stderr.splitlines()[-1] == "stopped: 1 connection cut off"


def test_a_disconnected_clients_stuck_thread_does_not_either(own: Own) -> None:
    running = own("probe")
    with running.connect() as client:
        client.send(b"call a thread stuck\n")
        while ask(client, "ran") != "ran a":
            pass
        client.reset()
    running.signal(signal.SIGTERM)
    running.ended()


# -- 10: rereading -----------------------------------------------------------------------------


def settings(path: Path, table: str) -> str:
    path.write_text(table)
    return str(path)


def turned_away(running: Running) -> bool:
    """Is the second connection closed (which is all that echo can say), with the first in place?"""
    with running.connect() as first, running.connect() as second:
        assert ask(first, "first") == "first"
        second.sock.sendall(b"second\n")
        try:
            return second.read_line() != b"second"
        except (EOFError, ConnectionResetError):
            assert ask(first, "still") == "still"
            return True


def test_sighup_rereads_the_settings(own: Own, tmp_path: Path) -> None:
    file = tmp_path / "twofold.toml"
    running = own("echo", "--config", settings(file, "[echo.limits]\nconnections = 1\n"))
    assert turned_away(running)
    settings(file, "[echo.limits]\nconnections = 2\n")
    running.signal(signal.SIGHUP)
    running.wait_for(f"reread {file} and the certificates\n")
    assert not turned_away(running)


@pytest.mark.parametrize(
    "broken",
    ["[echo.limits]\nconnections = 0\n", "[echo]\nnonsense = 1\n", "[echo", None],
    ids=["impossible", "unknown", "not TOML", "gone"],
)
def test_settings_that_cant_be_meant_leave_what_was_in_force(
    own: Own, tmp_path: Path, broken: str | None
) -> None:
    file = tmp_path / "twofold.toml"
    running = own("echo", "--config", settings(file, "[echo.limits]\nconnections = 1\n"))
    if broken is None:
        file.unlink()
    else:
        settings(file, broken)
    running.signal(signal.SIGHUP)
    running.wait_for(f"nothing was reread, and what was in force stays: {file}: ")
    assert turned_away(running)


def test_sighup_tells_when_listen_has_changed(own: Own, tmp_path: Path) -> None:
    file = tmp_path / "twofold.toml"
    text = "[echo]\nlisten = ['tcp://127.0.0.1:0']\n"
    running = own("echo", "--config", settings(file, text), listen=(), warm=False)
    running.wait_for("listening on tcp://127.0.0.1:")
    settings(file, text.replace("127.0.0.1", "127.0.0.2"))
    running.signal(signal.SIGHUP)
    running.wait_for(f"reread {file} and the certificates; listen has changed: restart to apply it\n")
    running.signal(signal.SIGTERM)
    running.ended()


def test_sighup_rereads_certificates_under_load_and_drops_nobody(
    own: Own, authority: Authority, tmp_path: Path
) -> None:
    old = authority.issue("renewed")
    running = own("probe", listen=("tcp", "tls"), certificate=old)
    with running.connect("tls") as before, running.connect("tls") as loaded:
        assert before.serial == old.serial  # type: ignore[attr-defined]
        with Flood(loaded, b"ping a\n" * 1000, most=2**40) as flood:
            new = authority.issue("renewed")
            assert new.serial != old.serial
            running.signal(signal.SIGHUP)
            running.wait_for("reread the certificates\n")
            with running.connect("tls") as after:
                assert after.serial == new.serial  # type: ignore[attr-defined]
                assert ask(after, "ping x") == "pong x"
            assert ask(before, "ping x") == "pong x"
            assert not flood.over.is_set()


def test_a_broken_certificate_leaves_the_one_in_force(own: Own, authority: Authority) -> None:
    good = authority.issue("broken-later")
    running = own("probe", listen=("tcp", "tls"), certificate=good)
    good.cert.write_text("no certificate\n")
    running.signal(signal.SIGHUP)
    running.wait_for(f"nothing was reread, and what was in force stays: {good.cert}: expected a certificate")
    with running.connect("tls") as client:
        assert client.serial == good.serial  # type: ignore[attr-defined]
        assert ask(client, "ping x") == "pong x"


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
    wait_until("those who came in are answered", lambda: answers() >= 20)
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
