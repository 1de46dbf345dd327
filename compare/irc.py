"""What is said over IRC in the chat workload, and what must come back: bytes, no sockets."""

from __future__ import annotations

import re

from compare.dialects import WrongAnswer

CHANNEL = b"#fanout"

TAGS = frozenset({b"message-tags", b"server-time"})
"""Capabilities with which each message carries its `time` and its `msgid` (IRCv3)."""

_LINE = re.compile(rb"(?:@(\S+) )?(?::(\S+) )?(\S+) ?(.*)")
_REFUSAL = re.compile(rb"(?m)^(?::\S+ )?(?:ERROR|4[36]\d|CAP \S+ NAK)\b.*")
_COMMAND = re.compile(rb"(?m)^(?:@\S+ )?(?::\S+ )?(\w+)")
_FILLER = b"What is said here is read by two hundred others. " * 8


def hello(nick: bytes, tags: bool = False) -> bytes:
    """Registration in one piece (Modern IRC, "Connection Registration")."""
    names = b"NICK %b\r\nUSER %b 0 * :a member\r\n" % (nick, nick)
    if not tags:
        return names
    return b"CAP REQ :%b\r\n%bCAP END\r\n" % (b" ".join(sorted(TAGS)), names)


def commands(text: bytes) -> list[bytes]:
    """The command or numeric of each line."""
    return _COMMAND.findall(text)


def welcomed(text: bytes) -> bool:
    """Whether a registration is through: 001 and the end of the message of the day, or that there is none.

    They come in this order, but for Twisted's `words`, which sends the message first.
    """
    return text.endswith(b"\n") and b" 001 " in text and (b" 376 " in text or b" 422 " in text)


def refused(text: bytes) -> bytes:
    """The first line that says no to a registration, if any does."""
    found = _REFUSAL.search(text)
    return found[0].strip() if found else b""


def message(number: int, size: int) -> bytes:
    """The line, CR LF included, with which the sender says number `number`: `size` bytes."""
    head = b"PRIVMSG %b :%08d " % (CHANNEL, number)
    return head + _FILLER[: size - len(head) - 2] + b"\r\n"


def messages(first: int, depth: int, size: int) -> bytes:
    """`depth` of them at once."""
    return b"".join(message(number, size) for number in range(first, first + depth))


def prefix_of(relayed: bytes, line: bytes) -> bytes:
    """What a server puts in front of `line` when it relays it without tags.  Raises WrongAnswer."""
    prefix = relayed[: -len(line)]
    if not relayed.endswith(line) or not re.fullmatch(rb":[^ !]+(![^ ]+)? ", prefix):
        raise WrongAnswer(f"{line[:40]!r} was relayed as {relayed[:100]!r}")
    return prefix


class Tagged:
    """Checks relayed lines that carry tags, of which the values are not known beforehand."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def check(self, relayed: bytes, lines: bytes) -> None:
        """Raises WrongAnswer unless these are `lines`, in order, each with a time and an id of its own."""
        for got, sent in zip(relayed.splitlines(True), lines.splitlines(True), strict=True):
            found = _LINE.match(got)
            tags = dict(tag.partition(b"=")[::2] for tag in (found[1] or b"").split(b";")) if found else {}
            if not tags.get(b"time") or not tags.get(b"msgid"):
                raise WrongAnswer(f"no time and msgid: {got[:120]!r}")
            prefix_of(got.partition(b" ")[2], sent)
            if tags[b"msgid"] in self._seen:
                raise WrongAnswer(f"the same msgid twice: {got[:120]!r}")
            self._seen.add(tags[b"msgid"])
