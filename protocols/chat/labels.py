"""labeled-response: exactly one label on the answer to a command, however many lines that has."""

from __future__ import annotations

from collections.abc import Callable

from protocols.chat.message import escape
from protocols.chat.network.deliveries import Line

LABEL = 64
"""Bytes of a label, which is "an opaque value ... maximum length of 64 bytes"."""


class Label:
    """The answer to one labeled command while it is given.

    Nothing: ACK.  One line carries the label itself; with the second a batch begins, and the batch
    carries it.  So the first is held until there is another, or the answer is whole.
    """

    __slots__ = ("_batch", "_held", "_send", "_server", "_tag", "_token")

    def __init__(self, label: str, server: str, token: str, send: Callable[[Line, str], None]) -> None:
        self._tag = "label=" + escape(label)
        self._server = server
        self._token = token
        self._send = send
        self._held: Line | None = None
        self._batch = ""

    def emit(self, line: Line) -> None:
        """One more line of the answer."""
        if self._batch:
            self._send(line, self._batch)
        elif self._held is None:
            self._held = line
        else:
            self._batch = "batch=" + self._token
            start = Line(f":{self._server} BATCH +{self._token} labeled-response", line.time)
            self._send(start, self._tag)
            self._send(self._held, self._batch)
            self._send(line, self._batch)

    def finish(self, time: float) -> None:
        """The answer is whole."""
        if self._batch:
            self._send(Line(f":{self._server} BATCH -{self._token}", time), "")
        elif self._held is not None:
            self._send(self._held, self._tag)
        else:
            self._send(Line(f":{self._server} ACK", time), self._tag)
