"""files through sockets: transfers that are cut are never called whole, and never look whole."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from protocols.files.settings import FilesLimits
from tests.clients import TLSClient
from tests.ftp_client import FTP, truncate
from tests.ftp_servers import Files, Login, OwnFiles
from tests.servers import wait_until

overs = pytest.mark.parametrize("over", ["tcp", "auth"])
HALF = b"half of it " * 10_000
REST = b"and the rest " * 5_000


def arrived(ftp: FTP, count: int) -> None:
    """Until the server has taken so many bytes of the upload that runs."""
    wait_until(f"{count} bytes have arrived", lambda: ftp.moved() >= count)


def none_but_parts(files: Files, name: str) -> bool:
    return not any(one.startswith(name) for one in os.listdir(files.root))


# -- by the data connection ----------------------------------------------------------------------


@overs
@pytest.mark.parametrize("command", ["STOR", "APPE", "STOU"])
@pytest.mark.parametrize("read", [True, False])
def test_an_upload_cut_by_rst_is_426_and_no_file(
    login: Login, files: Files, name: str, over: str, command: str, read: bool
) -> None:
    """RFC 959 §4.2.2; whether the server had read all that came before the RST or not."""
    ftp = login(over=over)
    data = ftp.begin(f"{command} {name}")
    data.send(HALF)
    if read:
        arrived(ftp, len(HALF))
    data.reset()
    ftp.hears(426)
    assert none_but_parts(files, name)
    assert name not in ftp.names()


@overs
def test_what_has_arrived_is_there_to_be_gone_on_with(
    login: Login, files: Files, name: str, over: str
) -> None:
    """RFC 3659 §5: SIZE tells how far it came, to its owner alone."""
    ftp = login(over=over)
    for resume in ("STOR", "APPE"):
        data = ftp.begin(f"STOR {name}")
        data.send(HALF)
        arrived(ftp, len(HALF))
        data.reset()
        ftp.hears(426)
        assert ftp.size(name) == len(HALF)
        assert login("bob").size(name) == -1
        if resume == "STOR":
            ftp.does(f"REST {len(HALF)}", 350)
        ftp.give(f"{resume} {name}", REST)
        assert (files.root / name).read_bytes() == HALF + REST
        ftp.does(f"DELE {name}", 250)


def test_what_was_there_before_a_cut_upload_is_untouched(ann: FTP, files: Files, name: str) -> None:
    for command in ("STOR", "APPE"):
        (files.root / name).write_bytes(b"before")
        data = ann.begin(f"{command} {name}")
        data.send(HALF)
        arrived(ann, len(HALF))
        data.reset()
        ann.hears(426)
        assert (files.root / name).read_bytes() == b"before"


@overs
def test_under_its_own_name_a_cut_upload_stays_as_far_as_it_came(own_files: OwnFiles, over: str) -> None:
    files = own_files("--uploads=direct")
    with files.login(over=over) as ftp:
        data = ftp.begin("STOR tea")
        data.send(HALF)
        arrived(ftp, len(HALF))
        data.reset()
        ftp.hears(426)
        assert (files.root / "tea").read_bytes() == HALF
        ftp.does(f"REST {len(HALF)}", 350)
        ftp.give("STOR tea", REST)
        assert (files.root / "tea").read_bytes() == HALF + REST


@overs
@pytest.mark.parametrize("command", ["RETR", "LIST"])
def test_a_download_cut_by_rst_is_426(login: Login, files: Files, name: str, over: str, command: str) -> None:
    ftp = login(over=over)
    if command == "RETR":
        (files.root / name).write_bytes(bytes(10_000_000))
    else:
        (files.root / name).mkdir()
        for number in range(30_000):
            (files.root / name / f"{number:0100}").touch()
    data = ftp.begin(f"{command} {name}", buffer=4096)
    data.read(100)
    data.reset()
    ftp.hears(426)
    ftp.does("NOOP", 200)


# -- TLS -----------------------------------------------------------------------------------------


def test_over_tls_an_upload_ends_by_close_notify_alone(login: Login, files: Files, name: str) -> None:
    """RFC 8446 §6.1: whoever can send a FIN could cut it anywhere."""
    ftp = login(over="auth")
    with ftp.begin(f"STOR {name}") as data:
        data.send(HALF)
        truncate(data)
        assert "close_notify" in ftp.hears(426)
    assert none_but_parts(files, name)


def test_close_notify_may_be_dispensed_with(own_files: OwnFiles) -> None:
    files = own_files("--tls-close-notify=accept")
    with files.login(over="auth") as ftp:
        with ftp.begin("STOR tea") as data:
            data.send(HALF)
            truncate(data)
            ftp.hears(226)
        assert (files.root / "tea").read_bytes() == HALF
        for _ in range(50):
            data = ftp.begin("STOR tea")
            data.send(b"but RST is none")
            data.reset()  # the server may not have had the end of the handshake
            assert ftp.reply()[:3] in ("426", "522")


@pytest.mark.parametrize("over", ["auth", "tls"])
@pytest.mark.parametrize("resume", [True, False])
def test_a_client_that_closes_at_once_has_uploaded_everything(
    login: Login, files: Files, name: str, over: str, resume: bool
) -> None:
    """Session tickets that lie unread when a client closes make its kernel send RST behind the last bytes,
    and these are lost: on data connections there are none."""
    ftp = login(over=over)
    ftp.resume = resume
    for number in range(30):
        content = bytes([number]) * 100_000
        data = ftp.begin(f"STOR {name}")
        data.send(content)
        data.half_close()
        data.close()
        ftp.hears(226)
        assert (files.root / name).read_bytes() == content


@pytest.mark.parametrize("resume", [True, False])
def test_a_data_connection_gets_no_session_tickets(login: Login, name: str, resume: bool) -> None:
    """All that the server says behind the handshake is one alert: 5 bytes of header, 2, 1 and a tag of 16."""
    ftp = login(over="auth")
    ftp.resume = resume
    with ftp.begin(f"STOR {name}") as data:
        assert isinstance(data, TLSClient)
        assert data.tls.cipher()[0] != "TLS_AES_128_CCM_8_SHA256"  # type: ignore[index]
        assert data.tls.session_reused is resume
        data.send(b"tea")
        data.half_close()
        said = b""
        while piece := data.sock.recv(10_000):
            said += piece
        assert len(said) == 24
    ftp.hears(226)


def test_a_handshake_that_fails_is_522(login: Login, name: str) -> None:
    ftp = login(over="auth")
    with ftp.connect() as data:
        ftp.does(f"STOR {name}", 150)
        data.send(b"this is no ClientHello")
        ftp.hears(522)
    with ftp.connect() as data:
        ftp.does(f"STOR {name}", 150)
        data.half_close()
        ftp.hears(522)
    ftp.does("NOOP", 200)
    assert ftp.size(name) == -1


# -- by the control connection -------------------------------------------------------------------


def fin(ftp: FTP) -> None:
    ftp.control.sock.shutdown(socket.SHUT_WR)


def orderly(ftp: FTP) -> None:
    ftp.control.half_close()


def rst(ftp: FTP) -> None:
    ftp.control.reset()


@overs
@pytest.mark.parametrize("cut", [fin, orderly, rst])
@pytest.mark.parametrize("seen", ["before", "behind", "at once"])
def test_an_upload_ends_with_its_control_connection(
    login: Login, files: Files, name: str, over: str, cut: Callable[[FTP], None], seen: str
) -> None:
    """A client that dies ends both, and the end of the data must not look like the whole file, whichever the
    server sees first."""
    ftp, other = login(over=over), login()
    data = ftp.begin(f"STOR {name}")
    data.send(HALF)
    arrived(ftp, len(HALF))
    if seen == "at once":
        files.running.signal(signal.SIGSTOP)
        data.half_close()
        cut(ftp)
        files.running.signal(signal.SIGCONT)
    else:
        cut(ftp)
        if seen == "before":
            files.running.wait_for(f"STOR /{name}: {len(HALF)} bytes")
        with suppress(OSError):  # it may be reset already
            data.send(b"more")
            data.half_close()
    files.running.wait_for(f"STOR /{name}: ")
    assert none_but_parts(files, name)
    assert other.size(name) >= len(HALF)
    data.close()


def test_a_download_goes_on_without_the_clients_half_of_the_control_connection(
    ann: FTP, files: Files, name: str
) -> None:
    """Who reads may still be there: what is owed arrives, and 226 too."""
    (files.root / name).write_bytes(bytes(5_000_000))
    with ann.begin(f"RETR {name}", buffer=4096) as data:
        ann.control.half_close()
        assert data.read_to_end() == bytes(5_000_000)
    ann.hears(226)
    assert ann.ended() == b""


def test_the_end_of_the_control_connection_may_follow_that_of_the_data(ann: FTP, name: str) -> None:
    """A server that wakes between the two must not be too quick; close_notify needs no such wait."""
    with ann.begin(f"STOR {name}") as data:
        began = time.monotonic()
        data.half_close()
        ann.hears(226)
        assert time.monotonic() - began >= FilesLimits().upload_grace


DYING = """
import os, socket, sys
data = socket.socket(fileno=int(sys.argv[2]))
data.sendall(bytes(100_000))
print("sent", flush=True)
sys.stdin.read()
"""


def test_a_client_killed_in_the_middle_of_an_upload_leaves_its_part(
    login: Login, files: Files, name: str
) -> None:
    """kill -9: the kernel says FIN for it, on both connections."""
    ftp, other = login(), login()
    data = ftp.begin(f"STOR {name}")
    fds = [ftp.control.sock.fileno(), data.sock.fileno()]
    process = subprocess.Popen(
        [sys.executable, "-c", DYING, *map(str, fds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=fds,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"sent\n"
    ftp.close()
    data.close()
    wait_until("it has arrived", lambda: other.size(name) == 100_000)
    # The kernel ends the sockets one after the other: the server finds both ends, in either order.
    files.running.signal(signal.SIGSTOP)
    try:
        process.kill()
        process.wait()
    finally:
        files.running.signal(signal.SIGCONT)
    process.stdin.close()
    process.stdout.close()
    files.running.wait_for(f"STOR /{name}: 100000 bytes")
    assert none_but_parts(files, name), files.running.log[-500:]
    assert other.size(name) == 100_000


# -- by the server's own death ---------------------------------------------------------------------


@overs
@pytest.mark.parametrize("uploads", ["rename", "direct"])
def test_a_server_that_is_killed_leaves_no_half_file_and_a_part_to_go_on_with(
    own_files: OwnFiles, over: str, uploads: str
) -> None:
    files = own_files(f"--uploads={uploads}")
    (files.root / "tea").write_bytes(b"before")
    with files.login(over=over) as ftp:
        data = ftp.begin("STOR tea")
        data.send(HALF)
        arrived(ftp, len(HALF))
        files.running.kill()
        data.close()
    assert (files.root / "tea").read_bytes() == (b"before" if uploads == "rename" else HALF)
    again = own_files(f"--uploads={uploads}")
    with again.login(over=over) as ftp:
        assert ftp.size("tea") == len(HALF)
        assert ftp.names() == ["cat", "tea"]
        ftp.does(f"REST {len(HALF)}", 350)
        ftp.give("STOR tea", REST)
    assert (again.root / "tea").read_bytes() == HALF + REST
    assert sorted(os.listdir(again.root)) == ["cat", "tea"]
