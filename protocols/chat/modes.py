"""Channel modes, user modes and member prefixes, one table each, and how a mode string is read.

ISUPPORT, RPL_MYINFO, MODE and the tests walk these tables (Modern IRC, "Channel Modes").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

Kind = Literal["list", "key", "limit", "flag", "prefix"]


@dataclass(frozen=True, slots=True)
class ChannelMode:
    """One channel mode.  `kind` says which of CHANMODES' types it is: A list, B key, C limit, D flag."""

    letter: str
    kind: Kind
    about: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """One rank of a member, which is a bit: who has several shows several (multi-prefix)."""

    letter: str
    sigil: str
    bit: int
    about: str
    setter: int
    """The lowest rank that may give and take it."""


@dataclass(frozen=True, slots=True)
class UserMode:
    """One user mode.  `by` is who sets it: the user, or only the server (the user may drop it)."""

    letter: str
    about: str
    by: Literal["user", "server"] = "user"


VOICE, HALFOP, OP, ADMIN, FOUNDER = 1, 2, 4, 8, 16

PREFIXES: Final = (
    Prefix("q", "~", FOUNDER, "owns the registered channel", FOUNDER),
    Prefix("a", "&", ADMIN, "is protected from operators", FOUNDER),
    Prefix("o", "@", OP, "is an operator", OP),
    Prefix("h", "%", HALFOP, "is half an operator", OP),
    Prefix("v", "+", VOICE, "may speak in a moderated channel", HALFOP),
)
"""From the highest rank to the lowest."""

CHANNEL_MODES: Final = (
    ChannelMode("b", "list", "who may not join or speak"),
    ChannelMode("e", "list", "whom a ban does not mean"),
    ChannelMode("I", "list", "who needs no invitation"),
    ChannelMode("k", "key", "the key that JOIN must show"),
    ChannelMode("l", "limit", "how many members there may be"),
    ChannelMode("C", "flag", "no CTCP but ACTION"),
    ChannelMode("M", "flag", "only who is logged in speaks"),
    ChannelMode("U", "flag", "what the unprivileged say only operators read"),
    ChannelMode("i", "flag", "only who was invited joins"),
    ChannelMode("m", "flag", "only who has a voice speaks"),
    ChannelMode("n", "flag", "only members speak"),
    ChannelMode("s", "flag", "the channel is not shown to others"),
    ChannelMode("t", "flag", "only operators set the topic"),
)

USER_MODES: Final = (
    UserMode("i", "not shown to who shares no channel"),
    UserMode("o", "operator of the server", "server"),
    UserMode("w", "receives WALLOPS"),
    UserMode("B", "a bot"),
    UserMode("R", "messages only from who is logged in"),
    UserMode("T", "no CTCP but ACTION"),
    UserMode("g", "messages only from who is accepted"),
)

BY_LETTER: Final = {mode.letter: mode for mode in CHANNEL_MODES}
PREFIX_BY_LETTER: Final = {prefix.letter: prefix for prefix in PREFIXES}
PREFIX_BY_SIGIL: Final = {prefix.sigil: prefix for prefix in PREFIXES}
USER_BY_LETTER: Final = {mode.letter: mode for mode in USER_MODES}
LISTS: Final = tuple(mode.letter for mode in CHANNEL_MODES if mode.kind == "list")

SIGILS: Final = "".join(prefix.sigil for prefix in PREFIXES)

_WITH_PARAMETER: Final = [prefix.letter for prefix in PREFIXES] + [
    mode.letter for mode in CHANNEL_MODES if mode.kind != "flag"
]
_FLAGS: Final = [mode.letter for mode in CHANNEL_MODES if mode.kind == "flag"]
MODE_LETTERS: Final = (
    "".join(USER_BY_LETTER),
    "".join(sorted(_FLAGS + _WITH_PARAMETER)),
    "".join(sorted(_WITH_PARAMETER)),
)
"""What RPL_MYINFO says: of users, of channels, and of those the ones with a parameter."""
DEFAULT_CHANNEL_MODES: Final = "nt"
"""What a new channel has."""

_SIGILS_OF: Final = [
    "".join(prefix.sigil for prefix in PREFIXES if rank & prefix.bit) for rank in range(2 * FOUNDER)
]


def sigils(rank: int, all_of_them: bool = True) -> str:
    """The prefixes of a member's ranks, highest first; or only the highest."""
    return _SIGILS_OF[rank] if all_of_them else _SIGILS_OF[rank][:1]


def at_least(rank: int, wanted: int) -> bool:
    """Is one of these ranks `wanted`, or higher?  Each bit is worth more than all below it."""
    return rank >= wanted


class Change(msgspec.Struct, frozen=True, gc=False):
    """One change that a MODE asks for; a list mode without a parameter asks to see the list."""

    add: bool
    letter: str
    parameter: str | None = None


def channel_changes(words: Sequence[str]) -> list[Change]:
    """What `MODE #channel words...` asks for, in order, unknown letters included.

    A parameter that is missing is None, whatever the letter.
    """
    changes = []
    add, parameters = True, iter(words[1:])
    for letter in words[0] if words else "":
        if letter in "+-":
            add = letter == "+"
            continue
        parameter = next(parameters, None) if _takes_parameter(letter, add) else None
        changes.append(Change(add, letter, parameter))
    return changes


def _takes_parameter(letter: str, add: bool) -> bool:
    if letter in PREFIX_BY_LETTER:
        return True
    mode = BY_LETTER.get(letter)
    if mode is None:
        return False
    return mode.kind in ("list", "key") or (mode.kind == "limit" and add)


def user_changes(words: Sequence[str]) -> list[Change]:
    """What `MODE nick words...` asks for; no user mode has a parameter."""
    changes = []
    add = True
    for letter in "".join(words):
        if letter in "+-":
            add = letter == "+"
        else:
            changes.append(Change(add, letter))
    return changes


def shown(changes: Sequence[Change]) -> str:
    """Changes as MODE says them: signs only where they change, parameters after all letters."""
    letters, parameters = [], []
    sign = None
    for change in changes:
        if change.add is not sign:
            letters.append("+" if change.add else "-")
            sign = change.add
        letters.append(change.letter)
        if change.parameter is not None:
            parameters.append(change.parameter)
    return " ".join(["".join(letters), *parameters])
