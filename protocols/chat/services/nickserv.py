"""NickServ: accounts, for people and clients that know neither SASL nor REGISTER.

A nick that is an account's name is that account's: nobody else may have it (`network.people`), so
there is nothing to get back from anybody here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from protocols.chat.accounts import Account, Accounts
from protocols.chat.commands.accounts import (
    judged,
    log_in,
    log_out,
    logged_in_as,
    make_account,
)
from protocols.chat.naming import Unacceptable, check_password
from protocols.chat.network.deliveries import stamp
from protocols.chat.services.service import Service, ServiceCommand, Unable
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

log = logging.getLogger("protocols.chat")

CHOICES: Final[dict[str, bool | None]] = {"ON": True, "OFF": False, "DEFAULT": None}


def _accounts(session: ChatSession) -> Accounts:
    if session.server.accounts is None:
        raise Unable("There are no accounts on this server.")
    return session.server.accounts


def _compared(session: ChatSession, call: Call, told: Callable[[Account | None], None]) -> None:
    """Compare a password, and go on when it is time to say how that went."""

    def verified(account: Account | None, now: float) -> None:
        judged(session, account is not None, partial(NICKSERV.go_on, session, partial(told, account)), now)

    NICKSERV.call_timed(session, call, verified)


def register(session: ChatSession, arguments: list[str]) -> None:
    """An account named as the nick is."""
    password, email = arguments[0], arguments[1] if len(arguments) > 1 else "*"

    def done(account: Account) -> None:
        NICKSERV.answer(session, f"The account {account.name} is yours now.")
        log_in(session, account)

    def refused(why: Unacceptable) -> None:
        NICKSERV.answer(session, f"{why.words}.")

    make_account(session, session.nick, email, password, done, refused)


def identify(session: ChatSession, arguments: list[str]) -> None:
    """Log in; without a name to the account that the nick names."""
    name, password = arguments[:2] if len(arguments) > 1 else (session.nick, arguments[0])

    def told(account: Account | None) -> None:
        if account is None:
            raise Unable("There is no such account, or that is not its password.")
        if log_in(session, account):
            NICKSERV.answer(session, f"You are logged in as {account.name}.")
        else:
            raise Unable("Your other connections keep you in the account that you are logged in to.")

    _compared(session, Call(_accounts(session).verify, (name, password)), told)


def logout(session: ChatSession, arguments: list[str]) -> None:
    """One's nick stays."""
    if not log_out(session):
        raise Unable("Your other connections keep you in the account that you are logged in to.")
    NICKSERV.answer(session, "You are logged out.")


def passwd(session: ChatSession, arguments: list[str]) -> None:
    """The password that there is must be said: who finds a screen unlocked is not its owner."""
    accounts, name = _accounts(session), logged_in_as(session)
    current, wanted = arguments[:2]
    try:
        check_password(name, wanted)
    except Unacceptable as why:
        raise Unable(f"{why.words}.") from None

    def told(account: Account | None) -> None:
        if account is None:
            raise Unable("That is not your password.")
        iterations = session.server.settings.accounts.hash_iterations
        NICKSERV.call(session, Call(accounts.set_password, (name, wanted, iterations)), changed)

    def changed(done: bool) -> None:
        _there(done)
        log.info("%s: %s changed the password of %s", session.peer, session.nick, name)
        NICKSERV.answer(session, "Your password is changed.")

    _compared(session, Call(accounts.verify, (name, current)), told)


def set_(session: ChatSession, arguments: list[str]) -> None:
    """The one thing that can be set."""
    what, value = arguments[0].upper(), arguments[1].upper()
    if what != "MULTICLIENT" or value not in CHOICES:
        raise Unable("Syntax: SET MULTICLIENT ON | OFF | DEFAULT")

    def done(changed: bool) -> None:
        _there(changed)
        session.registration.multiclient = CHOICES[value]
        NICKSERV.answer(session, f"MULTICLIENT is {value}, for connections from now on.")

    call = Call(_accounts(session).set_multiclient, (logged_in_as(session), CHOICES[value]))
    NICKSERV.call(session, call, done)


def info(session: ChatSession, arguments: list[str]) -> None:
    """One's own account: others' are not for everybody to look at."""
    name = logged_in_as(session)
    if not name:
        NICKSERV.answer(session, "You are not logged in.")
        return

    def found(account: Account | None) -> None:
        _there(account is not None)
        assert account is not None
        words = next(word for word, value in CHOICES.items() if value is account.multiclient)
        for line in (
            f"You are logged in as {account.name}.",
            f"Registered: {stamp(account.created)}",
            f"Address: {account.email or 'none'}",
            f"MULTICLIENT: {words}",
        ):
            NICKSERV.answer(session, line)

    NICKSERV.call(session, Call(_accounts(session).find, (name,)), found)


def _there(there: bool) -> None:
    """Accounts can be removed while somebody is logged in to them."""
    if not there:
        raise Unable("Your account is there no more.")


NICKSERV = Service(
    "NickServ",
    "keeps accounts",
    ("NS", "NICKSERV"),
    {
        "REGISTER": ServiceCommand(
            register, 1, "<password> [<email>]", "makes an account of your nick's name", cost=10
        ),
        "IDENTIFY": ServiceCommand(identify, 1, "[<account>] <password>", "logs you in", cost=2),
        "LOGOUT": ServiceCommand(logout, 0, "", "logs you out", account=True),
        "PASSWD": ServiceCommand(
            passwd, 2, "<password> <new password>", "changes your password", cost=5, account=True
        ),
        "SET": ServiceCommand(
            set_, 2, "MULTICLIENT ON | OFF | DEFAULT", "says if your connections share a nick", account=True
        ),
        "INFO": ServiceCommand(info, 0, "", "tells which account you are logged in to"),
    },
)
