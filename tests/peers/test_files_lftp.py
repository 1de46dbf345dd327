"""files against lftp: FEAT before USER, OPTS MLST, MFMT and SITE CHMOD, several connections at once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.ftp_servers import Files, files
from tests.peers.programs import program, run
from tests.peers.trees import contents, grow, tree

__all__ = ["files"]

DATA = random.Random(12).randbytes(2_000_000)
ALL = "set ssl:ca-file {ca}; set net:max-retries 2; set cmd:fail-exit true; set xfer:log false; "
WAYS = {
    "clear": ("tcp", "ftp", "set ftp:ssl-allow false; "),
    "auth": ("tcp", "ftp", "set ftp:ssl-force true; set ftp:ssl-protect-data true; "),
    "implicit": ("tls", "ftps", "set ftp:ssl-protect-data true; "),
}


class LFTP:
    """lftp, as ann, in a directory of its own."""

    def __init__(self, files: Files, home: Path, way: str) -> None:
        over, scheme, self.settings = WAYS[way]
        port = files.running.where[over][1][1]  # type: ignore[index]
        assert files.running.certificate is not None
        self.settings += ALL.format(ca=files.running.certificate.ca)
        self.url = f"{scheme}://{'127.0.0.1' if way == 'clear' else 'localhost'}:{port}"
        self.home = home

    def __call__(self, commands: str) -> str:
        """What it prints."""
        words: list[object] = [
            program("lftp"),
            "--norc",
            "-u",
            "ann,sesame",
            "-e",
            f"{self.settings}{commands}; exit",
            self.url,
        ]
        return run(words, self.home).decode()


@pytest.fixture(params=WAYS)
def lftp(files: Files, tmp_path: Path, request: pytest.FixtureRequest) -> LFTP:
    (tmp_path / "home").mkdir()
    return LFTP(files, tmp_path / "home", request.param)


def test_a_tree_goes_up_and_comes_down(lftp: LFTP, files: Files, tmp_path: Path) -> None:
    """`mirror`: with the times and the permissions that the files have."""
    grow(lftp.home / "up")
    there = f"tree-{tmp_path.name}"
    lftp(f"mirror --reverse up {there}")
    assert tree(files.root / there) == tree(lftp.home / "up")
    lftp(f"mirror --parallel=3 {there} down")
    assert tree(lftp.home / "down") == tree(lftp.home / "up")
    assert "put" not in lftp(f"mirror --reverse --dry-run up {there}"), "nothing is new"


def test_a_file_comes_over_several_connections(lftp: LFTP, files: Files) -> None:
    (files.root / "long").write_bytes(DATA)
    lftp("pget -n 4 long -o mine")
    assert (lftp.home / "mine").read_bytes() == DATA


def test_what_was_cut_goes_on_both_ways(lftp: LFTP, files: Files) -> None:
    (files.root / "long").write_bytes(DATA)
    (lftp.home / "mine").write_bytes(DATA[:700_000])
    lftp("get -c long -o mine")
    assert (lftp.home / "mine").read_bytes() == DATA
    (files.root / "grown").write_bytes(DATA[:700_000])
    lftp("put -c mine -o grown")
    assert (files.root / "grown").read_bytes() == DATA


def test_a_cut_upload_goes_on_and_is_not_taken_for_the_file(lftp: LFTP, files: Files) -> None:
    """lftp asks SIZE, is refused the file for once, and tries again."""
    (files.root / "tea").write_bytes(DATA)
    with files.login() as ftp:
        data = ftp.begin("STOR tea")
        data.send(DATA[:1000])
        while ftp.moved() < 1000:
            pass
        data.reset()
        ftp.hears(426)
    lftp("set net:reconnect-interval-base 1; get tea -o mine")
    assert (lftp.home / "mine").read_bytes() == DATA
    (lftp.home / "mine").write_bytes(DATA[:2000])
    lftp("put -c mine -o tea")
    assert (files.root / "tea").read_bytes() == DATA[:2000]


def test_a_thousand_names_are_listed(lftp: LFTP, files: Files) -> None:
    (files.root / "many").mkdir(exist_ok=True)
    for number in range(1000):
        (files.root / "many" / f"{number:03}").touch()
    assert lftp("cls -1 many").split() == [f"many/{number:03}" for number in range(1000)]
    assert len(lftp("ls many").splitlines()) == 1000
    assert len(lftp("set ftp:use-mlsd true; cls -1 many").split()) == 1000


def test_active_mode(lftp: LFTP, files: Files) -> None:
    (files.root / "long").write_bytes(DATA)
    lftp("set ftp:passive-mode false; get long -o mine; put mine -o active")
    assert (files.root / "active").read_bytes() == DATA


def test_files_are_renamed_removed_and_told_of(lftp: LFTP, files: Files) -> None:
    (files.root / "old").write_bytes(b"12345")
    said = lftp("mv old new; mkdir -p dir/sub; du -b new; rm new; rmdir dir/sub dir")
    assert said.split()[0] == "5"
    assert not (files.root / "new").exists()
    assert not (files.root / "dir").exists()


def test_uploads_over_tls_are_never_short(files: Files, tmp_path: Path, uploads: int) -> None:
    """TLS 1.3, 512 KiB each, over three connections."""
    (tmp_path / "up").mkdir()
    for number in range(uploads):
        (tmp_path / "up" / f"{number}").write_bytes(DATA[number : number + 524_288])
    LFTP(files, tmp_path, "auth")("mirror --reverse --parallel=3 up crowd")
    assert contents(files.root / "crowd") == contents(tmp_path / "up")
