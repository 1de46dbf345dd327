"""files through sockets: the end of the server, its settings read again, and many at once."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import threading
from pathlib import Path

import pytest

from tests.clients import Client, Flood, TLSClient
from tests.ftp_client import FTP, finish
from tests.ftp_servers import USERS, OwnFiles
from tests.servers import Authority, wait_until

overs = pytest.mark.parametrize("over", ["tcp", "auth"])


# -- the end of the server -----------------------------------------------------------------------


@overs
def test_transfers_may_finish_before_the_server_stops(own_files: OwnFiles, over: str) -> None:
    files = own_files()
    (files.root / "tea").write_bytes(bytes(10_000_000))
    up, down, idle, waiting = (files.login(over=over) for _ in range(4))
    one, two = up.begin("STOR cup"), down.begin("RETR tea", buffer=4096)
    waiting.passive()
    one.send(b"tea")
    files.running.signal(signal.SIGTERM)
    for ftp in (idle, waiting):
        ftp.hears(421)
        assert ftp.ended() == b""
        ftp.close()
    files.running.wait_for("stopping: 2 connections to finish within 10 s")
    up.send("NOOP", "EPSV", "STOR another")  # nothing new is begun
    one.send(b"time")
    finish(one)
    up.hears(226)
    up.hears(421)
    assert len(two.read_to_end()) == 10_000_000
    down.hears(226)
    down.hears(421)
    for client in (up.control, down.control):
        assert client.read_to_end() == b""
    two.close()
    up.close()
    down.close()
    files.running.ended()
    assert (files.root / "cup").read_bytes() == b"teatime"


@overs
def test_what_does_not_finish_in_time_is_cut_and_kept_as_a_part(own_files: OwnFiles, over: str) -> None:
    files = own_files("--drain-timeout=0.3")
    (files.root / "tea").write_bytes(bytes(10_000_000))
    up, down = files.login(over=over), files.login(over=over)
    one, two = up.begin("STOR cup"), down.begin("RETR tea", buffer=4096)
    one.send(b"half")
    wait_until("it has arrived", lambda: up.moved() == 4)
    two.read(1)
    files.running.signal(signal.SIGTERM)
    for data in (one, two):  # nobody may take it for the whole
        with pytest.raises(ConnectionResetError):
            data.read_to_end()
        data.close()
    up.close()
    down.close()
    files.running.ended(last="stopped: 2 connections cut off")
    assert sorted(os.listdir(files.root))[1:] == ["cat", "tea"]
    again = own_files()
    with again.login() as ftp:
        assert ftp.size("cup") == 4


def test_whoever_is_owed_nothing_does_not_hold_up_the_stop(own_files: OwnFiles) -> None:
    """Not one who has just come, not a wrong password that is to be answered late, and no handshake."""
    files = own_files("--limits-login-delay=60")
    new, late, asked, begun = (files.connect() for _ in range(4))
    for ftp in (new, late, asked, begun):
        ftp.hears(220)
    late.does("USER ann", 331)
    late.send("PASS wrong")
    for ftp in (asked, begun):
        ftp.does("AUTH TLS", 234)
    begun.control.sock.sendall(b"\x16\x03\x01\x02")  # the first bytes of a ClientHello
    implicit = files.running.connect("tls", handshake=False)
    implicit.sock.sendall(b"\x16\x03\x01\x02")
    files.running.signal(signal.SIGTERM)
    for ftp in (new, late):
        ftp.hears(421)
        assert ftp.ended() == b""
    for ftp in (asked, begun):
        assert ftp.gone()
    with pytest.raises(ConnectionResetError):
        implicit.read_to_end()
    for ftp in (new, late, asked, begun):
        ftp.close()
    implicit.close()
    files.running.ended()


def test_a_connection_that_is_waited_for_may_still_come_to_a_stopping_server(own_files: OwnFiles) -> None:
    files = own_files()
    (files.root / "tea").write_bytes(b"tea")
    ftp = files.login()
    address = ftp.passive()
    ftp.does("RETR tea", 150)
    files.running.signal(signal.SIGTERM)
    files.running.wait_for("stopping: 1 connection to finish")
    with Client.connect(socket.AF_INET, address) as data:
        assert data.read_to_end() == b"tea"
    for code in (226, 421):
        ftp.hears(code)
    assert ftp.ended() == b""
    ftp.close()
    files.running.ended()


def test_abor_and_stat_are_heard_by_a_stopping_server(own_files: OwnFiles) -> None:
    files = own_files()
    ftp = files.login()
    data = ftp.begin("STOR cup")
    data.send(b"half")
    files.running.signal(signal.SIGTERM)
    files.running.wait_for("stopping: 1 connection to finish")
    assert "STOR /cup" in ftp.does("STAT", 211)
    ftp.send("ABOR")
    for code in (426, 226, 421):
        ftp.hears(code)
    data.close()
    ftp.close()
    files.running.ended()


# -- settings read again ---------------------------------------------------------------------------


def test_sighup_changes_users_limits_and_certificates_for_those_who_come_then(
    own_files: OwnFiles, authority: Authority, tmp_path: Path
) -> None:
    mine = authority.issue("mine")
    files = own_files(f"--tls-certificate={mine.cert}", f"--tls-key={mine.key}", certificate=mine)
    config = tmp_path / "twofold.toml"
    old = files.login(over="auth")
    data = old.begin("STOR tea")
    data.send(b"te")

    config.write_text(USERS.replace("users.bob", "users.dan") + "[files.limits]\nupload_bytes = 100\n")
    before = mine.serial
    mine = authority.issue("mine")
    files.running.signal(signal.SIGHUP)
    files.running.wait_for(f"reread {config} and the certificates")

    data.send(b"a" * 200)  # what it was promised holds
    finish(data)
    old.hears(226)
    old.does("NOOP", 200)
    assert old.take("RETR tea") == b"te" + b"a" * 200  # resumed, with the certificate of before
    with files.connect() as new:
        new.hears(220)
        new.secure()
        assert isinstance(new.control, TLSClient)
        assert before != new.control.serial == mine.serial
        new.does("USER bob", 331)
        new.does("PASS sesame", 530)
        new.enter("dan")
        new.passive()
        new.does("STOR x", 550)
    with files.login(over="auth") as ann, ann.begin("STOR big") as data:
        data.send(bytes(101))
        ann.hears(552)

    config.write_text("[files.users.ann]\npassword = 5\n")
    files.running.signal(signal.SIGHUP)
    files.running.wait_for("nothing was reread, and what was in force stays")
    with files.login("dan"):
        pass
    old.close()


# -- many at once ------------------------------------------------------------------------------------


def test_others_are_answered_while_a_huge_directory_is_listed(own_files: OwnFiles) -> None:
    """The batches are read in threads: commands come in between."""
    files = own_files()
    huge = files.root / "huge"
    huge.mkdir()
    for number in range(100_000):
        os.close(os.open(huge / f"{number:06}", os.O_CREAT | os.O_WRONLY))
    with files.login() as ftp, files.login() as other:
        for command in ("LIST huge", "MLSD huge", "NLST huge"):
            with ftp.begin(command) as data:
                listing, answered = bytearray(data.read(1)), 0
                while not data._ended:
                    other.send("NOOP")
                    while not select.select([other.control.sock], [], [], 0)[0]:
                        if not data._more():
                            break
                    other.hears(200)
                    answered += not data._ended
                listing += data.read_to_end()
            ftp.hears(226)
            assert listing.count(b"\r\n") == 100_000
            assert answered >= 20
        assert len(other.does("STAT huge", 213).split("\n")) < 10_000


def test_many_sessions_transfer_at_once(own_files: OwnFiles) -> None:
    transfer_at_once(own_files(), sessions=50, size=1 << 20)


def transfer_at_once(files: object, sessions: int, size: int) -> None:
    """Each session sends a file of its own, while another receives it as soon as it is there."""
    wrong: list[str] = []

    def one(number: int) -> None:
        over = ("tcp", "auth")[number % 2]
        content = random.Random(number).randbytes(size)
        try:
            with files.login(over=over) as ftp:  # type: ignore[attr-defined]
                ftp.give(f"STOR f{number}", content, ("EPSV", "PASV", "EPRT")[number % 3])
                if ftp.take(f"RETR f{number}") != content:
                    wrong.append(f"{number} came back otherwise")
            if (files.root / f"f{number}").read_bytes() != content:  # type: ignore[attr-defined]
                wrong.append(f"{number} is not what was sent")
        except BaseException as error:
            wrong.append(f"{number}: {error!r}")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(("command", "data"), [("RETR big", b""), ("STOR copy", bytes(262_144))])
def test_one_client_that_takes_everything_does_not_starve_the_others(
    own_files: OwnFiles, command: str, data: bytes
) -> None:
    """After each piece the others have their turn, whatever the transfer could still move."""
    files = own_files()
    (files.root / "big").touch()
    os.truncate(files.root / "big", 2**40)
    with files.login() as ftp, files.login() as other:
        with ftp.begin(command) as moved, Flood(moved, data) as flood:
            assert flood.share(lambda: other.does("NOOP", 200), times=100) < 8 * 2**20
        ftp.hears(426 if command == "RETR big" else 226)


def test_nothing_is_left_of_clients_that_vanish(own_files: OwnFiles) -> None:
    """In every state; the descriptors are counted when the server is stopped."""
    files = own_files()
    (files.root / "tea").write_bytes(bytes(20_000_000))
    (files.root / "sea").touch()
    os.truncate(files.root / "sea", 1_000_000_000)
    (files.root / "huge").mkdir()
    for number in range(5_000):
        (files.root / "huge" / f"{number}").touch()

    def idles(ftp: FTP) -> None:
        pass

    def is_nobody_yet(ftp: FTP) -> None:
        ftp.does("REIN", 220)
        ftp.does("USER ann", 331)

    def listens(ftp: FTP) -> None:
        ftp.passive()

    def waits(ftp: FTP) -> None:
        ftp.passive()
        ftp.does("STOR x", 150)

    def connected(ftp: FTP) -> None:
        opened.append(ftp.connect())

    def moves(ftp: FTP) -> None:
        opened.append(ftp.begin("RETR tea", buffer=4096))

    def sends(ftp: FTP) -> None:
        opened.append(ftp.begin(f"STOR x{len(opened)}"))
        opened[-1].send(bytes(100_000))

    def shakes_hands(ftp: FTP) -> None:
        opened.append(ftp.connect())
        ftp.does("STOR x", 150)
        opened[-1].send(b"\x16\x03\x01\x02\x00")  # the head of a ClientHello

    def begins_tls(ftp: FTP) -> None:
        if not isinstance(ftp.control, TLSClient):
            ftp.does("AUTH TLS", 234)
            ftp.control.send(b"\x16\x03\x01\x02\x00")

    def is_listed_to(ftp: FTP) -> None:
        opened.append(ftp.begin("MLSD huge", buffer=4096))
        opened[-1].read(1)

    def waits_for_a_checksum(ftp: FTP) -> None:
        ftp.send("HASH sea")

    def has_more_to_do(ftp: FTP) -> None:
        waits(ftp)
        ftp.send("PORT 127,0,0,1,200,1", "RETR tea")
        ftp.does("STAT", 211)

    states = (
        idles, is_nobody_yet, listens, waits, connected, moves, sends, shakes_hands, begins_tls, is_listed_to,
        waits_for_a_checksum, has_more_to_do,
    )  # fmt: skip
    for state in states:
        for over in ("tcp", "auth", "tls"):
            for end in (Client.reset, Client.close):
                opened: list[Client] = []
                ftp = files.login(over=over)
                state(ftp)
                end(ftp.control)
                for data in opened:
                    data.close()
    with files.login() as ftp:
        assert ftp.names() == ["cat", "huge", "sea", "tea"]
