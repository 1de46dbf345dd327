"""What the commands use of their session: replies, the store, what is waited for, and refusals.

When a command runs is `session`'s matter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from protocols.files.digest import Digest
from protocols.files.listing import FACTS
from protocols.files.opening import Opening
from protocols.files.orders import CancelTransfer, Connect, Listen, Unlisten
from protocols.files.paths import printable, resolve, shown
from protocols.files.replies import Refusal, refusal, reply
from protocols.files.store import Path, Problem, StoreError, Tree
from protocols.files.transfer import Download, Upload
from protocols.files.users import User
from protocols.session import CHUNK, CLOSE, Call, Order, Peer, Session

if TYPE_CHECKING:
    from protocols.files.server import FilesServer

log = logging.getLogger("protocols.files")

Then: TypeAlias = "Callable[[Any, float], None]"
"""What goes on with a result, and with `now`."""
Otherwise: TypeAlias = "Callable[[StoreError, float], None]"

PATH: Final = 4095
"""Characters of a path, as in Linux's PATH_MAX.  A store may need a descriptor for each directory on the way,
and CWD after CWD would make the way as long as a client likes."""

DELAY: Final = object()
HANDSHAKE: Final = object()
"""Two of the things that hold the line; the others are a `Call`, a `Listen` and a transfer."""


class Answering(Session):
    """One client: who it is, what it has set, and what it waits for."""

    __slots__ = (
        "_opening", "_otherwise", "_out", "_said", "_then", "aborting", "algorithm", "attempts", "began",
        "client", "closed", "cwd", "digest", "due", "epsv_all", "facts", "listening_for", "local", "moving",
        "name", "pbsz", "peer", "port", "protected", "range", "renaming", "rest", "secure", "server", "text",
        "told", "transfer", "tree", "tried", "user", "via", "waits_for",
    )  # fmt: skip

    def __init__(self, server: FilesServer) -> None:
        super().__init__()
        self.server = server
        self.peer = Peer()
        self.client = self.local = ""
        """Both addresses of the control connection, as data connections say them."""
        self.closed = False
        self.attempts = 0
        """Wrong passwords on this connection."""
        self.secure = self.pbsz = self.protected = False
        """TLS on the control connection; PBSZ was said; PROT P."""
        self.via: Listen | Connect | None = None
        """How the next transfer comes by its connection."""
        self.port: int | None = None
        """The passive port that is ours."""
        self.tried: list[int] = []
        """Passive ports that turned out to be somebody else's."""
        self.listening_for = ""
        """The command that the listener which is being opened will answer."""
        self.transfer: Download | Upload | None = None
        self.moving = False
        """A transfer command runs: from the command to its last reply."""
        self.aborting = False
        self.began = 0.0
        """When the transfer was begun, for the log."""
        self.digest: Digest | None = None
        """A checksum that is being made."""
        self.waits_for: object | None = None
        """What holds the line."""
        self.due = 0.0
        """When the delay is over."""
        self._then: Then | None = None
        self._otherwise: Otherwise | None = None
        self._opening: Opening | None = None
        self._out: list[Order] = []
        """The orders of the fact that is being reported."""
        self._said = 0
        self.forget_user()
        self.forget_settings()

    def forget_user(self) -> None:
        """Nobody is logged in.  What was set stays (RFC 959 §4.1.1, USER: "unchanged")."""
        self.name: str | None = None
        """What USER said, until PASS."""
        self.user: User | None = None
        self.tree: Tree | None = None
        """The user's files, once logged in."""
        self.cwd: Path = ()
        self.renaming: Path | None = None
        self.told: tuple[Path, int] | None = None
        """An upload of this name was cut, and its part said to be as large: a reader might believe that."""

    def forget_settings(self) -> None:
        """What can be set is as it was at the beginning; TLS stays."""
        self.text = True  # RFC 959 §5.1: the default TYPE is ASCII
        self.rest = 0
        self.range: tuple[int, int] | None = None
        self.facts: Sequence[str] = FACTS
        self.algorithm = ""
        """Of HASH; the first one until OPTS HASH."""
        self.epsv_all = False

    # -- orders ------------------------------------------------------------------------

    def reply(self, code: int, text: str) -> None:
        """Say one line."""
        self.say(reply(code, text))

    def say(self, data: bytes) -> None:
        """These are whole lines."""
        self._out.append(data)
        self._said += len(data)
        if self._said >= CHUNK:
            self.more = True

    def order(self, order: Order) -> None:
        self._out.append(order)

    def end(self, code: int, text: str) -> None:
        """Say this and close."""
        self.reply(code, text)
        self.shut(CLOSE)

    def shut(self, order: Order | None) -> None:
        """Nothing is heard or said any more."""
        self.closed = True
        self.more = False
        self.deadline = None
        self.drop_via()
        if self.transfer is not None and self.waits_for is self.transfer:
            self._out.append(CancelTransfer(self.transfer))
        if order is not None:
            self._out.append(order)

    # -- what commands ask for ---------------------------------------------------------

    def need(self, permission: str, command: str) -> None:
        """Raises Refusal unless the user may do this."""
        if self.user is None or permission not in self.user.permissions:
            self.warn(f"{self.who} may not {printable(command)}")
            raise refusal(Problem.DENIED)

    def path(self, argument: str) -> Path:
        """What a command's argument names.  Raises Refusal."""
        path = resolve(argument, self.cwd)
        if len(shown(path)) > PATH:
            raise refusal(Problem.BAD_NAME)
        return path

    @property
    def who(self) -> str:
        """The user's name, for the log."""
        return printable(self.user.name) if self.user is not None else "-"

    def warn(self, what: str) -> None:
        """Something was refused for security: a line on the log."""
        log.warning("%s: refused: %s", self.peer, what)

    def drop_via(self) -> None:
        """Forget how the next transfer was to come by its connection."""
        via, self.via = self.via, None
        if isinstance(via, Listen):
            self._out.append(Unlisten(via))
            self.release_port()

    def release_port(self) -> None:
        """Our passive port may be another session's."""
        self.release_tried()
        port, self.port = self.port, None
        if port is not None:
            self.server.ports.give_back(port)

    def release_tried(self) -> None:
        for one in self.tried:
            self.server.ports.give_back(one)
        self.tried.clear()

    # -- what is waited for ------------------------------------------------------------

    def store(
        self, operation: str, *args: Any, then: Then, otherwise: Otherwise | None = None, now: float
    ) -> None:
        """Ask the user's tree, here or in a thread, as the store wants it.

        Goes on with `then`, or with `otherwise` where the store refuses; without it the refusal is the reply.
        """
        function = getattr(self.tree, operation)
        self.perform(function, *args, quick=self.is_quick(operation), then=then, otherwise=otherwise, now=now)

    def is_quick(self, operation: str) -> bool:
        """May this operation of the tree run here?"""
        return self.tree is not None and operation in self.tree.quick

    def perform(
        self, function: Callable[..., Any], *args: Any, quick: bool, then: Then,
        otherwise: Otherwise | None = None, now: float,
    ) -> None:  # fmt: skip
        """Call something of the store's."""
        if not quick:
            self._opening = Opening(function)
            self.call(Call(self._opening, args), then, otherwise)
            return
        try:
            result = function(*args)
        except Exception as error:
            self.refused(error, otherwise, now)
        else:
            then(result, now)

    def call(self, call: Call, then: Then, otherwise: Otherwise | None = None) -> None:
        """Run something slow; commands that come meanwhile wait."""
        self.waits_for, self._then, self._otherwise = call, then, otherwise
        self._out.append(call)

    def delay(self, until: float, then: Then) -> None:
        """Go on at that time."""
        self.waits_for, self._then, self.due = DELAY, then, until

    def over(self, result: Any, now: float) -> None:
        """What was waited for is there."""
        then = self._then
        self.waits_for = self._then = self._otherwise = self._opening = None
        if then is not None:
            self.attempt(then, result, now)

    def over_with(self, error: Exception, now: float) -> None:
        """What was waited for went wrong."""
        otherwise = self._otherwise
        self.waits_for = self._then = self._otherwise = self._opening = None
        self.attempt(self.refused, error, otherwise, now)

    # -- refusals ----------------------------------------------------------------------

    def refused(self, error: Exception, otherwise: Otherwise | None, now: float) -> None:
        """The store raised this."""
        if not isinstance(error, StoreError):
            log.error("%s: the store failed", self.peer, exc_info=error)
            error = StoreError(Problem.IO)
        elif error.problem is Problem.OUTSIDE:
            self.warn(printable(str(error)))
        if otherwise is None:
            raise refusal(error.problem)
        otherwise(error, now)

    def attempt(self, function: Callable[..., None], *args: Any) -> None:
        """The one place where a refusal becomes a reply, which a transfer command does not outlive."""
        try:
            function(*args)
        except Refusal as refused:
            self.reply(refused.code, refused.text)
            self.moved()

    def moved(self) -> None:
        """The transfer command that ran, if one did, has had its last reply."""
        self.moving = False
        if self.aborting:
            # RFC 959 §4.1.3: 426 for the transfer, "followed by a 226 reply" for ABOR.
            self.aborting = False
            self.reply(226, "ABOR is done.")
