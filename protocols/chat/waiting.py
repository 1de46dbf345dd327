"""What the rest of an answer waits for: a slow call, a time, or room in what the peer has yet to read.

At most one thing is waited for, and it holds the line: the lines behind it stay in the backlog.  What a
connection is told without having asked goes beside that, and also only as there is room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from protocols.chat.answering import Answering
from protocols.chat.network.deliveries import Line
from protocols.chat.numerics import Refusal
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.chat.server import ChatServer

Answered = Callable[[Any, float], None]
"""What goes on once a call is over: with its result, or the exception."""

DELAY: Final = Call(float)
"""Stands for a call while a time is waited for; it is never ordered."""


class Waiting(Answering):
    """The half of a chat session that goes on with an answer."""

    __slots__ = ("_answered", "_call", "_due", "_stream", "_unasked")

    def __init__(self, server: ChatServer) -> None:
        super().__init__(server)
        self._stream: Iterator[None] | None = None
        """The rest of an answer that is longer than what is sent at once."""
        self._call: Call | None = None
        self._answered: Answered | None = None
        self._due = 0.0
        """When the delay is over, if `_call` is one."""
        self._unasked: tuple[Iterator[Line], ...] = ()
        """What it is told without having asked, as far as there was no room for it."""

    def call(self, call: Call, answered: Answered) -> None:
        """Run something slow; lines that come meanwhile wait, and so does the label."""
        self._call, self._answered = call, answered
        self._out.append(call)

    def delay(self, until: float, answered: Answered) -> None:
        """Go on at that time."""
        self._call, self._answered, self._due = DELAY, answered, until
        self.deadline = until if self.deadline is None else min(self.deadline, until)

    def stream(self, rest: Iterator[None]) -> None:
        """This is the rest of the answer, to be said as there is room for it."""
        self._stream = rest

    def unasked(self, lines: Iterable[Line]) -> list[bytes]:
        """Told besides what it asked for: what there is room for now; the rest is told at `resumed`."""
        self._unasked = (*self._unasked, iter(lines))
        return self._untold()

    def _untold(self) -> list[bytes]:
        told: list[bytes] = []
        while self._unasked and not self.more:
            line = next(self._unasked[0], None)
            if line is None:
                self._unasked = self._unasked[1:]
            else:
                data = line.build(self.caps)
                told.append(data)
                self._count(data)
        return told

    def _over(self, call: Call, result: Any, now: float) -> None:
        """What was waited for is there."""
        if call is not self._call or self._answered is None:
            return
        answered = self._answered
        self._call = self._answered = None
        if not self.closed:
            try:
                answered(result, now)
            except Refusal as refusal:
                self.reply(refusal.numeric, *refusal.arguments)
            self._pump()

    def _pump(self) -> None:
        """Say the rest of an answer, until it is whole or enough is said for now."""
        if self._stream is not None:
            try:
                while not self.more:
                    next(self._stream)
                return
            except StopIteration:
                pass
            except Refusal as refusal:
                self.reply(refusal.numeric, *refusal.arguments)
            self._stream = None
        if self._call is None:
            self.finish_label()
