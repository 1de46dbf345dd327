"""What happens to users: arriving, leaving, names, away, accounts, operators."""

from __future__ import annotations

from protocols.chat.caps import ACCOUNT_NOTIFY, AWAY_NOTIFY, CHGHOST, EXTENDED_JOIN, EXTENDED_MONITOR
from protocols.chat.caps import SETNAME as SETNAME_CAP
from protocols.chat.casemap import fold
from protocols.chat.modes import PREFIX_BY_SIGIL, USER_BY_LETTER, Change, shown, sigils
from protocols.chat.network.bans import keep_out
from protocols.chat.network.deliveries import Delivery, Line, Reply, Say, Tell
from protocols.chat.network.events import (
    Arrive,
    BecomeOper,
    Kill,
    Leave,
    Rename,
    SetAccount,
    SetAway,
    SetHost,
    SetRealname,
    SetUserModes,
    Subscribe,
    Wallops,
)
from protocols.chat.network.kept import keep_event
from protocols.chat.network.metadata import subscribe, take_account
from protocols.chat.network.monitors import tell_offline, tell_online
from protocols.chat.network.records import User
from protocols.chat.network.registered import account_changed
from protocols.chat.network.removal import forget_session, leave_all, remember, remove
from protocols.chat.network.state import State
from protocols.chat.numerics import (
    ERR_NICKNAMEINUSE,
    ERR_NOPRIVILEGES,
    ERR_SASLALREADY,
    ERR_UMODEUNKNOWNFLAG,
    ERR_USERSDONTMATCH,
    RPL_HOSTHIDDEN,
    RPL_NOWAWAY,
    RPL_UMODEIS,
    RPL_UNAWAY,
    RPL_YOUREOPER,
    Refusal,
)

# -- coming and going ------------------------------------------------------------------


def arrive(network: State, author: User | None, event: Arrive, out: list[Delivery]) -> None:
    """The nick is won here, once: who comes second gets 433."""
    if network.bans and keep_out(network, event, out):
        return
    _keep_for_its_account(network, event.nick, event.account, event.free)
    holder = network.nicks.get(fold(event.nick))
    if holder is not None:
        if not (event.shares and event.account and holder.account == event.account):
            raise Refusal(ERR_NICKNAMEINUSE, event.nick)
        holder.sessions[event.session] = event.secure
        network.sessions[event.session] = holder
        for channel in holder.channels.values():
            channel.generation += 1
        _bring(network, holder, event, out)
        return
    user = User(event.user, event.nick, event.username, event.realname, event.host, event.address, event.time)
    user.account = event.account
    user.modes.update(event.modes)
    user.sessions[event.session] = event.secure
    network.users[user.id] = user
    network.nicks[fold(user.nick)] = user
    network.sessions[event.session] = user
    if "i" in user.modes:
        network.invisible[user] = None
    network.most = max(network.most, len(network.users))
    _bring(network, user, event, out, new=True)
    tell_online(network, user, out)


def _bring(network: State, user: User, event: Arrive, out: list[Delivery], new: bool = False) -> None:
    """What was said of metadata before the connection was complete holds from now on."""
    if user.account or event.metadata:
        take_account(network, user, event.metadata, out, new)
    if event.subscribed:
        subscribe(network, user, Subscribe(event.session, event.time, event.subscribed), [])


def _keep_for_its_account(network: State, nick: str, account: str, free: bool) -> None:
    """A nick that is an account's name is that account's alone; raises 433 for others."""
    if account:
        network.owned.add(fold(account))
    if not free and fold(nick) in network.owned and fold(nick) != fold(account):
        raise Refusal(ERR_NICKNAMEINUSE, nick)


def leave(network: State, author: User, event: Leave, out: list[Delivery]) -> None:
    """QUIT is said once the last connection is gone."""
    forget_session(network, author, event.session)
    if not author.sessions:
        leave_all(network, author, event.reason, event.time, out)


def kill(network: State, author: User, event: Kill, out: list[Delivery]) -> None:
    """RFC 2812 §3.7.1."""
    if "o" not in author.modes:
        raise Refusal(ERR_NOPRIVILEGES)
    victim = network.user(event.nick)
    reason = f"Killed ({author.nick} ({event.reason}))"
    sessions = tuple(victim.sessions)
    if author is not victim:
        out.append(Say(Line(f"KILL {victim.nick} :{event.reason}", event.time, author), sessions=sessions))
    remove(network, victim, reason, event.time, out, reason)


# -- what users say of themselves ------------------------------------------------------


def rename(network: State, author: User, event: Rename, out: list[Delivery]) -> None:
    """RFC 2812 §3.1.2; only the case may change as well."""
    old, new = author.nick, event.nick
    if old == new:
        return
    holder = network.nicks.get(fold(new))
    if holder is not None and holder is not author:
        raise Refusal(ERR_NICKNAMEINUSE, new)
    if holder is None:
        _keep_for_its_account(network, new, author.account, event.free)
    line = Line(f"NICK {new}", event.time, author, network.next_id(event.time))
    same = fold(old) == fold(new)
    if not same:
        remember(network, author, event.time)
        tell_offline(network, old, out)
    del network.nicks[fold(old)]
    author.nick = new
    if not same:
        author.named = event.time
    author.name_itself()
    network.nicks[fold(new)] = author
    out.append(Say(line, users=network.neighbours(author)))
    for channel in author.channels.values():
        keep_event(channel, line, author, out)
    if not same:
        tell_online(network, author, out)


def set_away(network: State, author: User, event: SetAway, out: list[Delivery]) -> None:
    """away-notify: those near are told without asking."""
    before, author.away = author.away, event.message
    out.append(Reply(RPL_NOWAWAY if event.message else RPL_UNAWAY, ()))
    if before != event.message:
        words = f"AWAY :{event.message}" if event.message else "AWAY"
        line = Line(words, event.time, author)
        _notify(network, author, line, AWAY_NOTIFY, out, myself=False)
        # The author's other connections are away as well, and have no numeric that says so.
        out.append(Say(line, users=[author], needs=AWAY_NOTIFY, origin=False))


def set_realname(network: State, author: User, event: SetRealname, out: list[Delivery]) -> None:
    """setname."""
    author.realname = event.realname
    line = Line(f"SETNAME :{event.realname}", event.time, author)
    _notify(network, author, line, SETNAME_CAP, out)


def set_account(network: State, author: User, event: SetAccount, out: list[Delivery]) -> None:
    """account-notify.  Connections that share a nick share their account: one can't change it alone."""
    if author.account == event.account:
        return
    if len(author.sessions) > 1:
        raise Refusal(ERR_SASLALREADY)
    said = {} if author.account else author.metadata
    author.account = event.account
    take_account(network, author, said if event.account else {}, out)
    if event.account:
        network.owned.add(fold(event.account))
    line = Line(f"ACCOUNT {event.account or '*'}", event.time, author)
    _notify(network, author, line, ACCOUNT_NOTIFY, out)
    account_changed(network, author, event.time, out)


def set_host(network: State, author: User, event: SetHost, out: list[Delivery]) -> None:
    """chghost; to those without it, as if the user had left and come back."""
    if author.host == event.host:
        return
    changed = Line(f"CHGHOST {author.username} {event.host}", event.time, author)
    gone = Line("QUIT :Changing host", event.time, author)
    near = network.neighbours(author)
    _notify(network, author, changed, CHGHOST, out)
    out.append(Say(gone, users=near, lacks=CHGHOST, but=author))
    author.host = event.host
    author.name_itself()
    out.append(Tell(tuple(author.sessions), RPL_HOSTHIDDEN, (author.host,)))
    account = author.account or "*"
    for channel in author.channels.values():
        back = Line(f"JOIN {channel.name}", event.time, author)
        long = Line(f"JOIN {channel.name} {account} :{author.realname}", event.time, author)
        out.append(Say(back, channel=channel, lacks=CHGHOST | EXTENDED_JOIN, but=author))
        out.append(Say(long, channel=channel, needs=EXTENDED_JOIN, lacks=CHGHOST, but=author))
        if author.away:
            away = Line(f"AWAY :{author.away}", event.time, author)
            out.append(Say(away, channel=channel, needs=AWAY_NOTIFY, lacks=CHGHOST, but=author))
        modes = ranks(author, channel.members[author])
        if modes:
            mode = Line(f"MODE {channel.name} {shown(modes)}", event.time, author)
            out.append(Say(mode, channel=channel, lacks=CHGHOST, but=author))


def ranks(user: User, rank: int) -> list[Change]:
    """A member's ranks as changes that would give them."""
    return [Change(True, PREFIX_BY_SIGIL[sigil].letter, user.nick) for sigil in sigils(rank)]


def set_user_modes(network: State, author: User, event: SetUserModes, out: list[Delivery]) -> None:
    """RFC 2812 §3.1.5: one's own modes only."""
    if network.user(event.nick) is not author:
        raise Refusal(ERR_USERSDONTMATCH)
    if not event.changes:
        out.append(Reply(RPL_UMODEIS, ("+" + "".join(sorted(author.modes)),)))
        return
    done, unknown = [], False
    for change in event.changes:
        mode = USER_BY_LETTER.get(change.letter)
        if mode is None:
            unknown = True
        elif change.add is not (change.letter in author.modes) and not (change.add and mode.by == "server"):
            done.append(change)
            (author.modes.add if change.add else author.modes.discard)(change.letter)
    if "o" not in author.modes:
        network.operators.pop(author, None)
    if "i" not in author.modes:
        network.invisible.pop(author, None)
    else:
        network.invisible[author] = None
    if unknown:
        out.append(Reply(ERR_UMODEUNKNOWNFLAG, ()))
    if done:
        out.append(Say(Line(f"MODE {author.nick} :{shown(done)}", event.time, author), users=[author]))


# -- operators -------------------------------------------------------------------------


def become_oper(network: State, author: User, event: BecomeOper, out: list[Delivery]) -> None:
    """RFC 2812 §3.1.4; the password was right."""
    author.modes.add("o")
    author.title = event.title
    network.operators[author] = None
    out.append(Reply(RPL_YOUREOPER, ()))
    out.append(Say(Line(f"MODE {author.nick} :+o", event.time, author), users=[author]))
    if event.host:
        set_host(network, author, SetHost(event.session, event.time, event.host), out)


def wallops(network: State, author: User, event: Wallops, out: list[Delivery]) -> None:
    """RFC 2812 §4.7: to everybody with +w."""
    if "o" not in author.modes:
        raise Refusal(ERR_NOPRIVILEGES)
    wanted = [user for user in network.users.values() if "w" in user.modes]
    out.append(Say(Line(f"WALLOPS :{event.text}", event.time, author), users=wanted))


def _notify(
    network: State, user: User, line: Line, needs: int, out: list[Delivery], myself: bool = True
) -> None:
    """Tell those near who asked for it, and, with extended-monitor, those who monitor the user."""
    near = network.neighbours(user)
    out.append(Say(line, users=near, needs=needs, but=None if myself else user))
    watchers = [one for one in network.monitors(user.nick) if network.sessions[one] not in near]
    if watchers:
        out.append(Say(line, sessions=watchers, needs=needs | EXTENDED_MONITOR))
