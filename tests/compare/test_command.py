"""The command, as a user runs it: a real process, real servers, no more than a second of load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from compare import workloads
from compare.__main__ import FULL_BUDGET, main
from compare.contenders import BARE, TABLE
from compare.results import read
from compare.run import Plan, expected, rotated

ROOT = Path(__file__).resolve().parents[2]
CONTENDER = Path(__file__).with_name("contender.py")


TINY = [
    *(sys.executable, "-m", "compare", "compare", "--quick", "--seconds", "0.05", "--rounds", "1"),
    *("--only", "epoll", "--services", "echo"),
]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "compare", "compare", "--seconds", "0.05", *arguments]


def _unwrapped(text: str) -> str:
    """Lines are as wide as the terminal: what is said may stand on two."""
    return " ".join(text.split())


def _left_behind(mark: str) -> list[str]:
    """Command lines of living processes that hold `mark`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # gone since it was listed
            if mark in line:
                found.append(line)
    return found


def test_a_tiny_run_end_to_end(tmp_path: Path) -> None:
    arguments = _command("--quick", "--only", "epoll", "--services", "echo", "--rounds", "2")
    done = subprocess.run(
        [*arguments, "--output", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    (path,) = tmp_path.glob("*.json")
    results = read(path)
    assert {(one.cell, one.name, one.number) for one in results.rounds} >= {
        ("echo", "epoll", 1),
        ("echo", "epoll", 2),
        ("echo", "epoll again", 1),
        ("echo-memory", "epoll", 1),
    }
    assert all(one.problem == "" for one in results.rounds)
    assert results.ceilings["echo"] > 0
    assert results.environment.kernel.startswith("Linux")
    assert "epoll twice differs by" in _unwrapped(done.stdout)
    assert path.with_suffix(".html").read_text().startswith("<!doctype html>")


def test_what_fails_is_told_and_the_rest_is_measured(tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    wrong = f"wrong={sys.executable} {CONTENDER} {{port}} wrong {mark}"
    dying = f"dying={sys.executable} {CONTENDER} {{port}} leaves {mark}"
    arguments = _command("--quick", "--only", "epoll,wrong,dying", "--services", "echo", "--rounds", "1")
    done = subprocess.run(
        [*arguments, "--contender", wrong, "--contender", dying, "--output", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "echo wrong: not measured: not: echoes" in _unwrapped(done.stdout)
    assert "echo dying: not measured: ended with status 1 before it listened" in _unwrapped(done.stdout)
    (path,) = tmp_path.glob("*.json")
    assert {one.name for one in read(path).rounds} == {"epoll", "epoll again"}
    assert _left_behind(mark) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_was_measured(tmp_path: Path, number: signal.Signals) -> None:
    mark = str(tmp_path / "mark")
    own = f"mine={sys.executable} {BARE / 'echo_epoll.py'} {{port}} {mark}"
    arguments = _command("--quick", "--only", "mine", "--services", "echo", "--rounds", "1000")
    with subprocess.Popen(
        [*arguments, "--contender", own, "--output", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        # The second round has begun: the first was measured.
        while not running.stdout.readline().startswith("round 2"):
            assert running.poll() is None
        running.send_signal(number)
        rest = running.stdout.read()
    assert running.returncode == 130
    assert "Not whole: stopped by hand in round" in _unwrapped(rest)
    (path,) = tmp_path.glob("*.json")
    results = read(path)
    assert results.interrupted
    assert any(one.operations for one in results.rounds)
    assert path.with_suffix(".html").exists()
    assert _left_behind(mark) == []


def test_the_list_says_who_can_be_compared() -> None:
    done = CliRunner().invoke(main, ["compare", "--list", "--services", "rpc"])
    assert done.exit_code == 0
    assert [line.split()[1] for line in done.output.splitlines()][:4] == [
        "twisted",
        "gevent",
        "amp",
        "aiorpcx",
    ]


@pytest.mark.parametrize(("more", "minutes"), [([], 45), (["--quick"], 2)])
def test_the_full_run_is_planned_to_end_in_time(more: list[str], minutes: int) -> None:
    """Rule 0: the full run ends in 45 minutes, --quick in two."""
    arguments = [sys.executable, "-m", "compare", "compare", "--list", *more]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stderr.split()[1]) <= minutes
    cells = workloads.full(1.0, 20_000)
    assert expected(Plan(TABLE, cells, 5)) < FULL_BUDGET


@pytest.mark.parametrize(
    "arguments",
    [["--only", "nobody"], ["--services", "gopher"], ["--contender", "mine=run"], ["--rounds", "0"]],
)
def test_a_command_that_can_not_be_meant_is_status_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, ["compare", *arguments]).exit_code == 2


def test_a_bad_file_is_one_line_and_status_2(tmp_path: Path) -> None:
    bad = tmp_path / "run.json"
    bad.write_text('{"format": 1, "sta')
    done = subprocess.run(
        [sys.executable, "-m", "compare", "report", str(bad)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "run.html").exists()


def test_everybody_comes_first_once() -> None:
    """Rule 2: interleaved rounds, order rotated."""
    names = ["a", "b", "c"]
    assert [rotated(names, number)[0] for number in (1, 2, 3, 4)] == ["a", "b", "c", "a"]
    assert rotated([], 1) == []
