"""Several result files: what makes them comparable, and what changed."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from compare import page
from compare.between import Between, Step
from compare.findings import Findings
from compare.results import Results, write
from tests.compare import whole as everything

ROOT = Path(__file__).resolve().parents[2]


def whole(rounds: int = 5, seed: int = 1) -> Results:
    """Two services' are enough, of those that are measured by their CPU and their memory."""
    return everything.whole(rounds, seed=seed, services=("echo", "files"), timed=False)


def step(first: Results, second: Results) -> Step:
    (found,) = Between({"a": Findings(first), "b": Findings(second)}).steps
    return found


def slower(run: Results, times: float, *names: str) -> Results:
    run = copy.deepcopy(run)
    for one in run.rounds:
        if one.name in names:
            one.server_cpu *= times
    return run


def test_the_same_run_twice_says_so() -> None:
    found = step(whole(), whole())
    assert found.remarks[0] == "The same run twice: nothing can differ."
    assert found.seen == ()


def test_two_runs_of_the_same_servers_show_no_difference() -> None:
    """Other rounds, nothing else: what there is lies within the noise floor."""
    found = step(whole(seed=1), whole(seed=2))
    assert len(found.changes) > 100
    assert len(found.seen) < len(found.changes) / 50
    assert found.remarks[0] == "The same kind of machine: A Processor (TM) 3.0 GHz, 2 cores."


def test_what_became_dearer_is_found_and_nothing_else() -> None:
    found = step(whole(seed=1), slower(whole(seed=2), 1.2, "gevent"))
    timed = [one for one in found.changes if "CPU" in one.unit]
    assert {one.name for one in found.seen if one in timed} == {"gevent"}
    assert all(one.verdict.endswith("% more") for one in found.seen if one in timed)
    assert len(found.seen) >= 0.8 * len([one for one in timed if one.name == "gevent"])
    assert found.seen[0].ratio.median == pytest.approx(1.2, abs=0.05)


def test_a_machine_that_became_slower_is_no_change_of_ours() -> None:
    """Contenders that nothing was done to are witnesses: with all of them dearer, nothing is told."""
    names = {one.name for one in whole().rows}
    found = step(whole(seed=1), slower(whole(seed=2), 1.2, *names))
    assert found.noise == pytest.approx(0.22, abs=0.03)
    assert not [one for one in found.seen if one.ratio.median < 1.15]
    assert any("costs that are not ours, all but a few changed" in one for one in found.remarks)


def test_another_machine_and_other_software_are_told() -> None:
    second = whole(seed=2)
    second.environment = msgspec.structs.replace(
        second.environment, cpu="Another", versions=second.environment.versions | {"uvloop": "0.23"}
    )
    remarks = step(whole(), second).remarks
    assert (
        "Different machines (processor A Processor (TM) 3.0 GHz → Another): compare the ratios" in remarks[0]
    )
    assert remarks[1] == "Different software: uvloop 0.22.1 → 0.23."


def test_what_only_one_has_is_told_and_not_compared() -> None:
    second = whole(seed=2)
    second.quick, second.interrupted = True, "stopped by hand"
    second.cells = [one for one in second.cells if one.service != "files"]
    second.rounds = [one for one in second.rounds if not one.cell.startswith("files")]
    second.rows = [one for one in second.rows if one.name != "uvloop"]
    found = step(whole(), second)
    for words in (
        "One is --quick, the other is not: windows differ in length.",
        "Not whole, the second: stopped by hand.",
        "Only the first has these workloads: files.",
        "Only the first has these contenders: uvloop.",
    ):
        assert words in found.remarks
    assert not [one for one in found.changes if one.load.startswith("files")]


def test_a_load_of_another_shape_is_not_compared() -> None:
    second = whole(seed=2)
    second.cells = [
        msgspec.structs.replace(one, size=2048) if one.id == "echo" else one for one in second.cells
    ]
    found = step(whole(), second)
    assert "Not the same load in both, and not compared: echo." in found.remarks
    loads = {one.load for one in found.changes}
    assert not loads & {f"echo, 50 connections, {size} KiB, depth 1" for size in (1, 2)}


def test_nothing_in_common_is_said(empty: Results) -> None:
    found = step(whole(), empty)
    assert found.changes == ()
    assert found.summary().startswith("Nothing in common")


def test_without_a_control_small_differences_are_not_told() -> None:
    first, second = whole(seed=1), slower(whole(seed=2), 1.01, "gevent")
    first.control = ""
    found = step(first, second)
    assert found.noise >= 0.05
    assert found.remarks[-2].startswith("One of them has no control: no difference below 5%")
    assert "gevent" not in {one.name for one in found.seen if "CPU" in one.unit}


def test_too_few_rounds_tell_nothing() -> None:
    found = step(whole(rounds=2), slower(whole(rounds=2, seed=2), 2.0, "gevent"))
    few = [
        one for one in found.changes if one.name == "gevent" and "CPU" in one.unit and one.ratio.rounds < 3
    ]
    assert few
    assert {one.verdict for one in few} == {"no difference seen (too few rounds)"}


def test_three_files_are_each_compared_with_the_first() -> None:
    runs = {name: Findings(whole(seed=at)) for at, name in enumerate("abc")}
    assert [one.name for one in Between(runs).steps] == ["b", "c"]


def test_the_page_of_two_begins_with_what_changed() -> None:
    text = page.draw({"a.json": whole(seed=1), "b.json": slower(whole(seed=2), 1.2, "gevent")})
    assert text.index("a.json → b.json") < text.index("Which to pick")
    assert "% more" in text
    assert text.count('class="panes"') == 2  # of each service once, not twice


def _report(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "compare", "report", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "140"},
    )


def test_the_command_tells_it_too_and_draws_the_picture(tmp_path: Path) -> None:
    write(whole(seed=1), tmp_path / "a.json")
    write(slower(whole(seed=2), 1.2, "gevent"), tmp_path / "b.json")
    done = _report(tmp_path / "a.json", tmp_path / "b.json", "--picture", tmp_path / "new" / "main.svg")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The same kind of machine" in done.stdout
    assert "What differs, the largest first" in done.stdout
    assert "Which to pick" in (tmp_path / "a.html").read_text("utf-8")
    assert (tmp_path / "new" / "main.svg").read_text("utf-8").startswith("<svg xmlns=")


def test_each_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    good, cut, other = (tmp_path / f"{name}.json" for name in ("good", "cut", "other"))
    write(whole(rounds=2), good)
    cut.write_bytes(good.read_bytes()[:5000])
    other.write_text('{"format": 99}')
    done = _report(good, cut, other, tmp_path / "none.json")
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [str(cut), str(other), str(tmp_path / "none.json")]
    assert "damaged" in lines[0]
    assert "format 99, but this version of twofold reads format 1" in lines[1]
    assert "No such file" in lines[2]
    assert not (tmp_path / "good.html").exists()
