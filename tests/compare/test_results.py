"""What is written is what is read, and what can't be read is one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from compare.results import BadFile, Cell, Results, read, write


def test_a_run_survives_its_file(measured: Callable[..., Results], tmp_path: Path) -> None:
    results = measured(twisted=[8.0, 9.0], bare_twisted=[15.0, 16.0])
    write(results, tmp_path / "new" / "run.json")
    assert read(tmp_path / "new" / "run.json") == results
    assert [one.name for one in (tmp_path / "new").iterdir()] == ["run.json"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_one_line(measured: Callable[..., Results], tmp_path: Path, share: float) -> None:
    path = tmp_path / "run.json"
    write(measured(twisted=[8.0]), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BadFile, match="damaged") as refusal:
        read(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"format": 99}', "format 99, but this version of twofold reads format 1"),
        ('{"format": 1}', "not a result file"),
        ('{"colour": "red"}', "not a result file"),
        ("[1, 2]", "not a result file"),
        ("\xff", "damaged"),
    ],
)
def test_another_file_is_one_line(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text, "latin-1")
    with pytest.raises(BadFile, match=why):
        read(path)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="No such file or directory"):
        read(tmp_path / "none.json")


def test_a_cell_says_what_it_is() -> None:
    assert Cell(id="a", service="echo", measure="closed").label() == "50 connections, 1 KiB, depth 1"
    one = Cell(id="a", service="echo", measure="closed", connections=1, size=64, depth=16)
    assert one.label() == "1 connection, 64 B, 16 pipelined"
    assert Cell(id="a", service="rpc", measure="closed").label() == "50 connections, depth 1"
