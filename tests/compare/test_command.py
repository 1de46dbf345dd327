"""The command, as a user runs it: a real process, real servers, no more than a second of load."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from compare import __main__ as command
from compare import environment, workloads
from compare.__main__ import FULL_BUDGET, main
from compare.contenders import BARE, TABLE
from compare.results import Results, read, write
from compare.run import Plan, expected, rotated
from tests.compare.running import CONTENDER, ROOT, left_behind, unwrapped

TINY = [
    *(sys.executable, "-m", "compare", "compare", "--quick", "--seconds", "0.05", "--rounds", "1"),
    *("--only", "epoll", "--services", "echo"),
]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "compare", "compare", "--seconds", "0.05", *arguments]


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
    assert "epoll twice differs by" in unwrapped(done.stdout)
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
    assert "echo wrong: not measured: not: echoes" in unwrapped(done.stdout)
    assert "echo dying: not measured: ended with status 1 before it listened" in unwrapped(done.stdout)
    (path,) = tmp_path.glob("*.json")
    assert {one.name for one in read(path).rounds} == {"epoll", "epoll again"}
    assert left_behind(mark) == []


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
    assert "Not whole: stopped by hand in round" in unwrapped(rest)
    (path,) = tmp_path.glob("*.json")
    results = read(path)
    assert results.interrupted
    assert any(one.operations for one in results.rounds)
    assert path.with_suffix(".html").exists()
    assert left_behind(mark) == []


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
    cells = workloads.every(1.0)
    assert expected(Plan(TABLE, cells, 5)) < FULL_BUDGET


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("--only nobody", "--only: unknown: 'nobody' (known: "),
        ("--services gopher", "--services: unknown: 'gopher' (known: chat, echo, files, rpc, tls, udp)"),
        ("--services chat --only epoll", "nobody to compare: no such contender serves that"),
        ("--contender mine=run", "--contender mine: the command does not say {port}"),
        ("--contender mine", "--contender 'mine': expected NAME='COMMAND {port}'"),
        ("--serves gopher", "'gopher' is not one of 'echo', 'udp', 'tls', 'rpc', 'chat', 'files'"),
        ("--takes 0", "0 is not in the range x>=1"),
        ("--rounds 0", "0 is not in the range x>=1"),
        ("--rounds many", "'many' is not a valid integer"),
        ("--seconds 0", "0.0 is not in the range 0.05<=x<=600"),
        ("--seconds inf", "inf is not in the range 0.05<=x<=600"),
        ("--seconds nan", "that is not a number"),
        ("--output /dev/null", "nothing can be written to /dev/null"),
        ("--quickly", "No such option"),
    ],
)
def test_a_command_that_can_not_be_meant_is_told_why_and_status_2(arguments: str, why: str) -> None:
    done = CliRunner().invoke(main, ["compare", *arguments.split()], terminal_width=200)
    assert done.exit_code == 2
    assert why in unwrapped(done.output)


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


def test_the_help_says_what_each_exit_status_means() -> None:
    said = unwrapped(CliRunner().invoke(main, ["compare", "--help"]).output)
    for status in ("0 measured", "1 nobody could be", "2 a command that", "130 stopped"):
        assert status in said
    assert "How often each is measured. [default: 5;" in said  # rule 2: at least five


def test_the_quick_run_is_the_headline() -> None:
    """Rule 0: 50 connections, 1 KiB, depth 1, half a second."""
    cell = workloads.quick(0.5)[0]
    assert (cell.connections, cell.size, cell.depth, cell.seconds) == (50, 1024, 1, 0.5)


def test_a_page_that_can_not_be_written_is_one_line_and_status_1(
    measured: Callable[..., Results], tmp_path: Path
) -> None:
    write(measured(epoll=[1.0]), tmp_path / "run.json")
    (tmp_path / "file").touch()
    page = tmp_path / "file" / "page.html"
    done = CliRunner().invoke(main, ["report", str(tmp_path / "run.json"), "--output", str(page)])
    assert (done.exit_code, done.output) == (1, f"{page}: Not a directory\n")


def test_it_says_that_it_was_stopped_before_anything_began(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "look", stopped)
    monkeypatch.setattr(command, "raise_for_all", lambda: None)
    done = CliRunner().invoke(main, ["compare", "--output", str(tmp_path)])
    assert (done.exit_code, done.output) == (130, "stopped\n")


def test_everybody_comes_first_once() -> None:
    """Rule 2: interleaved rounds, order rotated."""
    names = ["a", "b", "c"]
    assert [rotated(names, number)[0] for number in (1, 2, 3, 4)] == ["a", "b", "c", "a"]
    assert rotated([], 1) == []
