"""Where a run is kept: seen to before it is measured, and not lost at the end."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from compare import keeping
from compare.keeping import CannotKeep, keep, prepare
from compare.results import Results, read
from tests.compare.running import ROOT
from tests.compare.test_command import TINY


def test_a_folder_that_can_not_be_written_to_is_one_line_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [*TINY, "--output", str(tmp_path / "file" / "below")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"nothing can be written to {tmp_path}/file/below: Not a directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_is_made_and_nothing_left_in_it(tmp_path: Path) -> None:
    prepare(tmp_path / "one" / "two")
    assert os.listdir(tmp_path / "one" / "two") == []


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Folders in which the disk is full."""
    folders: list[Path] = []
    write = keeping.write

    def written(results: Results, path: Path) -> None:
        if path.parent in folders:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(results, path)

    monkeypatch.setattr(keeping, "write", written)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return folders


def test_what_does_not_fit_where_it_should_be_is_kept_elsewhere(
    measured: Callable[..., Results], tmp_path: Path, full: list[Path]
) -> None:
    full.append(tmp_path / "results")
    results = measured(epoll=[1.0])
    path, why = keep(results, tmp_path / "results", "now")
    assert why == f"could not write to {tmp_path}/results: No space left on device"
    assert read(path).rounds == results.rounds
    assert path.with_suffix(".html").exists()


def test_what_can_be_kept_nowhere_is_one_line(
    measured: Callable[..., Results], tmp_path: Path, full: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    full.append(tmp_path / "results")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(CannotKeep, match=r"No space left on device; nor to .*gone: No such file"):
        keep(measured(epoll=[1.0]), tmp_path / "results", "now")


def test_a_reader_who_goes_away_ends_nothing(tmp_path: Path) -> None:
    """`twofold compare | head -1`: the results are what matters."""
    with subprocess.Popen(
        [*TINY, "--output", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read()
    assert (running.returncode, said) == (0, "")
    (path,) = tmp_path.glob("*.json")
    assert read(path).interrupted == ""
    assert path.with_suffix(".html").exists()
