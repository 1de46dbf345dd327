"""What a chat server must do to be measured, and what ours must do besides."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from compare import chat_gate, gate
from compare.contenders import TABLE, Contender
from compare.process import Failed, Server
from compare.results import Gate
from tests.conftest import skip_unless_in_ci

CHAT = [one for one in TABLE if one.service == "chat"]
MISBEHAVING = Path(__file__).with_name("chat_contender.py")


def _examined(contender: Contender) -> Gate:
    with Server(contender, None) as server:
        try:
            server.start()
        except Failed as failed:
            if str(failed).startswith("not installed"):
                skip_unless_in_ci(str(failed))
            raise
        return gate.examine(server)


@pytest.mark.parametrize("contender", CHAT, ids=lambda one: one.name)
def test_everybody_in_the_table_does_what_the_workload_needs(contender: Contender) -> None:
    found = _examined(contender)
    assert found.refused == ""
    assert all(found.facts[words] for words, _ask in chat_gate.NEEDED)
    assert found.facts["lines that come byte by byte are whole"]


@pytest.mark.parametrize("contender", [one for one in CHAT if one.kind == "ours"], ids=lambda one: one.name)
def test_ours_do_all_of_it(contender: Contender) -> None:
    """Ours must pass the whole gate of their service or are not measured."""
    found = _examined(contender)
    assert (found.refused, found.notes) == ("", [])
    assert found.facts[chat_gate.TAGS]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("refuses", "not: registers several clients"),
        ("keeps out", "not: registers several clients"),
        ("twice", "not: relays 32 lines"),
        ("swaps", "not: relays 32 lines"),
        ("echoes", "not: relays 32 lines"),
    ],
)
def test_one_that_relays_wrongly_is_not_measured(how: str, why: str) -> None:
    command = (sys.executable, str(MISBEHAVING), "{port}", how)
    found = _examined(Contender(how, "chat", "yours", "", command, dialect="irc"))
    assert found.refused.startswith(why)


def test_a_program_that_is_not_there_is_not_installed() -> None:
    with (
        pytest.raises(Failed, match=r"^not installed: no-such-ircd$"),
        Server(Contender("none", "chat", "peer", "C", ("no-such-ircd", "{port}")), None) as server,
    ):
        server.start()


def test_a_contenders_own_settings_are_a_file_while_it_runs() -> None:
    """`{port}` is filled in as in the command; other braces stay, and the file goes with its server."""
    code = "import sys; sys.exit(open(sys.argv[1]).read() + ' in ' + sys.argv[1])"
    contender = Contender(
        "none", "chat", "peer", "C", (sys.executable, "-c", code, "{config}"), config="Port = {port} {a}"
    )
    with Server(contender, None) as server:
        with pytest.raises(Failed, match=r"Port = \d+ \{a\} in ") as failed:
            server.start()
        assert f"Port = {server.port} " in str(failed.value)
    assert not Path(str(failed.value).rpartition(" ")[2]).exists()
