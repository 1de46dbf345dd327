"""Many names in as few lines as they fit on."""

from __future__ import annotations

from collections.abc import Iterable

ROOM = 365
"""Bytes of names in one line where nothing but the names of the server and the receiver precede them:
these have at most 63 and 64, and with CAP around them the line stays below 512."""


def in_lines(names: Iterable[str], separator: str = ",", room: int = ROOM) -> list[str]:
    """Names as few lines as they fit on, `room` bytes each: none is cut."""
    lines: list[str] = []
    some: list[str] = []
    left, between = 0, len(separator)
    for name in names:
        size = (len(name) if name.isascii() else len(name.encode())) + between
        if left < size and some:
            lines.append(separator.join(some))
            some = []
        if not some:
            left = room
        some.append(name)
        left -= size
    if some:
        lines.append(separator.join(some))
    return lines
