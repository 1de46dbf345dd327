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

    __slots__ = ("_batch", "_given", "_held", "_send", "_server", "_tag", "_token")

    def __init__(self, label: str, server: str, token: str, send: Callable[[Line, str], None]) -> None:
        self._tag = "label=" + escape(label)
        self._server = server
        self._token = token
        self._send = send
        self._held: Line | None = None
        self._batch = ""
        self._given = False
        """Another batch, which is all of the answer, carries the label."""

    def emit(self, line: Line) -> None:
        """One more line of the answer."""
        if self._batch or self._given:
            self._send(line, self._batch)
        elif self._held is None:
            self._held = line
        else:
            self._begin(self._held)
            self._send(line, self._batch)

    def begin(self, line: Line) -> str:
        """The beginning of a batch; returns the tag of the batch around it, which its end has as well.

        "The batch type MUST be ... an existing type applicable to the entire response, or
        labeled-response": a batch that comes first is taken for the whole answer.
        """
        if self._held is not None and not self._batch:
            self._begin(self._held)
        if self._batch or self._given:
            self._send(line, self._batch)
        else:
            self._given = True
            self._send(line, self._tag)
        return self._batch

    def _begin(self, held: Line) -> None:
        self._batch = "batch=" + self._token
        start = Line(f":{self._server} BATCH +{self._token} labeled-response", held.time)
        self._send(start, self._tag)
        self._send(held, self._batch)

    def finish(self, time: float) -> None:
        """The answer is whole."""
        if self._batch:
            self._send(Line(f":{self._server} BATCH -{self._token}", time), "")
        elif self._held is not None:
            self._send(self._held, self._tag)
        elif not self._given:
            self._send(Line(f":{self._server} ACK", time), self._tag)
