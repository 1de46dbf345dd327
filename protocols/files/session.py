"""One control connection: commands in, their order, deadlines, the end.

What a command does is in the modules that `commands` names, what each needs in `commands` itself.  In here:
when a command may run, and when it all ends.

At most one thing holds the line: a slow call, a listener that is being opened, a transfer, a delayed
answer, a TLS handshake.  Commands that come meanwhile wait in order; in a transfer ABOR and STAT overtake.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from protocols.files import data, transfers
from protocols.files.addresses import bindable, plain
from protocols.files.answering import DELAY, HANDSHAKE, Answering
from protocols.files.commands import COMMANDS, REFUSED
from protocols.files.orders import Listen, Outcome
from protocols.files.replies import Refusal
from protocols.files.telnet import Telnet
from protocols.files.transfer import Download, Upload
from protocols.lines import Lines, TooLong
from protocols.session import ABORT, CLOSE, Call, Orders, Peer, Reason

if TYPE_CHECKING:
    from protocols.files.server import FilesServer

log = logging.getLogger("protocols.files")

QUEUE: Final = 65_536
"""Bytes of commands that may be waiting when more arrive; who goes on then is told 421."""

OVERTAKING: Final = frozenset(name.encode() for name, one in COMMANDS.items() if one.overtakes)


class FilesSession(Answering):
    """One client's control connection."""

    __slots__ = ("_behind", "_draining", "_ended", "_heard", "_lines", "_queue", "_telnet", "_waiting")

    def __init__(self, server: FilesServer) -> None:
        super().__init__(server)
        self._telnet = Telnet()
        self._lines = Lines(server.limits.command_bytes - 2)
        self._queue: list[bytes | TooLong] = []
        self._waiting = 0
        """Bytes in the queue."""
        self._behind = False
        """More came with the line that runs."""
        self._heard = 0.0
        self._ended = self._draining = False

    # -- facts -------------------------------------------------------------------------

    def connected(self, peer: Peer, now: float) -> Orders:
        self._introduce(peer)
        # Implicit TLS: nobody has said PBSZ and PROT, and nobody expects data in the clear.
        self.secure = self.pbsz = self.protected = peer.tls is not None
        self._heard = now
        self.reply(220, self.server.settings.banner)
        return self._done()

    def received(self, data: bytes, now: float) -> Orders:
        if self.closed:
            return ()
        self._heard = now
        lines = self._lines.feed(self._telnet.feed(data))
        if self.waits_for is HANDSHAKE:
            self.refuse_glued()
        elif self._queue or self.busy:
            self._keep(lines, now)
        else:
            for at, line in enumerate(lines, 1):
                self._behind = at < len(lines)
                self._take(line, now)
                if self.closed:
                    break
                if self.busy:
                    self._keep(lines[at:], now)
                    break
        return self._done()

    def ended(self, now: float) -> Orders:
        self._ended = True
        self._lines.end()  # a command without its line end was cut
        transfers.control_ended(self)
        return self._go_on(now)

    def resumed(self, now: float) -> Orders:
        self._said = 0
        self.more = False
        return self._go_on(now)

    def expired(self, now: float) -> Orders:
        idle = self.server.limits.idle
        if self.waits_for is DELAY and now >= self.due:
            self.over(None, now)
        elif idle and not self.busy and not self.closed and now >= self._heard + idle:
            self.end(421, f"Nothing heard for {idle:.0f} seconds.")
        return self._go_on(now)

    def replied(self, call: Call, result: Any, now: float) -> Orders:
        if call is self.waits_for:
            self._heard = now
            self.over(result, now)
        return self._go_on(now)

    def failed(self, call: Call, error: Exception, now: float) -> Orders:
        if call is self.waits_for:
            self._heard = now
            self.over_with(error, now)
        return self._go_on(now)

    def secured(self, peer: Peer, now: float) -> Orders:
        self._introduce(peer)
        self.waits_for = None
        self.secure = True
        self._heard = now
        return self._go_on(now)

    def listening(self, listen: Listen, port: int, now: float) -> Orders:
        """The listener that `Listen` ordered accepts one connection at this port."""
        if listen is self.waits_for:
            self.waits_for = None
            self.attempt(data.listening, self, listen, port)
        return self._go_on(now)

    def listen_failed(self, listen: Listen, in_use: bool, now: float) -> Orders:
        """It could not be opened; `in_use`: because somebody else has that port."""
        if listen is self.waits_for:
            self.waits_for = None
            self.attempt(data.listen_failed, self, listen, in_use)
        return self._go_on(now)

    def strayed(self, listen: Listen, peer: Peer, now: float) -> Orders:
        """Somebody else than the client connected to the listener, and was hung up on."""
        self.warn(f"a data connection from {peer}")
        return ()

    def finished(self, transfer: Download | Upload, outcome: Outcome, now: float) -> Orders:
        """The transfer that `Begin` ordered is over: nothing touches it any more."""
        if transfer is not self.transfer:
            raise RuntimeError("finished was reported of a transfer that does not run")
        self.waits_for = None
        if self.closed:
            transfers.cut(self, transfer, outcome.value, now)
            self._out.clear()
            return ()
        self._heard = now
        self.attempt(transfers.finished, self, transfer, outcome, now)
        return self._go_on(now)

    def drained(self, now: float) -> Orders:
        self._draining = True
        self._queue.clear()
        if self.waits_for is HANDSHAKE:
            self.shut(ABORT)  # nothing can be said in the middle of it
        elif self.waits_for is DELAY and not self.moving:
            self.waits_for = None  # a refusal need not be waited for, an upload's end must be
        return self._done()

    def disconnected(self, reason: Reason, now: float) -> Orders:
        if self.user is not None and reason is not Reason.EOF:  # the usual end is not worth a line
            log.info("%s: %s: %s", self.peer, self.who, reason.value)
        self.shut(None)
        self._queue.clear()
        if self._opening is not None:
            self._opening.drop()
        if self.digest is not None:
            self.digest.stop()
        if self.transfer is not None and self.waits_for is not self.transfer:
            transfers.cut(self, self.transfer, "control connection lost", now)
        self.release_port()
        self._out.clear()
        return ()

    # -- lines in ----------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Does something hold the line?"""
        return self.more or self.waits_for is not None

    @property
    def glued(self) -> bool:
        """Has anything arrived behind the command that runs?"""
        return self._behind or bool(self._queue) or self._lines.end() is not None

    @property
    def control_over(self) -> bool:
        """Will the client say nothing more on the control connection?"""
        return self._ended or self.closed

    def refuse_glued(self) -> None:
        """Whatever came in the clear behind AUTH may be anybody's, and is dropped."""
        self.warn("bytes in the clear behind AUTH")
        self.shut(ABORT)

    def _keep(self, lines: Sequence[bytes | TooLong], now: float) -> None:
        """These have to wait; but what overtakes a transfer runs now."""
        if self._waiting > QUEUE and lines:
            self.end(421, "Too many commands are waiting.")
            return
        for line in lines:
            if self.moving and not isinstance(line, TooLong) and line.rstrip().upper() in OVERTAKING:
                self._overtake(line, now)
            elif not self._draining:  # or 421 will be the answer
                self._queue.append(line)
                self._waiting += _size(line)

    def _take(self, line: bytes | TooLong, now: float) -> None:
        """One line, without its line end."""
        if isinstance(line, TooLong):
            self.end(500, f"A command has at most {self.server.limits.command_bytes} bytes.")
        else:
            self.attempt(self._run, line, now)

    def _overtake(self, line: bytes, now: float) -> None:
        """A command while a transfer goes on, which a refusal does not end."""
        try:
            self._run(line, now)
        except Refusal as refused:
            self.reply(refused.code, refused.text)

    def _run(self, line: bytes, now: float) -> None:
        # RFC 2640 §3.1: UTF-8; what is not keeps its bytes.
        verb, _, argument = line.decode(errors="surrogateescape").partition(" ")
        verb = verb.upper()
        command = COMMANDS.get(verb)
        if command is None:
            if verb in REFUSED:
                raise Refusal(502, f"{verb} is not implemented.")
            raise Refusal(500, "Unknown command.")
        if "\0" in argument:
            raise Refusal(501, "NUL is in no name.")
        if command.login and self.tree is None:
            raise Refusal(530, "Log in with USER and PASS.")
        if command.argument == "required" and not argument:
            raise Refusal(501, f"Expected {verb} {command.syntax}.")
        if command.argument == "none" and argument.strip():
            raise Refusal(501, f"{verb} takes no argument.")
        if command.permission is not None:
            self.need(command.permission, f"{verb} {argument}".rstrip())
        command.run(self, argument, now)

    # -- the end of a fact -------------------------------------------------------------

    def _go_on(self, now: float) -> Orders:
        while self._queue and not self.busy and not self.closed:
            line = self._queue.pop(0)
            self._waiting -= _size(line)
            self._behind = False
            self._take(line, now)
            if self.moving:
                # ABOR may have waited already, behind what the transfer itself had to wait for.
                waiting, self._queue, self._waiting = self._queue, [], 0
                self._keep(waiting, now)
        return self._done()

    def _done(self) -> Orders:
        if self.closed:
            self._queue.clear()
        elif self.waits_for is not None:
            self.deadline = self.due if self.waits_for is DELAY else None
        elif self._draining and not self.more:
            self.end(421, "The server is stopping.")
        elif self._ended and not self.more and not self._queue:
            self.shut(CLOSE)
        else:
            idle = self.server.limits.idle
            self.deadline = self._heard + idle if idle else None
        out, self._out = self._out, []
        return out

    def _introduce(self, peer: Peer) -> None:
        self.peer = peer
        self.client, self.local = plain(peer.host), bindable(peer.local_host)


def _size(line: bytes | TooLong) -> int:
    return 1 if isinstance(line, TooLong) else len(line) + 2
