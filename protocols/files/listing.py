"""Directories as text: LIST as `ls -l` has it, NLST, and the facts of MLSD and MLST (RFC 3659 §7).

Times are UTC and months English, whatever the machine speaks.  Lines end in CR LF.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from fnmatch import translate
from typing import Final

from protocols.files.store import Entry, Listing

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
RECENT: Final = 31_556_952 / 2
"""Seconds in half a year, as ls counts: older than that shows the year instead of the hour."""
FACTS: Final = ("type", "size", "modify", "perm", "unique", "UNIX.mode")
"""All facts, in the order in which they are told; all are told until OPTS MLST chooses."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_KINDS: Final = {"file": "-", "dir": "d", "link": "l", "other": "-"}
_TYPES: Final = {"file": "file", "dir": "dir", "link": "OS.unix=symlink", "other": "OS.unix=other"}
_TIME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d+)?", re.ASCII)
_BITS: Final = tuple(
    "".join(letter if mode >> 8 - at & 1 else "-" for at, letter in enumerate("rwxrwxrwx"))
    for mode in range(512)
)


def list_line(entry: Entry, now: float) -> str:
    """One line of LIST, as `ls -l` writes it in the C locale; `now` is UTC, in seconds since 1970."""
    when = _utc(entry.modified)
    recent = now - RECENT < entry.modified <= now
    at = f"{when.hour:02}:{when.minute:02}" if recent else f"{when.year:5}"
    return (
        f"{_KINDS[entry.kind]}{_BITS[entry.mode & 0o777]} {entry.links:3} {entry.owner:<8} {entry.group:<8}"
        f" {entry.size:12} {MONTHS[when.month - 1]} {when.day:2} {at} {_line(entry.name)}\r\n"
    )


def name_line(entry: Entry, before: str = "") -> str:
    """One line of NLST.

    RFC 1123 §4.1.2.7: names "the server can use ... directly as the arguments of subsequent data transfer
    commands", so with the directory that was asked for before them.
    """
    return f"{before}{_line(entry.name)}\r\n"


def facts(entry: Entry, permissions: frozenset[str], wanted: Iterable[str] = FACTS) -> str:
    """`fact=value;` for each fact wanted (RFC 3659 §7.2)."""
    said = []
    for fact in wanted:
        if fact == "type":
            value = _TYPES[entry.kind]
        elif fact == "size":
            if entry.kind != "file":
                continue
            value = str(entry.size)
        elif fact == "modify":
            value = time_value(entry.modified)
        elif fact == "perm":
            value = perm(entry, permissions)
        elif fact == "unique":
            if not entry.unique:
                continue
            value = entry.unique
        else:
            value = f"0{entry.mode & 0o7777:03o}"
        said.append(f"{fact}={value};")
    return "".join(said)


def facts_line(entry: Entry, permissions: frozenset[str], wanted: Iterable[str] = FACTS) -> str:
    """One line of MLSD."""
    return f"{facts(entry, permissions, wanted)} {_line(entry.name)}\r\n"


def perm(entry: Entry, permissions: frozenset[str]) -> str:
    """What the user may do with it (RFC 3659 §7.5.5)."""
    said = []
    if entry.kind == "dir":
        said = [("write", "c"), ("delete", "d"), ("list", "e"), ("rename", "f"), ("list", "l"),
                ("mkdir", "m"), ("delete", "p")]  # fmt: skip
    elif entry.kind == "file":
        said = [("append", "a"), ("delete", "d"), ("rename", "f"), ("read", "r"), ("write", "w")]
    else:
        said = [("delete", "d"), ("rename", "f")]
    return "".join(letter for permission, letter in said if permission in permissions)


def time_value(when: float) -> str:
    """YYYYMMDDHHMMSS, UTC (RFC 3659 §2.3)."""
    return _utc(when).strftime("%Y%m%d%H%M%S").rjust(14, "0")


def parse_time(value: str) -> float | None:
    """Seconds since 1970 of a time-val; None if it is none."""
    found = _TIME.fullmatch(value)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    try:
        # RFC 3659 §2.3 allows 60 for a leap second, which Unix does not count
        when = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone.utc)
    except ValueError:
        return None
    return None if second > 60 else (when - _EPOCH).total_seconds() + (second == 60)


def _utc(when: float) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=int(when))
    except OverflowError:  # a file from beyond the year 9999 is shown as one of the last second before
        return datetime(9999 if when > 0 else 1, 12, 31, 23, 59, 59, tzinfo=timezone.utc)


def _line(name: str) -> str:
    """A name that can't end the line; such a name can't be said in any command either."""
    return name.replace("\n", "?")


class Text:
    """A listing as the bytes that are sent: what a `Download` reads."""

    __slots__ = ("_line", "_listing", "_matches")

    def __init__(self, listing: Listing, line: Callable[[Entry], str], pattern: str | None = None) -> None:
        self._listing = listing
        self._line = line
        self._matches = None if pattern is None else matcher(pattern)

    @property
    def slow(self) -> bool:
        # In search of what matches, one `read` may read the whole directory.
        return self._matches is not None or self._listing.slow

    def fileno(self) -> None:
        return None

    def read(self, size: int) -> bytes:
        """The lines of the next entries, however many bytes they are; none at the end."""
        while entries := self._listing.read():
            if self._matches is not None:
                entries = [entry for entry in entries if self._matches(entry.name)]
            if entries:
                return "".join(map(self._line, entries)).encode(errors="surrogateescape")
        return b""

    def close(self) -> None:
        self._listing.close()


class One:
    """A listing of one entry: LIST of a file."""

    slow = False

    def __init__(self, entry: Entry) -> None:
        self._entries: Sequence[Entry] = (entry,)

    def read(self) -> Sequence[Entry]:
        entries, self._entries = self._entries, ()
        return entries

    def close(self) -> None:
        pass  # nothing is open


def is_pattern(name: str) -> bool:
    """Does a shell see a pattern in this name?  (tnftp's mget sends what its user typed to NLST.)"""
    return any(one in name for one in "*?[")


def matcher(pattern: str) -> Callable[[str], bool]:
    """Does a name match, as in a shell?  Names with a dot in front only if the pattern has it too."""
    match = re.compile(translate(pattern)).match
    hidden = pattern.startswith(".")
    return lambda name: (hidden or not name.startswith(".")) and match(name) is not None
