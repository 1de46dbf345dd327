"""A line as a message, or the answer that says why it is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.chat.message import CLIENT_TAGS, LINE, Message, parse
from protocols.chat.numerics import ERR_INPUTTOOLONG
from protocols.lines import TooLong

if TYPE_CHECKING:
    from protocols.chat.answering import Answering


def understood(session: Answering, line: bytes | TooLong) -> Message | None:
    """What the line says; None once it is answered that it can't be read.

    Modern IRC, "Message Format": over 512 bytes, or 4,096 of tags, it is 417.  UTF8ONLY: what is not
    UTF-8 is refused with INVALID_UTF8.
    """
    if isinstance(line, TooLong):
        session.reply(ERR_INPUTTOOLONG)
        return None
    try:
        message = parse(line.decode())
    except UnicodeDecodeError:
        command = parse(line.decode(errors="replace")).command
        session.fail(command if command.isascii() and command else "*", "INVALID_UTF8", "not UTF-8")
        return None
    if len(line) > LINE - 2 and _is_too_long(line):
        session.reply(ERR_INPUTTOOLONG)
        return None
    return message


def _is_too_long(line: bytes) -> bool:
    tags = line.find(b" ") + 1 if line.startswith(b"@") else 0
    return tags > CLIENT_TAGS or len(line) - tags > LINE - 2
