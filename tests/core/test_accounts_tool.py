"""`python -m stores.accounts`, run as a person would."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from stores.accounts import SqlAccounts
from stores.chat import MIGRATIONS
from stores.database import Database
from tests.core.chat import CHEAP
from tests.databases import locked

ROOT = Path(__file__).resolve().parents[2]
TOOL = [sys.executable, "-m", "stores.accounts"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def tool(file: Path, *words: str, said: str = "") -> tuple[int, str, str]:
    run = subprocess.run(
        [*TOOL, "--database", str(file), *words],
        input=said, capture_output=True, text=True, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    assert "Traceback" not in run.stderr
    return run.returncode, run.stdout, run.stderr


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "chat.db"
    Database(str(path), MIGRATIONS).close()
    return path


def test_accounts_are_added_listed_changed_and_removed(file: Path) -> None:
    assert tool(file, "add", "Ann", "--email", "ann@example.org", said="open sesame1\n")[0] == 1
    assert tool(file, "add", "Ann", "--email", "ann@example.org", said="opensesame\n") == (0, "", "")
    assert tool(file, "add", "bob", said="opensesame")[0] == 0
    status, out, _ = tool(file, "list")
    assert status == 0
    assert [line.split("\t")[::2] for line in out.splitlines()] == [["Ann", "ann@example.org"], ["bob", "-"]]
    assert tool(file, "password", "ann", said="another-one\n") == (0, "", "")
    assert tool(file, "remove", "BOB") == (0, "", "")
    assert tool(file, "list", "bob") == (1, "", "error: there is no account bob\n")
    database = Database(str(file), MIGRATIONS)
    accounts = SqlAccounts(database)
    assert accounts.verify("ann", "another-one") is not None
    assert accounts.verify("ann", "opensesame") is None
    database.close()


@pytest.mark.parametrize(
    ("words", "said", "error"),
    [
        (["add", "Ann"], "opensesame", "there is an account Ann"),
        (["add", "9"], "opensesame", "An account's name must be one that could be a nick"),
        (["add", "nickserv"], "opensesame", "That is the name of a service"),
        (["add", "bob", "--email", "bob"], "opensesame", "That is not an email address"),
        (["add", "bob"], "", "A password has no spaces, and no colon to begin with"),
        (["remove", "bob"], "", "there is no account bob"),
        (["password", "bob"], "opensesame", "there is no account bob"),
    ],
)
def test_what_is_not_done_is_one_line_and_status_1(
    file: Path, words: list[str], said: str, error: str
) -> None:
    tool(file, "add", "ann", said="opensesame")
    assert tool(file, *words, said=said) == (1, "", f"error: {error}\n")


def test_a_mistake_in_the_command_is_status_2(file: Path) -> None:
    assert tool(file, "dance")[0] == tool(file, "add")[0] == 2
    assert tool(file, "add", "ann", "--iterations", "1")[0] == 2


def test_a_weak_password_is_taken_with_a_warning(file: Path) -> None:
    status, _, err = tool(file, "add", "ann", said="sesame")
    assert (status, err[:8]) == (0, "warning:")


def test_a_database_is_made_only_if_that_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    assert tool(file, "add", "ann", said="opensesame") == (1, "", f"error: {file}: no such database\n")
    assert not file.exists()
    assert tool(file, "add", "ann", "--create", said="opensesame")[0] == 0
    assert tool(file, "list", "ann")[0] == 0


def test_what_is_no_database_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("dear reader, " * 1000)
    status, _, err = tool(file, "list")
    assert (status, err) == (1, f"error: cannot open the database {file}: file is not a database\n")


def test_a_database_that_stays_locked_is_one_line(file: Path) -> None:
    tool(file, "add", "ann", said="opensesame")
    with locked(file):
        status, _, err = tool(file, "remove", "ann")
        assert (status, err) == (1, f"error: cannot open the database {file}: database is locked\n")


def test_it_works_beside_somebody_who_has_the_file_open(file: Path) -> None:
    database = Database(str(file), MIGRATIONS)
    accounts = SqlAccounts(database, CHEAP)
    assert accounts.find("ann") is None
    assert tool(file, "add", "ann", said="opensesame")[0] == 0
    assert accounts.verify("ann", "opensesame") is not None
    assert tool(file, "remove", "ann")[0] == 0
    assert accounts.find("ann") is None
    database.close()


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(file: Path) -> None:
    ours, its = pty.openpty()
    with subprocess.Popen(
        [*TOOL, "--database", str(file), "add", "ann"],
        stdin=its, stdout=its, stderr=its, env=ENVIRONMENT, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(its)
        shown = b""
        for _ in range(2):
            # The space comes once the echo is off; what is typed before is thrown away.
            while not shown.endswith(b": "):
                shown += os.read(ours, 1000)
            os.write(ours, b"opensesame\n")
            shown += b"\n"
        assert process.wait(30) == 0
    os.close(ours)
    assert b"opensesame" not in shown
    assert tool(file, "list", "ann")[0] == 0
