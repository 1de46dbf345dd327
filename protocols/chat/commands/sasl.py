"""AUTHENTICATE: SASL's messages in pieces of 400 bytes (IRCv3 SASL 3.2)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from protocols.chat.caps import STANDARD_REPLIES
from protocols.chat.commands.accounts import LATER, WRONG, judged, log_in, log_trouble
from protocols.chat.message import Message
from protocols.chat.numerics import (
    ERR_SASLABORTED,
    ERR_SASLFAIL,
    ERR_SASLTOOLONG,
    RPL_SASLMECHS,
    RPL_SASLSUCCESS,
)
from protocols.chat.sasl import MECHANISMS, Ask, Challenge, Mechanism, Step, Success
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

PIECE = 400
"""SASL 3.1: messages are "split into 400-byte chunks"; a shorter one is the last."""
MOST = 8 * PIECE
"""Bytes of one message in base64 (ours)."""


class Exchange:
    """One exchange that is under way: its mechanism, and the pieces of a message so far."""

    __slots__ = ("mechanism", "pieces")

    def __init__(self, mechanism: Mechanism) -> None:
        self.mechanism = mechanism
        self.pieces = ""


def authenticate(session: ChatSession, message: Message, now: float) -> None:
    """Begin an exchange, go on with it, or give it up."""
    said, exchange = message.params[0], session.exchange
    accounts = session.server.accounts
    if said == "*":
        abort(session)
    elif exchange is not None:
        _piece(session, exchange, said, now)
    elif accounts is None or said.upper() not in MECHANISMS:
        session.reply(RPL_SASLMECHS, ",".join(MECHANISMS))
        _failed(session)
    else:
        server = session.server
        iterations = server.settings.accounts.hash_iterations
        mechanism = MECHANISMS[said.upper()](accounts, server.host.token(), server.secret, iterations)
        session.exchange = Exchange(mechanism)
        session.emit_plain("AUTHENTICATE +")


def abort(session: ChatSession) -> None:
    """The client gives it up, or registers without waiting for the end."""
    session.exchange = None
    session.reply(ERR_SASLABORTED)


def _piece(session: ChatSession, exchange: Exchange, said: str, now: float) -> None:
    if len(said) > PIECE or len(exchange.pieces) + len(said) > MOST:
        session.exchange = None
        session.reply(ERR_SASLTOOLONG)
        return
    if said != "+":
        exchange.pieces += said
    if len(said) == PIECE:
        return
    whole, exchange.pieces = exchange.pieces, ""
    try:
        data = base64.b64decode(whole, validate=True)
    except (binascii.Error, ValueError):
        _failed(session)
        return
    _next(session, exchange, exchange.mechanism.step(data), now)


def _next(session: ChatSession, exchange: Exchange, step: Step, now: float) -> None:
    if isinstance(step, Challenge):
        encoded = base64.b64encode(step.data).decode()
        for at in range(0, len(encoded) + 1, PIECE):
            session.emit_plain(f"AUTHENTICATE {encoded[at : at + PIECE] or '+'}")
    elif isinstance(step, Ask):

        def answered(result: Any, now: float) -> None:
            if isinstance(result, Exception):
                log_trouble(result)
                if session.caps & STANDARD_REPLIES:
                    session.note("AUTHENTICATE", "TEMPORARILY_UNAVAILABLE", LATER)
                session.exchange = None
                session.reply(ERR_SASLFAIL)
            else:
                _next(session, exchange, exchange.mechanism.answered(result), now)

        session.call(Call(step.method, step.arguments), answered)
    else:
        session.exchange = None
        judged(session, isinstance(step, Success), lambda: _over(session, step), now)


def _over(session: ChatSession, step: Step) -> None:
    if not isinstance(step, Success):
        session.reply(ERR_SASLFAIL)
    elif log_in(session, step.account):
        session.reply(RPL_SASLSUCCESS)


def _failed(session: ChatSession) -> None:
    """What was said makes no sense, and was no guess."""
    session.exchange = None
    session.charge(WRONG)
    session.reply(ERR_SASLFAIL)
