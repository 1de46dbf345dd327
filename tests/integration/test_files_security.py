"""files through sockets: who may connect where, TLS, and what strangers try (RFC 2577, RFC 4217)."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.clients import Client, TLSClient
from tests.ftp_client import FTP, finish, hung_up_on
from tests.ftp_servers import Files, Login, OwnFiles
from tests.servers import ROOT, Own, launch, wait_until

overs = pytest.mark.parametrize("over", ["tcp", "auth"])


# -- passive ---------------------------------------------------------------------------------------


@overs
@pytest.mark.parametrize("begun", [True, False])
def test_a_stranger_at_the_passive_port_is_hung_up_on_and_the_client_still_served(
    login: Login, files: Files, name: str, over: str, begun: bool
) -> None:
    """RFC 2577 §8: who steals a port takes a file, or gives one."""
    ftp = login(over=over)
    (files.root / name).write_bytes(b"secret")
    address = ftp.passive()
    if begun:
        ftp.does(f"RETR {name}", 150)
    strangers = [Client.connect(socket.AF_INET, address, source=f"127.0.0.{n}") for n in (2, 3, 4)]
    if not begun:
        ftp.does(f"RETR {name}", 150)
    for stranger in strangers:
        assert hung_up_on(stranger)
        stranger.close()
    with ftp.secured(Client.connect(socket.AF_INET, address)) as data:
        assert data.read_to_end() == b"secret"
    ftp.hears(226)
    for n in (2, 3, 4):
        files.running.wait_for(f"refused: a data connection from 127.0.0.{n}:")


def test_with_strangers_alone_there_is_no_data_connection_in_the_end(own_files: OwnFiles) -> None:
    files = own_files("--passive-timeout=0.3")
    (files.root / "tea").write_bytes(b"secret")
    with files.login() as ftp:
        address = ftp.passive()
        ftp.does("RETR tea", 150)
        with Client.connect(socket.AF_INET, address, source="127.0.0.2") as stranger:
            assert hung_up_on(stranger)
            ftp.hears(425)
        with pytest.raises(ConnectionRefusedError):
            Client.connect(socket.AF_INET, address)
        assert ftp.take("RETR tea") == b"secret"


def test_once_the_client_has_come_nobody_else_is_let_in(ann: FTP, name: str) -> None:
    address = ann.passive()
    with Client.connect(socket.AF_INET, address) as data:
        ann.does(f"STOR {name}", 150)
        wait_until("the port is closed", lambda: _refused(address))
        finish(data)
        ann.hears(226)


def _refused(address: tuple[str, int]) -> bool:
    try:
        Client.connect(socket.AF_INET, address).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # it was in the backlog when the port was closed: the next one is refused
    return False


@pytest.mark.parametrize("how", ["EPSV again", "PORT", "QUIT", "REIN", "loss", "EPRT"])
def test_a_port_that_nobody_needs_any_more_is_closed(login: Login, how: str) -> None:
    ftp = login()
    address = ftp.passive()
    with Client.connect(socket.AF_INET, address) as early:  # it rests in the backlog, or is accepted
        if how == "EPSV again":
            ftp.passive()
        elif how in ("PORT", "EPRT"):
            ftp.active(how)
        elif how == "loss":
            ftp.control.reset()
        else:
            ftp.does(how, {"QUIT": 221, "REIN": 220}[how])
        assert hung_up_on(early)
    wait_until("the port is closed", lambda: _refused(address))


# -- active ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "PORT 127,0,0,2,200,0",
        "PORT 127,0,0,1,0,80",
        "EPRT |1|127.0.0.2|51200|",
        "EPRT |1|127.0.0.1|80|",
        "EPRT |1|127.0.0.1|0|",
        "PORT 127,0,0,1,0,0",
        "PORT 0,0,0,0,200,0",
        "PORT 2130706433",
        "PORT 127,0,0,1,200",
        "PORT 127,0,0,1,256,1",
    ],
)
def test_we_connect_to_nobody_but_the_client(ann: FTP, command: str) -> None:
    """RFC 2577 §3: the bounce attack."""
    ann.does(command, 501)
    ann.does("NLST", 425)


def test_a_refused_port_is_not_connected_to(ann: FTP, files: Files) -> None:
    with socket.create_server(("127.0.0.2", 0)) as victim:
        port = victim.getsockname()[1]
        ann.does(f"EPRT |1|127.0.0.2|{port}|", 501)
        ann.does("NLST", 425)
        victim.setblocking(False)
        with pytest.raises(BlockingIOError):
            victim.accept()
    files.running.wait_for(f"refused: data connection to 127.0.0.2 port {port}")


def test_a_client_that_does_not_listen_is_425(ann: FTP) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    ann.does(f"EPRT |1|127.0.0.1|{port}|", 200)
    ann.does("NLST", 150)
    ann.hears(425)
    ann.take("NLST")


# -- TLS -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("glued", [b"USER mallory\r\n", b"NOOP", b"\n"])
def test_commands_glued_behind_auth_are_dropped_and_the_connection_with_them(
    files: Files, glued: bytes
) -> None:
    """RFC 4217 §12 warns of what was said before; here it is not done at all."""
    with files.connect() as ftp:
        ftp.hears(220)
        ftp.control.send(b"AUTH TLS\r\n" + glued)
        with suppress(ConnectionResetError):
            assert ftp.ended() == b""
    files.running.wait_for("bytes in the clear behind AUTH")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("word", ["TLS", "SSL", "TLS-C", "tls-p"])
def test_auth_by_every_name_and_both_versions(
    files: Files, name: str, version: ssl.TLSVersion, word: str
) -> None:
    with files.connect() as ftp:
        ftp.hears(220)
        ftp.does(f"AUTH {word}", 234)
        assert ftp.ca is not None
        ftp.control = TLSClient(ftp.control.sock, ftp.ca, version)
        ftp.protect()
        ftp.enter("ann")
        for ftp.resume in (True, False):
            ftp.give(f"STOR {name}", b"tea" * 100_000)
            assert ftp.take(f"RETR {name}") == b"tea" * 100_000
        ftp.does("PROT C", 200)
        ftp.protected = False
        assert ftp.take(f"RETR {name}") == b"tea" * 100_000


@pytest.mark.parametrize("over", ["tcp", "tls"])
def test_the_oldest_tls_is_that_of_the_settings(own_files: OwnFiles, over: str) -> None:
    """By AUTH and on `tls://`, also after a reload."""
    files = own_files("--tls-minimum=1.3")
    for _ in range(2):
        if over == "tcp":
            old = files.connect()
            old.hears(220)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                old.secure(version=ssl.TLSVersion.TLSv1_2)
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                files.connect("tls", version=ssl.TLSVersion.TLSv1_2)
        with files.login(over="auth" if over == "tcp" else "tls") as ftp:
            assert ftp.names() == ["cat"]
        files.running.signal(signal.SIGHUP)
        files.running.wait_for("and the certificates")


def test_tls_may_be_required_for_both_connections(own_files: OwnFiles) -> None:
    files = own_files("--tls-require-control=true", "--tls-require-data=true")
    with files.connect() as ftp:
        ftp.hears(220)
        ftp.does("USER ann", 530)
        ftp.secure(protect=False)
        ftp.enter("ann")
        ftp.passive()
        ftp.does("NLST", 521)
        ftp.protect()
        assert ftp.names() == ["cat"]


def test_implicit_tls_protects_both_from_the_start(files: Files, name: str) -> None:
    with files.login(over="tls") as ftp:
        ftp.does("AUTH TLS", 503)
        ftp.give(f"STOR {name}", b"tea")
        with ftp.connect() as data:
            ftp.does(f"RETR {name}", 150)
            data.send(b"in the clear?")
            ftp.hears(522)


def test_without_a_certificate_there_is_no_auth(own: Own, tmp_path: Path) -> None:
    files = Files(own("files"), tmp_path)
    with files.connect() as ftp:
        ftp.hears(220)
        ftp.does("AUTH TLS", 502)
        assert "AUTH" not in ftp.does("FEAT", 211)


# -- who may do what ---------------------------------------------------------------------------------


def test_without_configuration_anybody_may_read_where_it_was_started(own: Own) -> None:
    """What `python -m http.server` is for HTTP."""
    running = own("files")
    (running.output / "tea").write_bytes(b"tea")
    files = Files(running, running.output)
    with files.connect() as ftp:
        ftp.hears(220)
        ftp.enter("anonymous", "me@example.org")
        assert ftp.take("RETR tea") == b"tea"
        assert "tea" in ftp.names()
        for command in ("DELE tea", "MKD new", "RNFR tea", "SITE CHMOD 777 tea", "MFMT 20200101000000 tea"):
            ftp.does(command, 550)
        for command in ("STOR new", "STOR tea", "APPE tea", "STOU"):
            ftp.passive()
            ftp.does(command, 550)
    with files.connect() as ftp:
        ftp.hears(220)
        ftp.does("USER root", 331)
        ftp.does("PASS anything", 530)


@pytest.mark.parametrize("write", [True, False])
def test_a_user_and_a_folder_may_be_named_on_the_command_line(own: Own, tmp_path: Path, write: bool) -> None:
    flags = ["--user", "ann:ses:ame", "--user=bob:tea", f"--root={tmp_path}", *(["--write"] if write else [])]
    files = Files(own("files", *flags), tmp_path)
    with files.connect() as ftp, files.connect() as anybody:
        anybody.hears(220)
        anybody.does("USER anonymous", 331)
        anybody.does("PASS x", 530)
        ftp.hears(220)
        for user, password in (("bob", "tea"), ("ann", "ses:ame")):
            ftp.enter(user, password)
        if write:
            ftp.give("STOR tea", b"tea")
            assert (tmp_path / "tea").read_bytes() == b"tea"
        else:
            ftp.passive()
            ftp.does("STOR tea", 550)
            assert os.listdir(tmp_path) == ftp.names() == []
    assert "ses:ame" not in files.running.log


def test_a_user_without_a_password_is_one_line_and_status_2(implementation: str) -> None:
    ended = launch(implementation, "--user", "hunter2", service="files")
    assert (ended.status, len(ended.stderr.splitlines())) == (2, 1)
    assert ended.stderr.startswith("--user: expected")
    assert "hunter2" not in ended.stderr  # for it may be a password


def test_a_hashed_password_is_compared_while_others_are_answered(own: Own, tmp_path: Path) -> None:
    """`python -m stores.passwords` makes it; what takes its time runs in a thread."""
    tool = [sys.executable, "-m", "stores.passwords"]
    secret = subprocess.run(
        tool, input="sesame\n", text=True, capture_output=True, check=True, cwd=ROOT
    ).stdout
    config = tmp_path / "twofold.toml"
    config.write_text(f'[files.users.ann]\npassword = "{secret.strip()}"\n')
    files = Files(own("files", f"--config={config}", "--limits-login-delay=0"), tmp_path)
    with files.connect() as ftp, files.connect() as other:
        ftp.hears(220)
        other.hears(220)
        ftp.does("USER ann", 331)
        ftp.does("PASS wrong", 530)
        ftp.does("USER ann", 331)
        ftp.send("PASS sesame")
        other.does("NOOP", 200)
        ftp.hears(230)


def test_with_users_nobody_is_anonymous(files: Files) -> None:
    with files.connect() as ftp:
        ftp.hears(220)
        ftp.does("USER anonymous", 331)
        ftp.does("PASS me@example.org", 530)


def test_wrong_passwords_are_few_and_end_the_connection(files: Files) -> None:
    with files.connect() as ftp:
        ftp.hears(220)
        for user in ("ann", "nobody", "ann"):
            ftp.does(f"USER {user}", 331)
            ftp.does("PASS wrong", 530)
        ftp.hears(421)
        assert ftp.ended() == b""
    assert "sesame" not in files.running.log


def test_a_wrong_password_is_answered_late(own_files: OwnFiles) -> None:
    """RFC 2577 §5: by address, so that a second connection does not help; and a hash costs nobody else."""
    files = own_files("--limits-login-delay=0.3")
    with files.connect() as ftp, files.connect() as same, files.connect(source="127.0.0.2") as other:
        for one in (ftp, same, other):
            one.hears(220)
            one.does("USER ann", 331)
        began = time.monotonic()
        ftp.send("PASS wrong")
        other.does("PASS sesame", 230)
        same.send("PASS wrong")
        ftp.hears(530)
        assert time.monotonic() - began >= 0.3
        same.hears(530)
        assert time.monotonic() - began >= 0.6


def test_nothing_hidden_is_listed_or_named(ann: FTP, files: Files, name: str) -> None:
    (files.root / name).mkdir()
    with ann.begin(f"STOR {name}/tea") as data:
        data.send(b"tea")
        wait_until("the part is there", lambda: os.listdir(files.root / name))
        part = os.listdir(files.root / name)[0]
        other = files.login()
        for command in ("LIST -a", "NLST", "MLSD"):
            assert other.take(f"{command} {name}") == b""
        for command in (f"SIZE {name}/{part}", f"DELE {name}/{part}", f"RNFR {name}/{part}"):
            other.does(command, 550)
        other.passive()
        other.does(f"RETR {name}/{part}", 550)
        other.close()
        finish(data)
    ann.hears(226)
