"""Masks on a channel's lists: nick!user@host, and the extended ones, `a:` and `m:`."""

from __future__ import annotations

from protocols.chat.casemap import fold, matches
from protocols.chat.modes import VOICE
from protocols.chat.network.records import Channel, User

MUTE = "m:"
"""Who matches the rest may join, but not speak."""
ACCOUNT = "a:"
"""Who is logged in to an account that matches the rest."""


def complete(mask: str) -> str:
    """A mask as it is kept: what was left out is *."""
    if mask.startswith(MUTE):
        return MUTE + complete(mask[len(MUTE) :])
    if mask.startswith(ACCOUNT):
        return mask
    nick, bang, rest = mask.partition("!")
    if not bang:
        if "@" in mask:
            nick, rest = "", mask
        else:
            rest = ""
    username, at, host = rest.partition("@")
    if not at:
        host = ""
    return f"{nick or '*'}!{username or '*'}@{host or '*'}"


def means(mask: str, user: User) -> bool:
    """Does a mask without `m:` mean this user?"""
    if mask.startswith(ACCOUNT):
        return bool(user.account) and matches(mask[len(ACCOUNT) :], user.account)
    return matches(mask, user.source)


def listed(channel: Channel, letter: str, user: User) -> bool:
    """Is the user on that list?"""
    masks = channel.lists[letter]
    return bool(masks) and any(means(one.mask, user) for one in masks.values())


def banned(channel: Channel, user: User) -> bool:
    """May the user neither join nor speak?"""
    return listed(channel, "b", user) and not listed(channel, "e", user)


def muted(channel: Channel, user: User, rank: int) -> bool:
    """May the user not speak?  A voice is worth more than a ban, and so is an exception."""
    bans = channel.lists["b"]
    if not bans or rank >= VOICE:
        return False
    for one in bans.values():
        mask = one.mask[len(MUTE) :] if one.mask.startswith(MUTE) else one.mask
        if means(mask, user):
            return not listed(channel, "e", user)
    return False


def key(mask: str) -> str:
    """By what masks on a list are told apart."""
    return fold(mask)
