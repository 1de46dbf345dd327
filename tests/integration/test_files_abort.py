"""files through sockets: what is said while a transfer runs, ABOR and QUIT above all."""

from __future__ import annotations

import os
import select
import socket
from contextlib import suppress

import pytest

from tests.clients import Client
from tests.ftp_client import FTP, finish
from tests.ftp_servers import Files, Login, OwnFiles
from tests.servers import wait_until

overs = pytest.mark.parametrize("over", ["tcp", "auth"])


def aborts(ftp: FTP) -> None:
    """RFC 959 §4.1.3: 426 for the transfer, "followed by a 226 reply"; and all is as before."""
    ftp.send("ABOR")
    ftp.hears(426)
    ftp.hears(226)
    ftp.does("NOOP", 200)
    ftp.does("ABOR", 225)
    ftp.take("NLST")


def has_ended(data: Client) -> bool:
    """The server has dropped this connection, whatever was in it."""
    try:
        while data.sock.recv(1_000_000):
            pass
    except ConnectionResetError:
        return True
    return False


# -- ABOR in every state -------------------------------------------------------------------------


@overs
def test_abor_with_nothing_to_abort_is_225(login: Login, over: str) -> None:
    ftp = login(over=over)
    ftp.does("ABOR", 225)
    ftp.passive()
    ftp.does("ABOR", 225)


@overs
@pytest.mark.parametrize("verb", ["PASV", "EPSV"])
@pytest.mark.parametrize("command", ["STOR", "RETR", "LIST"])
def test_abor_before_the_client_has_connected(
    login: Login, files: Files, name: str, over: str, verb: str, command: str
) -> None:
    ftp = login(over=over)
    (files.root / name).write_bytes(b"before")
    address = ftp.passive(verb)
    ftp.does(f"{command} {name}", 150)
    aborts(ftp)
    with pytest.raises(ConnectionRefusedError):
        Client.connect(socket.AF_INET, address)
    assert (files.root / name).read_bytes() == b"before"


def test_abor_before_we_have_connected(ann: FTP, name: str) -> None:
    """Where nobody accepts: a backlog that is full lets SYN after SYN go by."""
    listener = ann.active()
    listener.listen(0)
    fillers = []
    for _ in range(3):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        fillers.append(sock)
    ann.does(f"STOR {name}", 150)
    aborts(ann)
    for sock in fillers:
        sock.close()


@pytest.mark.parametrize("size", [5, 300_000])
def test_abor_that_comes_with_the_download_of_a_small_file(
    login: Login, files: Files, name: str, size: int
) -> None:
    """RFC 959 §4.1.3: 226 if the transfer is over, 426 and 226 if not; the connection outlives both."""
    (files.root / name).write_bytes(bytes(size))
    ftp = login()
    for _ in range(3):
        with ftp.connect():
            ftp.send(f"RETR {name}", "ABOR")
            ftp.hears(150)
            assert ftp.reply()[:3] in ("226", "426")
            assert ftp.reply()[:3] in ("225", "226")
    ftp.does("NOOP", 200)


@overs
def test_abor_in_the_middle_of_a_download(login: Login, files: Files, name: str, over: str) -> None:
    ftp = login(over=over)
    (files.root / name).write_bytes(bytes(20_000_000))
    with ftp.begin(f"RETR {name}", buffer=4096) as data:
        data.read(10_000)
        aborts(ftp)
        assert has_ended(data)


@overs
def test_abor_in_the_middle_of_an_upload(login: Login, files: Files, name: str, over: str) -> None:
    ftp = login(over=over)
    with ftp.begin(f"STOR {name}") as data:
        data.send(bytes(100_000))
        wait_until("it has arrived", lambda: ftp.moved() >= 100_000)
        aborts(ftp)
        assert has_ended(data)
    assert ftp.size(name) == 100_000
    assert name not in os.listdir(files.root)


def test_abor_in_the_handshake_of_the_data_connection(login: Login, name: str) -> None:
    ftp = login(over="auth")
    for hello in (b"", b"\x16\x03\x01"):
        with ftp.connect() as data:
            ftp.does(f"STOR {name}", 150)
            data.send(hello)
            aborts(ftp)
            assert has_ended(data)


def test_abor_while_a_thread_is_at_work(own_files: OwnFiles) -> None:
    """What is kept of a large file is copied in a thread, which can't be stopped: nothing is over before it
    has come back, or it would write to a descriptor that is somebody else's by then."""
    files = own_files()
    with open(files.root / "large", "wb") as file:
        file.truncate(300_000_000)
    with files.login() as ftp:
        ftp.does("REST 300000000", 350)
        with ftp.begin("STOR large") as data:
            (part,) = files.root.glob(".twofold-*.part")
            with open(part, "rb") as copy:
                data.send(b"more")
                wait_until("the thread has begun", lambda: ftp.moved() == 4)
                ftp.send("ABOR")
                ftp.hears(426)
                assert os.fstat(copy.fileno()).st_size >= 300_000_000
            ftp.hears(226)
            assert has_ended(data)
        assert os.path.getsize(files.root / "large") == 300_000_000
        assert ftp.size("large") == 300_000_004  # to be gone on with
        ftp.does("DELE large", 250)
        assert os.listdir(files.root) == ["cat"]


def test_abor_while_the_rate_makes_it_wait(own_files: OwnFiles) -> None:
    files = own_files("--limits-rate-down=1000", "--limits-rate-up=1000")
    (files.root / "tea").write_bytes(bytes(100_000))
    with files.login() as ftp:
        with ftp.begin("RETR tea") as data:
            data.read(250)
            # Not by NLST, which would take its time as well.
            ftp.send("ABOR")
            ftp.hears(426)
            ftp.hears(226)
        with ftp.begin("STOR tea") as data:
            data.send(bytes(10_000))
            ftp.send("ABOR")
            ftp.hears(426)
            ftp.hears(226)
        ftp.does("ABOR", 225)


# -- how ABOR comes ------------------------------------------------------------------------------


def plainly(sock: socket.socket) -> None:
    sock.sendall(b"ABOR\r\n")


def in_lower_case(sock: socket.socket) -> None:
    sock.sendall(b"abor\n")


def as_ftplib_does(sock: socket.socket) -> None:
    """The last byte of the line is urgent."""
    sock.sendall(b"ABOR\r\n", socket.MSG_OOB)


def as_rfc_959_does(sock: socket.socket) -> None:
    """RFC 959 §4.1.3: "the Telnet IP signal" and "the Telnet Synch signal", whose DM is urgent."""
    sock.sendall(b"\xff\xf4\xff", socket.MSG_OOB)
    sock.sendall(b"\xf2ABOR\r\n")


def as_curl_and_others_do(sock: socket.socket) -> None:
    sock.sendall(b"\xff\xf4")
    sock.sendall(b"\xff\xf2", socket.MSG_OOB)
    sock.sendall(b"ABOR\r\n")


@pytest.mark.parametrize(
    "how", [plainly, in_lower_case, as_ftplib_does, as_rfc_959_does, as_curl_and_others_do]
)
def test_every_abor_is_understood(ann: FTP, files: Files, name: str, how: object) -> None:
    (files.root / name).write_bytes(bytes(20_000_000))
    with ann.begin(f"RETR {name}", buffer=4096) as data:
        data.read(1)
        how(ann.control.sock)  # type: ignore[operator]
        ann.hears(426)
        ann.hears(226)
    ann.does("NOOP", 200)


@overs
def test_abor_may_come_with_the_command_that_it_ends(
    login: Login, files: Files, name: str, over: str
) -> None:
    ftp = login(over=over)
    (files.root / name).write_bytes(bytes(20_000_000))
    for _ in range(5):
        with ftp.connect(buffer=4096) as data:
            ftp.send(f"RETR {name}", "ABOR", "NOOP")
            ftp.hears(150)
            ftp.hears(426)
            ftp.hears(226)
            ftp.hears(200)
            assert has_ended(data)


def test_abor_behind_the_end_of_a_transfer_has_nothing_to_abort(ann: FTP, files: Files, name: str) -> None:
    (files.root / name).write_bytes(b"tea")
    assert ann.take(f"RETR {name}") == b"tea"
    ann.does("ABOR", 225)


# -- what else is said during a transfer ---------------------------------------------------------


@overs
def test_stat_is_answered_at_once_and_the_others_in_order_behind_the_transfer(
    login: Login, files: Files, name: str, over: str
) -> None:
    ftp = login(over=over)
    (files.root / name).write_bytes(bytes(20_000_000))
    with ftp.begin(f"RETR {name}", buffer=4096) as data:
        ftp.send("NOOP", f"SIZE {name}", "PWD", "EPSV")
        assert f"RETR /{name}: " in ftp.does("STAT", 211)
        assert len(data.read_to_end()) == 20_000_000
    for code in (226, 200, 213, 257, 229):
        ftp.hears(code)


@overs
def test_quit_is_answered_behind_the_transfer(login: Login, files: Files, name: str, over: str) -> None:
    ftp = login(over=over)
    with ftp.begin(f"STOR {name}") as data:
        data.send(bytes(100_000))
        ftp.send("QUIT")
        data.send(bytes(100_000))
        finish(data)
    ftp.hears(226)
    ftp.hears(221)
    assert ftp.ended() == b""
    assert (files.root / name).read_bytes() == bytes(200_000)


def test_transfers_may_be_pipelined(ann: FTP, files: Files, name: str) -> None:
    """Two addresses, two commands: what the second needs is asked for behind the first."""
    (files.root / name).write_bytes(b"tea")
    with ann.connect() as data:
        ann.send(f"RETR {name}", "EPSV")
        ann.hears(150)
        assert data.read_to_end() == b"tea"
    ann.hears(226)
    address = "127.0.0.1", int(ann.hears(229).split("|||")[1].split("|")[0])
    with Client.connect(socket.AF_INET, address) as data:
        ann.does("NLST", 150)
        assert name.encode() in data.read_to_end()
    ann.hears(226)


def test_too_many_commands_at_once_are_421(ann: FTP, name: str) -> None:
    with ann.begin(f"STOR {name}") as data:
        data.send(b"tea")
        with suppress(ConnectionError):
            for _ in range(10_000):  # far more than the kernel may hold between us
                if select.select([ann.control.sock], [], [], 0)[0]:
                    break
                ann.control.send(b"NOOP\r\n" * 1000)
        assert ann.control.sock.recv(100).startswith(b"421 Too many commands")
        assert has_ended(data)
