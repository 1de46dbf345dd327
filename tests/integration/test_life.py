"""Line 10 of what every driver must do: stopping, and rereading."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from tests.clients import Client, Flood
from tests.servers import Authority, Certificate, Own, Running

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
