"""History: CHATHISTORY MARKREAD REDACT.

Who may see what: on a channel its members, all that is kept of it, but what was said while it was
invite-only, secret or had a key only as long as the channel lives: who makes a channel of the same name
later was not let in.  Of direct messages those two who were logged in, each their own.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from protocols.chat.caps import BATCH, EVENT_PLAYBACK
from protocols.chat.casemap import fold
from protocols.chat.history import Kept, Place, Query, Reference, UnknownMessage
from protocols.chat.message import Message, cut_text
from protocols.chat.network.deliveries import Forget, Line, milliseconds, stamp
from protocols.chat.network.events import MarkRead, Redact
from protocols.chat.network.kept import identity, place_of
from protocols.chat.network.records import Channel
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.chat.history import History
    from protocols.chat.network.records import User
    from protocols.chat.session import ChatSession

log = logging.getLogger("protocols.chat")

MARKERS: Final = 100
"""Read markers of a connection that is not logged in (ours)."""
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_REFERENCES = {"LATEST": 1, "BEFORE": 1, "AFTER": 1, "AROUND": 1, "BETWEEN": 2}


def read_time(text: str) -> int | None:
    """A timestamp in milliseconds, or None if it is none: "YYYY-MM-DDThh:mm:ss.sssZ"."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        when = datetime.fromisoformat(found[1]).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return int(when.timestamp()) * 1000 + int((found[2] or "0").ljust(3, "0")[:3])


# -- CHATHISTORY -------------------------------------------------------------------------


class Wrong(Exception):
    """What was asked for can't be had: the code, the words, and what follows the subcommand."""

    def __init__(self, code: str, words: str, *context: str) -> None:
        super().__init__(code)
        self.code, self.words, self.context = code, words, context


def chathistory(session: ChatSession, message: Message, now: float) -> None:
    """draft/chathistory."""
    params = message.params
    subcommand = params[0].upper() if params else "*"
    try:
        if session.server.history is None:
            raise Wrong("MESSAGE_ERROR", "History is not kept here")
        if not params:
            raise Wrong("NEED_MORE_PARAMS", "Missing parameters")
        if subcommand == "TARGETS":
            _targets(session, session.server.history, params)
        elif subcommand in _REFERENCES:
            _messages(session, session.server.history, subcommand, params)
        else:
            raise Wrong("UNKNOWN_COMMAND", "Unknown command")
    except Wrong as wrong:
        _fail(session, subcommand, wrong)


def _fail(session: ChatSession, subcommand: str, wrong: Wrong) -> None:
    session.fail("CHATHISTORY", wrong.code, wrong.words, subcommand, *wrong.context)


def _messages(session: ChatSession, history: History, subcommand: str, params: list[str]) -> None:
    count = _REFERENCES[subcommand]
    if len(params) < 3 + count:
        raise Wrong("NEED_MORE_PARAMS", "Missing parameters")
    target, user = params[1], session.user
    assert user is not None
    references = [_reference(one, subcommand, target) for one in params[2 : 2 + count]]
    first, second = references[0], references[-1]
    events = bool(session.caps & EVENT_PLAYBACK)
    limit = _limit(session, params[2 + count])
    channel = _channel(session, target)
    places: tuple[Place, ...]
    if channel is not None:
        places = (_place(channel),)
    else:
        if target.startswith("#") or not user.account:
            raise Wrong("INVALID_TARGET", "Messages could not be retrieved", target)
        places = tuple((place, 0) for place in _with(session, user, target))

    def ask() -> list[Kept]:
        asked = places
        if channel is None:
            more = history.conversations(fold(user.account), target)
            asked += tuple((place, 0) for place in more if (place, 0) not in places)
        return history.query(Query(subcommand, asked, first, second, limit, events))  # type: ignore[arg-type]

    def answered(result: Any, now: float) -> None:
        if isinstance(result, UnknownMessage):
            words = "That message is not kept, or not any longer"
            _fail(session, subcommand, Wrong("MESSAGE_ERROR", words, target))
        elif isinstance(result, Exception):
            _unable(session, subcommand, target, result)
        elif channel is not None and session.user not in channel.members:
            # It was sent away meanwhile.
            words = "Messages could not be retrieved"
            _fail(session, subcommand, Wrong("INVALID_TARGET", words, target))
        else:
            lines = (kept.line() for kept in result)
            session.stream(_batch(session, f"chathistory {target}", lines))

    session.charge(limit / 50)
    session.call(Call(ask), answered)


def _targets(session: ChatSession, history: History, params: list[str]) -> None:
    """ "CHATHISTORY TARGETS <timestamp> <timestamp> <limit>", in either order."""
    if len(params) < 4:
        raise Wrong("NEED_MORE_PARAMS", "Missing parameters")
    times = [_reference(one, "TARGETS", "*") for one in params[1:3]]
    if any(one is None or one.msgid for one in times):
        raise Wrong("INVALID_PARAMS", "Invalid parameters", *params[1:3])
    after, before = sorted(one.time for one in times if one is not None)
    limit, user = _limit(session, params[3]), session.user
    assert user is not None
    channels = {channel.name: _place(channel) for channel in user.channels.values()}

    def answered(result: Any, now: float) -> None:
        if isinstance(result, Exception):
            _unable(session, "TARGETS", "*", result)
        else:
            wall = session.wall()
            name = session.server.name
            words = (f":{name} CHATHISTORY TARGETS {one.name} {stamp(one.time / 1000)}" for one in result)
            session.stream(_batch(session, "draft/chathistory-targets", (Line(one, wall) for one in words)))

    call = Call(history.targets, (fold(user.account), channels, after, before, limit))
    session.call(call, answered)


def _unable(session: ChatSession, subcommand: str, target: str, error: Exception) -> None:
    log.error("%s: history can't be read: %s", session.peer, error)
    _fail(session, subcommand, Wrong("MESSAGE_ERROR", "Messages could not be retrieved", target))


def _reference(text: str, subcommand: str, target: str) -> Reference | None:
    kind, equals, value = text.partition("=")
    if text == "*" and subcommand == "LATEST":
        return None
    if kind == "msgid" and value:
        return Reference(msgid=value)
    if kind == "timestamp":
        time = read_time(value)
        if time is not None:
            return Reference(time=time)
    elif equals:
        raise Wrong("INVALID_MSGREFTYPE", "A message is named by msgid or timestamp", target)
    raise Wrong("INVALID_PARAMS", "Invalid parameters", text)


def _limit(session: ChatSession, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise Wrong("INVALID_PARAMS", "Invalid parameters", text)
    return min(int(text), session.server.settings.history.query_max)


def _channel(session: ChatSession, target: str) -> Channel | None:
    """The channel of this name, if the asker is on it."""
    assert session.user is not None
    return session.user.channels.get(fold(target)) if target.startswith("#") else None


def _place(channel: Channel) -> Place:
    return fold(channel.name), milliseconds(channel.created)


def _with(session: ChatSession, user: User, nick: str) -> list[str]:
    """Where the user talks to who has that nick now, or is an account of that name."""
    me = identity(user.account, user.nick)
    there = session.server.network.nicks.get(fold(nick))
    them = identity(there.account if there is not None else nick, nick)
    return [place_of(me, them)]


def _batch(session: ChatSession, words: str, lines: Iterator[Line]) -> Iterator[None]:
    """Lines as a batch, for who has the capability; else as they are."""
    server, outer = session.server, ""
    token = server.next_batch() if session.caps & BATCH else ""
    if token:
        outer = session.begin(Line(f":{server.name} BATCH +{token} {words}", session.wall()))
    for line in lines:
        session.emit_in(line, f"batch={token}" if token else "")
        yield
    if token:
        session.emit_in(Line(f":{server.name} BATCH -{token}", session.wall()), outer)


# -- MARKREAD ----------------------------------------------------------------------------


def markread(session: ChatSession, message: Message, now: float) -> None:
    """draft/read-marker: asks how far one has read, or says so."""
    params, history = message.params, session.server.history
    if history is None:
        session.fail("MARKREAD", "INTERNAL_ERROR", "History is not kept here", *params[:1])
    elif not params or not params[0]:
        session.fail("MARKREAD", "NEED_MORE_PARAMS", "Missing parameters")
    elif len(params) == 1:
        session.emit(marker(session, params[0]))
    else:
        kind, _, value = params[1].partition("=")
        time = read_time(value) if kind == "timestamp" else None
        if time is None or len(params[0].encode()) > session.server.limits.channel:
            session.fail("MARKREAD", "INVALID_PARAMS", "Invalid parameters", *params[:2])
        else:
            # The time of something that has been said.
            _mark(session, history, params[0], min(time, milliseconds(session.wall())))


def _mark(session: ChatSession, history: History, target: str, time: int) -> None:
    user = session.user
    assert user is not None
    if not user.account:
        mine = session.markers
        before = mine.pop(fold(target), 0)
        mine[fold(target)] = max(time, before)
        if len(mine) > MARKERS:
            del mine[next(iter(mine))]
        session.emit(marker(session, target))
        return
    before = history.marker(fold(user.account), fold(target))
    if time <= before:
        session.emit(marker(session, target))
        return

    def answered(result: Any, now: float) -> None:
        if isinstance(result, Exception):
            log.error("%s: a read marker can't be kept: %s", session.peer, result)
            session.fail("MARKREAD", "INTERNAL_ERROR", "The read timestamp could not be set", target)
            return
        read, server = result / 1000, session.server.name
        session.apply(MarkRead(session.name, session.wall(), one_word(target), read, server))

    session.call(Call(history.mark, (fold(user.account), fold(target), time)), answered)


def marker(session: ChatSession, target: str) -> Line:
    """How far the user has read; `*` if it never said."""
    server, user = session.server, session.user
    time = session.markers.get(fold(target), 0)
    if user is not None and user.account and server.history is not None:
        time = server.history.marker(fold(user.account), fold(target))
    said = f"timestamp={stamp(time / 1000)}" if time else "*"
    return Line(f":{server.name} MARKREAD {one_word(target)} {said}", session.wall())


def one_word(text: str) -> str:
    """What a client said, fit to be a parameter in the middle."""
    return text.lstrip(":").partition(" ")[0] or "*"


# -- REDACT ------------------------------------------------------------------------------


def redact(session: ChatSession, message: Message, now: float) -> None:
    """draft/message-redaction: the store says who wrote it, the network whether it may be redacted, and
    what is redacted is told when it is gone for good."""
    target, msgid = message.params[0], message.params[1]
    reason = cut_text(message.params[2], session.server.limits.kick) if len(message.params) > 2 else ""
    server, user = session.server, session.user
    history = server.history
    assert user is not None
    if history is None:
        _redact(session, target, msgid, reason, None)
        return
    channel = _channel(session, target)
    places = [] if target.startswith("#") else [(place, 0) for place in _with(session, user, target)]
    if channel is not None:
        places.append(_place(channel))

    def find() -> tuple[str, Kept] | None:
        if user.account and not target.startswith("#"):
            places.extend((place, 0) for place in history.conversations(fold(user.account), target))
        return history.find(tuple(places), msgid)

    def answered(result: Any, now: float) -> None:
        if isinstance(result, Exception):
            _cannot_redact(session, target, msgid, result)
        else:
            _redact(session, target, msgid, reason, result)

    session.call(Call(find), answered)


def _redact(
    session: ChatSession, target: str, msgid: str, reason: str, found: tuple[str, Kept] | None
) -> None:
    server = session.server
    place, kept = found if found is not None else ("", None)
    event = Redact(
        session.name,
        session.wall(),
        target,
        one_word(msgid),
        reason,
        server.next_msgid(),
        place,
        kept.author if kept is not None else "",
        kept.time / 1000 if kept is not None else 0.0,
        server.settings.history.redact_seconds,
    )
    said = server.network.apply(event)
    if not any(isinstance(one, Forget) for one in said) or server.history is None:
        session.deliver(said)
        return

    def answered(result: Any, now: float) -> None:
        if isinstance(result, Exception):
            _cannot_redact(session, target, msgid, result)
        else:
            session.deliver(said)

    session.call(Call(server.history.redact, (place, msgid)), answered)


def _cannot_redact(session: ChatSession, target: str, msgid: str, error: Exception) -> None:
    log.error("%s: history can't be changed: %s", session.peer, error)
    session.fail("REDACT", "INTERNAL_ERROR", "The message could not be deleted", target, msgid)
