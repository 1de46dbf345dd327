"""files against Python's ftplib, in the clear and over TLS, one at a time and many at once."""

from __future__ import annotations

import ftplib
import io
import random
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests import servers
from tests.conftest import descriptors
from tests.ftp_servers import Files, OwnFiles, files, own_files

__all__ = ["files", "own_files"]

DATA = random.Random(13).randbytes(1_048_576)
Connect = Callable[..., ftplib.FTP]


class Implicit(ftplib.FTP_TLS):
    """TLS from the first byte on, which ftplib has no word for."""

    @property
    def sock(self) -> socket.socket | None:  # type: ignore[override]
        return self._sock

    @sock.setter
    def sock(self, sock: socket.socket | None) -> None:
        fresh = sock is not None and not isinstance(sock, ssl.SSLSocket)
        self._sock = self.context.wrap_socket(sock, server_hostname=self.host) if sock and fresh else sock


def connect(files: Files, way: str, encoding: str = "utf-8") -> ftplib.FTP:
    """ann, logged in."""
    host, port = files.running.where["tls" if way == "implicit" else "tcp"][1][:2]  # type: ignore[index]
    if way == "clear":
        ftp = ftplib.FTP(timeout=servers.PATIENCE, encoding=encoding)
        ftp.connect(host, port)
        ftp.login("ann", "sesame")
        return ftp
    assert files.running.certificate is not None
    context = ssl.create_default_context(cafile=str(files.running.certificate.ca))
    kind = Implicit if way == "implicit" else ftplib.FTP_TLS
    secure = kind(context=context, timeout=servers.PATIENCE, encoding=encoding)
    secure.connect("localhost" if host == "127.0.0.1" else host, port)
    secure.login("ann", "sesame")
    secure.prot_p()
    return secure


@contextmanager
def connected(files: Files, way: str, encoding: str = "utf-8") -> Iterator[ftplib.FTP]:
    ftp = connect(files, way, encoding)
    try:
        yield ftp
        ftp.quit()
    finally:
        ftp.close()


def content(ftp: ftplib.FTP, name: str, rest: int | None = None) -> bytes:
    pieces: list[bytes] = []
    ftp.retrbinary(f"RETR {name}", pieces.append, rest=rest)
    return b"".join(pieces)


@pytest.fixture(params=["clear", "tls", "implicit"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_file_goes_up_and_comes_down(files: Files, way: str) -> None:
    with connected(files, way) as ftp:
        ftp.storbinary("STOR mine", io.BytesIO(DATA))
        assert (files.root / "mine").read_bytes() == DATA
        assert content(ftp, "mine") == DATA
        assert ftp.size("mine") == len(DATA)


def test_active_mode(files: Files, way: str) -> None:
    with connected(files, way) as ftp:
        ftp.set_pasv(False)
        ftp.storbinary("STOR active", io.BytesIO(DATA))
        assert content(ftp, "active") == DATA


def test_what_was_cut_goes_on_both_ways(files: Files, way: str) -> None:
    with connected(files, way) as ftp:
        (files.root / "half").write_bytes(DATA[:500_000])
        ftp.storbinary("STOR half", io.BytesIO(DATA[500_000:]), rest=500_000)
        assert (files.root / "half").read_bytes() == DATA
        assert content(ftp, "half", rest=900_000) == DATA[900_000:]


def test_text_is_kept_line_by_line(files: Files, way: str) -> None:
    with connected(files, way) as ftp:
        ftp.storlines("STOR text", io.BytesIO(b"one\ntwo\r\nlast without an end"))
        assert (files.root / "text").read_bytes() == b"one\ntwo\nlast without an end\n"
        lines: list[str] = []
        ftp.retrlines("RETR text", lines.append)
        assert lines == ["one", "two", "last without an end"]


def test_names_are_listed_renamed_and_deleted(files: Files, way: str) -> None:
    with connected(files, way) as ftp:
        ftp.mkd(f"dir-{way}")
        ftp.cwd(f"dir-{way}")
        ftp.storbinary("STOR caf\u00e9", io.BytesIO(b"12345"))
        ftp.rename("caf\u00e9", "t\u00e9")
        assert ftp.nlst() == ["t\u00e9"]
        ((name, facts),) = ftp.mlsd(facts=["size", "type"])
        assert (name, facts) == ("t\u00e9", {"size": "5", "type": "file"})
        lines: list[str] = []
        ftp.dir(lines.append)
        assert lines[0].startswith("-rw")
        assert lines[0].endswith(" t\u00e9")
        ftp.delete("t\u00e9")
        ftp.cwd("..")
        ftp.rmd(f"dir-{way}")
        assert ftp.pwd() == "/"


def test_names_that_are_not_utf_8_are_kept(files: Files, way: str) -> None:
    with connected(files, way, encoding="latin-1") as ftp:
        ftp.storbinary("STOR caf\u00e9", io.BytesIO(b"1"))
        assert b"caf\xe9" in [path.name.encode(errors="surrogateescape") for path in files.root.iterdir()]
        assert content(ftp, "caf\u00e9") == b"1"
        ftp.delete("caf\u00e9")


def test_a_transfer_is_aborted_and_the_next_one_whole(files: Files, way: str) -> None:
    with (files.root / "long").open("wb") as long:
        long.truncate(100_000_000)  # more than sockets hold
    (files.root / "short").write_bytes(DATA)
    with connected(files, way) as ftp:
        ftp.voidcmd("TYPE I")
        data = ftp.transfercmd("RETR long")
        assert data.recv(10) == bytes(10)
        assert ftp.abort().startswith("426 ")
        assert ftp.voidresp().startswith("226 ")
        data.close()
        assert content(ftp, "short") == DATA


def test_passwords_that_are_wrong_are_refused(files: Files) -> None:
    host, port = files.running.where["tcp"][1][:2]  # type: ignore[index]
    with ftplib.FTP(timeout=servers.PATIENCE) as ftp:
        ftp.connect(host, port)
        with pytest.raises(ftplib.error_perm, match=r"^530 "):
            ftp.login("ann", "wrong")


def upload_and_check(files: Files, way: str, number: int, times: int) -> int:
    """How many of these uploads are not what was sent."""
    wrong = 0
    with connected(files, way) as ftp:
        for turn in range(times):
            data, name = DATA[number : 524_288 + number], f"crowd-{number}-{turn}"
            ftp.storbinary(f"STOR {name}", io.BytesIO(data))
            wrong += (files.root / name).read_bytes() != data
            (files.root / name).unlink()
    return wrong


def test_uploads_over_tls_are_never_short(files: Files, uploads: int) -> None:
    """TLS 1.3, 512 KiB each, ten clients."""
    with ThreadPoolExecutor(10) as threads:
        wrong = threads.map(lambda number: upload_and_check(files, "tls", number, uploads // 10), range(10))
        assert list(wrong) == [0] * 10


def test_many_sessions_at_once_get_every_byte(own_files: OwnFiles, request: pytest.FixtureRequest) -> None:
    """1 MiB each, all asked for before the first is read, every other one over TLS.

    500, or as many as `pytest --sessions N` says.
    """
    sessions: int = request.config.getoption("--sessions")

    def read(ftp: ftplib.FTP, data: socket.socket) -> bool:
        with data, data.makefile("rb") as file:
            right = file.read() == DATA
            if isinstance(data, ssl.SSLSocket):
                data.unwrap()
        ftp.voidresp()
        ftp.quit()
        return right

    with descriptors(4 * sessions + 500):
        files = own_files(f"--limits-connections={sessions + 10}")
        (files.root / "mib").write_bytes(DATA)
        clients = [connect(files, ("clear", "tls")[number % 2]) for number in range(sessions)]
        for ftp in clients:
            ftp.voidcmd("TYPE I")
        transfers = [ftp.transfercmd("RETR mib") for ftp in clients]
        with ThreadPoolExecutor(50) as threads:
            assert all(threads.map(read, clients, transfers))
