"""Reads the dialogues of FTP in `tests/transcripts/files_*.txt`; its README has the form."""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocols.files.settings import FilesUser
from tests.dialogue import _ESCAPE, FOLDER, _unescape

ANYTHING = "\u2026"
"""Stands for any text within a line."""

USERS = {
    "ann": FilesUser(password="sesame", permissions=("all",)),
    "bob": FilesUser(password="sesame", permissions=("read-only",)),
}
FILES = {"tea.txt": b"green\nblack\n", "pub/a b": b"one\r\ntwo", "pub/empty": b""}
"""Who and what is there when a dialogue begins; anonymous may read."""

MARKS = ("C:", "C<", "C.", "S:", "S<", "S.", "D>", "D<", "D!")


@dataclass(frozen=True)
class Step:
    """One step: `what` is the mark, and `data` its bytes, or `line` what is expected."""

    what: str
    data: bytes = b""
    line: str = ""

    def matches(self, line: str) -> bool:
        """Is this the line that is expected?"""
        return _matches(self.line, line)

    def matches_data(self, data: str) -> bool:
        """Is this what is expected on a data connection?  The lines of a listing may have any order."""
        if _matches(self.line, data):
            return True
        rest = data.splitlines(keepends=True)
        for expected in self.line.splitlines(keepends=True):
            found = next((one for one in rest if _matches(expected, one)), None)
            if found is None:
                return False
            rest.remove(found)
        return not rest


def _matches(expected: str, said: str) -> bool:
    parts = map(re.escape, expected.split(ANYTHING))
    return re.fullmatch(".*?".join(parts), said, re.DOTALL) is not None


def parse(text: str) -> list[Step]:
    """The steps of one dialogue; what is read of one data connection is one step."""
    steps: list[Step] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        mark, words = line[:2], line[3:]
        raw = _ESCAPE.sub(_unescape, words.encode())
        if mark not in MARKS:
            raise ValueError(f"line {number}: {line!r} is no step")
        if mark == "C:":
            steps.append(Step("C<", words.encode() + b"\r\n"))
        elif mark == "S<":
            steps.append(Step("S:", line=raw.decode(errors="surrogateescape")))
        elif mark == "S:":
            steps.append(Step(mark, line=words))
        elif mark == "D<" and steps and steps[-1].what == "D<":
            before = steps.pop()
            steps.append(Step("D<", before.data + raw, before.line + raw.decode(errors="surrogateescape")))
        else:
            steps.append(Step(mark, raw, raw.decode(errors="surrogateescape")))
    return steps


def read(name: str) -> list[Step]:
    """The dialogue in `tests/transcripts/NAME.txt`."""
    return parse((FOLDER / f"{name}.txt").read_text(encoding="utf-8"))
