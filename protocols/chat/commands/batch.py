"""BATCH from a client: a message of several lines (IRCv3 draft/multiline, client-initiated batches).

"implementations MUST collect each PRIVMSG message content and wait until the full batch has been
received before processing the message."  What is wrong with a batch is told once; what still comes of it
is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocols.chat.caps import MULTILINE
from protocols.chat.casemap import fold
from protocols.chat.commands.messages import relayed
from protocols.chat.message import Message
from protocols.chat.network.events import Speak
from protocols.chat.network.multiline import CONCAT, TYPE, Piece
from protocols.chat.services.table import SERVICES

if TYPE_CHECKING:
    from protocols.chat.labels import Label
    from protocols.chat.session import ChatSession

OPEN: Final = 30.0
"""Seconds from one line of a batch to its next (ours)."""
LINE_COST: Final = 0.25
"""Tokens of one line (ours): they are told together, which is a part of the work."""
PASSED_OVER: Final = 8
"""References of batches that failed, of which more may come (ours)."""
BETWEEN: Final = ("BATCH", "PING", "PONG", "QUIT")
"""What a client may say while a batch is open, without being part of it."""


class Gathering:
    """The lines of a batch that is open, and the label of the answer to come."""

    __slots__ = ("bytes", "deadline", "label", "pieces", "reference", "tags", "target")

    def __init__(
        self, reference: str, target: str, tags: dict[str, str], label: Label | None, now: float
    ) -> None:
        self.reference = reference
        self.target = target
        self.tags = tags
        self.label = label
        self.pieces: list[Piece] = []
        self.bytes = 0
        self.deadline = now + OPEN


class Wrong(Exception):
    """What is wrong with the batch: the code, the words, and what stands between them."""

    def __init__(self, code: str, words: str, *context: str) -> None:
        super().__init__(code)
        self.code, self.words, self.context = code, words, context


def batch(session: ChatSession, message: Message, now: float) -> None:
    """Open a batch, or close it."""
    sign, reference = message.params[0][:1], message.params[0][1:]
    gathering = session.gathering
    try:
        if "batch" in message.tags:
            raise Wrong("MULTILINE_INVALID", "A batch within a batch")
        if sign == "+" and reference:
            _open(session, message, reference, now)
        elif sign == "-" and gathering is not None and reference == gathering.reference:
            _close(session, gathering)
        elif sign == "-" and reference in session.passed_over:
            _remove(session, reference)
        else:
            raise Wrong("MULTILINE_INVALID", "No such batch is open")
    except Wrong as wrong:
        _drop(session, wrong)


def _open(session: ChatSession, message: Message, reference: str, now: float) -> None:
    params = message.params
    if session.gathering is not None:
        _pass_over(session, reference)
        raise Wrong("MULTILINE_INVALID", "Another batch is open")
    if len(params) < 2 or params[1] != TYPE:
        _pass_over(session, reference)
        raise Wrong("UNKNOWN_TYPE", "Clients can't send batches of that type", *params[1:2])
    if not session.caps & MULTILINE or len(params) < 3 or not params[2]:
        _pass_over(session, reference)
        raise Wrong("MULTILINE_INVALID", "A target is missing, or the capability was not asked for")
    if reference in session.passed_over:
        _remove(session, reference)
    label, tags = session.take_label(), relayed(session, message)
    session.gathering = Gathering(reference, params[2], tags, label, now)


def gather(session: ChatSession, message: Message, now: float) -> bool:
    """Take a line that belongs to a batch; false if it belongs to none."""
    gathering, reference = session.gathering, message.tags.get("batch")
    if message.command == "BATCH":
        return False
    if reference is None:
        if gathering is not None and message.command not in BETWEEN:
            # "Clients MUST NOT send messages other than PRIVMSG while a multiline batch is open."
            mine = session.take_label()
            _drop(session, Wrong("MULTILINE_INVALID", f"{message.command} is no part of the batch"))
            session.finish_label()
            session.give_label(mine)
        return False
    if gathering is not None and reference == gathering.reference:
        try:
            _add(session, gathering, message)
            gathering.deadline = now + OPEN
        except Wrong as wrong:
            _drop(session, wrong)
            return True
        # It is answered with the batch, or not at all.
        session.take_label()
    elif reference not in session.passed_over:
        _drop(session, Wrong("MULTILINE_INVALID", "No such batch is open"))
    return True


def _add(session: ChatSession, gathering: Gathering, message: Message) -> None:
    params, limits = message.params, session.server.limits
    session.charge(LINE_COST - 1)
    if message.command != "PRIVMSG" or len(params) < 2:
        raise Wrong("MULTILINE_INVALID", "A batch has lines of PRIVMSG")
    if fold(params[0]) != fold(gathering.target):
        words = "Another target than the batch's"
        raise Wrong("MULTILINE_INVALID_TARGET", words, gathering.target, params[0])
    if any(tag[0] == "+" for tag in message.tags):
        raise Wrong("MULTILINE_INVALID", "Tags belong to the beginning of the batch")
    text, joined = params[1], CONCAT in message.tags and bool(gathering.pieces)
    if not text and CONCAT in message.tags:
        raise Wrong("MULTILINE_INVALID", "A blank line goes on with no other")
    if len(gathering.pieces) >= limits.multiline_lines:
        raise Wrong("MULTILINE_MAX_LINES", "Too many lines", str(limits.multiline_lines))
    # "Each line feed used to join line messages contributes one byte towards the max-bytes limit."
    gathering.bytes += len(text.encode()) + (bool(gathering.pieces) and not joined)
    if gathering.bytes > limits.multiline_bytes:
        raise Wrong("MULTILINE_MAX_BYTES", "Too many bytes", str(limits.multiline_bytes))
    gathering.pieces.append((text, joined))


def _close(session: ChatSession, gathering: Gathering) -> None:
    pieces, server = gathering.pieces, session.server
    if not any(text for text, _ in pieces):
        raise Wrong("MULTILINE_INVALID", "There is nothing in it but blank lines")
    if fold(gathering.target) in SERVICES:
        raise Wrong("MULTILINE_INVALID", "Services are told one line at a time")
    _end(session)
    text = "".join([one if joined else "\n" + one for one, joined in pieces])[1:]
    msgid, tags = server.next_msgid(), gathering.tags
    event = Speak(session.name, session.wall(), "PRIVMSG", gathering.target, text, msgid, tags, tuple(pieces))
    session.apply(event)


def timed_out(session: ChatSession) -> None:
    """ "the batch was left open for too long, all past and future messages in this batch will be
    ignored"."""
    gathering = session.gathering
    assert gathering is not None
    _drop(session, Wrong("TIMEOUT", "The batch was left open for too long", gathering.reference))
    session.finish_label()


def _drop(session: ChatSession, wrong: Wrong) -> None:
    gathering = session.gathering
    if gathering is not None:
        _pass_over(session, gathering.reference)
        _end(session)
    session.fail("BATCH", wrong.code, wrong.words, *wrong.context)


def _end(session: ChatSession) -> None:
    """No batch is open; what is answered now is the answer to its beginning."""
    gathering, session.gathering = session.gathering, None
    if gathering is not None and gathering.label is not None:
        session.give_label(gathering.label)


def _remove(session: ChatSession, reference: str) -> None:
    session.passed_over = [one for one in session.passed_over if one != reference]


def _pass_over(session: ChatSession, reference: str) -> None:
    session.passed_over = [*session.passed_over[1 - PASSED_OVER :], reference]
