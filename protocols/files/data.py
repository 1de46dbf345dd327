"""How the next transfer comes by its connection: PORT, EPRT, PASV and EPSV.

A listener is opened and closed by orders (`orders`); the answer to PASV waits for `listening`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.files.addresses import (
    bindable,
    format_epsv,
    format_pasv,
    parse_eprt,
    parse_port,
    permitted,
    protocol,
    told_host,
    unsupported_protocol,
)
from protocols.files.orders import Connect, Listen
from protocols.files.paths import printable
from protocols.files.replies import Refusal

if TYPE_CHECKING:
    from protocols.files.session import FilesSession


def port(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.2."""
    _active_allowed(session)
    if protocol(session.client) == 2:
        raise Refusal(501, "PORT knows IPv4 alone: use EPRT or EPSV.")
    _connect(session, *parse_port(argument))


def eprt(session: FilesSession, argument: str, now: float) -> None:
    """RFC 2428 §2."""
    _active_allowed(session)
    _connect(session, *parse_eprt(argument, protocol(session.client)))


def _active_allowed(session: FilesSession) -> None:
    if not session.client:
        raise Refusal(425, "Data connections need an address.")
    if not session.server.settings.active.enabled:
        raise Refusal(502, "Active mode is off: use PASV or EPSV.")
    if session.epsv_all:
        raise Refusal(503, "EPSV ALL was said.")


def _connect(session: FilesSession, host: str, port: int) -> None:
    try:
        permitted(host, port, session.client, session.server.settings.active)
    except Refusal:
        session.warn(f"data connection to {printable(host)} port {port}")
        raise
    session.drop_via()
    # RFC 4007 §11: EPRT has no zone; the client's own link-local address has the one it came by.
    to = bindable(session.peer.host) if host == session.client else host
    session.via = Connect(to, port, session.local)
    session.reply(200, "We connect to that address.")


def pasv(session: FilesSession, argument: str, now: float) -> None:
    """RFC 959 §4.1.2, RFC 1123 §4.1.2.6: the address "may be different" each time, so it is read from 227."""
    if session.epsv_all:
        raise Refusal(503, "EPSV ALL was said.")
    if session.local and told_host(session.server.settings.passive, session.local) is None:
        raise Refusal(501, "PASV can't express an IPv6 address: use EPSV.")
    _listen(session, "PASV")


def epsv(session: FilesSession, argument: str, now: float) -> None:
    """RFC 2428 §3 and §4."""
    asked = argument.strip().upper()
    if asked == "ALL":
        session.epsv_all = True
        session.reply(200, "From now on EPSV alone is accepted.")
        return
    if asked and not (asked.isascii() and asked.isdigit()):
        raise Refusal(501, "Expected EPSV, EPSV ALL, or the number of a network protocol.")
    ours = protocol(session.client)
    if asked and int(asked[:9]) != ours:
        raise unsupported_protocol(ours)
    _listen(session, "EPSV")


def _listen(session: FilesSession, verb: str) -> None:
    if not session.client:
        raise Refusal(425, "Data connections need an address.")
    session.drop_via()
    session.listening_for = verb
    _take_port(session)


def _take_port(session: FilesSession) -> None:
    """Order a listener at a port that is free, as far as we know."""
    port = session.server.ports.take()
    if port is None:
        session.server.no_port()
        session.release_tried()
        raise Refusal(425, "No passive port is free: try again later.")
    session.port = port
    listen = Listen(session.local, port, session.client)
    session.waits_for = listen
    session.order(listen)


def listening(session: FilesSession, listen: Listen, port: int) -> None:
    """The listener is there: that is the answer."""
    session.release_tried()
    session.via = listen
    if session.listening_for == "EPSV":
        session.reply(229, format_epsv(port))
        return
    host = told_host(session.server.settings.passive, session.local)
    assert host is not None  # or PASV would have been refused
    session.reply(227, format_pasv(host, port))


def listen_failed(session: FilesSession, listen: Listen, in_use: bool) -> None:
    """Somebody else has the port: try another, and give back those that were tried when one is found."""
    if in_use and listen.port and session.port is not None:
        session.tried.append(session.port)
        session.port = None
        _take_port(session)
        return
    session.release_port()
    raise Refusal(425, "No data connection can be accepted: try again later.")
