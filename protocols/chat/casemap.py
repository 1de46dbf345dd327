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
    first, *rest = mask.split("*")
    if not rest:
        return re.compile(_literal(first), re.DOTALL)
    *middle, last = [part for part in rest[:-1] if part] + rest[-1:]
    # What stands between two stars is best found where it comes first: nothing is gained by looking
    # further on when the rest does not match, and with many stars that would take for ever.  A lookahead
    # is not gone back into, which is what (?>...) says from Python 3.11 on.
    found = [f"(?=(?P<g{at}>.*?{_literal(part)}))(?P=g{at})" for at, part in enumerate(middle)]
    return re.compile(f"{_literal(first)}{''.join(found)}.*{_literal(last)}", re.DOTALL)


def _literal(part: str) -> str:
    return "".join("." if one == "?" else re.escape(one) for one in part)


def matches(mask: str, text: str) -> bool:
    """Does the mask of * and ? match the whole text (RFC 2812 §2.5)?"""
    return _pattern(fold(mask)).fullmatch(fold(text)) is not None
