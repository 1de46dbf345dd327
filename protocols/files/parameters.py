"""What a session sets for what comes: TYPE, STRU, MODE, ALLO, REST, RANG, OPTS, CLNT."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from protocols.files.digest import ALGORITHMS
from protocols.files.listing import FACTS
from protocols.files.replies import Refusal

if TYPE_CHECKING:
    from protocols.files.session import FilesSession

_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)
"""Bytes of a file: what 63 bits hold."""

_UTF8: Final = {("UTF8", ""), ("UTF8", "ON"), ("UTF-8", ""), ("UTF-8", "NLST")}
"""Ways to ask for UTF-8, which can't be turned off (RFC 2640 §3.2)."""

_TYPES: Final = {"A": True, "A N": True, "I": False, "L 8": False}
_OTHER_TYPES: Final = re.compile(r"A [TC]|E( [NTC])?|L \d{1,3}", re.ASCII)
"""Those of RFC 959 §3.1.1 that nobody uses."""


def type_(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.2: ASCII is text, image and 8-bit local are bytes as they are."""
    asked = " ".join(argument.upper().split())
    text = _TYPES.get(asked)
    if text is None:
        raise (
            Refusal(504, "Expected A, I or L 8.")
            if _OTHER_TYPES.fullmatch(asked)
            else Refusal(501, "Expected A, I or L 8.")
        )
    session.text = text
    session.reply(200, f"TYPE is {'A' if text else 'I'}.")


def stru(session: FilesSession, argument: str, now: float) -> None:
    _only(session, "STRU", "F", "RP", argument)


def mode(session: FilesSession, argument: str, now: float) -> None:
    _only(session, "MODE", "S", "BCZ", argument)


def _only(session: FilesSession, verb: str, ours: str, others: str, argument: str) -> None:
    asked = argument.strip().upper()
    if asked != ours:
        raise Refusal(504 if asked in tuple(others) else 501, f"Expected {verb} {ours}.")
    session.reply(200, f"{verb} is {ours}.")


def allo(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.3: "should be treated as a NOOP" where no storage is declared beforehand."""
    session.reply(202, "No storage needs to be allocated.")


def rest(session: FilesSession, argument: str, now: float) -> None:
    """RFC 3659 §5: the next transfer begins at this byte."""
    asked = argument.strip()
    if not _NUMBER.fullmatch(asked):
        raise Refusal(501, "Expected a number of bytes.")
    session.rest = int(asked)
    session.range = None
    session.reply(350, f"The next transfer begins at byte {session.rest}.")


def rang(session: FilesSession, argument: str, now: float) -> None:
    """draft-bryan-ftp-range §3: first and last byte; a last one before the first forgets both."""
    numbers = argument.split()
    if len(numbers) != 2 or not all(_NUMBER.fullmatch(one) for one in numbers):
        raise Refusal(501, "Expected the numbers of the first and the last byte.")
    first, last = map(int, numbers)
    session.rest = 0
    session.range = (first, last) if first <= last else None
    if session.range is None:
        session.reply(350, "No range is set.")
    else:
        session.reply(350, f"The range is from byte {first} to byte {last}.")


def clnt(session: FilesSession, argument: str, now: float) -> None:
    """Some clients say who they are; nothing depends on it."""
    session.reply(200, "Welcome.")


def opts(session: FilesSession, argument: str, now: float) -> None:
    """RFC 2389 §4."""
    command, _, options = argument.strip().partition(" ")
    command, options = command.upper(), options.strip()
    if (command, options.upper()) in _UTF8:
        session.reply(200, "UTF-8 is what we speak.")
    elif command == "MLST":
        # RFC 3659 §7.9: facts that nobody knows are left out of the answer; none asked for is none told.
        asked = {one.lower() for one in options.split(";")}
        session.facts = [fact for fact in FACTS if fact.lower() in asked]
        session.reply(200, f"MLST OPTS {''.join(f'{fact};' for fact in session.facts)}".rstrip())
    elif command == "HASH" and (not options or options.upper() in ALGORITHMS):
        session.algorithm = options.upper() or session.algorithm
        session.reply(200, session.algorithm or next(iter(ALGORITHMS)))
    elif command in ("UTF8", "UTF-8", "HASH"):
        raise Refusal(501, "No such option.")
    else:
        raise Refusal(501, "That command has no options.")
