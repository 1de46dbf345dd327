"""files through sockets: every way that bytes may go, and what is at their ends."""

from __future__ import annotations

import ctypes
import os
import random
import socket
from contextlib import suppress
from itertools import product

import pytest

from tests.clients import Client
from tests.ftp_client import FTP, finish
from tests.ftp_servers import Files, Login, OwnFiles
from tests.servers import wait_until

PIDFD_GETFD = 438
"""The number of a system call that has no other name in Python."""
WAYS = [
    *product(["tcp", "auth", "tls"], ["PASV", "EPSV", "PORT", "EPRT"]),
    *product(["tcp6"], ["EPSV", "EPRT"]),
]
CONTENT = random.Random(959).randbytes(1_500_000)
"""More than the kernel keeps, and no multiple of anything."""


@pytest.mark.parametrize(("over", "verb"), WAYS)
def test_bytes_go_up_and_come_down_as_they_are(login: Login, name: str, over: str, verb: str) -> None:
    ftp = login(over=over)
    ftp.give(f"STOR {name}", CONTENT, verb)
    assert ftp.take(f"RETR {name}", verb) == CONTENT
    assert ftp.size(name) == len(CONTENT)
    assert name in ftp.take("MLSD", verb).decode()


@pytest.mark.parametrize("over", ["tcp", "auth"])
def test_nothing_is_a_file_as_well(login: Login, files: Files, name: str, over: str) -> None:
    ftp = login(over=over)
    ftp.give(f"STOR {name}", b"")
    assert (files.root / name).read_bytes() == b""
    assert ftp.take(f"RETR {name}") == b""


def test_what_a_client_sends_before_it_has_read_150_is_not_lost(ann: FTP, name: str) -> None:
    """The connection rests in the backlog, with its bytes and its end, until STOR comes."""
    with ann.connect() as data:
        data.send(b"early")
        data.half_close()
        ann.does(f"STOR {name}", 150)
        ann.hears(226)
    assert ann.take(f"RETR {name}") == b"early"


def test_150_is_said_before_the_client_has_connected(ann: FTP, name: str) -> None:
    address = ann.passive()
    ann.does(f"STOR {name}", 150)
    with Client.connect(ann.control.sock.family, address) as data:
        data.send(b"late")
        finish(data)
    ann.hears(226)


@pytest.mark.parametrize("command", ["RETR x", "STOR x", "APPE x", "STOU", "LIST", "NLST", "MLSD"])
def test_without_an_address_there_is_no_transfer(ann: FTP, command: str) -> None:
    """RFC 959 §3.2's default port is nobody's: 425."""
    ann.does(command, 425)
    ann.does("NOOP", 200)


def test_an_address_is_for_one_transfer(ann: FTP) -> None:
    ann.take("NLST")
    ann.does("NLST", 425)


@pytest.mark.parametrize("early", [b"", b"what nobody asked for"])
@pytest.mark.parametrize("size", [1, 4096, 900_000])
def test_a_file_that_could_be_sent_at_once_arrives_whole(
    ann: FTP, files: Files, name: str, size: int, early: bytes
) -> None:
    """Though the kernel may take a part of it, and closing on what the client has sent would say RST."""
    (files.root / name).write_bytes(CONTENT[:size])
    with ann.connect(buffer=4096) as data:
        if early:
            data.send(early)
        ann.does(f"RETR {name}", 150)
        assert data.read_to_end() == CONTENT[:size]
        ann.hears(226)


# -- parts of a file ---------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["tcp", "auth"])
@pytest.mark.parametrize("at", [0, 1, 65_536, 1_499_999, 1_500_000])
def test_rest_goes_on_with_a_download(login: Login, files: Files, name: str, over: str, at: int) -> None:
    """RFC 3659 §5.3"""
    ftp = login(over=over)
    (files.root / name).write_bytes(CONTENT)
    ftp.does(f"REST {at}", 350)
    assert ftp.take(f"RETR {name}") == CONTENT[at:]
    assert ftp.take(f"RETR {name}") == CONTENT  # it held for one


@pytest.mark.parametrize("over", ["tcp", "auth"])
def test_rest_goes_on_with_an_upload(login: Login, files: Files, name: str, over: str) -> None:
    ftp = login(over=over)
    (files.root / name).write_bytes(CONTENT[:800_000] + b"old")
    ftp.does("REST 700000", 350)
    ftp.give(f"STOR {name}", CONTENT[700_000:])
    assert (files.root / name).read_bytes() == CONTENT
    ftp.does("REST 1500001", 350)
    ftp.passive()
    ftp.does(f"STOR {name}", 554)
    assert (files.root / name).read_bytes() == CONTENT


def test_what_arrives_while_a_thread_is_at_work_waits_for_it(own_files: OwnFiles) -> None:
    """What is kept of a large file is copied at the first bytes, and all others come behind them."""
    files, large = own_files(), 100_000_000
    with open(files.root / "large", "wb") as file:
        file.truncate(large)
    with files.login() as ftp:
        ftp.does(f"REST {large}", 350)
        with ftp.begin("STOR large") as data:
            for at in range(0, len(CONTENT), 100_000):
                data.send(CONTENT[at : at + 100_000])
                ftp.moved()  # so that it comes in many pieces
            finish(data)
        ftp.hears(226)
    with open(files.root / "large", "rb") as file:
        file.seek(large)
        assert file.read() == CONTENT


def test_rang_is_a_part_of_a_download(ann: FTP, files: Files, name: str) -> None:
    (files.root / name).write_bytes(CONTENT)
    ann.does("RANG 1000 400000", 350)
    assert ann.take(f"RETR {name}") == CONTENT[1000:400_001]


def test_appe_comes_behind_what_is_there(ann: FTP, files: Files, name: str) -> None:
    ann.give(f"APPE {name}", b"one")
    ann.give(f"APPE {name}", b"two")
    assert (files.root / name).read_bytes() == b"onetwo"


def test_stou_takes_no_name_twice(ann: FTP, files: Files, name: str) -> None:
    """RFC 1123 §4.1.2.9: the name is told in 150."""
    for content in (b"one", b"two"):
        with ann.connect() as data:
            said = ann.does(f"STOU {name}", 150)
            data.send(content)
            finish(data)
        ann.hears(226)
        assert (files.root / said.split("FILE: /")[1]).read_bytes() == content
    assert (files.root / name).read_bytes() == b"one"


# -- text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["tcp", "auth"])
def test_text_loses_nothing_wherever_it_is_cut(login: Login, files: Files, name: str, over: str) -> None:
    """RFC 959 §3.1.1.1, with a lone CR, and a CR at the end."""
    ftp = login(over=over)
    ftp.does("TYPE A", 200)
    wire = b"one\r\ntwo\rthree\r\n\r\r\n\nfour\r"
    kept = wire.replace(b"\r\n", b"\n")
    for cut in range(len(wire)):
        with ftp.begin(f"STOR {name}") as data:
            data.send(wire[:cut])
            if cut % 5 == 0:
                wait_until("the first piece is read", lambda cut=cut: ftp.moved() >= cut)
            data.send(wire[cut:])
            finish(data)
        ftp.hears(226)
        assert (files.root / name).read_bytes() == kept
    assert ftp.take(f"RETR {name}") == kept.replace(b"\n", b"\r\n")


def test_a_long_text_is_converted_both_ways(ann: FTP, files: Files, name: str) -> None:
    lines = [b"x" * (n % 200) for n in range(8_000)]
    ann.does("TYPE A", 200)
    ann.give(f"STOR {name}", b"\r\n".join(lines))
    assert (files.root / name).read_bytes() == b"\n".join(lines)
    assert ann.take(f"RETR {name}") == b"\r\n".join(lines)


# -- names, and what is no file --------------------------------------------------------------------


def test_a_name_that_is_not_utf8_keeps_its_bytes(ann: FTP, files: Files, name: str) -> None:
    """RFC 2640 §3.1 would have UTF-8; what is not is neither changed nor refused."""
    odd = os.fsdecode(os.fsencode(name) + b"\xe9\xfe")
    ann.give(f"STOR {odd}", b"odd")
    assert odd in os.listdir(files.root)
    assert odd in ann.names()
    assert ann.take(f"RETR {odd}") == b"odd"
    ann.does(f"DELE {odd}", 250)


def test_a_byte_255_in_a_name_is_doubled_both_ways(ann: FTP, files: Files, name: str) -> None:
    """RFC 854: IAC IAC is one byte 255; on a data connection nothing is doubled."""
    odd = os.fsencode(name) + b"\xff"
    (files.root / os.fsdecode(odd)).write_bytes(b"odd")
    assert ann.size(os.fsdecode(odd + b"\xff")) == 3
    assert odd in ann.take("NLST").splitlines()
    said = ann.does(f"MLST {os.fsdecode(odd + bytes([255]))}", 250)
    assert os.fsencode(said).count(b"\xff") == 2 * os.fsencode(said).count(b"\xff\xff") > 0
    ann.does("NOOP", 200)


def test_what_is_no_plain_file_is_550_at_once(ann: FTP, files: Files, name: str) -> None:
    """A FIFO that nobody writes to would be waited for, for ever."""
    os.mkfifo(files.root / name)
    (files.root / f"{name}.d").mkdir()
    for one in (name, f"{name}.d", f"{name}.none"):
        ann.passive()
        ann.does(f"RETR {one}", 550)
    for one in (name, f"{name}.d", f"{name}.none/x"):
        ann.passive()
        ann.does(f"STOR {one}", 550)


@pytest.mark.parametrize("link", ["/etc", "../../../../../../etc", "loop", "out/.."])
def test_no_link_leads_out(ann: FTP, files: Files, name: str, link: str) -> None:
    target = link if link.startswith(("/", ".")) else {"loop": name, "out/..": f"{name}.out/.."}[link]
    (files.root / name).symlink_to(target)
    (files.root / f"{name}.out").symlink_to("/etc")
    for command in (f"CWD {name}", f"SIZE {name}/passwd", f"MLST {name}/passwd", f"DELE {name}/passwd"):
        ann.does(command, 550)
    for command in (f"RETR {name}/passwd", f"STOR {name}/new", f"LIST {name}", f"MLSD {name}"):
        ann.passive()
        ann.does(command, 550)
    shown = [line for line in ann.take("LIST").split(b"\r\n") if b" " + name.encode() in line]
    assert [line[:1] for line in shown] == [b"l", b"l"]  # and nobody has looked through them
    ann.does(f"DELE {name}", 250)  # the link itself is his
    ann.does(f"DELE {name}.out", 250)


def test_a_link_inside_is_followed_and_one_to_another_home_is_not(
    login: Login, files: Files, name: str
) -> None:
    (files.root / name).write_bytes(b"ann's")
    (files.root / "cat" / f"{name}.mine").write_bytes(b"cat's")
    (files.root / "cat" / f"{name}.in").symlink_to(f"{name}.mine")
    (files.root / "cat" / f"{name}.abs").symlink_to(files.root / "cat" / f"{name}.mine")
    (files.root / "cat" / f"{name}.out").symlink_to(f"../{name}")
    cat = login("cat")
    assert cat.take(f"RETR {name}.in") == b"cat's"
    assert cat.take(f"RETR {name}.abs") == b"cat's"
    for path in (f"{name}.out", f"../{name}", f"/../{name}", f"/../../{name}"):
        cat.passive()
        cat.does(f"RETR {path}", 550)
    files.running.wait_for("Leads out of the served directory")


def test_links_may_be_followed_never(own_files: OwnFiles) -> None:
    files = own_files("--symlinks=never")
    (files.root / "tea").write_bytes(b"tea")
    (files.root / "link").symlink_to("tea")
    with files.login() as ftp:
        for command in ("RETR link", "STOR link", "APPE link"):
            ftp.passive()
            ftp.does(command, 550)
        assert ftp.take("RETR tea") == b"tea"


# -- what is no command ------------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["tcp", "auth"])
def test_a_line_without_end_is_one_500_and_the_end(login: Login, over: str) -> None:
    ftp = login(over=over)
    ftp.control.send(b"STOR " + b"x" * 100_000)
    ftp.hears(500)
    assert ftp.ended() == b""


def test_lines_may_end_in_lf_and_come_in_any_pieces(ann: FTP) -> None:
    for byte in b"noop\nNOOP\r\nFEET\nNOOP\n":
        ann.control.send(bytes([byte]))
    for code in (200, 200, 500, 200):
        ann.hears(code)


def test_on_ipv6_pasv_points_to_epsv(login: Login) -> None:
    """RFC 959's PASV has room for IPv4 alone."""
    ftp = login(over="tcp6")
    assert "EPSV" in ftp.does("PASV", 501)
    ftp.does("PORT 127,0,0,1,200,1", 501)
    ftp.does("EPSV 1", 522)


# -- how the kernel helps, or does not ---------------------------------------------------------------


@pytest.mark.parametrize("sendfile", ["true", "false"])
def test_downloads_are_whole_with_sendfile_and_without(own_files: OwnFiles, sendfile: str) -> None:
    files = own_files(f"--sendfile={sendfile}")
    (files.root / "big").write_bytes(CONTENT * 6)
    with files.login() as ftp, ftp.begin("RETR big", buffer=4096) as data:
        assert data.read(3) == CONTENT[:3]
        assert data.read_to_end() == (CONTENT * 6)[3:]
        ftp.hears(226)


@pytest.mark.parametrize("sendfile", ["true", "false"])
def test_a_file_that_shrinks_while_it_is_sent_is_451(own_files: OwnFiles, sendfile: str) -> None:
    """What was promised in 150 did not come: 226 would call it whole."""
    files = own_files(f"--sendfile={sendfile}")
    (files.root / "big").write_bytes(CONTENT * 10)
    with files.login() as ftp, ftp.begin("RETR big", buffer=4096) as data:
        data.read(1000)
        os.truncate(files.root / "big", 100_000)
        assert len(data.read_to_end()) < len(CONTENT) * 10
        ftp.hears(451)
        ftp.does("NOOP", 200)


@pytest.mark.parametrize("uploads", ["rename", "direct"])
def test_with_fsync_226_waits_for_the_disk(own_files: OwnFiles, uploads: str) -> None:
    """The commit then runs in a thread, and whatever is said meanwhile waits for it."""
    files = own_files("--fsync=true", f"--uploads={uploads}")
    with files.login() as ftp:
        for number in range(5):
            with ftp.begin(f"STOR tea{number}") as data:
                data.send(CONTENT)
                ftp.send(f"SIZE tea{number}")
                finish(data)
            ftp.hears(226)
            ftp.hears(213)
            assert (files.root / f"tea{number}").read_bytes() == CONTENT


@pytest.mark.parametrize("verb", ["EPSV", "PORT"])
@pytest.mark.parametrize("command", ["STOR cup", "RETR pot"])
def test_nothing_small_waits_for_what_was_sent_before(own_files: OwnFiles, command: str, verb: str) -> None:
    """RFC 896: what Nagle's algorithm holds back costs each small file 40 ms."""
    files = own_files()
    (files.root / "pot").write_bytes(bytes(20_000_000))
    with files.login() as ftp, ftp.begin(command, verb, buffer=4096) as data:
        if command == "STOR cup":
            data.send(b"tea")
        wait_until("it moves", ftp.moved)
        for client in (ftp.control, data):
            theirs = server_end(files.running.pid, client.sock)
            assert theirs.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            theirs.close()


def server_end(pid: int, ours: socket.socket) -> socket.socket:
    """A copy of the server's socket at the other end (pidfd_getfd(2))."""
    pidfd = os.pidfd_open(pid)
    try:
        for fd in map(int, os.listdir(f"/proc/{pid}/fd")):
            copy = ctypes.CDLL(None).syscall(PIDFD_GETFD, pidfd, fd, 0)
            try:
                found = socket.socket(fileno=copy)
            except OSError:  # no socket, or closed meanwhile
                if copy >= 0:
                    os.close(copy)
                continue
            with suppress(OSError):  # a listener
                if found.getpeername() == ours.getsockname():
                    return found
            found.close()
    finally:
        os.close(pidfd)
    raise AssertionError("no socket of the server's is at the other end")
