"""A message of several lines (IRCv3 draft/multiline), as it is told with and without the capability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from protocols.chat.caps import MULTILINE
from protocols.chat.network.deliveries import Line

if TYPE_CHECKING:
    from protocols.chat.network.records import User

TYPE: Final = "draft/multiline"
"""The batch's type."""
CONCAT: Final = "draft/multiline-concat"
"""The tag of a piece that goes on with the line before it."""

Piece: TypeAlias = "tuple[str, bool]"
"""The text of one line of the batch, and whether it goes on with the one before."""


class Multiline(Line):
    """Several lines that are one message.  `text` is what stands before each of them."""

    __slots__ = ("pieces",)

    def __init__(
        self,
        text: str,
        pieces: tuple[Piece, ...],
        time: float,
        author: User | None = None,
        msgid: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text, time, author, msgid, tags)
        self.pieces = pieces

    def build(self, caps: int, first: str = "") -> bytes:
        """All of its lines; what tags there are stand at the beginning of the batch."""
        if not caps & MULTILINE:
            return self._separate(caps, first)
        source, _, rest = self.text.partition(" ")
        _, target, _ = rest.split(" ", 2)
        # A reference is its receiver's alone, and no two messages have the same id.
        token = "m" + self.msgid
        lines = [self._part(f"{source} BATCH +{token} {TYPE} {target}", True).build(caps, first)]
        for text, joined in self.pieces:
            tag = f"batch={token};{CONCAT}" if joined else f"batch={token}"
            lines.append(Line(self.text + text, self.time).build(0, tag))
        outer = first if first.startswith("batch=") else ""
        lines.append(Line(f"{source} BATCH -{token}", self.time).build(0, outer))
        return b"".join(lines)

    def _separate(self, caps: int, first: str) -> bytes:
        """ "servers MUST deliver the component messages without using a multiline BATCH", "MUST NOT send
        blank lines", and "MUST only include a message ID on the first message"."""
        lines: list[bytes] = []
        for text, _ in self.pieces:
            if text:
                lines.append(self._part(self.text + text, not lines).build(caps, first))
                if not first.startswith("batch="):
                    first = ""
        return b"".join(lines)

    def _part(self, text: str, whole: bool) -> Line:
        line = Line(text, self.time, None, self.msgid if whole else "", self.tags)
        line.account, line.bot = self.account, self.bot
        return line
