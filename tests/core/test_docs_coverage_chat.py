"""docs/coverage.md has all that chat's tables have, and each dialogue shows what it is named for.

A new command, capability, token, mode or numeric needs its row in the section on chat, under whatever
heading: `| name | ... | done | tested in |`.  One that is done is seen in a dialogue, or has a test.
"""

from __future__ import annotations

import re
from functools import lru_cache

import pytest

from protocols.chat import isupport
from protocols.chat.caps import CAPS
from protocols.chat.commands.table import COMMANDS, Command
from protocols.chat.modes import CHANNEL_MODES, PREFIXES, USER_MODES
from protocols.chat.numerics import NUMERICS, Numeric
from protocols.chat.settings import ChatSettings
from tests.chat_dialogue import Step, read
from tests.core.test_docs_coverage import section
from tests.dialogue import names

CHAT = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in section("chat").splitlines()]

WORDS = re.compile(r"(?:@\S* +)?(?::\S* +)?(\S+)(?: (.*))?")
"""Of a line: the command, and its parameters."""


def row(name: str, *cells: str) -> list[str]:
    """The one row that begins so."""
    found = [one for one in CHAT if one[: len(cells) + 1] == [name, *cells]]
    assert len(found) == 1, f"{name}: {len(found)} rows begin with {' | '.join([name, *cells])}"
    return found[0]


@lru_cache
def steps(dialogue: str) -> list[Step]:
    return read(dialogue)


def dialogues(tested: str) -> list[list[Step]]:
    """Those that a row names; a row without any names a test."""
    named = re.findall(r"`transcripts/(chat_\w+)\.txt`", tested)
    assert named or "::test_" in tested, f"neither a dialogue nor a test: {tested}"
    return [steps(name) for name in named]


def commands(dialogue: list[Step]) -> list[tuple[str, str]]:
    """What clients send: commands and their parameters."""
    said = [step.line if step.what != ">" else step.data.decode() for step in dialogue if not step.expects]
    found = [WORDS.match(line.strip()) for line in said]
    return [(one[1].upper(), one[2] or "") for one in found if one]


@pytest.mark.parametrize(("name", "command"), COMMANDS.items(), ids=list(COMMANDS))
def test_every_command_has_its_row_and_is_sent_in_its_dialogues(name: str, command: Command) -> None:
    for dialogue in dialogues(row(f"`{name}`", command.section)[3]):
        assert name in [sent for sent, _ in commands(dialogue)]


@pytest.mark.parametrize("name", CAPS)
def test_every_capability_has_its_row_and_is_requested_in_its_dialogues(name: str) -> None:
    for dialogue in dialogues(row(f"`{name}`", CAPS[name].about)[3]):
        requests = [words for sent, words in commands(dialogue) if sent == "CAP" and words.startswith("REQ")]
        assert any(name in words.replace(":", " ").split(" ") for words in requests)


@pytest.mark.parametrize("name", [token.partition("=")[0] for token in isupport.tokens(ChatSettings())])
def test_every_token_of_isupport_has_its_row(name: str) -> None:
    dialogues(row(f"token `{name}`")[2])


@pytest.mark.parametrize("mode", CHANNEL_MODES, ids=lambda mode: str(mode.letter))
def test_every_channel_mode_has_its_row_and_is_set_in_its_dialogues(mode: object) -> None:
    letter, kind, about = mode.letter, mode.kind, mode.about  # type: ignore[attr-defined]
    for dialogue in dialogues(row(f"channel `{letter}`", kind, about)[3]):
        assert any(sent == "MODE" and _changes(words, letter) for sent, words in commands(dialogue))


@pytest.mark.parametrize("prefix", PREFIXES, ids=lambda prefix: str(prefix.letter))
def test_every_prefix_has_its_row_and_is_given_in_its_dialogues(prefix: object) -> None:
    letter, sigil, about = prefix.letter, prefix.sigil, prefix.about  # type: ignore[attr-defined]
    for dialogue in dialogues(row(f"member `{letter}`", f"prefix `{sigil}`", about)[3]):
        assert any(sent == "MODE" and _changes(words, letter) for sent, words in commands(dialogue))


@pytest.mark.parametrize("mode", USER_MODES, ids=lambda mode: str(mode.letter))
def test_every_user_mode_has_its_row_and_is_set_in_its_dialogues(mode: object) -> None:
    letter, by, about = mode.letter, mode.by, mode.about  # type: ignore[attr-defined]
    for dialogue in dialogues(row(f"user `{letter}`", f"set by the {by}", about)[3]):
        assert any(sent == "MODE" and _changes(words, letter) for sent, words in commands(dialogue))


def _changes(words: str, letter: str) -> bool:
    asked = words.split(" ")[1:2]
    return bool(asked) and letter in asked[0]


@pytest.mark.parametrize("numeric", NUMERICS.values(), ids=str)
def test_every_numeric_has_its_row_and_is_read_in_its_dialogues(numeric: Numeric) -> None:
    _, _, done, tested = row(numeric.number, numeric.name)
    if done.startswith("no: "):
        return
    assert done.startswith("yes")
    for dialogue in dialogues(tested):
        assert any(
            (found := WORDS.match(step.line)) and found[1] == numeric.number
            for step in dialogue
            if step.expects
        )


def test_what_is_said_not_to_be_done_is_nowhere_done() -> None:
    missing = [one for one in CHAT if len(one) == 4 and one[2].startswith("no: ") and one[0].isdigit()]
    said = {
        found[1]
        for name in names("chat_")
        for step in steps(name)
        if step.expects and (found := WORDS.match(step.line))
    }
    assert not [one[0] for one in missing if one[0] in said]
