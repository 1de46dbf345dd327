"""files against ncftp and its commands: HELP SITE, CLNT, MLST, MFMT, and STOR behind REST.

It knows no TLS.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.ftp_servers import Files, files
from tests.peers.programs import program, run
from tests.peers.trees import dated, grow

__all__ = ["files"]

DATA = random.Random(15).randbytes(2_000_000)


class Ncftp:
    """ncftp's commands, as ann, in a directory of their own."""

    def __init__(self, files: Files, home: Path) -> None:
        self.host, self.port = files.running.where["tcp"][1][:2]  # type: ignore[index]
        self.home = home

    def __call__(self, name: str, *words: object, stdin: str = "") -> str:
        """`put`, `get` and `ls` with these words; "HOST" is the server among them."""
        said: list[object] = [program(f"ncftp{name}"), "-u", "ann", "-p", "sesame", "-P", self.port]
        said += [self.host if word == "HOST" else word for word in words]
        return run(said, self.home, stdin=stdin).decode()


@pytest.fixture
def ncftp(files: Files, tmp_path: Path) -> Ncftp:
    (tmp_path / "home").mkdir()
    return Ncftp(files, tmp_path / "home")


def test_a_tree_goes_up_and_comes_down(ncftp: Ncftp, files: Files) -> None:
    """With the times that the files have, by MFMT and MLSD."""
    grow(ncftp.home / "up")
    ncftp("put", "-V", "-m", "-R", "HOST", "/tree", "up")
    assert dated(files.root / "tree" / "up") == dated(ncftp.home / "up")
    ncftp("get", "-V", "-R", "-T", "HOST", "down", "/tree/up")
    assert dated(ncftp.home / "down" / "up") == dated(ncftp.home / "up")


def test_what_was_cut_goes_on_both_ways(ncftp: Ncftp, files: Files) -> None:
    """`-s`: with sendfile, ncftp 3.2.6 goes on with the beginning of its file, whatever the server."""
    (files.root / "long").write_bytes(DATA[:700_000])
    (ncftp.home / "long").write_bytes(DATA)
    ncftp("put", "-V", "-s", "-z", "HOST", "/", "long")
    assert (files.root / "long").read_bytes() == DATA
    (ncftp.home / "long").write_bytes(DATA[:700_000])
    ncftp("get", "-V", "-z", "HOST", ".", "/long")
    assert (ncftp.home / "long").read_bytes() == DATA


def test_active_mode_and_names_for_the_time_of_the_upload(ncftp: Ncftp, files: Files) -> None:
    (ncftp.home / "mine").write_bytes(DATA)
    ncftp("put", "-V", "-E", "-S", ".part", "HOST", "/", "mine")
    assert (files.root / "mine").read_bytes() == DATA
    (ncftp.home / "mine").unlink()
    ncftp("get", "-V", "-E", "-DD", "HOST", ".", "/mine")
    assert (ncftp.home / "mine").read_bytes() == DATA
    assert not (files.root / "mine").exists()


def test_a_directory_is_listed_in_every_way(ncftp: Ncftp, files: Files) -> None:
    """NLST, LIST and MLSD, from ncftpls."""
    (files.root / "shelf").mkdir(exist_ok=True)
    (files.root / "shelf" / "caf\u00e9").write_bytes(b"12345")
    where = f"ftp://{ncftp.host}:{ncftp.port}/shelf/"
    assert ncftp("ls", "-1", where) == "caf\u00e9\n"
    assert ncftp("ls", "-l", where).startswith("-rw-")
    assert ncftp("ls", "-m", where).startswith("type=file;size=5;")


def test_files_are_renamed_and_deleted_by_its_shell(ncftp: Ncftp, files: Files) -> None:
    (files.root / "old").write_bytes(b"12345")
    said = ncftp("", "HOST", stdin="mkdir room\nrename old room/new\nls -l room\nchmod 600 room/new\nbye\n")
    assert " new" in said
    assert (files.root / "room" / "new").stat().st_mode & 0o777 == 0o600
    ncftp("", "HOST", stdin="rm room/new\nrmdir room\nbye\n")
    assert not (files.root / "room").exists()
