"""files against rclone: MLSD and its 550, MFMT, many connections, and a file system mounted from it."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.ftp_servers import Files, files
from tests.peers.programs import environment, program, run
from tests.peers.trees import contents, dated, grow

__all__ = ["files"]

DATA = random.Random(17).randbytes(2_000_000)
WAYS = {"clear": ("tcp", ""), "auth": ("tcp", "explicit_tls"), "implicit": ("tls", "tls")}


class Rclone:
    """rclone, as ann, with a remote `files:`, in a directory of its own."""

    def __init__(self, files: Files, home: Path, way: str) -> None:
        over, option = WAYS[way]
        assert files.running.certificate is not None
        port = files.running.where[over][1][1]  # type: ignore[index]
        self.home = home
        self.environ = {"SSL_CERT_FILE": str(files.running.certificate.ca)}
        password = run([program("rclone"), "obscure", "sesame"], home).decode()
        said = [
            "[files]",
            "type = ftp",
            "host = localhost",
            f"port = {port}",
            "user = ann",
            f"pass = {password}",
        ]
        (home / "rclone.conf").write_text("\n".join([*said, f"{option} = true" if option else ""]))
        self.words = [
            program("rclone"),
            f"--config={home}/rclone.conf",
            "--retries=1",
            "--low-level-retries=1",
        ]

    def __call__(self, *words: object, status: int = 0, stdin: str = "") -> str:
        said = run([*self.words, *words], self.home, status=status, stdin=stdin, **self.environ)
        return said.decode()


@pytest.fixture(params=WAYS)
def rclone(files: Files, tmp_path: Path, request: pytest.FixtureRequest) -> Rclone:
    (tmp_path / "home").mkdir()
    return Rclone(files, tmp_path / "home", request.param)


def test_a_tree_goes_up_comes_down_and_moves(rclone: Rclone, files: Files, tmp_path: Path) -> None:
    """With the times that the files have; nothing is sent twice."""
    up, there = grow(rclone.home / "up"), f"tree-{tmp_path.name}"
    (up / "big").write_bytes(DATA)
    rclone("sync", "up", f"files:{there}")
    assert dated(files.root / there) == dated(up)
    (up / "big").unlink()
    rclone("sync", "up", f"files:{there}")
    rclone("sync", "up", f"files:{there}", "--log-file=log", "-v")
    assert "nothing to transfer" in (rclone.home / "log").read_text()
    rclone("sync", f"files:{there}", "down")
    assert dated(rclone.home / "down") == dated(up)
    rclone("moveto", f"files:{there}/b", f"files:{there}/else/where")
    assert contents(files.root / there / "else" / "where") == contents(up / "b")
    rclone("purge", f"files:{there}")
    assert not (files.root / there).exists()


def test_a_part_is_read_and_a_stream_is_written(rclone: Rclone, files: Files) -> None:
    (files.root / "long").write_bytes(b"0123456789" * 100_000)
    assert rclone("cat", "--offset=999995", "--count=3", "files:long") == "567"
    rclone("rcat", "files:stream/caf\u00e9", stdin="12345")
    assert rclone("lsf", "--format=sp", "files:stream") == "5;caf\u00e9\n"
    assert rclone("lsf", "files:nowhere", status=3) == ""


@pytest.fixture
def mounted(rclone: Rclone) -> Iterator[Path]:
    """Everything that is served, as a file system."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("this machine's kernel mounts nothing for programs: no /dev/fuse")
    top = rclone.home / "mnt"
    top.mkdir()
    words = [*rclone.words, "mount", "files:", str(top), "--vfs-cache-mode=writes", "--vfs-write-back=0"]
    with open(rclone.home / "log", "wb") as log:
        mount = subprocess.Popen(words, env=environment(HOME=str(rclone.home), **rclone.environ), stderr=log)
    try:
        servers.wait_until("a mount", top.is_mount, also=(rclone.home / "log").read_text)
        yield top
    finally:
        run([program("fusermount3"), "-u", top], rclone.home)
        assert mount.wait(servers.PATIENCE) == 0


def test_a_mounted_file_system_is_worked_in(mounted: Path, files: Files, tmp_path: Path) -> None:
    up, there = grow(tmp_path / "up"), f"mounted-{tmp_path.name}"
    (up / "big").write_bytes(DATA)
    shutil.copytree(up, mounted / there)
    (mounted / there / "b").rename(mounted / there / "moved")
    with open(mounted / there / "a", "ab") as file:
        file.write(b" and more")
    assert contents(mounted / there / "moved") == contents(up / "b")
    with open(mounted / there / "big", "rb") as file:
        file.seek(1_500_000)
        assert file.read(1000) == DATA[1_500_000:1_501_000]
    # It sends from a cache, on its own time; what is removed before it was sent would come back.
    servers.wait_until("all of it sent", lambda: contents(files.root / there) == contents(mounted / there))
    shutil.rmtree(mounted / there)
    assert not (files.root / there).exists()
