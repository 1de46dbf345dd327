"""files through sockets: those who stop, those who are too many, and what runs out."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.clients import Client
from tests.conftest import skip_unless_in_ci
from tests.ftp_client import FTP, finish
from tests.ftp_servers import OwnFiles
from tests.servers import Running, wait_until

overs = pytest.mark.parametrize("over", ["tcp", "auth"])


# -- those who stop ------------------------------------------------------------------------------


@overs
@pytest.mark.parametrize("sendfile", ["true", "false"])
def test_a_reader_who_stops_is_cut(own_files: OwnFiles, over: str, sendfile: str) -> None:
    files = own_files("--limits-stall=0.3", f"--sendfile={sendfile}")
    (files.root / "tea").write_bytes(bytes(20_000_000))
    began = time.monotonic()
    with files.login(over=over) as ftp, ftp.begin("RETR tea", buffer=4096) as data:
        data.read(10_000)
        assert "stalled" in ftp.hears(426)
        assert time.monotonic() - began >= 0.3
        with pytest.raises(ConnectionResetError):  # nobody may take it for the whole
            data.read_to_end()
        ftp.does("NOOP", 200)


@overs
def test_a_sender_who_stops_is_cut(own_files: OwnFiles, over: str) -> None:
    files = own_files("--limits-stall=0.3")
    with files.login(over=over) as ftp:
        for sent in (b"", b"some"):
            began = time.monotonic()
            with ftp.begin("STOR tea") as data:
                data.send(sent)
                assert "stalled" in ftp.hears(426)
                assert time.monotonic() - began >= 0.3
        assert ftp.size("tea") == 4
        assert not (files.root / "tea").exists()


@overs
def test_who_moves_on_is_not_cut_however_long_it_takes(own_files: OwnFiles, over: str) -> None:
    """The stall is counted from the last byte.  What takes its time here is a rate, with other files."""
    files = own_files("--limits-stall=0.8", "--limits-rate-down=1000")
    (files.root / "clock").write_bytes(bytes(200))  # 0.2 s
    with files.login(over=over) as ftp, files.login() as clock:
        with ftp.begin("STOR coffee") as data:
            for _ in range(5):
                data.send(b"drop")
                clock.take("RETR clock")
            finish(data)
        ftp.hears(226)


@pytest.mark.parametrize("verb", ["PASV", "EPRT"])
def test_a_connection_that_does_not_come_is_425_in_time(own_files: OwnFiles, verb: str) -> None:
    files = own_files("--passive-timeout=0.3", "--active-timeout=0.3")
    with files.login() as ftp:
        fillers = []
        if verb == "PASV":
            ftp.passive(verb)
        else:
            listener = ftp.active(verb)
            listener.listen(0)
            for _ in range(3):
                fillers.append(socket.socket())
                fillers[-1].setblocking(False)
                fillers[-1].connect_ex(listener.getsockname())
        began = time.monotonic()
        ftp.does("STOR tea", 150)
        ftp.hears(425)
        assert time.monotonic() - began >= 0.3
        for one in fillers:
            one.close()
        ftp.give("STOR tea", b"tea")


def test_silence_is_ended_but_not_during_a_transfer(own_files: OwnFiles) -> None:
    files = own_files("--limits-idle=1")
    (files.root / "tea").write_bytes(bytes(5_000_000))
    with files.login() as ftp, ftp.begin("RETR tea", buffer=4096) as data:
        began = time.monotonic()
        with files.connect() as idle:
            idle.hears(220)
            idle.hears(421)
            assert time.monotonic() - began >= 1
            assert idle.ended() == b""
        assert len(data.read_to_end()) == 5_000_000
        ftp.hears(226)
        ftp.hears(421)


# -- those who are slowed down ---------------------------------------------------------------------


@overs
def test_a_download_is_no_faster_than_its_rate(own_files: OwnFiles, over: str) -> None:
    files = own_files("--limits-rate-down=200000")
    (files.root / "tea").write_bytes(bytes(100_000))
    with files.login(over=over) as ftp:
        began = time.monotonic()
        assert ftp.take("RETR tea") == bytes(100_000)
        # The last quarter of a second's worth need not be waited for.
        assert time.monotonic() - began >= 0.25


@overs
def test_a_download_that_waits_for_its_rate_costs_no_cpu(own_files: OwnFiles, over: str) -> None:
    """Trap: meanwhile the socket has room, and says so for ever."""
    files = own_files("--limits-rate-down=50000")
    (files.root / "tea").write_bytes(bytes(62_500))
    with files.login(over=over) as ftp:
        before = files.running.cpu()
        assert ftp.take("RETR tea") == bytes(62_500)
        assert files.running.cpu() - before < 0.3, "a second of waiting was spent running"


@overs
def test_an_upload_is_no_faster_than_its_rate(own_files: OwnFiles, over: str) -> None:
    files = own_files("--limits-rate-up=200000")
    with files.login(over=over) as ftp:
        began = time.monotonic()
        ftp.give("STOR tea", bytes(100_000))
        assert time.monotonic() - began >= 0.25
    assert (files.root / "tea").read_bytes() == bytes(100_000)


def test_waiting_for_the_rate_is_no_stall(own_files: OwnFiles) -> None:
    """At one byte a second, each is waited for longer than the stall."""
    files = own_files("--limits-rate-up=1", "--limits-rate-down=1", "--limits-stall=0.8")
    (files.root / "tea").write_bytes(b"te")
    with files.login() as ftp:
        assert ftp.take("RETR tea") == b"te"
        ftp.give("STOR cup", b"te")


# -- those who are too many ------------------------------------------------------------------------


def test_one_connection_too_many_is_421(own_files: OwnFiles) -> None:
    files = own_files("--limits-connections=2")
    with files.login() as one, files.login() as two:
        with files.connect() as three:
            three.hears(421)
            assert three.ended() == b""
        assert one.names() == two.names() == ["cat"]  # data connections do not count


def test_many_sessions_each_hold_a_passive_port(own_files: OwnFiles) -> None:
    files = own_files()
    here: list[FTP] = []
    ports = set()
    try:
        for _ in range(300):
            here.append(files.login())
            ports.add(here[-1].passive()[1])
        assert len(ports) == 300
        for number, ftp in enumerate(here):
            ftp.give(f"STOR f{number}", b"%d" % number)
        assert len(here[0].names()) == 301
    finally:
        for ftp in here:
            ftp.close()


def free_ports(count: int) -> int:
    """The first of so many ports next to each other, none of which anybody has."""
    for first in range(21_000, 29_000, 50):
        socks = [socket.socket() for _ in range(count)]
        try:
            for at, sock in enumerate(socks):
                sock.bind(("127.0.0.1", first + at))
        except OSError:
            continue
        else:
            return first
        finally:
            for sock in socks:
                sock.close()
    raise AssertionError("no ports")


def test_passive_ports_run_out_and_come_back(own_files: OwnFiles) -> None:
    first = free_ports(4)
    files = own_files(f"--passive-ports={first}-{first + 2}")
    here = [files.login() for _ in range(4)]
    held = {ftp.passive()[1] for ftp in here[:3]}
    assert held == {first, first + 1, first + 2}
    for _ in range(3):
        here[3].does("PASV", 425)
    assert files.running.log.count("no passive port is free") == 1
    here[0].does("QUIT", 221)
    wait_until("a port is free again", lambda: here[3].asked("PASV").startswith("227"))
    here[3].does("ABOR", 225)
    for ftp in here[1:]:
        assert "cat" in ftp.names()
    for ftp in here:
        ftp.close()


def test_a_port_that_somebody_else_has_is_passed_over(own_files: OwnFiles) -> None:
    first = free_ports(3)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first + 1))
        taken.listen()
        files = own_files(f"--passive-ports={first}-{first + 2}")
        with files.login() as one, files.login() as two, files.login() as three:
            assert {one.passive()[1], two.passive()[1]} == {first, first + 2}
            three.does("EPSV", 425)
            assert one.names() == two.names() == ["cat"]


# -- what runs out -----------------------------------------------------------------------------------


def leave(running: Running, descriptors: int) -> None:
    """Let the server open so many more; the limit is on their numbers, of which there may be gaps."""
    taken = set(map(int, os.listdir(f"/proc/{running.pid}/fd")))
    free = [number for number in range(1024) if number not in taken]
    subprocess.run(["prlimit", f"--pid={running.pid}", f"--nofile={free[descriptors]}:1024"], check=True)


def test_without_descriptors_there_is_no_data_connection_for_a_while(own_files: OwnFiles) -> None:
    files = own_files()
    here = [files.login() for _ in range(6)]
    (files.root / "tea").write_bytes(b"tea")
    leave(files.running, 0)
    for ftp in here:
        ftp.does("EPSV", 425)
    files.running.wait_for("Too many open files")
    leave(files.running, 1)
    here[0].passive()
    here[1].does("EPSV", 425)
    leave(files.running, 500)
    for ftp in here:
        assert ftp.take("RETR tea") == b"tea"
        ftp.close()


def test_without_descriptors_for_the_connection_itself_the_transfer_is_425(own_files: OwnFiles) -> None:
    files = own_files()
    with files.login() as ftp:
        address = ftp.passive()
        ftp.does("STOR tea", 150)
        leave(files.running, 0)
        with suppress(ConnectionResetError):
            Client.connect(socket.AF_INET, address).close()
        ftp.hears(425)
        files.running.wait_for("no data connection: Too many open files")
        leave(files.running, 500)
        ftp.give("STOR tea", b"tea")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    where = tmp_path / "small"
    where.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(where)], capture_output=True, check=False
    )
    if made.returncode:
        skip_unless_in_ci("needs to mount a tmpfs")
    yield where
    subprocess.run(["umount", "--lazy", str(where)], check=True)


@overs
@pytest.mark.parametrize("uploads", ["rename", "direct"])
def test_a_full_disk_is_452_and_what_was_there_is_untouched(
    own_files: OwnFiles, small_disk: Path, over: str, uploads: str
) -> None:
    files = own_files(f"--uploads={uploads}", root=small_disk)
    (small_disk / "before").write_bytes(b"before" * 1000)
    with files.login(over=over) as ftp:
        name = "before" if uploads == "rename" else "new"
        with ftp.begin(f"STOR {name}") as data:
            with suppress(ConnectionError):  # the server has enough at some point
                data.send(bytes(100_000_000))
            ftp.hears(452)
        assert (small_disk / "before").read_bytes() == b"before" * 1000
        ftp.does(f"DELE {name}", 250)  # and the part with it
        ftp.give("STOR small", b"tea")
    assert (small_disk / "small").read_bytes() == b"tea"


@overs
def test_more_than_upload_bytes_is_552(own_files: OwnFiles, over: str) -> None:
    files = own_files("--limits-upload-bytes=100000")
    (files.root / "tea").write_bytes(b"before")
    with files.login(over=over) as ftp:
        ftp.give("STOR full", bytes(100_000))
        with ftp.begin("STOR tea") as data:
            data.send(bytes(100_001))
            ftp.hears(552)
        with ftp.begin("APPE full") as data:
            data.send(b"x")
            ftp.hears(552)
    assert (files.root / "tea").read_bytes() == b"before"
    assert (files.root / "full").read_bytes() == bytes(100_000)
