"""What an FTP server must do to be measured, and what ours must do besides."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from compare import files_gate, gate
from compare.contenders import TABLE, Contender
from compare.process import Failed, Server
from compare.results import Gate
from tests.compare.conftest import files_contender
from tests.conftest import skip_unless_in_ci

FILES = [one for one in TABLE if one.service == "files"]


def _examined(contender: Contender, files: Mapping[str, str]) -> Gate:
    with Server(contender, None, files) as server:
        try:
            server.start()
        except Failed as failed:
            if str(failed).startswith("not installed"):
                skip_unless_in_ci(str(failed))
            raise
        return gate.examine(server, files["ca"])


@pytest.mark.parametrize("contender", FILES, ids=lambda one: one.name)
def test_everybody_in_the_table_does_what_the_workload_needs(
    contender: Contender, served: dict[str, str]
) -> None:
    found = _examined(contender, served)
    assert found.refused == ""
    assert all(found.facts[words] for words, _ask in files_gate.NEEDED)
    assert found.facts[files_gate.TLS] == (contender.name != "twisted-ftp")


@pytest.mark.parametrize("contender", [one for one in FILES if one.kind == "ours"], ids=lambda one: one.name)
def test_ours_do_all_of_it(contender: Contender, served: dict[str, str]) -> None:
    """Ours must pass the whole gate of their service or are not measured."""
    found = _examined(contender, served)
    assert (found.refused, found.notes) == ("", [])


@pytest.mark.parametrize("how", ["changes", "cuts", "adds", "fails", "goes away", "is busy", "keeps out"])
def test_one_that_moves_files_wrongly_is_not_measured(how: str, served: dict[str, str]) -> None:
    found = _examined(files_contender(how), served)
    assert found.refused.startswith("not: stores a file, gives it back whole, and deletes it")


def test_what_else_it_can_not_do_is_noted(served: dict[str, str]) -> None:
    found = _examined(files_contender("well"), served)
    assert found.refused == ""
    assert {words for words, _ask in files_gate.FURTHER if found.facts[words]} <= {
        "a command glued behind AUTH TLS is not carried out"
    }
