"""What is said to a server in each workload, and what it must answer: bytes, no sockets."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

STAMP = 8
"""Bytes at the start of an echoed message that say which connection it belongs to."""


class WrongAnswer(Exception):
    """The server answered, but not what was asked; the text is for a reader."""


def stamped(message: bytes, connection: int) -> bytes:
    """The message with the connection's number in front: another's would be noticed."""
    return (b"%07d " % connection + message[STAMP:])[: len(message)]


def echo_message(size: int) -> bytes:
    """`size` bytes in which no stretch of 250 repeats at a power of two."""
    return (bytes(range(1, 252)) * (size // 251 + 1))[:size]


# -- JSON-RPC 2.0, one JSON text per line --------------------------------------------------


def add_line(ident: int) -> bytes:
    return b'{"jsonrpc":"2.0","method":"add","params":[1,2],"id":%d}\n' % ident


def add_lines(depth: int) -> bytes:
    """`depth` requests at once, with ids from 1."""
    return b"".join(add_line(ident) for ident in range(1, depth + 1))


def _answers(lines: bytes) -> dict[Any, Any]:
    try:
        replies = [msgspec.json.decode(line) for line in lines.splitlines()]
        return {reply["id"]: reply.get("result") for reply in replies}
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        raise WrongAnswer(f"not JSON-RPC replies: {lines[:100]!r}") from None


def check_add_lines(reply: bytes, depth: int) -> None:
    """Raises WrongAnswer unless these are the answers to `add_lines(depth)`, in any order."""
    answers = _answers(reply)
    if answers != dict.fromkeys(range(1, depth + 1), 3):
        raise WrongAnswer(f"add(1, 2) was answered {reply[:100]!r}")


# -- AMP: boxes of length-prefixed keys and values -----------------------------------------


def _box(**pairs: bytes) -> bytes:
    """Each key and value after its length, two bytes; a length of zero ends the box."""
    parts = []
    for key, value in pairs.items():
        parts += [struct.pack("!H", len(key)), key.encode(), struct.pack("!H", len(value)), value]
    return b"".join(parts) + b"\0\0"


def amp_boxes(depth: int) -> bytes:
    """`depth` calls of Add at once."""
    return b"".join(_box(_ask=b"%x" % tag, _command=b"Add", a=b"1", b=b"2") for tag in range(1, depth + 1))


def amp_answers(depth: int) -> set[bytes]:
    """The boxes that must come back: each tag once, and 3."""
    return {_box(_answer=b"%x" % tag, total=b"3") for tag in range(1, depth + 1)}


def split_boxes(data: bytes) -> list[bytes]:
    """Whole AMP boxes; raises WrongAnswer for what is none."""
    boxes, start, at = [], 0, 0
    while at < len(data):
        (length,) = struct.unpack_from("!H", data, at) if at + 2 <= len(data) else (-1,)
        at += 2 + length
        if length < 0 or at > len(data):
            raise WrongAnswer(f"not AMP boxes: {data[:100]!r}")
        if length == 0:
            boxes.append(data[start:at])
            start = at
    return boxes


def check_amp(reply: bytes, depth: int) -> None:
    """Raises WrongAnswer unless these are the answers to `amp_boxes(depth)`, in any order.

    The members of a box may stand in any order too.
    """
    members = [sorted(_members(box)) for box in split_boxes(reply)]
    wanted = [sorted(_members(box)) for box in amp_answers(depth)]
    if sorted(members) != sorted(wanted):
        raise WrongAnswer(f"Add(1, 2) was answered {reply[:100]!r}")


def _members(box: bytes) -> list[tuple[bytes, bytes]]:
    words, at = [], 0
    while at < len(box) - 2:
        (length,) = struct.unpack_from("!H", box, at)
        words.append(box[at + 2 : at + 2 + length])
        at += 2 + length
    return list(zip(words[::2], words[1::2], strict=False))


# -- what is alike in all of them ----------------------------------------------------------


def requests(dialect: str, size: int, depth: int) -> bytes:
    """The bytes of one round trip of `depth` operations."""
    if dialect == "jsonrpc":
        return add_lines(depth)
    if dialect == "amp":
        return amp_boxes(depth)
    return echo_message(size) * depth


def check(dialect: str, request: bytes, reply: bytes, depth: int) -> None:
    """Raises WrongAnswer unless `reply` answers `request`."""
    if dialect == "jsonrpc":
        check_add_lines(reply, depth)
    elif dialect == "amp":
        check_amp(reply, depth)
    elif request != reply:
        at = next((i for i, (a, b) in enumerate(zip(request, reply, strict=False)) if a != b), len(reply))
        raise WrongAnswer(f"byte {at:,} of {len(request):,} came back changed")


def is_whole(dialect: str, request: bytes, reply: bytes, depth: int) -> bool:
    """Has everything come that the request is owed?"""
    if dialect == "jsonrpc":
        return reply.count(b"\n") >= depth
    if dialect == "amp":
        try:
            return len(split_boxes(reply)) >= depth
        except WrongAnswer:
            return False
    return len(reply) >= len(request)
