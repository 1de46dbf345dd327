"""files through sockets: what the log says of each transfer, and of what is refused for security."""

from __future__ import annotations

import re
import socket
from contextlib import suppress

import pytest

from tests.clients import Client
from tests.ftp_client import FTP, finish, truncate
from tests.ftp_servers import Files, OwnFiles
from tests.servers import wait_until


def ended(files: Files, ftp: FTP, verb: str, path: str) -> tuple[int, str]:
    """The bytes and the end that the log has of this client's transfer."""
    port = ftp.control.sock.getsockname()[1]
    seconds = r"\d+\.\d{3} s"
    line = re.compile(rf"127\.0\.0\.1:{port}: ann: {verb} {path}: (\d+) bytes in {seconds}: (.+)")
    wait_until(
        f"{verb} {path} is over", lambda: line.search(files.running.log), also=lambda: files.running.log
    )
    found = line.findall(files.running.log)
    assert len(found) == 1, "one line for each transfer"
    return int(found[0][0]), found[0][1]


def test_each_end_of_an_upload_has_its_line(own_files: OwnFiles) -> None:
    """Who, what, bytes, seconds, how it ended."""
    files = own_files("--limits-upload-bytes=100000", "--limits-rate-up=50000000")
    with files.login() as ftp:
        ftp.give("STOR whole", b"tea")
        assert ended(files, ftp, "STOR", "/whole") == (3, "complete")
        with ftp.begin("STOR reset") as data:
            data.send(b"tea")
            wait_until("it has arrived", lambda: ftp.moved() == 3)
            data.reset()
            ftp.hears(426)
        assert ended(files, ftp, "STOR", "/reset") == (3, "reset by peer")
        with ftp.begin("STOR aborted") as data:
            data.send(b"tea")
            wait_until("it has arrived", lambda: ftp.moved() == 3)
            ftp.does("ABOR", 426)
            ftp.hears(226)
        assert ended(files, ftp, "STOR", "/aborted") == (3, "aborted")
        with ftp.begin("STOR large") as data:
            with suppress(ConnectionError):
                data.send(bytes(100_001))
            ftp.hears(552)
        moved, how = ended(files, ftp, "STOR", "/large")
        assert (moved > 0, how) == (True, "local error")
        files.running.wait_for("File is larger than allowed")
    with files.login() as ftp, ftp.begin("STOR left") as data:
        data.send(b"tea")
        wait_until("it has arrived", lambda: ftp.moved() == 3)
        where = ftp.control.sock.getsockname()[1]
        ftp.control.reset()
        files.running.wait_for(f"127.0.0.1:{where}: ann: STOR /left: 3 bytes in ")
        files.running.wait_for(f"127.0.0.1:{where}: ann: reset by peer")
    assert "sesame" not in files.running.log


def test_each_end_of_a_download_has_its_line(own_files: OwnFiles) -> None:
    files = own_files("--limits-stall=0.3", "--passive-timeout=0.3")
    (files.root / "tea").write_bytes(b"tea")
    (files.root / "pot").write_bytes(bytes(20_000_000))
    with files.login() as ftp:
        assert ftp.take("RETR tea") == b"tea"
        assert ended(files, ftp, "RETR", "/tea") == (3, "complete")
        assert ftp.names() == ["cat", "pot", "tea"]
        assert ended(files, ftp, "NLST", "/") == (15, "complete")
        with ftp.begin("RETR pot", buffer=4096) as data:
            data.read(1)
            ftp.hears(426)
        moved, how = ended(files, ftp, "RETR", "/pot")
        assert (0 < moved < 20_000_000, how) == (True, "stalled")
        ftp.passive()
        ftp.does("STOR cup", 150)
        ftp.hears(425)
        assert ended(files, ftp, "STOR", "/cup") == (0, "no data connection")


def test_each_end_that_tls_brings_has_its_line(own_files: OwnFiles) -> None:
    files = own_files("--tls-resume-data=require")
    with files.login(over="auth") as ftp:
        with ftp.connect() as data:
            ftp.does("STOR garbled", 150)
            data.send(b"this is no ClientHello")
            ftp.hears(522)
        assert ended(files, ftp, "STOR", "/garbled") == (0, "TLS handshake failed")
        with ftp.begin("STOR cut") as data:
            data.send(b"tea")
            truncate(data)
            ftp.hears(426)
        assert ended(files, ftp, "STOR", "/cut")[1] == "ended without close_notify"
        with ftp.begin("STOR whole") as data:
            data.send(b"tea")
            finish(data)
            ftp.hears(226)
        assert ended(files, ftp, "STOR", "/whole")[1] == "complete"
        ftp.resume = False
        with ftp.begin("STOR stolen"):
            ftp.hears(522)
        assert ended(files, ftp, "STOR", "/stolen") == (0, "TLS session not resumed")
        assert "refused: a data connection that did not resume the TLS session" in files.running.log


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("PORT 127,0,0,2,200,1", 501, "data connection to 127.0.0.2 port 51201"),
        ("EPRT |1|127.0.0.2|51201|", 501, "data connection to 127.0.0.2 port 51201"),
        ("PORT 127,0,0,1,0,22", 501, "data connection to 127.0.0.1 port 22"),
        ("RETR out", 550, "Leads out of the served directory"),
    ],
)
def test_what_is_refused_for_security_is_a_warning(
    own_files: OwnFiles, command: str, code: int, said: str
) -> None:
    files = own_files()
    (files.root / "out").symlink_to("/etc/passwd")
    with files.login() as ftp:
        ftp.passive()
        ftp.does(command, code)
        port = ftp.control.sock.getsockname()[1]
    files.running.wait_for(f"127.0.0.1:{port}: refused: {said}")


@pytest.mark.parametrize(
    "command",
    ["STOR tea", "APPE tea", "DELE te\x7fa", "RMD cat", "MKD pot", "RNFR tea", "MFMT 20200101000000 tea",
     "MDTM 20200101000000 tea", "SITE CHMOD 600 tea"],
)  # fmt: skip
def test_what_a_user_may_not_do_is_a_warning(own_files: OwnFiles, command: str) -> None:
    files = own_files()
    (files.root / "tea").write_bytes(b"tea")
    with files.login("bob") as ftp:
        ftp.passive()
        ftp.does(command, 550)
        port = ftp.control.sock.getsockname()[1]
        said = command.replace("\x7f", "\\x7f")
        files.running.wait_for(f"127.0.0.1:{port}: refused: bob may not {said}\n")
    assert (files.root / "tea").read_bytes() == b"tea"


def test_who_is_refused_for_security_is_a_warning(own_files: OwnFiles) -> None:
    files = own_files("--tls-require-control=true", "--tls-require-data=true")
    with files.connect() as ftp:
        ftp.hears(220)
        ftp.does("USER ann", 530)
        files.running.wait_for("refused: a login in the clear")
        ftp.secure(protect=False)
        ftp.does("USER ann", 331)
        ftp.does("PASS wrong", 530)
        files.running.wait_for("refused: wrong password for ann")
        ftp.enter("ann")
        address = ftp.passive()
        with Client.connect(socket.AF_INET, address, source="127.0.0.2") as stranger:
            ftp.does("NLST", 521)
            files.running.wait_for("refused: a transfer in the clear")
            stranger.reset()
    with files.connect() as ftp:
        ftp.hears(220)
        ftp.send("AUTH TLS", "USER ann")
        files.running.wait_for("refused: bytes in the clear behind AUTH")
        assert ftp.gone()
    assert "sesame" not in files.running.log
    assert "wrong pass" in files.running.log
