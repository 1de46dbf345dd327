"""What the server says, in one table: each code's meaning, and which mishap deserves which.

A refusal is raised early, as `Refusal`, and becomes a reply in one place (`session`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from protocols.files.orders import Outcome
from protocols.files.store import Problem

CODES: Final[dict[int, str]] = {
    150: "the data connection is about to be opened",
    200: "done",
    202: "superfluous here",
    211: "status, features",
    213: "a file's status: size, time, checksum",
    214: "help",
    215: "the system's type",
    220: "ready",
    221: "goodbye",
    225: "nothing to abort",
    226: "the transfer is complete, or its abort",
    227: "the address of passive mode",
    229: "the port of extended passive mode",
    230: "logged in",
    234: "TLS may begin",
    250: "the file action is done",
    257: "a directory's name",
    331: "the password is wanted",
    350: "the next command completes this one",
    421: "the server ends the connection",
    425: "no data connection",
    426: "the transfer was cut",
    450: "the file is in use, SIZE told of an upload that was cut, or too many checksums are made",
    451: "local error",
    452: "the disk is full",
    500: "no such command, or a line too long",
    501: "wrong argument",
    502: "not implemented",
    503: "out of sequence",
    504: "not implemented for this argument",
    521: "not with this PROT",
    522: "no such network protocol, or TLS failed on the data connection",
    530: "not logged in",
    536: "no such protection",
    550: "the file can't be had, or is not for you",
    552: "larger than allowed",
    553: "no such name is allowed",
    554: "REST beyond the end of the file",
}
"""Every code that is ever sent (RFC 959 §4.2, RFC 2228 §5.1, RFC 2428 §2, RFC 4217 §10)."""

PROBLEMS: Final[dict[Problem, int]] = {
    Problem.MISSING: 550,
    Problem.EXISTS: 550,
    Problem.DENIED: 550,
    Problem.OUTSIDE: 550,
    Problem.NOT_A_DIRECTORY: 550,
    Problem.IS_A_DIRECTORY: 550,
    Problem.NOT_A_FILE: 550,
    Problem.NOT_EMPTY: 550,
    Problem.BAD_NAME: 553,
    Problem.BAD_OFFSET: 554,
    Problem.BUSY: 450,
    Problem.NO_SPACE: 452,
    Problem.QUOTA: 552,
    Problem.UNSUPPORTED: 504,
    Problem.IO: 451,
}
"""What each refusal of a store is answered with."""

OUTCOMES: Final[dict[Outcome, tuple[int, str]]] = {
    Outcome.COMPLETE: (226, "Transfer complete."),
    Outcome.NOT_CONNECTED: (425, "Can't open data connection."),
    Outcome.TLS_FAILED: (522, "TLS failed on the data connection."),
    Outcome.NOT_RESUMED: (522, "The data connection must resume the TLS session."),
    Outcome.RESET: (426, "Data connection was reset; transfer aborted."),
    Outcome.TRUNCATED: (426, "Data connection ended without close_notify; transfer aborted."),
    Outcome.STALLED: (426, "Data connection stalled; transfer aborted."),
    Outcome.FAILED: (451, "Local error in processing; transfer aborted."),
    Outcome.CANCELLED: (426, "Transfer aborted."),
}
"""What each end of a transfer is answered with."""


class Refusal(Exception):
    """A command refused: the reply that its sender gets."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


def refusal(problem: Problem) -> Refusal:
    """How a store's refusal is answered; that something leads out of the home is nobody's business."""
    words = Problem.MISSING if problem is Problem.OUTSIDE else problem
    return Refusal(PROBLEMS[problem], f"{words.value}.")


def reply(code: int, text: str) -> bytes:
    """One line.  Names keep their bytes, but for what would end the line."""
    return f"{code} {_safe(text)}\r\n".encode(errors="surrogateescape").replace(b"\xff", b"\xff\xff")


def lines(code: int, first: str, between: Iterable[str], last: str) -> bytes:
    """A reply of several lines (RFC 959 §4.2); those between begin with a space."""
    text = "".join(f" {_safe(line)}\r\n" for line in between)
    whole = f"{code}-{_safe(first)}\r\n{text}{code} {_safe(last)}\r\n"
    return whole.encode(errors="surrogateescape").replace(b"\xff", b"\xff\xff")


def _safe(text: str) -> str:
    # A name on disk may hold any byte but NUL and `/`.  RFC 854: IAC is doubled, by the callers.
    if "\n" in text or "\r" in text:
        text = text.replace("\n", "?").replace("\r", "?")
    return text
