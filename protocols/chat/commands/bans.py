"""KLINE UNKLINE DLINE UNDLINE: server bans, as operators say them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal

from protocols.chat.commands.lasting import apply_for_good
from protocols.chat.message import Message, cut_text
from protocols.chat.network.bans import SAID, network_of
from protocols.chat.network.deliveries import stamp
from protocols.chat.network.events import LiftBan, SetBan
from protocols.chat.network.masks import complete

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

log = logging.getLogger("protocols.chat")

Kind = Literal["K", "D"]
UNITS: Final = {"y": 31_536_000, "mo": 2_592_000, "w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
"""Seconds; as Ergo has them, with months of 30 days and years of 365."""
LONGEST: Final = 10 * UNITS["y"]
MASK: Final = 200
"""Bytes of a mask (ours)."""
REASON: Final = 200
"""Bytes of a reason (ours)."""

_PART = re.compile(r"([0-9]{1,9})(y|mo|w|d|h|m|s)")


def duration(word: str) -> int | None:
    """Seconds of 1d12h or, as Solanum has it, of a number of minutes; None if it is neither."""
    if word.isascii() and word.isdigit() and len(word) < 10:
        return min(int(word) * UNITS["m"], LONGEST)
    parts = _PART.findall(word.lower())
    if not parts or "".join(number + unit for number, unit in parts) != word.lower():
        return None
    return min(sum(int(number) * UNITS[unit] for number, unit in parts), LONGEST)


def kline(session: ChatSession, message: Message, now: float) -> Iterator[None] | None:
    """Ban a mask of nick!user@host."""
    return _ban(session, message, "K")


def dline(session: ChatSession, message: Message, now: float) -> Iterator[None] | None:
    """Ban an address or a network."""
    return _ban(session, message, "D")


def unkline(session: ChatSession, message: Message, now: float) -> None:
    """Let a mask in again."""
    _lift(session, message, "K")


def undline(session: ChatSession, message: Message, now: float) -> None:
    """Let an address or a network in again."""
    _lift(session, message, "D")


def _ban(session: ChatSession, message: Message, kind: Kind) -> Iterator[None] | None:
    """`[ANDKILL] [duration] mask [reason]`; without a mask the list of those there are."""
    words = list(message.params)
    if not words or (len(words) == 1 and words[0].upper() == "LIST"):
        return _list(session, kind)
    if words[0].upper() == "ANDKILL" and len(words) > 1:
        del words[0]  # Ergo's word for what is always done here: whom it means leaves
    seconds = duration(words[0]) if len(words) > 1 else None
    if seconds is not None:
        del words[0]
    mask = _mask(session, words[0], kind)
    if not mask:
        return None
    reason = cut_text(" ".join(words[1:]), REASON) or "no reason given"
    event = SetBan(session.name, session.wall(), kind, mask, seconds or 0, reason)
    length = "for good" if not seconds else f"until {stamp(event.time + seconds)}"
    if apply_for_good(session, event, session.notice, f"{SAID[kind]} on {mask}, {length}."):
        log.info("%s: %s set a %s on %s, %s", session.peer, session.nick, SAID[kind], mask, length)
    return None


def _lift(session: ChatSession, message: Message, kind: Kind) -> None:
    mask = _mask(session, message.params[0], kind)
    if not mask:
        return
    event = LiftBan(session.name, session.wall(), kind, mask)
    if apply_for_good(session, event, session.notice, f"No {SAID[kind]} on {mask} any more."):
        log.info("%s: %s lifted the %s on %s", session.peer, session.nick, SAID[kind], mask)


def _mask(session: ChatSession, word: str, kind: Kind) -> str:
    """The mask as it is kept; nothing, with words that say so, if it is none."""
    if kind == "K":
        if not word or word[0] == ":" or " " in word or len(word.encode()) > MASK:
            session.notice("That is no mask such as nick!user@host.")
            return ""
        return complete(word)
    try:
        found = network_of(word)
    except ValueError:
        session.notice("That is no address, and no network such as 192.0.2.0/24.")
        return ""
    return str(found.network_address) if found.num_addresses == 1 else str(found)


def _list(session: ChatSession, kind: Kind) -> Iterator[None]:
    wall, name = session.wall(), SAID[kind]
    for ban in tuple(session.server.network.bans.values()):
        if ban.kind == kind and not ban.over(wall):
            until = f"until {stamp(ban.until)}" if ban.until else "for good"
            session.notice(f"{name} on {ban.mask}, by {ban.setter}, {until}: {ban.reason}")
            yield
    session.notice(f"End of the {name}s.")
