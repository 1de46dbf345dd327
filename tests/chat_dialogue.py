"""Reads the dialogues of several clients in `tests/transcripts/chat_*.txt`; its README has the form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from tests.dialogue import _ESCAPE, FOLDER, _unescape

ANYTHING = "\u2026"
"""Stands for any text within a line, and alone for any lines."""

SETTINGS = {
    "accounts.login_delay": "0",
    "accounts.reserve_nicks": "false",  # most have an ann who is nobody's account
    "cloak": "false",
    "flood.enabled": "false",
    "motd": '["Tea is served."]',
    "oper": '[{name = "admin", password = "sesame", title = "is in charge"}]',
}
"""What the server of a dialogue is told below `[chat]`, unless the dialogue says otherwise."""

ACCOUNT = "ann", "sesame"
"""The account that is there, and its password."""

Words: TypeAlias = "dict[str, str]"
"""What was read where a dialogue has `{name}`."""

_WORD = re.compile(r"\{(\w+)\}")
_STEP = re.compile(r"(\w+)(>>|>\.|>|<<|<\.|<)(?: (.*))?")


@dataclass(frozen=True)
class Step:
    """One step of one client: it sends `data`, ends its half, reads `line`, or sees the end."""

    who: str
    what: str
    data: bytes = b""
    line: str = ""

    @property
    def expects(self) -> bool:
        """Is it the server's turn?"""
        return self.what.startswith("<")

    def matches(self, line: str, words: Words) -> bool:
        """Is this the line that is expected?  What stands for `{name}` in it is added to `words`."""
        pattern = re.escape(self.line).replace(ANYTHING, ".*?")
        for name in _WORD.findall(self.line):
            said = re.escape(words[name]) if name in words else rf"(?P<{name}>[^ ;]+?)"
            pattern = pattern.replace(re.escape(f"{{{name}}}"), said, 1)
        found = re.fullmatch(pattern, line, re.DOTALL)
        words.update(found.groupdict() if found else {})
        return found is not None

    def sent(self, words: Words) -> bytes:
        """What it sends, with the words that were read before."""
        data = self.data
        for name, word in words.items():
            data = data.replace(b"{%b}" % name.encode(), word.encode())
        return data


def parse(text: str) -> list[Step]:
    """The steps of one dialogue."""
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line[0] in "#=":
            continue
        found = _STEP.fullmatch(line)
        if found is None:
            raise ValueError(f"line {number}: {line!r} is no step")
        who, what, words = found[1], found[2], found[3] or ""
        raw = _ESCAPE.sub(_unescape, words.encode())
        if what == ">":
            steps.append(Step(who, what, words.encode() + b"\r\n"))
        elif what == ">>":
            steps.append(Step(who, what, raw))
        elif what == "<<":
            steps.append(Step(who, "<", line=raw.decode()))
        else:
            steps.append(Step(who, what, line=words))
    return steps


def read(name: str) -> list[Step]:
    """The dialogue in `tests/transcripts/NAME.txt`."""
    return parse((FOLDER / f"{name}.txt").read_text(encoding="utf-8"))


def settings(name: str) -> str:
    """The settings of the dialogue's server, in TOML."""
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    own = dict(line[2:].split(" = ", 1) for line in text.splitlines() if line.startswith("= "))
    said = "\n".join(f"{key} = {value}" for key, value in {**SETTINGS, **own}.items())
    return f"[chat]\n{said}\n"


def compare(who: str, expected: list[Step], lines: list[str], words: Words) -> None:
    """Raises AssertionError unless `lines` are what `who` is expected to read."""
    rest = list(lines)
    skipping = False
    for step in expected:
        if step.line == ANYTHING:
            skipping = True
            continue
        while skipping and rest and not step.matches(rest[0], words):
            del rest[0]
        assert rest, f"{who} reads nothing more, expected {step.line!r} of {lines}"
        assert step.matches(rest[0], words), f"{who} reads {rest[0]!r}, expected {step.line!r}"
        del rest[0]
        skipping = False
    assert skipping or not rest, f"{who} also reads {rest}"
