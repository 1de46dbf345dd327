"""REGISTER and VERIFY (IRCv3 account-registration), and being logged in, however that came about."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from protocols.chat.accounts import Account, Unavailable
from protocols.chat.casemap import fold
from protocols.chat.message import Message
from protocols.chat.naming import Unacceptable, check_email, check_name, check_password
from protocols.chat.network.events import SetAccount
from protocols.chat.numerics import RPL_LOGGEDIN, RPL_LOGGEDOUT
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

log = logging.getLogger("protocols.chat")

WRONG = 5.0
"""Tokens that a wrong password costs: they are not to be guessed."""
LATER = "Accounts can't be reached now, please try again later"


def register(session: ChatSession, message: Message, now: float) -> None:
    """Make an account.  "If <account> is *, then this value is the user's current nickname."

    SUCCESS comes once the account is committed: it is there after a crash of this process.
    """
    name, email, password = message.params[:3]
    nick = session.user.nick if session.user is not None else session.registration.nick
    name = nick or "*" if name == "*" else name

    def done(account: Account) -> None:
        session.say(f"REGISTER SUCCESS {account.name} :Account created")
        log_in(session, account)

    def refused(why: Unacceptable) -> None:
        session.fail("REGISTER", why.code, why.words, _word(name))

    if session.user is None and "before-connect" not in session.server.registering():
        refused(Unacceptable("COMPLETE_CONNECTION_REQUIRED", "Complete your connection first"))
    elif not nick:
        refused(Unacceptable("NEED_NICK", "Say NICK first"))
    else:
        make_account(session, name, email, password, done, refused)


def verify(session: ChatSession, message: Message, now: float) -> None:
    """Nothing here waits to be verified: no mail is sent."""
    name = _word(message.params[0])
    if session.user is None and "before-connect" not in session.server.registering():
        code, words = "COMPLETE_CONNECTION_REQUIRED", "Complete your connection first"
    elif logged_in_as(session):
        code, words = "ALREADY_AUTHENTICATED", "You are logged in"
    else:
        code, words = "INVALID_CODE", "There is nothing to verify"
    session.fail("VERIFY", code, words, name)


def make_account(
    session: ChatSession,
    name: str,
    email: str,
    password: str,
    done: Callable[[Account], None],
    refused: Callable[[Unacceptable], None],
) -> None:
    """Make an account, by whichever way it was asked for; `done` or `refused` says so."""
    server = session.server
    accounts, settings = server.accounts, server.settings.accounts
    try:
        if accounts is None or not settings.register:
            raise Unacceptable("TEMPORARILY_UNAVAILABLE", "Accounts can't be registered here")
        if logged_in_as(session):
            raise Unacceptable("ALREADY_AUTHENTICATED", "You are logged in to an account")
        check_name(name, server.limits.nick, server.services)
        holder = server.network.nicks.get(fold(name))
        if holder is not None and holder is not session.user:
            raise Unacceptable("ACCOUNT_EXISTS", "Somebody is called that")
        check_password(name, password)
        email = check_email(email, settings.register_email)
        most = settings.register_limit if session.peer.host else 0  # who comes over a unix socket has none
        if not server.registrations.take(session.address, most, session.wall()):
            raise Unacceptable("RATE_LIMITED", "Too many accounts from your address, try again in an hour")
    except Unacceptable as why:
        refused(why)
        return

    def answered(result: Any, now: float) -> None:
        if isinstance(result, Account):
            log.info("%s: %s registered the account %s", session.peer, session.nick, result.name)
            session.made(result)
            done(result)
        elif result is None:
            refused(Unacceptable("ACCOUNT_EXISTS", "There is an account of that name"))
        else:
            log_trouble(result)
            refused(Unacceptable("TEMPORARILY_UNAVAILABLE", LATER))

    call = Call(accounts.register, (name, password, email, session.wall(), settings.hash_iterations))
    session.call(call, answered)


def judged(session: ChatSession, right: bool, then: Callable[[], None], now: float) -> None:
    """A password was compared: go on once it is time to say so.

    More connections make no more guesses, and one that guessed right among others learns it late.
    """
    server = session.server
    delay = server.settings.accounts.login_delay if session.peer.host else 0  # a unix socket has no address
    at = server.delays.answer_at(session.peer.host, right, delay, now)
    if not right:
        session.charge(WRONG)
    if at > now:
        session.delay(at, lambda _, now: then())
    else:
        then()


def log_in(session: ChatSession, account: Account) -> bool:
    """The client is who it says.  False, and it is told, if it can't change its account now."""
    user, name = session.user, account.name
    session.known(name, account.created)
    if user is not None:
        session.apply(SetAccount(session.name, session.wall(), name))
        if user.account != name:
            return False
    session.registration.account = name
    session.registration.multiclient = account.multiclient
    log.info("%s: %s is logged in as %s", session.peer, session.nick, name)
    session.reply(RPL_LOGGEDIN, source(session), name, name)
    return True


def log_out(session: ChatSession) -> bool:
    """The client wants to be nobody.  False if its other connections keep it in its account."""
    user = session.user
    if user is None or len(user.sessions) > 1:
        return False
    session.apply(SetAccount(session.name, session.wall(), ""))
    session.registration.account, session.registration.multiclient = "", None
    session.reply(RPL_LOGGEDOUT, source(session))
    return True


def logged_in_as(session: ChatSession) -> str:
    """The client's account, or nothing."""
    return session.user.account if session.user is not None else session.registration.account


def source(session: ChatSession) -> str:
    """nick!user@host, as far as it is known before registration."""
    if session.user is not None:
        return session.user.source
    return f"{session.nick}!{session.registration.username or '*'}@{session.host}"


def log_trouble(error: object) -> None:
    """The store failed: one line for what was to be expected, a traceback for a bug."""
    if isinstance(error, Unavailable):
        log.error("accounts can't be reached: %s", error)
    else:
        log.error("accounts failed", exc_info=error if isinstance(error, Exception) else None)


def _word(said: str) -> str:
    """What a client said, as one word of a reply."""
    return said.lstrip(":").partition(" ")[0] or "*"
