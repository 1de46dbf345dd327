"""The grammar of one IRC message: tags, source, command, parameters; reading, writing, cutting.

RFC 2812 §2.3.1, and the IRCv3 message-tags specification.  Not in here: what any of it means.
"""

from __future__ import annotations

from typing import Final

import msgspec

LINE: Final = 512
"""RFC 2812 §2.3: "shall not exceed 512 characters in length, counting all characters including
the trailing CR-LF".  In bytes, and without the tags."""
CLIENT_TAGS: Final = 4096
"""Message-tags: bytes that a client's tags may take, with the leading @ and the space after them."""
SERVER_TAGS: Final = 8191
"""Message-tags: bytes of all tags that a server may send, @ and space included."""
UNENDED: Final = 16_384
"""Ours: bytes without a line end after which a peer is held to speak something else than IRC."""

_ESCAPES = {";": r"\:", " ": r"\s", "\\": r"\\", "\r": r"\r", "\n": r"\n"}
_ESCAPED = str.maketrans(_ESCAPES)
_UNESCAPED = {escaped[1]: plain for plain, escaped in _ESCAPES.items()}
_FORBIDDEN = str.maketrans({"\r": None, "\n": None, "\0": None})


class Message(msgspec.Struct, gc=False):
    """One message.  `command` is in upper case; "" if the line held none."""

    command: str
    params: list[str]
    source: str = ""
    tags: dict[str, str] = {}


def parse(line: str) -> Message:
    """Read one line without its ending.  Never raises: what makes no sense has no command.

    RFC 2812 §2.3.1 forbids NUL, CR and LF within a message: they are dropped here, so that no
    client can make others read two lines where it sent one.
    """
    if "\r" in line or "\0" in line or "\n" in line:
        line = line.translate(_FORBIDDEN)
    tags: dict[str, str] = {}
    source = ""
    line = line.lstrip(" ")
    if line.startswith("@"):
        section, _, line = line.partition(" ")
        tags = parse_tags(section[1:])
        line = line.lstrip(" ")
    if line.startswith(":"):
        source, _, line = line.partition(" ")
        source = source[1:]
        line = line.lstrip(" ")
    head, colon, trailing = line.partition(" :")
    command, *params = head.split(" ")
    if "" in params:
        params = [one for one in params if one]
    if colon:
        params.append(trailing)
    return Message(command.upper(), params, source, tags)


def parse_tags(section: str) -> dict[str, str]:
    """The tags between @ and the space.  "If a tag is sent with the same key more than once, the
    last occurrence" counts (message-tags)."""
    tags = {}
    for one in section.split(";"):
        key, _, value = one.partition("=")
        if key:
            tags[key] = unescape(value) if "\\" in value else value
    return tags


def escape(value: str) -> str:
    """A tag's value as it is written."""
    return value.translate(_ESCAPED)


def unescape(value: str) -> str:
    r"""A tag's value as it is meant.  "If a lone \ exists at the end of an escaped value (with no
    escape character following it), then there SHOULD be no output character" (message-tags)."""
    out = []
    rest = iter(value)
    for one in rest:
        if one == "\\":
            following = next(rest, "")
            one = _UNESCAPED.get(following, following)
        out.append(one)
    return "".join(out)


def format_tags(tags: dict[str, str]) -> str:
    """What stands between @ and the space.  An empty value and a missing one are the same."""
    return ";".join([f"{key}={escape(value)}" if value else key for key, value in tags.items()])


def format_message(message: Message) -> str:
    """The message as a line without its ending; `parse` gives it back.

    Only the last parameter may be empty, hold spaces, or begin with a colon.
    """
    parts = []
    if message.tags:
        parts.append("@" + format_tags(message.tags))
    if message.source:
        parts.append(":" + message.source)
    parts.append(message.command)
    if message.params:
        *middle, last = message.params
        parts += middle
        parts.append(":" + last if not last or last[0] == ":" or " " in last else last)
    return " ".join(parts)


def cut(text: bytes, most: int) -> bytes:
    """The first `most` bytes of UTF-8, or up to three fewer: no character is split."""
    if len(text) <= most:
        return text
    while most > 0 and text[most] & 0xC0 == 0x80:
        most -= 1
    return text[:most]


def cut_text(text: str, most: int) -> str:
    """The same, of what is not encoded yet."""
    if len(text) * 4 <= most:
        return text
    return cut(text.encode(), most).decode()
