"""When two names are the same, which names are names, and what a mask matches.

CASEMAPPING=ascii: only A to Z and a to z are the same letters (Modern IRC, "CASEMAPPING").
"""

from __future__ import annotations

import re
from functools import lru_cache

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")

# RFC 2812 §2.3.1, nickname; without its limit of nine characters.
_NICK = re.compile(r"[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]*")
# RFC 2812 §2.3.1, chanstring: "any octet except NUL, BELL, CR, LF, " ", "," and ":""; the colon is
# let through everywhere today (Modern IRC, "Channels").  Other controls could hide what it says.
_CHANNEL = re.compile(r"#[^\x00-\x20,\x7f\u0080-\u00a0\u2000-\u200f\u2028-\u202f\u3000\ufeff]*")
_USERNAME = re.compile(r"[^A-Za-z0-9._~+-]")


def fold(name: str) -> str:
    """The form by which names are compared."""
    return name.lower() if name.isascii() else name.translate(_LOWER)


def is_nick(name: str, most: int) -> bool:
    """Could somebody be called that?"""
    return len(name) <= most and _NICK.fullmatch(name) is not None


def is_channel(name: str, most: int) -> bool:
    """Could a channel be called that?  Its length is counted in bytes."""
    return len(name.encode()) <= most and _CHANNEL.fullmatch(name) is not None


def username(said: str, most: int) -> str:
    """What USER said, fit to stand between ! and @."""
    return _USERNAME.sub("", said)[:most] or "user"


@lru_cache(maxsize=4096)
def _pattern(mask: str) -> re.Pattern[str]:
    # One * is as good as many, and many would let a mask take exponential time.
    mask = re.sub(r"\*+", "*", mask)
    parts = [".*" if one == "*" else "." if one == "?" else re.escape(one) for one in mask]
    return re.compile("".join(parts), re.DOTALL)


_MANY_STARS = 8
"""Stars in one mask beyond which it is matched by hand: a regular expression backtracks."""


def matches(mask: str, text: str) -> bool:
    """Does the mask of * and ? match the whole text (RFC 2812 §2.5)?"""
    mask, text = fold(mask), fold(text)
    if mask.count("*") > _MANY_STARS:
        return _matches_by_hand(mask, text)
    return _pattern(mask).fullmatch(text) is not None


def _matches_by_hand(mask: str, text: str) -> bool:
    """Greedy, going back to the last star only: at most len(mask) * len(text) steps."""
    at = place = 0
    star, retry = -1, 0
    while place < len(text):
        if at < len(mask) and mask[at] == "*":
            star, retry = at, place
            at += 1
        elif at < len(mask) and mask[at] in ("?", text[place]):
            at += 1
            place += 1
        elif star >= 0:
            retry += 1
            at, place = star + 1, retry
        else:
            return False
    return not mask[at:].strip("*")
