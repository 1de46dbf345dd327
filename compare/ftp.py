"""What is said over FTP in the files workload, and what must come back: bytes, no sockets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from compare.dialects import WrongAnswer

USER = b"ftp"
"""Who moves files: with our word in servers that have users of their own, anonymous in vsftpd."""

WORD = b"files"
SMALL = "4k"
LARGE = "large"
"""Files that are there to be read."""

MANY = "many"
MANY_FILES = 100_000
"""A directory that is there to be listed, and the empty files in it."""

SMALL_SIZE = 4096
BLOCK = 262_144
"""Bytes after which a large file's contents repeat, but for their number."""

_PASSIVE = re.compile(rb"227 [^(]*\(?(\d+,\d+,\d+,\d+),(\d+),(\d+)")
_TAIL = bytes(range(1, 252)) * (BLOCK // 251 + 1)


def block(number: int) -> bytearray:
    """Block `number` of every file: a number, and a stretch in which nothing of 250 bytes repeats soon."""
    return bytearray(b"%015d\n" % number + _TAIL[16:BLOCK])


def contents(size: int) -> Iterator[bytearray]:
    """A file of `size` bytes in blocks: one, or many of a BLOCK each."""
    assert size <= BLOCK or size % BLOCK == 0
    piece = block(0)[:size]
    for number in range(-(-size // BLOCK)):
        piece[:16] = b"%015d\n" % number
        yield piece  # always the same one: to make them costs more than to send them


def check_block(data: bytearray, number: int, expected: bytearray) -> None:
    """Raises WrongAnswer unless `data` is block `number`; `expected` is any block, to be changed."""
    expected[:16] = b"%015d\n" % number
    if data != expected:
        raise WrongAnswer(f"block {number:,} came changed")


def whole_reply(text: bytes) -> int:
    """Bytes up to the end of the first reply (RFC 959 §4.2); 0 while it is not whole.

    A reply of several lines ends in its code and a space; what is said between them begins otherwise.
    """
    if text[3:4] != b"-":
        return text.find(b"\n") + 1
    end = re.search(rb"(?m)^%b .*\n" % re.escape(text[:3]), text)
    return end.end() if end else 0


def passive_port(reply: bytes) -> int:
    """The port in a 227 (RFC 959 §4.1.2).  Raises WrongAnswer."""
    found = _PASSIVE.match(reply)
    if not found or found[1] != b"127,0,0,1":
        raise WrongAnswer(f"PASV was answered {reply[:100]!r}")
    return int(found[2]) * 256 + int(found[3])
