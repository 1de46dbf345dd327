"""One client's connection: lines in, their order and pace, deadlines, what it is sent.

What a command does is in `commands`, what the network does in `network`, who else is here in
`here`, what an answer waits for in `waiting`.  In here: when a command may run, and when it all ends.

Reading is delayed by holding lines back: a line that has to wait (for tokens, for a slow call,
for the peer to read) stays in the backlog with those behind it, and `deadline` is when the next
one may run.  The backlog is bounded in bytes; who fills it gets Excess Flood.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from protocols.chat.accounts import Account
from protocols.chat.answering import REASONS
from protocols.chat.caps import BATCH, LABELED_RESPONSE
from protocols.chat.commands.batch import Gathering, gather, timed_out
from protocols.chat.commands.channels import shown
from protocols.chat.commands.metadata import synced
from protocols.chat.commands.sasl import Exchange
from protocols.chat.commands.table import COMMANDS
from protocols.chat.flood import Bucket
from protocols.chat.labels import LABEL, Label
from protocols.chat.message import CLIENT_TAGS, LINE, UNENDED, Message
from protocols.chat.network.deliveries import Delivery, Line
from protocols.chat.network.events import Event, Leave
from protocols.chat.network.records import Channel, User
from protocols.chat.numerics import (
    ERR_ALREADYREGISTERED,
    ERR_NEEDMOREPARAMS,
    ERR_NOPRIVILEGES,
    ERR_NOTREGISTERED,
    ERR_UNKNOWNCOMMAND,
    Refusal,
)
from protocols.chat.reading import understood
from protocols.chat.waiting import DELAY, Waiting
from protocols.lines import Lines, TooLong
from protocols.session import CLOSE, Call, Orders, Peer, Reason

if TYPE_CHECKING:
    from protocols.chat.server import ChatServer

log = logging.getLogger("protocols.chat")


class ChatSession(Waiting):
    """One connection.  `user` is its record in the network once it is registered."""

    __slots__ = (
        "_backlog",
        "_bucket",
        "_ended",
        "_heard",
        "_lines",
        "_pinged",
        "_register_by",
        "_unended",
        "_waiting",
        "address",
        "entered",
        "exchange",
        "gathering",
        "markers",
        "name",
        "passed_over",
        "peer",
        "version",
    )

    def __init__(self, server: ChatServer) -> None:
        super().__init__(server)
        self.name = server.host.token()
        """What the network calls this connection."""
        self.peer = Peer()
        self.address = ""
        self.version = 0
        """Of the capability negotiation."""
        self.exchange: Exchange | None = None
        """A SASL exchange that is under way."""
        self.gathering: Gathering | None = None
        """A batch of its own that is open."""
        self.passed_over: Sequence[str] = ()
        """References of batches that failed: what still comes of them is passed over."""
        self.markers: dict[str, int] = {}
        """How far it has read, while it is not logged in: milliseconds, by folded target."""
        self.entered: list[Channel] = []
        """Channels whose topic and names are still to be shown."""
        self._lines = Lines(CLIENT_TAGS + LINE - 2)
        self._backlog: deque[bytes | TooLong] = deque()
        self._waiting = 0
        """Bytes in the backlog."""
        self._unended = 0
        """Bytes since the last line end."""
        self._bucket = Bucket(server.settings.flood)
        self._heard = self._pinged = self._register_by = 0.0
        self._ended = False

    # -- facts -------------------------------------------------------------------------

    def connected(self, peer: Peer, now: float) -> Orders:
        self.peer = peer
        self.address, self.host = self.server.addresses(peer)
        self._heard = now
        self._register_by = now + self.server.settings.timeouts.register
        self.deadline = self._register_by
        self.server.newcomers.add(self)
        log.info("%s: connected", peer)
        banned = self.server.banned(self.address)
        if banned:
            self.end(banned)
        return self.taken()

    def received(self, data: bytes, now: float) -> Orders:
        if self.closed:
            return ()
        self._heard = now
        self._pinged = 0.0
        new = self.user is None
        lines = self._lines.feed(data)
        if data[-1] != 10:
            end = data.rfind(b"\n")
            self._unended = len(data) - end - 1 if end >= 0 else self._unended + len(data)
        else:
            self._unended = 0
        if self._backlog or self.more or self._stream is not None or self._call is not None:
            self._keep(lines)
        else:
            self._read(lines, now)
        if self._unended > UNENDED:
            self.end("Request too long")
        return self._done(now) if self._backlog or new or self.gathering is not None else self.taken()

    def ended(self, now: float) -> Orders:
        self._ended = True
        last = self._lines.end()
        if last is not None:
            self._keep([last])
        return self._go_on(now)

    def resumed(self, now: float) -> Orders:
        self._said = 0
        self.more = False
        self._out += self._untold()
        return self._go_on(now)

    def replied(self, call: Call, result: Any, now: float) -> Orders:
        self._over(call, result, now)
        return self._go_on(now)

    def failed(self, call: Call, error: Exception, now: float) -> Orders:
        self._over(call, error, now)
        return self._go_on(now)

    def expired(self, now: float) -> Orders:
        if self.user is None and now >= self._register_by and not self.closed:
            self.end("Registration timed out")
        if self._call is DELAY and now >= self._due:
            self._over(DELAY, None, now)
        self._read_backlog(now)
        if self.gathering is not None and now >= self.gathering.deadline and not self.closed:
            timed_out(self)
        silence = self.server.settings.timeouts.ping
        if self.user is not None and not self.closed:
            if self._pinged and now >= self._pinged + silence:
                self.end(f"Ping timeout: {now - self._heard:.0f} seconds")
            elif not self._pinged and now >= self._heard + silence:
                self._pinged = now
                self._send(Line(f"PING :{self.server.name}", self.wall()), "")
        return self._done(now)

    def drained(self, now: float) -> Orders:
        if not self.closed:
            self.server.stopping = True
            self.notice("The server is stopping")
            self._send(Line("ERROR :Server closing", self.wall()), "")
            self._close("Server closing")
        return self.taken()

    def disconnected(self, reason: Reason, now: float) -> Orders:
        if not self.closed:
            log.info("%s: %s: %s", self.peer, self.nick, REASONS[reason])
        self._part_with(REASONS[reason])
        self._backlog.clear()
        self._stream = self._call = self._answered = None
        self._unasked = ()
        self.deadline = None
        self.more = False
        return [order for order in self.taken() if type(order) is not bytes]

    # -- lines in ----------------------------------------------------------------------

    def _keep(self, lines: Iterable[bytes | TooLong]) -> None:
        """These have to wait."""
        for line in lines:
            self._backlog.append(line)
            self._waiting += 1 if isinstance(line, TooLong) else len(line) + 2
        # While `more` is set the driver does not read, so what waits is what had arrived before.
        if self._waiting > self.server.settings.flood.queue and not self.more and not self._ended:
            self.end("Excess Flood")

    def _read(self, lines: Iterable[bytes | TooLong], now: float) -> None:
        rest = iter(lines)
        for line in rest:
            if not self._bucket.ready(now):
                self._keep([line, *rest])
                return
            self._take(line, now)
            if self.more or self.closed or self._stream is not None or self._call is not None:
                self._keep(rest)
                return

    def _read_backlog(self, now: float) -> None:
        if not (self.more or self.closed or self._call is not None) and self._stream is not None:
            self._pump()
        while self._backlog and not (
            self.more or self.closed or self._stream is not None or self._call is not None
        ):
            if not self._bucket.ready(now):
                return
            line = self._backlog.popleft()
            self._waiting -= 1 if isinstance(line, TooLong) else len(line) + 2
            self._take(line, now)

    def _take(self, line: bytes | TooLong, now: float) -> None:
        """One line."""
        message = understood(self, line)
        if message is None:
            self._bucket.take(1)
        elif message.command:
            self._run(message, now)

    def _run(self, message: Message, now: float) -> None:
        if self.server.news:
            self.server.hear(self._out)
        command = COMMANDS.get(message.command)
        self._bucket.take(command.cost if command else 1)
        if message.tags and self.caps & LABELED_RESPONSE and self.caps & BATCH:
            label = message.tags.get("label", "")
            if label and len(label.encode()) <= LABEL:
                server = self.server
                self._label = Label(label, server.name, server.next_batch(), self._send)
        try:
            if (self.gathering is not None or "batch" in message.tags) and gather(self, message, now):
                self.finish_label()
                return
            if command is None:
                raise Refusal(ERR_UNKNOWNCOMMAND, message.command)
            if self.user is None and command.when == "after":
                raise Refusal(ERR_NOTREGISTERED)
            if self.user is not None and command.when == "before":
                raise Refusal(ERR_ALREADYREGISTERED)
            if len(message.params) < command.least:
                raise Refusal(ERR_NEEDMOREPARAMS, message.command)
            if command.oper and (self.user is None or "o" not in self.user.modes):
                raise Refusal(ERR_NOPRIVILEGES)
            rest = command.run(self, message, now)
            if rest is not None:
                self._stream = rest
        except Refusal as refusal:
            self.reply(refusal.numeric, *refusal.arguments)
        self._pump()

    def charge(self, tokens: float) -> None:
        """The command that runs is dearer than its price."""
        self._bucket.take(tokens)

    # -- the network -------------------------------------------------------------------

    def apply(self, event: Event) -> list[Delivery]:
        """Let it happen, and say to everybody here what there is to say about it; returns all of that."""
        deliveries = self.server.network.apply(event)
        self.deliver(deliveries)
        return deliveries

    def deliver(self, deliveries: Iterable[Delivery]) -> None:
        """Say what there is to say about an event of this connection."""
        self.server.here.deliver(deliveries, self, self._out)

    def known(self, account: str, created: float | None) -> None:
        """The store says when the account of this name was made, or that there is none."""
        self.server.known(account, created, self._out)

    def made(self, account: Account) -> None:
        """The account was made this moment."""
        self.server.changed(account.name, account.created, self._out)

    def shown(self, channel: Channel) -> Iterator[Line]:
        """What a connection is shown of a channel that it is on now."""
        return shown(self, channel)

    def synced(self, user: User) -> Iterator[Line]:
        """What a connection is told of the metadata of somebody of whom it hears now."""
        return synced(self, user)

    # -- the end -----------------------------------------------------------------------

    def end(self, why: str, quit: str | None = None) -> None:
        """Say ERROR and close; others read `quit`, or `why`."""
        if self.closed:
            return
        # Up to the colon or bracket: what follows may be somebody's words, which are not for the log.
        log.info("%s: %s: %s", self.peer, self.nick, why.partition(":")[0].partition(" (")[0])
        self._out.append(self._error(why))
        self._close(why if quit is None else quit)

    def over(self, why: str) -> bytes:
        """Somebody else ended it: the last line that it is sent."""
        log.info("%s: %s: killed", self.peer, self.nick)
        self.server.forget(self)
        self._shut()
        return self._error(why)

    def _close(self, quit: str) -> None:
        self._label = None
        self._part_with(quit)
        self._out.append(CLOSE)
        self._shut()

    def _shut(self) -> None:
        self.closed = True
        self.more = False
        self.deadline = None
        self._backlog.clear()
        self._waiting = 0
        self._stream = None
        self._unasked = ()

    def _part_with(self, quit: str) -> None:
        """The network hears of it; once."""
        server = self.server
        leaves, self.closed = not self.closed, True
        if leaves:
            server.forget(self)
            if self.user is not None:
                said = server.network.apply(Leave(self.name, server.host.wall(), quit))
                if not server.stopping:
                    server.here.deliver(said, None, self._out)

    # -- the end of a fact -------------------------------------------------------------

    def _go_on(self, now: float) -> Orders:
        self._read_backlog(now)
        return self._done(now)

    def _done(self, now: float) -> Orders:
        if self.closed:
            return self.taken()
        if self._ended and not (
            self._backlog or self.more or self._stream is not None or self._call is not None
        ):
            self.end("Connection closed")
            return self.taken()
        due = self._register_by
        if self.user is not None:
            silence = self.server.settings.timeouts.ping
            due = (self._pinged or self._heard) + silence
        if self.gathering is not None:
            due = min(due, self.gathering.deadline)
        if self._call is DELAY:
            due = min(due, self._due)
        if self._backlog and not (self.more or self._stream is not None or self._call is not None):
            due = min(due, self._bucket.when())
        self.deadline = due
        return self.taken()
