"""Somebody else's server, in another language, is in every picture and table of its service.

The program is docs/examples/echo.c, as docs/compare.md shows it.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from compare import environment, table, workloads
from compare.__main__ import main
from compare.contenders import TABLE, yours
from compare.progress import Lines
from compare.results import Results, write
from compare.run import Plan, Run, named
from tests.compare.running import ROOT, command, run
from tests.conftest import skip_unless_in_ci

SOURCE = ROOT / "docs" / "examples" / "echo.c"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as the source itself says, with every warning an error."""
    compiler = shutil.which("cc")
    if compiler is None:
        skip_unless_in_ci("there is no C compiler (cc)")
    assert compiler
    built = tmp_path_factory.mktemp("c") / "echo"
    subprocess.run([compiler, "-O2", "-Wall", "-Werror", "-o", str(built), str(SOURCE)], check=True)
    return built


def pictures(page: str) -> list[str]:
    """The words of each picture of a page: what it shows, and its texts."""
    return re.findall(r"<svg.*?</svg>", page, re.DOTALL)


def told_of(words: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){name}(?![\w-])", words) is not None


def test_the_quick_run_has_it_in_every_picture_and_table(program: Path, tmp_path: Path) -> None:
    done = run(command(tmp_path, "--contender", f"mine='{program}' {{port}}", "--serves", "echo"))
    assert (done.returncode, done.stderr) == (0, "")
    tables = re.split(r"\n(?=echo: )", done.stdout)[1:]
    assert len(tables) == 2
    assert all(told_of(one, "mine") for one in tables)
    (page,) = tmp_path.glob("*.html")
    drawn = [one for one in pictures(page.read_text("utf-8")) if told_of(one, "epoll")]
    assert len(drawn) >= 2
    assert all(told_of(one, "mine") for one in drawn)


def test_the_full_run_has_it_in_every_picture_and_table(program: Path, tmp_path: Path) -> None:
    """Every kind of cell, and growth, with the connections that there is time for in a test."""
    mine = yours(f"mine='{program}' {{port}}", "echo")
    cells = [one for one in workloads.every(0.05) if one.service == "echo" and one.connections <= 500]
    assert {one.measure for one in cells} == {"closed", "paced", "memory", "churn", "fairness"}
    results = Results(started="2026-01-01T00:00:00+00:00", quick=False, environment=environment.look())
    out = io.StringIO()
    console = Console(file=out, width=200)
    Run(Plan([mine], cells, 1), results, Lines(console)).go()
    assert [one.problem for one in results.rounds if one.problem] == []
    measured = {one.cell for one in results.rounds if one.name == "mine"}
    assert measured == {one.id for one in cells}

    table.show(results, console)
    shown = [one for one in cells if not one.timed]
    tables = [one for one in re.split(r"\n(?=echo: )", out.getvalue()) if one.startswith("echo: ")]
    assert len(tables) == len(shown)
    assert all(told_of(one, "mine") for one in tables)

    write(results, tmp_path / "run.json")
    assert CliRunner().invoke(main, ["report", str(tmp_path / "run.json")]).exit_code == 0
    page = (tmp_path / "run.html").read_text("utf-8")
    drawn = [one for one in pictures(page) if told_of(one, "connections|percentile|CPU|MiB|KiB")]
    assert len(drawn) >= len(cells) - 2  # and growth's three, less what is drawn with others
    assert [one[:300] for one in drawn if not told_of(one, "mine")] == []
    for heading in ("Throughput", "CPU per operation", "Memory of the server"):
        assert f"{heading} against" in page


def test_it_is_in_every_cell_of_its_service_and_in_no_other() -> None:
    """The ten thousand connections too, for which a test has no time."""
    mine = yours("mine=./echo {port}", "echo")
    for cells in (workloads.quick(0.5), workloads.every(1.0)):
        for cell in cells:
            assert ("mine" in named([*TABLE, mine], cell)) == (cell.service == "echo")


def test_the_documentation_shows_the_program_that_is_tested() -> None:
    page = (ROOT / "docs" / "compare.md").read_text("utf-8")
    assert f"```c\n{SOURCE.read_text('utf-8')}```" in page
