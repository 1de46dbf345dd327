"""A connection's layers at work: the handshakes before its session begins, and what comes between."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from protocols.layers import LAYER_ERRORS, Layers
from protocols.session import HANDSHAKE, Reason

if TYPE_CHECKING:
    from twisted_impl.session import SessionProtocol

NEVER = float("inf")


def begin(connection: SessionProtocol, layers: Layers) -> None:
    """Let these come first; the session is told when they are through, or never."""
    connection.layers = layers
    connection.transport.bufferSize = layers.read_size
    connection.handshake_until = time.monotonic() + HANDSHAKE
    connection.arm(connection.handshake_until)
    if hello := layers.start():
        connection.send(hello)


def received_through(connection: SessionProtocol, layers: Layers, data: bytes) -> None:
    """What arrived, as the layers understand it: answers of their own, words for the session, an end."""
    try:
        if layers.proxy is not None:
            rest = layers.past_proxy(data)
            if rest is None:
                return
            data, connection.peer = rest, layers.client or connection.peer
            connection.driver.place(connection)
            if connection.gone:
                return
        plain, answer = layers.received(data)
    except LAYER_ERRORS as error:
        connection.layer_failed(error.layer, str(error))
        connection.transport.write(error.alert)
        connection.lost(Reason.RESET)
        return
    if answer:
        connection.send(answer)
    if layers.established and connection.handshake_until != NEVER:
        connection.handshake_until = NEVER
        connection.peer = layers.introduce(connection.peer)
        if layers.passed:
            connection.layers = None
        if connection.open:
            connection.driver.report(connection, connection.session.secured, connection.peer)
        else:
            connection.introduce()
    if plain and connection.open:
        connection.driver.received(connection, plain)
    if layers.failed and not connection.closing and not connection.gone:
        connection.layer_failed("WebSocket", layers.failed)
        connection.close()
        connection.flush()
    elif connection.lingering and layers.over:
        connection.lost(Reason.EOF)  # both ends have said so: no FIN need be waited for
    elif layers.ended and not connection.gone:
        connection.report_ended()
