"""Whatever asks a run to end, and whenever: what was measured is kept, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from compare import interrupt
from compare.interrupt import hurried, raise_for_all, uninterrupted
from compare.results import read
from tests.compare.running import ROOT, command, left_behind, mine, unwrapped


def until(running: subprocess.Popen[str], beginning: str) -> None:
    """Read its lines up to the one that begins so."""
    assert running.stdout
    while not (line := running.stdout.readline()).startswith(beginning):
        assert line, f"it ended before it said {beginning!r}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "moment", ["asking everybody", "how fast the generator", "starting everybody", "round 1"]
)
def test_it_ends_at_any_moment_and_leaves_nobody(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    mark = str(tmp_path / "mark")
    words = command(tmp_path / "out", *mine("well", mark), "--rounds", "1000", only="well")
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        until(running, moment)
        running.send_signal(number)
        assert running.stdout
        rest = unwrapped(running.stdout.read())
    assert running.returncode == 130
    assert "Not whole: stopped by hand" in rest
    (path,) = (tmp_path / "out").glob("*.json")
    assert read(path).interrupted.startswith("stopped by hand")
    assert path.with_suffix(".html").exists()
    assert left_behind(mark) == []


def test_a_second_time_waits_for_nobody(tmp_path: Path) -> None:
    """One that ignores SIGTERM has five seconds, unless somebody is in a hurry; it is gone all the same."""
    mark = str(tmp_path / "mark")
    words = command(tmp_path / "out", *mine("stays", mark), "--rounds", "1000", only="stays")
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        until(running, "round 1")
        running.send_signal(signal.SIGINT)
        running.send_signal(signal.SIGTERM)
        assert running.stdout
        running.stdout.read()
    assert running.returncode == 130
    (path,) = (tmp_path / "out").glob("*.json")
    assert not [note for note in read(path).notes if "did not stop" in note]
    assert left_behind(mark) == []


def test_a_terminal_that_is_closed_ends_it_with_all_that_was_measured(tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    words = command(tmp_path / "out", *mine("well", mark), "--rounds", "1000", only="well")
    terminal, ours = os.openpty()
    with subprocess.Popen(
        ["setsid", "--ctty", *words], cwd=ROOT, stdin=ours, stdout=ours, stderr=ours
    ) as running:
        os.close(ours)
        seen = b""
        while b"round 2" not in seen:
            seen += os.read(terminal, 65536)
        os.close(terminal)
    assert running.returncode == 130
    (path,) = (tmp_path / "out").glob("*.json")
    assert any(one.operations for one in read(path).rounds)
    assert left_behind(mark) == []


def test_nohup_is_respected(tmp_path: Path) -> None:
    words = ["nohup", *command(tmp_path)]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        until(running, "round 1")
        running.send_signal(signal.SIGHUP)
        assert running.stdout
        running.stdout.read()
    assert running.returncode == 0
    (path,) = tmp_path.glob("*.json")
    assert read(path).interrupted == ""


@pytest.fixture
def handlers() -> Iterator[None]:
    """Ours, for the time of a test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    raise_for_all()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    interrupt._asked.clear()


def test_only_the_first_time_interrupts(handlers: None) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGHUP)
    assert not hurried()
    signal.raise_signal(signal.SIGINT)
    assert hurried()


def test_what_must_not_be_interrupted_is_not(handlers: None) -> None:
    done = []

    def ask() -> None:
        with uninterrupted():
            with uninterrupted():
                signal.raise_signal(signal.SIGTERM)
                done.append("inner")
            done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        ask()
    assert done == ["inner", "outer"]
    with uninterrupted():
        signal.raise_signal(signal.SIGTERM)
    assert hurried()
