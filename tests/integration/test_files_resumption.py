"""files through sockets: TLS sessions that data connections resume (RFC 4217 §10)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

import pytest

from tests.clients import Client
from tests.ftp_client import FTP, hung_up_on, truncate
from tests.ftp_servers import OwnFiles
from tests.servers import wait_until


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_control_connections_session_may_have_to_be_resumed(
    own_files: OwnFiles, version: ssl.TLSVersion
) -> None:
    """It proves that who connects is who logged in, not who was quicker."""
    files = own_files("--tls-resume-data=require")
    with files.connect() as ftp:
        ftp.hears(220)
        ftp.secure(version=version)
        ftp.enter("ann")
        for _ in range(3):
            ftp.give("STOR tea", b"tea")
            assert ftp.take("RETR tea") == b"tea"
        ftp.resume = False
        for command in ("STOR coffee", "RETR tea"):
            with ftp.begin(command) as data:
                ftp.hears(522)
                assert hung_up_on(data)
        assert ftp.size("coffee") == -1
        files.running.wait_for("refused: a data connection that did not resume the TLS session", 2)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("over", ["tcp", "tls"])
def test_somebody_elses_session_is_not_the_one_to_resume(
    own_files: OwnFiles, over: str, version: ssl.TLSVersion
) -> None:
    """Everybody who begins TLS is given one, by AUTH or on `tls://`."""
    files = own_files("--tls-resume-data=require")
    (files.root / "tea").write_bytes(b"secret")
    options = {} if over == "tcp" else {"version": version}
    with files.connect(over, **options) as ftp, files.connect(over, **options) as thief:
        for one in (ftp, thief):
            one.hears(220)
            if over == "tcp":
                one.secure(version=version)
            one.protected = True
        ftp.enter("ann")
        address = ftp.passive()
        ftp.does("RETR tea", 150)
        with thief.secured(Client.connect(socket.AF_INET, address)) as data:
            ftp.hears(522)
            assert hung_up_on(data)
        assert ftp.take("RETR tea") == b"secret"


def aborted(ftp: FTP, data: Client) -> None:
    ftp.send("ABOR")


def reset(ftp: FTP, data: Client) -> None:
    data.reset()


def truncated(ftp: FTP, data: Client) -> None:
    truncate(data)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("cut", [aborted, reset, truncated])
def test_a_data_connection_that_was_cut_is_not_the_last_to_resume(
    own_files: OwnFiles, version: ssl.TLSVersion, cut: Callable[[FTP, Client], None]
) -> None:
    """OpenSSL forgets a session of which a connection ended without close_notify."""
    files = own_files("--tls-resume-data=require")
    (files.root / "pot").write_bytes(bytes(20_000_000))
    with files.connect() as ftp:
        ftp.hears(220)
        ftp.secure(version=version)
        ftp.enter("ann")
        for command in ("STOR cup", "RETR pot"):
            if cut is truncated and command == "RETR pot":
                continue  # whoever reads may end its half
            for _ in range(2):
                with ftp.begin(command, buffer=4096) as data:
                    if command == "STOR cup":
                        data.send(b"tea")
                        wait_until("it has arrived", ftp.moved)
                    else:
                        data.read(1)
                    cut(ftp, data)
                    ftp.hears(426)
                    if cut is aborted:
                        ftp.hears(226)
        ftp.give("STOR cup", b"tea")
        assert ftp.take("RETR cup") == b"tea"
