"""Lines out of a stream of bytes: linear time, a limit, and back in step after a long one."""

from __future__ import annotations

from typing import Final


class TooLong:
    """Stands in the place of a line that was over the limit and was dropped."""

    def __repr__(self) -> str:
        return "TOO_LONG"


TOO_LONG: Final = TooLong()


class Lines:
    """Cuts what arrives at LF, and drops one CR before it.

    `limit` counts the bytes of a line without its ending.  A longer one is reported
    once, as TOO_LONG, as soon as that is known; the rest of it is dropped up to its LF.
    At most `limit` + 2 bytes are held, and each byte is looked at once, however it is cut.
    """

    __slots__ = ("_held", "_parts", "_skipping", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._parts: list[bytes] = []
        self._held = 0
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | TooLong]:
        """The lines that `data` completes, in order."""
        # One split is the fast way for what pipelining clients send: many lines at once.
        *whole, rest = data.split(b"\n")
        lines: list[bytes | TooLong] = []
        limit = self.limit
        for line in whole:
            if self._parts or self._skipping:
                line = b"".join((*self._parts, line))
                self._parts.clear()
                self._held = 0
                if self._skipping:
                    self._skipping = False
                    continue
            if line[-1:] == b"\r":
                line = line[:-1]
            lines.append(line if len(line) <= limit else TOO_LONG)
        if rest and not self._skipping:
            self._parts.append(rest)
            self._held += len(rest)
            # Two more than the limit: the last may be the CR of a line that just fits.
            if self._held > limit + 1 or (self._held == limit + 1 and rest[-1:] != b"\r"):
                self._parts.clear()
                self._held = 0
                self._skipping = True
                lines.append(TOO_LONG)
        return lines

    def end(self) -> bytes | None:
        """What followed the last LF, where the stream ended; None if nothing did."""
        if not self._parts:
            return None
        line = b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        return line[:-1] if line[-1:] == b"\r" else line
