"""METADATA: keys and values of users and channels, asked for, set and subscribed to (draft/metadata-3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from protocols.chat.caps import BATCH, METADATA
from protocols.chat.message import LINE, Message
from protocols.chat.network.deliveries import Fail, Line
from protocols.chat.network.events import ClearMetadata, SetMetadata, Subscribe, Unsubscribe
from protocols.chat.network.lines import in_lines
from protocols.chat.network.metadata import find, name_of
from protocols.chat.network.records import Channel, User
from protocols.chat.numerics import (
    ERR_UNKNOWNCOMMAND,
    RPL_KEYNOTSET,
    RPL_KEYVALUE,
    RPL_METADATASUBOK,
    RPL_METADATASUBS,
    RPL_METADATASYNCLATER,
    RPL_METADATAUNSUBOK,
    Refusal,
)
from protocols.chat.settings import ChatSettings

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

KEY: Final = 48
"""Bytes of a key (ours)."""
VALUE: Final = 300
"""Bytes of a value at the most (ours)."""
AT_ONCE: Final = 100
"""Members of a channel whose metadata is told to who joins; for more there is SYNC."""
ALL: Final = "*ALL"
"""The target that stands for all of which one hears."""

_KEY = re.compile(r"[a-z0-9_./-]+")

Target: TypeAlias = User | Channel


def limits(settings: ChatSettings) -> str:
    """What the capability says."""
    return (
        f"before-connect,max-subs={settings.limits.metadata_subs},max-keys={settings.limits.metadata_keys}"
        f",max-key-bytes={KEY},max-value-bytes={value_limit(settings)}"
    )


def value_limit(settings: ChatSettings) -> int:
    """Bytes that a value may have: it "must still fit on a single IRC protocol line", in a numeric."""
    names = max(settings.limits.channel, settings.limits.nick) + settings.limits.nick
    return max(0, min(VALUE, LINE - 2 - len(f":{settings.name} 761    * :") - names - KEY))


def is_aware(session: ChatSession) -> bool:
    """Does the connection know metadata?  The capability needs batch: "MUST be negotiated"."""
    return session.caps & (METADATA | BATCH) == METADATA | BATCH


def forget(session: ChatSession) -> None:
    """ "If a client removes this capability or the batch capability from themselves, servers MUST clear
    that client's subscription list."""
    session.registration.subscribed.clear()
    if session.name in session.server.network.subscribed:
        session.apply(Unsubscribe(session.name, session.wall(), ()))


# -- lines that belong together --------------------------------------------------------


class Inner(Line):
    """A line of a batch, whatever answer that is part of."""

    __slots__ = ("batch",)

    def __init__(self, line: Line, batch: str) -> None:
        super().__init__(line.text, line.time)
        self.batch = "batch=" + batch

    def build(self, caps: int, first: str = "") -> bytes:
        return super().build(caps, self.batch)


def _batch(session: ChatSession, words: str, lines: Iterable[Line]) -> Iterator[Line]:
    server = session.server
    token = server.next_batch()
    yield Line(f":{server.name} BATCH +{token} {words}", session.wall())
    for line in lines:
        yield Inner(line, token)
    yield Line(f":{server.name} BATCH -{token}", session.wall())


def _said(session: ChatSession, lines: Iterable[Line]) -> Iterator[None]:
    for line in lines:
        session.emit(line)
        yield


def _values(
    session: ChatSession, name: str, values: Mapping[str, str], keys: Iterable[str]
) -> Iterator[Line]:
    """Those of these keys that are set."""
    for key in keys:
        if key in values:
            yield session.numeric(RPL_KEYVALUE, name, key, "*", values[key])


# -- what is told without being asked for ----------------------------------------------


def own_metadata(session: ChatSession) -> Iterator[Line]:
    """ "servers MUST send clients a list of their current metadata ... as part of the registration
    burst, i.e. before RPL_ENDOFMOTD or ERR_NOMOTD"."""
    if is_aware(session):
        assert session.user is not None
        nick, values = session.user.nick, dict(session.user.metadata)
        yield from _batch(session, f"metadata {nick}", _values(session, nick, values, values))


def entered(session: ChatSession, channel: Channel) -> Iterator[Line]:
    """ "When a metadata-aware client joins a channel, the server MUST send either a metadata batch ...
    or a 774"."""
    if not is_aware(session):
        return
    if len(channel.members) > AT_ONCE and _subscribed(session):
        yield session.numeric(RPL_METADATASYNCLATER, channel.name, 0)
    else:
        yield from _synced(session, channel.name, (channel, *channel.members))


def synced(session: ChatSession, user: User) -> Iterator[Line]:
    """ "When server sends 730 ... to a metadata-aware client ... the server MUST additionally send
    either a metadata batch containing the monitored user's metadata" or a 774."""
    if is_aware(session):
        yield from _synced(session, user.nick, (user,))


def _synced(
    session: ChatSession, words: str, targets: Iterable[Target], keys: Iterable[str] = ()
) -> Iterator[Line]:
    keys = tuple(keys or _subscribed(session))
    lines = (line for one in targets if keys for line in _values(session, name_of(one), one.metadata, keys))
    return _batch(session, f"metadata {words}", lines)


def _subscribed(session: ChatSession) -> Mapping[str, None]:
    if session.user is None:
        return session.registration.subscribed
    return session.server.network.subscribed.get(session.name, {})


def _visible(session: ChatSession) -> Iterator[Target]:
    """All whose changes the connection is told: itself, its channels, who is there, whom it monitors."""
    network, user = session.server.network, session.user
    assert user is not None
    near = network.neighbours(user)
    yield from tuple(user.channels.values())
    yield from near
    for folded in tuple(network.monitoring.get(session.name, ())):
        watched = network.nicks.get(folded)
        if watched is not None and watched not in near:
            yield watched


# -- the command -----------------------------------------------------------------------


class Failure(Exception):
    """The command fails: a standard reply's code, words and context."""

    def __init__(self, code: str, words: str, *context: str) -> None:
        super().__init__(code)
        self.code, self.words, self.context = code, words, context


def metadata(session: ChatSession, message: Message, now: float) -> Iterator[None] | None:
    """One subcommand."""
    if not is_aware(session):
        raise Refusal(ERR_UNKNOWNCOMMAND, "METADATA")
    params = message.params
    subcommand = params[1].upper() if len(params) > 1 else "*"
    try:
        if len(params) < 2:
            raise Failure("INVALID_PARAMS", "Not enough parameters", "*")
        run, least = SUBCOMMANDS.get(subcommand, (None, 0))
        if run is None:
            raise Failure("INVALID_PARAMS", "Unknown subcommand", params[1])
        if len(params) - 2 < least:
            raise Failure("INVALID_PARAMS", "Not enough parameters", subcommand)
        answer: Iterator[None] | None = run(session, params[0], params[2:])
        return answer
    except Failure as failure:
        session.fail("METADATA", failure.code, failure.words, *failure.context)
        return None


def _get(session: ChatSession, target: str, keys: list[str]) -> Iterator[None]:
    """Each key's value, in the order of the keys."""
    name, values = _target(session, target)
    return _said(session, _batch(session, f"metadata {name}", _got(session, name, values, keys)))


def _got(session: ChatSession, name: str, values: Mapping[str, str], keys: list[str]) -> Iterator[Line]:
    for key in keys:
        if not is_key(key):
            yield _warned(session, key)
        elif key in values:
            yield session.numeric(RPL_KEYVALUE, name, key, "*", values[key])
        else:
            yield session.numeric(RPL_KEYNOTSET, name, key)


def _list(session: ChatSession, target: str, rest: list[str]) -> Iterator[None]:
    """All keys that are set."""
    name, values = _target(session, target)
    values = dict(values)
    return _said(session, _batch(session, f"metadata {name}", _values(session, name, values, values)))


def _set(session: ChatSession, target: str, words: list[str]) -> None:
    """A key gets a value, or, without one, is removed."""
    key, value = words[0], words[1] if len(words) > 1 else ""
    if not is_key(key):
        raise Failure("INVALID_KEY", "Invalid key", key)
    if len(value.encode()) > value_limit(session.server.settings):
        raise Failure("INVALID_VALUE", "The value is too long", key)
    session.charge(1)
    if session.user is not None:
        session.apply(SetMetadata(session.name, session.wall(), target, key, value))
        return
    name, values = _target(session, target)
    most = session.server.limits.metadata_keys
    mine = session.registration.metadata
    if not value:
        mine.pop(key, None)
        session.reply(RPL_KEYNOTSET, name, key)
    elif key not in values and len(values) >= most:
        raise Failure("LIMIT_REACHED", "Metadata limit reached", "SET", name, str(most))
    else:
        mine[key] = value
        session.reply(RPL_KEYVALUE, name, key, "*", value)


def _clear(session: ChatSession, target: str, rest: list[str]) -> Iterator[None] | None:
    """All keys are removed, and named."""
    if session.user is None:
        name, values = _target(session, target)
        keys = list(values)
        session.registration.metadata.clear()
    else:
        found = find(session.server.network, session.user, target)
        keys = list(found.metadata) if found is not None else []
        said = session.apply(ClearMetadata(session.name, session.wall(), target))
        if found is None or any(isinstance(one, Fail) for one in said):
            return None
        name = name_of(found)
    lines = (session.numeric(RPL_KEYNOTSET, name, key) for key in keys)
    return _said(session, _batch(session, f"metadata {name}", lines))


def _sub(session: ChatSession, target: str, keys: list[str]) -> Iterator[None] | None:
    """From now on changes of these keys are told; their values are told at once."""
    good = _good_keys(session, target, keys)
    if session.user is None:
        mine, most = session.registration.subscribed, session.server.limits.metadata_subs
        for key in good:
            if key not in mine and len(mine) >= most:
                words = "You have subscribed to as many keys as you may"
                raise Failure("LIMIT_REACHED", words, "SUB", key, str(most))
            mine[key] = None
            session.reply(RPL_METADATASUBOK, key)
        return None
    before = dict(_subscribed(session))
    if good:
        session.apply(Subscribe(session.name, session.wall(), tuple(good)))
    new = [key for key in _subscribed(session) if key not in before]
    if not new:
        return None
    session.charge(2)
    return _said(session, _synced(session, ALL, _visible(session), new))


def _unsub(session: ChatSession, target: str, keys: list[str]) -> None:
    """Changes of these keys are told no more."""
    good = _good_keys(session, target, keys)
    if session.user is None:
        for key in good:
            session.registration.subscribed.pop(key, None)
            session.reply(RPL_METADATAUNSUBOK, key)
    elif good:
        session.apply(Unsubscribe(session.name, session.wall(), tuple(good)))


def _subs(session: ChatSession, target: str, rest: list[str]) -> Iterator[None]:
    """The keys that are subscribed to."""
    _good_keys(session, target, [])
    lines = [session.numeric(RPL_METADATASUBS, line) for line in in_lines(_subscribed(session), " ")]
    return _said(session, _batch(session, "metadata-subs", lines))


def _sync(session: ChatSession, target: str, rest: list[str]) -> Iterator[None]:
    """All that is subscribed to, of a user, of a channel and its members, or of all one hears of."""
    if session.user is None:
        raise Failure("INVALID_TARGET", "Complete your connection first", target)
    session.charge(2)
    if target == ALL:
        return _said(session, _synced(session, ALL, _visible(session)))
    found = find(session.server.network, session.user, target)
    if found is None:
        raise Failure("INVALID_TARGET", "Invalid metadata target", target)
    everybody: tuple[Target, ...] = (found, *found.members) if isinstance(found, Channel) else (found,)
    return _said(session, _synced(session, name_of(found), everybody))


SUBCOMMANDS: Final[dict[str, tuple[Any, int]]] = {
    "GET": (_get, 1),
    "LIST": (_list, 0),
    "SET": (_set, 1),
    "CLEAR": (_clear, 0),
    "SUB": (_sub, 1),
    "UNSUB": (_unsub, 1),
    "SUBS": (_subs, 0),
    "SYNC": (_sync, 0),
}
"""What runs, and how many parameters it needs after its name."""


def is_key(word: str) -> bool:
    """ "Key names are restricted to the ranges a-z, 0-9, and _./-. The empty string is an invalid
    value."""
    return len(word) <= KEY and _KEY.fullmatch(word) is not None


def _target(session: ChatSession, name: str) -> tuple[str, Mapping[str, str]]:
    """What the name means, as it is called, and its metadata."""
    if session.user is None:
        # "Clients that have not completed connection registration MUST use * to target themselves".
        if name != "*":
            raise Failure("INVALID_TARGET", "Complete your connection first", name)
        return "*", session.registration.metadata
    found = find(session.server.network, session.user, name)
    if found is None:
        raise Failure("INVALID_TARGET", "Invalid metadata target", name)
    return name_of(found), found.metadata


def _good_keys(session: ChatSession, target: str, keys: list[str]) -> list[str]:
    """Those that can be keys; of the others it is said that they can't."""
    user = session.user
    if target != "*" and (user is None or find(session.server.network, user, target) is not user):
        raise Failure("INVALID_TARGET", "Invalid metadata target", target)
    for key in keys:
        if not is_key(key):
            session.emit(_warned(session, key))
    return [key for key in dict.fromkeys(keys) if is_key(key)]


def _warned(session: ChatSession, key: str) -> Line:
    word = key.lstrip(":").partition(" ")[0] or "*"
    return Line(f":{session.server.name} WARN METADATA INVALID_KEY {word} :Invalid key", session.wall())
