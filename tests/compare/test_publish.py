"""A committed result: the machine and the day, a picture, a sentence for each workload, no paths of ours."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from compare.findings import Findings
from compare.publish import BEGIN, END, excerpt, impersonal, replace_between
from compare.results import BadFile, Results, read, write
from compare.verdicts import verdicts
from tests.compare import whole as everything

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "docs" / "results" / "run.json"


def whole(rounds: int = 3) -> Results:
    return everything.whole(rounds, services=("echo", "chat"), timed=False)


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_results", ROOT / "docs" / "results.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


def test_a_result_is_published_with_its_page_and_its_picture(tool: ModuleType, root: Path) -> None:
    result = root / "20260101-000000.json"
    write(whole(rounds=3), result)
    tool.publish(result, root)
    folder = root / "docs" / "results"
    assert sorted(one.name for one in folder.iterdir()) == ["main.svg", "run.html", "run.json"]
    assert (folder / "run.html").stat().st_size < 3_000_000
    assert read(folder / "run.json").rounds == read(result).rounds
    readme = (root / "README.md").read_text("utf-8")
    assert "Measured on 2026-01-01 on A Processor (TM) 3.0 GHz, 2 cores, Linux 6.1.0" in readme
    assert "](docs/results/main.svg)" in readme
    for words in verdicts(Findings(whole(rounds=3))).values():
        assert words in readme
    tool.publish(result, root)
    assert (root / "README.md").read_text("utf-8") == readme  # once more changes nothing


def test_only_the_place_between_the_markers_changes(tool: ModuleType, root: Path) -> None:
    def around() -> tuple[str, str]:
        before, _, rest = (root / "README.md").read_text("utf-8").partition(BEGIN)
        return before, rest.partition(END)[2]

    was = around()
    assert was[1]
    result = root / "run.json"
    write(whole(rounds=3), result)
    tool.publish(result, root)
    assert around() == was


def test_a_readme_without_the_place_is_one_line_and_changes_nothing(tool: ModuleType, tmp_path: Path) -> None:
    write(whole(rounds=1), tmp_path / "run.json")
    (tmp_path / "README.md").write_text("# nothing\n")
    with pytest.raises(ValueError, match="no place for it") as refusal:
        tool.publish(tmp_path / "run.json", tmp_path)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "docs").exists()


def test_a_damaged_result_publishes_nothing(tool: ModuleType, root: Path) -> None:
    (root / "run.json").write_text("{")
    with pytest.raises(BadFile, match="damaged"):
        tool.publish(root / "run.json", root)
    assert not (root / "docs").exists()


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("/home/ann/bin/python /src/compare/bare/echo_epoll.py 1", "python compare/bare/echo_epoll.py 1"),
        ("/usr/sbin/vsftpd {config}", "vsftpd {config}"),
        ("a 90 KiB/s, and 1/2 of it; tcp://h/a/b", "a 90 KiB/s, and 1/2 of it; tcp://h/a/b"),
        ("no such file: '/tmp/a/b.sock' (of /tmp/a, /x/y/z)", "no such file: 'b.sock' (of a, z)"),
        ("twistd echo --listen tls://[::1]:1?cert={cert}", "twistd echo --listen tls://[::1]:1?cert={cert}"),
    ],
)
def test_where_programs_are_on_a_machine_is_nobodys_business(command: str, shown: str) -> None:
    run = whole(rounds=1)
    run.rows[0].command = run.gates[0].refused = run.rounds[0].problem = run.interrupted = command
    run.notes, run.gates[0].notes = [command], [command]
    clean = impersonal(run)
    assert clean.rows[0].command == clean.gates[0].refused == clean.rounds[0].problem == shown
    assert [clean.interrupted, *clean.notes, *clean.gates[0].notes] == [shown] * 3
    assert run.rows[0].command == command


def test_a_replacement_is_taken_as_it_is() -> None:
    text = replace_between(f"a\n{BEGIN}\nold\n{END}\nb\n", r"\1 new", Path("README.md"))
    assert text == f"a\n{BEGIN}\n\\1 new\n{END}\nb\n"


def test_the_readme_says_what_the_committed_result_says() -> None:
    """Whoever changes the sentences publishes again: `python docs/results.py docs/results/run.json`."""
    readme = (ROOT / "README.md").read_text("utf-8")
    said = readme.partition(BEGIN)[2].partition(END)[0].strip()
    if RESULT.exists():
        assert said == excerpt(read(RESULT), "docs/results/main.svg", "docs/results/")
        assert not re.search(r"/tmp/|/home/|/root/", RESULT.read_text("utf-8"))
        assert {one.name for one in RESULT.parent.iterdir()} >= {"main.svg", "run.html"}
    else:
        assert "--quick" in said
