"""Metadata: keys and values that users and channels have, and who is told of changes (draft/metadata-3).

A user's are its account's, once it is logged in: they are kept, and are the same for all that are logged
in to it.  A channel's are kept with it, if it is registered.  Others go with their user or channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from protocols.chat.casemap import fold
from protocols.chat.lasting import AccountMetadata
from protocols.chat.modes import OP
from protocols.chat.network.deliveries import Delivery, Drop, Fail, Reply, Save, Tell
from protocols.chat.network.events import ClearMetadata, SetMetadata, Subscribe, Unsubscribe
from protocols.chat.network.lines import in_lines
from protocols.chat.network.records import Channel, User
from protocols.chat.network.registered import save
from protocols.chat.network.state import State
from protocols.chat.numerics import (
    RPL_KEYNOTSET,
    RPL_KEYVALUE,
    RPL_METADATASUBOK,
    RPL_METADATAUNSUBOK,
)

HIDDEN = frozenset("is")
"""The modes of a channel whose metadata only its members see; so is one with a key."""


def sees(asker: User, target: User | Channel) -> bool:
    """May the asker read what metadata this has?"""
    if isinstance(target, User) or asker in target.members or "o" in asker.modes:
        return True
    return not target.key and target.flags.isdisjoint(HIDDEN)


def find(network: State, asker: User, name: str) -> User | Channel | None:
    """Whom or what the name means, if the asker may know of its metadata; * is the asker."""
    if name.startswith("#"):
        channel = network.channels.get(fold(name))
        return channel if channel is not None and sees(asker, channel) else None
    return asker if name == "*" else network.nicks.get(fold(name))


def name_of(target: User | Channel) -> str:
    """What it is called now."""
    return target.nick if isinstance(target, User) else target.name


# -- setting ---------------------------------------------------------------------------


def set_metadata(network: State, author: User, event: SetMetadata, out: list[Delivery]) -> None:
    """METADATA SET.  "It is not an error if a client attempts to set a key to its current value or
    remove a nonexistent key"."""
    target = _own(network, author, event.target, event.key, out)
    if target is None:
        return
    key, value, name = event.key, event.value, name_of(target)
    values, most = target.metadata, network.limits.metadata_keys
    if value and key not in values and len(values) >= most:
        out.append(Fail("METADATA", "LIMIT_REACHED", "Metadata limit reached", ("SET", name, str(most))))
        return
    changed = values.get(key, "") != value
    if value:
        values[key] = value
    else:
        values.pop(key, None)
    out.append(Reply(RPL_KEYVALUE, (name, key, "*", value)) if value else Reply(RPL_KEYNOTSET, (name, key)))
    if changed:
        _changed(network, target, [key], event.session, out)


def clear_metadata(network: State, author: User, event: ClearMetadata, out: list[Delivery]) -> None:
    """METADATA CLEAR; what was there is for the connection that asked to list."""
    target = _own(network, author, event.target, "*", out)
    if target is not None and target.metadata:
        keys = list(target.metadata)
        target.metadata.clear()
        _changed(network, target, keys, event.session, out)


def _own(network: State, author: User, name: str, key: str, out: list[Delivery]) -> User | Channel | None:
    """What the name means, if its metadata is the author's to set; else the failure is said."""
    target = find(network, author, name)
    if target is None:
        out.append(Fail("METADATA", "INVALID_TARGET", "Invalid metadata target", (name,)))
        return None
    if target is author or (isinstance(target, Channel) and target.members.get(author, 0) >= OP):
        return target
    words = "You may not set metadata there"
    out.append(Fail("METADATA", "KEY_NO_PERMISSION", words, (name_of(target), key)))
    return None


def _changed(
    network: State,
    target: User | Channel,
    keys: Iterable[str],
    session: str,
    out: list[Delivery],
    but: User | None = None,
) -> None:
    """Keep it where it is kept, and tell who subscribed, but the connection that did it."""
    everybody: Iterable[User | Channel] = (target,)
    if isinstance(target, Channel):
        save(target, out)
    elif target.account:
        _keep(network, target.account, out)
        # Whoever else is logged in to the account has it as well.
        everybody = [one for one in network.users.values() if one.metadata is target.metadata]
    for one in everybody:
        for key in keys if one is not but else ():
            _tell(network, one, key, session, out)


def _tell(network: State, target: User | Channel, key: str, but: str, out: list[Delivery]) -> None:
    subscribers = network.subscribers.get(key)
    if not subscribers:
        return
    if isinstance(target, Channel):
        told = [one for one in subscribers if network.sessions[one] in target.members]
    else:
        watchers = network.monitors(target.nick)
        told = [one for one in subscribers if _near(network.sessions[one], target) or one in watchers]
    told = [one for one in told if one != but]
    if not told:
        return
    name, value = name_of(target), target.metadata.get(key)
    if value is None:
        out.append(Tell(told, RPL_KEYNOTSET, (name, key)))
    else:
        out.append(Tell(told, RPL_KEYVALUE, (name, key, "*", value)))


def _near(user: User, target: User) -> bool:
    """Do they share a channel?  Looked up for each that subscribed: they are fewer than who is there."""
    return user is target or not user.channels.keys().isdisjoint(target.channels)


def _keep(network: State, account: str, out: list[Delivery]) -> None:
    values = network.metadata[fold(account)]
    kept = AccountMetadata(account, dict(values))
    out.append(Save(kept) if values else Drop(kept))


# -- accounts --------------------------------------------------------------------------


def take_account(
    network: State, user: User, said: Mapping[str, str], out: list[Delivery], new: bool = False
) -> None:
    """The user is logged in by now, or out; `said` is what it brings along.

    What it had set before is its account's from now on; logged out it has none.  Of a `new` user
    nobody has heard yet: who will is told all of its metadata then.
    """
    before = dict(user.metadata)
    if not user.account:
        user.metadata = dict(said)
    else:
        values = user.metadata = network.metadata.setdefault(fold(user.account), {})
        room = network.limits.metadata_keys
        added = []
        for key, value in said.items():
            if values.get(key) != value and (key in values or len(values) < room):
                values[key] = value
                added.append(key)
        if added:
            _changed(network, user, added, "", out, user)
    if new:
        return
    for key in [*before, *(key for key in user.metadata if key not in before)]:
        if before.get(key) != user.metadata.get(key):
            _tell(network, user, key, "", out)


def forget_account(network: State, account: str, out: list[Delivery]) -> None:
    """The account begins with none."""
    values = network.metadata.get(fold(account))
    if values:
        values.clear()
        _keep(network, account, out)


def restore(network: State, kept: AccountMetadata) -> None:
    """An account's metadata of before."""
    network.metadata[fold(kept.account)] = dict(kept.values)


# -- subscriptions ---------------------------------------------------------------------


def subscribe(network: State, author: User, event: Subscribe, out: list[Delivery]) -> None:
    """METADATA SUB: "MUST process each key in order", up to the first that is too many."""
    mine = network.subscribed.setdefault(event.session, {})
    most, done = network.limits.metadata_subs, []
    refused = ""
    for key in event.keys:
        if key not in mine and len(mine) >= most:
            refused = key
            break
        mine[key] = None
        network.subscribers.setdefault(key, {})[event.session] = None
        done.append(key)
    if not mine:
        del network.subscribed[event.session]
    out.extend(Reply(RPL_METADATASUBOK, (line,)) for line in in_lines(done, " "))
    if refused:
        words = "You have subscribed to as many keys as you may"
        out.append(Fail("METADATA", "LIMIT_REACHED", words, ("SUB", refused, str(most))))


def unsubscribe(network: State, author: User, event: Unsubscribe, out: list[Delivery]) -> None:
    """METADATA UNSUB; without keys all are meant, since the capability is gone."""
    if not event.keys:
        forget_subscriptions(network, event.session)
        return
    _unsubscribe(network, event.session, event.keys)
    out.extend(Reply(RPL_METADATAUNSUBOK, (line,)) for line in in_lines(event.keys, " "))


def forget_subscriptions(network: State, session: str) -> None:
    """The connection is told of nothing any more."""
    _unsubscribe(network, session, tuple(network.subscribed.get(session, ())))


def _unsubscribe(network: State, session: str, keys: Iterable[str]) -> None:
    mine = network.subscribed.get(session, {})
    for key in keys:
        if key in mine:
            del mine[key]
            subscribers = network.subscribers[key]
            del subscribers[session]
            if not subscribers:
                del network.subscribers[key]
    if not mine:
        network.subscribed.pop(session, None)
