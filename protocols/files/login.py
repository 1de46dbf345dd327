"""Who is there: HOST, USER, PASS, REIN, QUIT."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from protocols.files.paths import printable
from protocols.files.replies import Refusal
from protocols.files.store import StoreError, Tree
from protocols.files.users import User, find, secret_for
from protocols.passwords import verify
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.files.session import FilesSession

log = logging.getLogger("protocols.files")


def host(session: FilesSession, argument: str, now: float) -> None:
    """RFC 7151 §3.2: names the server that is meant; we are one for all names."""
    if session.user is not None or session.name is not None:
        raise Refusal(503, "HOST comes before USER.")
    session.reply(220, session.server.settings.banner)


def user(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.1.  Every name is asked for its password: who exists is not told."""
    if session.server.settings.tls.require_control and not session.secure:
        session.warn("a login in the clear")
        raise Refusal(530, "Log in over TLS only: AUTH TLS first.")
    # "This has the effect of flushing any user, password, and account information already supplied."
    session.forget_user()
    session.name = argument
    session.reply(331, "Password, please.")


def pass_(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.1."""
    name, session.name = session.name, None
    if name is None:
        raise Refusal(503, "USER comes before PASS.")
    server = session.server
    who = find(server.settings, name, server.configured)
    if who is not None and who.secret is None:
        _enter(session, who, now)
        return

    def compared(same: bool, now: float) -> None:
        right = same and who is not None
        at = server.delays.answer_at(session.client, right, server.limits.login_delay, now)

        def answer(_: object, now: float) -> None:
            if right and who is not None:
                _enter(session, who, now)
            else:
                _wrong(session, name)

        if at > now:
            session.delay(at, answer)
        else:
            answer(None, now)

    secret = secret_for(server.settings, who)
    if secret.startswith("$"):
        session.call(Call(verify, (secret, argument)), compared)
    else:
        compared(verify(secret, argument), now)


def _wrong(session: FilesSession, name: str) -> None:
    """RFC 2577 §5: "limit the number of attempts that can be made before the server will close the
    control connection"."""
    session.attempts += 1
    session.warn(f"wrong password for {printable(name[:80])}")
    session.reply(530, "Login incorrect.")
    if session.attempts >= session.server.limits.login_attempts:
        session.end(421, "Too many wrong passwords.")


def _enter(session: FilesSession, who: User, now: float) -> None:
    store = session.server.store

    def entered(tree: Tree, now: float) -> None:
        session.user, session.tree = who, tree
        log.info("%s: %s: logged in", session.peer, printable(who.name))
        session.reply(230, "Logged in.")

    def homeless(error: StoreError, now: float) -> None:
        log.error("%s: no home for %s: %s", session.peer, printable(who.name), printable(str(error)))
        raise Refusal(530, "Your home directory can't be had.")

    writes = "write" in who.permissions
    session.perform(
        store.enter, who.name, who.home, writes, quick=store.quick, then=entered, otherwise=homeless, now=now
    )


def rein(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.1: as after the connection was made; TLS stays."""
    session.drop_via()
    session.forget_user()
    session.forget_settings()
    session.reply(220, session.server.settings.banner)


def quit_(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.1.  A transfer is over by now: QUIT waits for its reply like others."""
    session.end(221, "Goodbye.")
