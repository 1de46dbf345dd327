"""What the tests of history share."""

from __future__ import annotations

from typing import Literal

from protocols.chat.history import History, Query, Reference
from protocols.chat.network.deliveries import MESSAGE, Line, Remember

Subcommand = Literal["LATEST", "BEFORE", "AFTER", "BETWEEN", "AROUND"]
TEA = (("#tea", 0),)
START = 1_000_000_000


def said(
    number: int, place: str = "#tea", kind: int = MESSAGE, is_open: bool = True, **owners: str
) -> Remember:
    """The message of that number, said at that second."""
    line = Line(f":ann!u@h PRIVMSG {place} :{number}", START + number, None, f"id{number}")
    return Remember(place, line, kind, "ann", is_open, tuple(owners.items()))


def fill(history: History, numbers: range = range(10)) -> None:
    for number in numbers:
        history.remember(said(number))


def ask(
    history: History,
    subcommand: Subcommand,
    first: Reference | None = None,
    second: Reference | None = None,
    limit: int = 50,
    places: tuple[tuple[str, int], ...] = TEA,
    events: bool = False,
) -> list[int]:
    """The numbers of the messages that are told."""
    found = history.query(Query(subcommand, places, first, second or first, limit, events))
    return [int(kept.msgid.removeprefix("id")) for kept in found]


def at(number: int) -> Reference:
    return Reference(time=(START + number) * 1000)


def msgid(number: int) -> Reference:
    return Reference(msgid=f"id{number}")
