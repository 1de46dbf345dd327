"""What one connection is sent: replies, labeled answers, the last word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.chat.labels import Label
from protocols.chat.message import LINE
from protocols.chat.network.deliveries import Line
from protocols.chat.network.records import User
from protocols.chat.numerics import Numeric
from protocols.chat.registration import Registration
from protocols.session import CHUNK, Order, Reason, Session

if TYPE_CHECKING:
    from protocols.chat.server import ChatServer


REASONS = {
    Reason.EOF: "Connection closed",
    Reason.RESET: "Connection reset by peer",
    Reason.STALLED: "Stopped reading",
    Reason.SEND_QUEUE: "SendQ exceeded",
    Reason.ABORTED: "Connection aborted",
    Reason.BUG: "Internal error",
}
"""What others read in QUIT."""


class Answering(Session):
    """The half of a chat session that speaks.  It gathers the orders of the fact that is reported."""

    __slots__ = ("_label", "_out", "_said", "caps", "closed", "host", "registration", "server", "user")

    def __init__(self, server: ChatServer) -> None:
        super().__init__()
        self.server = server
        self.user: User | None = None
        self.registration = Registration()
        self.host = ""
        """What others see in place of its address."""
        self.caps = 0
        self.closed = False
        self._out: list[Order] = []
        self._said = 0
        """Bytes since the driver was last known to have sent nearly all."""
        self._label: Label | None = None

    def taken(self) -> list[Order]:
        """The orders of this fact, handed over: an idle connection keeps none."""
        out, self._out = self._out, []
        return out

    def wall(self) -> float:
        """When what happens now happens: seconds since 1970."""
        return self.server.host.wall()

    @property
    def nick(self) -> str:
        """What replies call it."""
        return self.user.nick if self.user is not None else self.registration.nick or "*"

    def numeric(self, numeric: Numeric, *arguments: object) -> Line:
        """A numeric reply as a line."""
        server = self.server
        text = f":{server.name} {numeric.number} {self.nick} {numeric.fill(*arguments)}"
        return Line(text, server.host.wall())

    def room(self, numeric: Numeric, *arguments: object) -> int:
        """Bytes that one such line has for its last argument."""
        return LINE - 2 - len(self.numeric(numeric, *arguments, "").text.encode())

    def reply(self, numeric: Numeric, *arguments: object) -> None:
        """Answer with a numeric."""
        self.emit(self.numeric(numeric, *arguments))

    def say(self, words: str) -> None:
        """The server says this."""
        self.emit(Line(f":{self.server.name} {words}", self.wall()))

    def emit_plain(self, words: str) -> None:
        """A line without a source."""
        self.emit(Line(words, self.wall()))

    def notice(self, words: str, service: str = "") -> None:
        """The server, or one of its services, says this in words."""
        name = self.server.name
        source = f"{service}!{service}@{name}" if service else name
        self.emit(Line(f":{source} NOTICE {self.nick} :{words}", self.wall()))

    def fail(self, command: str, code: str, words: str, *context: str) -> None:
        """standard-replies: the command failed, and why."""
        # What a client said is made one word each, as in a numeric.
        context = tuple(one.lstrip(":").partition(" ")[0] or "*" for one in context)
        self.say(" ".join(["FAIL", command, code, *context, f":{words}"]))

    def note(self, command: str, code: str, words: str, *context: str) -> None:
        """standard-replies: something worth knowing about the command."""
        self.say(" ".join(["NOTE", command, code, *context, f":{words}"]))

    def emit(self, line: Line) -> None:
        """What belongs to the answer to the command that runs, or to none."""
        if self._label is not None:
            self._label.emit(line)
        else:
            self._send(line, "")

    def aside(self, line: Line) -> None:
        """What it would be told whoever had said it, and so no part of an answer."""
        self._send(line, "")

    def begin(self, line: Line) -> str:
        """The beginning of a batch; its end has the tag that this returns."""
        if self._label is not None:
            return self._label.begin(line)
        self._send(line, "")
        return ""

    def emit_in(self, line: Line, tag: str) -> None:
        """What belongs to a batch that was begun."""
        self._send(line, tag)

    def take_label(self) -> Label | None:
        """The label of the answer that is given now; it is for somebody else to answer."""
        label, self._label = self._label, None
        return label

    def give_label(self, label: Label | None) -> None:
        """What is answered now has this label."""
        self._label = label

    def _send(self, line: Line, tag: str) -> None:
        if self.closed:
            return
        data = line.build(self.caps, tag)
        self._out.append(data)
        self._count(data)

    def _count(self, data: bytes) -> None:
        """This is said; soon that is enough for now."""
        self._said += len(data)
        if self._said >= CHUNK:
            self.more = True

    def finish_label(self) -> None:
        if self._label is not None:
            label, self._label = self._label, None
            label.finish(self.wall())

    def _error(self, why: str) -> bytes:
        line = Line(f"ERROR :Closing Link: {self.host} ({why})", self.wall())
        return line.build(self.caps)
