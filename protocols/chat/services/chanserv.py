"""ChanServ: channels that have an owner, stay when everybody leaves, and outlive the server's process."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from protocols.chat.accounts import Account
from protocols.chat.casemap import fold, matches
from protocols.chat.commands.lasting import apply_for_good
from protocols.chat.modes import ADMIN, HALFOP, OP, PREFIX_BY_LETTER, PREFIXES, VOICE
from protocols.chat.network.deliveries import stamp
from protocols.chat.network.events import Event, Register, SetAccess, TakeRank, Unregister
from protocols.chat.network.records import Channel, User
from protocols.chat.network.registered import CHANSERV as NAME
from protocols.chat.network.registered import is_founder, own_rank
from protocols.chat.services.service import Service, ServiceCommand, Unable
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

log = logging.getLogger("protocols.chat")

GIVEN = ADMIN | OP | HALFOP | VOICE
"""The ranks that AMODE gives."""


def _user(session: ChatSession) -> User:
    """Who asks; nobody unregistered is heard."""
    assert session.user is not None
    return session.user


def _for_good(session: ChatSession, event: Event, done: str) -> bool:
    return apply_for_good(session, event, partial(CHANSERV.answer, session), done)


def register(session: ChatSession, arguments: list[str]) -> None:
    """Whether it may be is for the network to say."""
    name = arguments[0]
    event = Register(session.name, session.wall(), name)
    if _for_good(session, event, f"{name} is registered to {_user(session).account}."):
        log.info("%s: %s registered %s", session.peer, session.nick, name)


def unregister(session: ChatSession, arguments: list[str]) -> None:
    """What is let go of by mistake may be somebody else's a moment later: it is asked for twice."""
    channel = _registered(session, arguments[0])
    user = _user(session)
    if not is_founder(channel, user.account) and "o" not in user.modes:
        raise Unable(f"Only its founder may do that to {channel.name}.")
    said = f"{fold(channel.name)} {channel.registered}".encode()
    code = hmac.digest(session.server.secret, said, "sha256").hex()[:8]
    if arguments[1:] != [code]:
        raise Unable(
            f"{channel.name} would be anybody's to register, and gone once it is empty. "
            f"If that is what you want: /msg ChanServ UNREGISTER {channel.name} {code}"
        )
    event = Unregister(session.name, session.wall(), channel.name)
    if _for_good(session, event, f"{channel.name} is no longer registered."):
        log.info("%s: %s unregistered %s", session.peer, session.nick, channel.name)


def op(session: ChatSession, arguments: list[str]) -> None:
    """One's own rank again."""
    session.apply(TakeRank(session.name, session.wall(), arguments[0]))


def amode(session: ChatSession, arguments: list[str]) -> Iterator[None] | None:
    """Ranks that are an account's whenever it comes."""
    channel = _registered(session, arguments[0])
    if len(arguments) < 3:
        user = _user(session)
        if not own_rank(channel, user.account) and "o" not in user.modes:
            raise Unable(f"You have no rank on {channel.name}.")
        return _ranks(session, channel)
    sign, letter, account = arguments[1][:1], arguments[1][1:], arguments[2]
    prefix = PREFIX_BY_LETTER.get(letter)
    if sign not in ("+", "-") or prefix is None or not prefix.bit & GIVEN:
        raise Unable("Syntax: AMODE <channel> +a | +o | +h | +v | -… <account>")
    accounts = session.server.accounts
    if sign == "-" or accounts is None:
        _set_access(session, channel.name, account, letter, sign == "+")
        return None

    def found(known: Account | None) -> None:
        if known is None:
            raise Unable(f"There is no account {account}.")
        session.known(known.name, known.created)
        _set_access(session, channel.name, known.name, letter, True)

    CHANSERV.call(session, Call(accounts.find, (account,)), found)
    return None


def _set_access(session: ChatSession, channel: str, account: str, letter: str, add: bool) -> None:
    event = SetAccess(session.name, session.wall(), channel, account, letter, add)
    done = f"{account} has +{letter} on {channel} from now on." if add else f"{account} has it no more."
    _for_good(session, event, done)


def _ranks(session: ChatSession, channel: Channel) -> Iterator[None]:
    CHANSERV.answer(session, f"{channel.founder} is the founder of {channel.name}.")
    for access in tuple(channel.access.values()):
        letter = next(prefix.letter for prefix in PREFIXES if prefix.bit == access.rank)
        CHANSERV.answer(session, f"{access.account} has +{letter}.")
        yield


def info(session: ChatSession, arguments: list[str]) -> None:
    """To whom a channel belongs."""
    channel = _registered(session, arguments[0])
    CHANSERV.answer(session, f"{channel.name} is registered to {channel.founder}.")
    CHANSERV.answer(session, f"It was registered at {stamp(channel.registered)}.")


def list_(session: ChatSession, arguments: list[str]) -> Iterator[None]:
    """The registered channels that one may know of: one's own, or those of a mask."""
    network, user = session.server.network, _user(session)
    for channel in tuple(network.channels.values()):
        mine = is_founder(channel, user.account)
        shown = matches(arguments[0], channel.name) if arguments else mine
        if channel.founder and shown and (mine or network.shows(channel, user)):
            CHANSERV.answer(session, f"{channel.name} is registered to {channel.founder}.")
            yield
    CHANSERV.answer(session, "End of the list.")


def _registered(session: ChatSession, name: str) -> Channel:
    network = session.server.network
    channel = network.channels.get(fold(name))
    if channel is None or not channel.founder or not _known(session, channel):
        raise Unable(f"{name} is not registered.")
    return channel


def _known(session: ChatSession, channel: Channel) -> bool:
    """A secret channel is not told of, but to those who have a rank there."""
    user = _user(session)
    return session.server.network.shows(channel, user) or own_rank(channel, user.account) > 0


CHANSERV = Service(
    NAME,
    "keeps channels",
    ("CS", "CHANSERV"),
    {
        "REGISTER": ServiceCommand(
            register, 1, "<channel>", "makes a channel that you are an operator of yours", 5, account=True
        ),
        "UNREGISTER": ServiceCommand(unregister, 1, "<channel> [<code>]", "lets go of a channel"),
        "OP": ServiceCommand(
            op, 1, "<channel>", "gives you the rank that is yours on a channel", account=True
        ),
        "AMODE": ServiceCommand(
            amode, 1, "<channel> [+o <account>]",
            "shows which accounts have a rank on a channel whenever they come, or gives one: a, o, h or v",
            2, account=True,
        ),
        "INFO": ServiceCommand(info, 1, "<channel>", "tells to whom a channel is registered"),
        "LIST": ServiceCommand(list_, 0, "[<mask>]", "lists your channels, or all that match", 3),
    },
)  # fmt: skip
