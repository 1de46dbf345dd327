"""MONITOR: which connections want to know who comes and goes (IRCv3 Monitor)."""

from __future__ import annotations

from collections.abc import Iterable

from protocols.chat.casemap import fold
from protocols.chat.network.deliveries import Delivery, Reply, Sync, Tell
from protocols.chat.network.events import Monitor, Unmonitor
from protocols.chat.network.lines import in_lines
from protocols.chat.network.records import User
from protocols.chat.network.state import State
from protocols.chat.numerics import ERR_MONLISTFULL, RPL_MONOFFLINE, RPL_MONONLINE, Refusal


def monitor(network: State, author: User, event: Monitor, out: list[Delivery]) -> None:
    """MONITOR + answers for each nick whether it is there; MONITOR - answers nothing."""
    if not event.add:
        _unmonitor(network, event.session, map(fold, event.nicks))
        return
    mine = network.monitoring.setdefault(event.session, {})
    online: list[str] = []
    offline: list[str] = []
    for at, nick in enumerate(event.nicks):
        folded = fold(nick)
        if folded not in mine:
            if len(mine) >= network.limits.monitor:
                refused = ",".join(event.nicks[at:])
                _answer(out, online, offline)
                raise Refusal(ERR_MONLISTFULL, network.limits.monitor, refused)
            mine[folded] = nick
            network.monitored.setdefault(folded, {})[event.session] = None
        there = network.nicks.get(folded)
        if there is not None:
            online.append(there.source)
        else:
            offline.append(nick)
    _answer(out, online, offline)
    for nick in event.nicks:
        if fold(nick) in network.nicks:
            out.append(Sync((event.session,), network.nicks[fold(nick)]))


def unmonitor(network: State, author: User, event: Unmonitor, out: list[Delivery]) -> None:
    """MONITOR C."""
    forget_monitors(network, event.session)


def _answer(out: list[Delivery], online: list[str], offline: list[str]) -> None:
    out.extend(Reply(RPL_MONONLINE, (line,)) for line in in_lines(online))
    out.extend(Reply(RPL_MONOFFLINE, (line,)) for line in in_lines(offline))


def forget_monitors(network: State, session: str) -> None:
    """The connection monitors nobody any more."""
    _unmonitor(network, session, tuple(network.monitoring.get(session, ())))


def _unmonitor(network: State, session: str, nicks: Iterable[str]) -> None:
    mine = network.monitoring.get(session, {})
    for folded in nicks:
        if mine.pop(folded, None) is not None:
            watchers = network.monitored[folded]
            del watchers[session]
            if not watchers:
                del network.monitored[folded]
    if not mine:
        network.monitoring.pop(session, None)


def tell_online(network: State, user: User, out: list[Delivery]) -> None:
    """Tell those who monitor the nick."""
    watchers = network.monitors(user.nick)
    if watchers:
        out.append(Tell(watchers, RPL_MONONLINE, (user.source,)))
        out.append(Sync(watchers, user))


def tell_offline(network: State, nick: str, out: list[Delivery]) -> None:
    """Tell those who monitor the nick."""
    watchers = network.monitors(nick)
    if watchers:
        out.append(Tell(watchers, RPL_MONOFFLINE, (nick,)))
