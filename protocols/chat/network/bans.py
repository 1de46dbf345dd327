"""Server bans: who may not be here, by nick!user@host (K-lines) or by address (D-lines).

An operator sets them, for a time or for good; they are kept beyond the process.  When one is over is
told by the times of events: nothing happens between them.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from protocols.chat.casemap import matches
from protocols.chat.lasting import Ban
from protocols.chat.network.deliveries import Delivery, Drop, End, Save, Tell
from protocols.chat.network.events import Arrive, LiftBan, SetBan
from protocols.chat.network.records import User
from protocols.chat.network.removal import remove
from protocols.chat.network.state import State
from protocols.chat.numerics import ERR_NOPRIVILEGES, ERR_YOUREBANNEDCREEP, Denial, Refusal

SAID = {"K": "K-line", "D": "D-line"}


# -- whom a ban means ------------------------------------------------------------------


@lru_cache(maxsize=4096)
def network_of(mask: str) -> IPv4Network | IPv6Network:
    """An address or a network, such as 192.0.2.0/24; raises ValueError."""
    return ip_network(mask, strict=False)


def holds(mask: str, address: str) -> bool:
    """Is the address in that network?  One that is none, such as a unix socket's, is in no network."""
    try:
        one = ip_address(address)
    except ValueError:
        return False
    if isinstance(one, IPv6Address) and one.ipv4_mapped is not None:
        one = one.ipv4_mapped
    return one in network_of(mask)


def means(ban: Ban, nick: str, username: str, host: str, address: str) -> bool:
    """Does the ban mean who comes from there?  A host is what others see, or where it really is."""
    if ban.kind == "D":
        return holds(ban.mask, address)
    who = f"{nick}!{username}@"
    return matches(ban.mask, who + host) or matches(ban.mask, who + address)


def banned_address(network: State, address: str, time: float) -> Ban | None:
    """The D-line that keeps an address out, before anybody says who it is."""
    for ban in network.bans.values():
        if ban.kind == "D" and not ban.over(time) and holds(ban.mask, address):
            return ban
    return None


def why(ban: Ban) -> str:
    """What who is banned reads."""
    return f"You are banned from this server: {ban.reason}"


# -- what happens ----------------------------------------------------------------------


def keep_out(network: State, event: Arrive, out: list[Delivery]) -> bool:
    """Is who arrives banned?  Then that is said, and its connection over."""
    for ban in _lasting(network, event.time, out):
        if means(ban, event.nick, event.username, event.host, event.address):
            out.append(Tell((event.session,), ERR_YOUREBANNEDCREEP, (ban.reason,)))
            out.append(End((event.session,), why(ban)))
            return True
    return False


def set_ban(network: State, author: User, event: SetBan, out: list[Delivery]) -> None:
    """From now on the mask is kept out, and whom it means leaves."""
    if "o" not in author.modes:
        raise Refusal(ERR_NOPRIVILEGES)
    until = event.time + event.duration if event.duration else 0.0
    ban = Ban(event.kind, event.mask, event.reason, author.nick, event.time, until)
    if _means(ban, author):
        raise Denial(f"{event.mask} means you as well.")
    _lasting(network, event.time, out)
    network.bans[ban.kept_as[1]] = ban
    out.append(Save(ban))
    for user in [one for one in network.users.values() if _means(ban, one)]:
        out.append(Tell(tuple(user.sessions), ERR_YOUREBANNEDCREEP, (ban.reason,)))
        remove(network, user, f"Banned ({ban.reason})", event.time, out, why(ban))


def lift_ban(network: State, author: User, event: LiftBan, out: list[Delivery]) -> None:
    """The mask is let in again."""
    if "o" not in author.modes:
        raise Refusal(ERR_NOPRIVILEGES)
    _lasting(network, event.time, out)
    key = Ban(event.kind, event.mask, "", "", 0.0, 0.0).kept_as[1]
    ban = network.bans.pop(key, None)
    if ban is None:
        raise Denial(f"There is no {SAID[event.kind]} on {event.mask}.")
    out.append(Drop(ban))


def restore(network: State, ban: Ban, time: float, out: list[Delivery]) -> None:
    """A ban of before, if it is not over by now."""
    network.bans[ban.kept_as[1]] = ban
    _lasting(network, time, out)


def _lasting(network: State, time: float, out: list[Delivery]) -> list[Ban]:
    """The bans that hold; those that are over are dropped."""
    for key, ban in tuple(network.bans.items()):
        if ban.over(time):
            del network.bans[key]
            out.append(Drop(ban))
    return list(network.bans.values())


def _means(ban: Ban, user: User) -> bool:
    return means(ban, user.nick, user.username, user.host, user.address)
