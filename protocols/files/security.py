"""TLS by AUTH, and what PBSZ and PROT say of data connections (RFC 2228, RFC 4217)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.files.answering import HANDSHAKE
from protocols.files.replies import Refusal
from protocols.session import START_TLS

if TYPE_CHECKING:
    from protocols.files.session import FilesSession

MECHANISMS = ("TLS", "TLS-C", "SSL", "TLS-P")
"""All are the same TLS; curl says SSL first."""


def auth(session: FilesSession, argument: str, now: float) -> None:
    """RFC 4217 §4.  Nothing may follow before the handshake: it could be somebody else's."""
    if session.secure:
        raise Refusal(503, "TLS is in use already.")
    if not session.server.tls:
        raise Refusal(502, "TLS is not set up.")
    if argument.strip().upper() not in MECHANISMS:
        raise Refusal(504, f"Expected one of {', '.join(MECHANISMS)}.")
    if session.glued:
        session.refuse_glued()
        return
    session.drop_via()
    session.forget_user()  # RFC 2228 §3: who logged in did so in the clear
    session.reply(234, "TLS may begin.")
    session.order(START_TLS)
    session.waits_for = HANDSHAKE


def pbsz(session: FilesSession, argument: str, now: float) -> None:
    """RFC 4217 §9: always 0, "PBSZ=0" whatever was asked for."""
    if not session.secure:
        raise Refusal(503, "AUTH comes before PBSZ.")
    if not argument.strip().isascii() or not argument.strip().isdigit():
        raise Refusal(501, "Expected PBSZ 0.")
    session.pbsz = True
    session.reply(200, "PBSZ=0")


def prot(session: FilesSession, argument: str, now: float) -> None:
    """RFC 4217 §9: C in the clear, P with TLS; S and E are for other mechanisms (RFC 2228 §3)."""
    level = argument.strip().upper()
    if level not in ("C", "P", "S", "E"):
        raise Refusal(504, "Expected C or P.")
    if not session.pbsz:
        raise Refusal(503, "PBSZ comes before PROT.")
    if level in ("S", "E"):
        raise Refusal(536, "TLS offers C and P.")
    session.protected = level == "P"
    session.reply(200, f"Data connections are {'protected' if session.protected else 'in the clear'}.")
