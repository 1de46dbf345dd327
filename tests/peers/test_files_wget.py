"""files against wget: PASV alone, `LIST -a` and its names and times, and never a QUIT.

It uploads nothing.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.ftp_servers import Files, files
from tests.peers.programs import program, run
from tests.peers.trees import contents, grow

__all__ = ["files"]

DATA = random.Random(14).randbytes(2_000_000)
WAYS = {
    "clear": ("tcp", "ftp", []),
    "auth": ("tcp", "ftps", []),
    "auth, data in the clear": ("tcp", "ftps", ["--ftps-clear-data-connection"]),
    "implicit": ("tls", "ftps", ["--ftps-implicit"]),
}


class Wget:
    """wget, as ann, in a directory of its own."""

    def __init__(self, files: Files, home: Path, way: str) -> None:
        over, scheme, flags = WAYS[way]
        assert files.running.certificate is not None
        port = files.running.where[over][1][1]  # type: ignore[index]
        self.url = f"{scheme}://{'127.0.0.1' if way == 'clear' else 'localhost'}:{port}"
        self.home = home
        self.words = [
            program("wget"),
            "--no-config",
            "-nv",
            "--tries=1",
            "--inet4-only",
            "--user=ann",
            "--password=sesame",
            f"--ca-certificate={files.running.certificate.ca}",
            *flags,
        ]

    def __call__(self, *words: object, status: int = 0) -> bytes:
        return run([*self.words, *words], self.home, status=status)


@pytest.fixture(params=WAYS)
def wget(files: Files, tmp_path: Path, request: pytest.FixtureRequest) -> Wget:
    return Wget(files, tmp_path, request.param)


def test_a_file_comes_down_and_goes_on_where_it_was_cut(wget: Wget, files: Files) -> None:
    (files.root / "long").write_bytes(DATA)
    (wget.home / "long").write_bytes(DATA[:700_000])
    wget("-c", f"{wget.url}/long")
    assert (wget.home / "long").read_bytes() == DATA
    wget("--no-passive-ftp", "-O", "active", f"{wget.url}/long")
    assert (wget.home / "active").read_bytes() == DATA


def test_a_tree_comes_down_and_nothing_of_it_twice(wget: Wget, files: Files) -> None:
    """It goes by what LIST says of names, sizes and times."""
    if not (files.root / "tree").exists():
        grow(files.root / "tree")
    wget("-r", "-N", "-nH", f"{wget.url}/tree/")
    assert contents(wget.home / "tree") == contents(files.root / "tree")
    (wget.home / "tree" / "a").write_bytes(b"?")  # of the same size, and newer
    wget("-r", "-N", "-nH", f"{wget.url}/tree/")
    assert (wget.home / "tree" / "a").read_bytes() == b"?"


def test_names_patterns_and_what_is_not_there(wget: Wget, files: Files) -> None:
    """wget(1): 8, the server issued an error response; 6, who logs in is not who it says."""
    (files.root / "caf\u00e9").write_bytes(b"12345")
    assert wget("-O", "-", f"{wget.url}/caf%C3%A9") == b"12345"
    assert wget("-O", "-", f"{wget.url}/c*\u00e9") == b"12345"
    wget(f"{wget.url}/nowhere", status=8)
    wget("--password=wrong", f"{wget.url}/nowhere", status=6)
