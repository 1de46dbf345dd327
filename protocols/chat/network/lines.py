"""Many names in as few lines as they fit on."""

from __future__ import annotations

from collections.abc import Iterable

ROOM = 400
"""Bytes of names in one line; with all around them it stays below 512."""


def in_lines(names: Iterable[str], separator: str = ",") -> list[str]:
    """Names as few lines as they fit on."""
    lines: list[str] = []
    some: list[str] = []
    room, between = 0, len(separator)
    for name in names:
        size = (len(name) if name.isascii() else len(name.encode())) + between
        if room < size and some:
            lines.append(separator.join(some))
            some = []
        if not some:
            room = ROOM
        some.append(name)
        room -= size
    if some:
        lines.append(separator.join(some))
    return lines
