"""docs/coverage.md leaves out nothing that the tables in the code have, and names only tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from compare.contenders import TABLE
from protocols.files.commands import ALIASES, REFUSED
from protocols.files.commands import COMMANDS as FTP_COMMANDS
from protocols.rpc.builtin import BUILTIN
from protocols.rpc.errors import ERRORS
from protocols.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")

NAMED = sorted(set(re.findall(r"`([\w/]+\.(?:py|txt)(?:::\w+)?)`", PAGE)))


def rows(*cells: str) -> list[str]:
    """The rows of tables that begin with these cells."""
    return [line for line in PAGE.splitlines() if line.startswith(f"| {' | '.join(cells)} |")]


def section(heading: str) -> str:
    """What stands under a heading of the second level."""
    return re.split(r"^## ", PAGE.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_its_section_and_its_schemes(name: str) -> None:
    said = section(name).strip().split("\n\n")[0]
    assert re.findall(r"`(\w+)://`", said) == list(SERVICES[name].schemes)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: str(kind.code))
def test_every_error_has_its_row(kind: object) -> None:
    assert len(rows(str(kind.code), kind.message, kind.meaning)) == 1  # type: ignore[attr-defined]


def test_no_error_has_a_row_that_is_not_in_the_table() -> None:
    assert [int(code) for code in re.findall(r"^\| (-32\d{3}) ", PAGE, re.MULTILINE)] == [
        kind.code for kind in ERRORS
    ]


def test_every_method_of_the_protocols_own_has_its_row() -> None:
    assert re.findall(r"^\| `(rpc\.\w+)` ", PAGE, re.MULTILINE) == list(BUILTIN)


def test_every_command_of_ftp_has_its_row() -> None:
    listed = re.findall(r"^\| `([A-Z0-9]+)` \| ([^|]+) \| ([^|]+) \|", section("files"), re.MULTILINE)
    assert listed == [
        (name, one.section, one.about) for name, one in FTP_COMMANDS.items() if name not in ALIASES
    ]


def test_every_command_of_ftp_that_is_refused_is_named() -> None:
    said = re.search(r"^Left out, and answered 502: (.*?)\. ", section("files"), re.MULTILINE | re.DOTALL)
    assert said is not None
    assert re.findall(r"`(\w+)`", said[1]) == list(REFUSED)


def test_every_contender_is_listed() -> None:
    listed = {
        (service, name)
        for service, names in re.findall(r"^\| `(\w+)` \| (`.*`) \|$", section("compare"), re.MULTILINE)
        for name in re.findall(r"`([\w-]+)`", names)
    }
    assert listed == {(contender.service, contender.name) for contender in TABLE}


def test_every_line_of_the_contract_has_its_row() -> None:
    contract = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    contract = contract.split("\n## What every driver must do\n")[1].split("\n## ")[0]
    lines = re.findall(r"^(\d+)\. ", contract, re.MULTILINE)
    assert lines == [str(number) for number in range(1, 12)]
    assert re.findall(r"^\| (\d+) [a-zC]", section("Both services"), re.MULTILINE) == lines


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_exists(name: str) -> None:
    file, _, function = name.partition("::")
    path = next((path for path in (ROOT / "tests" / file, ROOT / file) if path.is_file()), None)
    assert path is not None, file
    if function:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
