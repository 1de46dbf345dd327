"""files against tnftp, the `ftp` of BSD and Debian: EPSV, EPRT and PORT, NLST's patterns, REST, STOU.

It knows no TLS.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.ftp_servers import Files, files
from tests.peers.programs import program, run

__all__ = ["files"]

DATA = random.Random(16).randbytes(2_000_000)


class Tnftp:
    """tnftp, as ann, in a directory of its own."""

    def __init__(self, files: Files, home: Path) -> None:
        self.host, self.port = files.running.where["tcp"][1][:2]  # type: ignore[index]
        self.url = f"ftp://ann:sesame@{self.host}:{self.port}"
        self.home = home
        netrc = home / ".netrc"
        netrc.touch(0o600)
        netrc.write_text(f"machine {self.host} login ann password sesame\n")

    def __call__(self, *commands: str) -> str:
        """What it prints, the replies among it."""
        words = [program("tnftp"), "-i", "-v", self.host, self.port]
        return run(words, self.home, stdin="\n".join([*commands, "quit\n"])).decode()


@pytest.fixture
def tnftp(files: Files, tmp_path: Path) -> Tnftp:
    return Tnftp(files, tmp_path)


def test_a_file_goes_up_and_comes_down_by_every_kind_of_data_connection(tnftp: Tnftp, files: Files) -> None:
    (tnftp.home / "mine").write_bytes(DATA)
    tnftp(
        "put mine passive", "epsv4", "put mine pasv", "passive off", "put mine port", "epsv4", "put mine eprt"
    )
    for name in ("passive", "pasv", "port", "eprt"):
        assert (files.root / name).read_bytes() == DATA
    tnftp(
        "get passive one",
        "epsv4",
        "get passive two",
        "passive off",
        "get port three",
        "epsv4",
        "get eprt four",
    )
    for name in ("one", "two", "three", "four"):
        assert (tnftp.home / name).read_bytes() == DATA


def test_urls_are_fetched_and_sent(tnftp: Tnftp, files: Files) -> None:
    (tnftp.home / "mine").write_bytes(DATA)
    (files.root / "dir").mkdir(exist_ok=True)
    run([program("tnftp"), "-u", f"{tnftp.url}/dir/", "mine"], tnftp.home)
    assert (files.root / "dir" / "mine").read_bytes() == DATA
    (files.root / "dir" / "caf\u00e9").write_bytes(DATA)
    run([program("tnftp"), "-V", "-o", "back", f"{tnftp.url}/dir/caf%C3%A9"], tnftp.home)
    assert (tnftp.home / "back").read_bytes() == DATA


def test_what_was_cut_goes_on_both_ways(tnftp: Tnftp, files: Files) -> None:
    (files.root / "long").write_bytes(DATA)
    (tnftp.home / "long").write_bytes(DATA[:700_000])
    tnftp("reget long")
    assert (tnftp.home / "long").read_bytes() == DATA
    (files.root / "grown").write_bytes(DATA[:700_000])
    tnftp("restart 700000", "put long grown")
    assert (files.root / "grown").read_bytes() == DATA


def test_many_files_at_once_by_their_patterns(tnftp: Tnftp, files: Files) -> None:
    for name in ("m1", "m2"):
        (tnftp.home / name).write_text(name)
    tnftp("mkdir many", "cd many", "mput m1 m2", "!rm m1 m2", "mget m*", "mdelete m*", "cd ..", "rmdir many")
    assert [(tnftp.home / name).read_text() for name in ("m1", "m2")] == ["m1", "m2"]
    assert not (files.root / "many").exists()


def test_names_are_listed_told_of_and_changed(tnftp: Tnftp, files: Files) -> None:
    (files.root / "shelf").mkdir(exist_ok=True)
    (files.root / "shelf" / "old").write_bytes(b"12345")
    said = tnftp(
        "cd shelf", "rename old caf\u00e9", "chmod 600 caf\u00e9", "ls", "mlsd", "nlist", "mlst caf\u00e9"
    )
    assert "-rw-------" in said
    assert "type=file;size=5;" in said
    assert said.count(" caf\u00e9\n") == 2
    assert "/shelf/caf\u00e9\n" in said
    tnftp("cd shelf", "lcd .", "get caf\u00e9", "sunique", "put caf\u00e9", "delete caf\u00e9")
    assert [path.name for path in (files.root / "shelf").iterdir()] == ["caf\u00e9.1"]


def test_text_has_its_line_ends(tnftp: Tnftp, files: Files) -> None:
    (tnftp.home / "text").write_bytes(b"one\ntwo\n")
    tnftp("ascii", "put text", "get text back")
    assert (files.root / "text").read_bytes() == b"one\ntwo\n"
    assert (tnftp.home / "back").read_bytes() == b"one\ntwo\n"
