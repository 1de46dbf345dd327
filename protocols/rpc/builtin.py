"""The methods that every rpc server has: rpc.* (JSON-RPC 2.0 §8, "reserved for system extensions").

Declared like any others, so that their parameters are checked and documented in the same way.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from msgspec import Meta, Raw

from protocols.rpc.connection import Connection
from protocols.rpc.errors import BAD_TOKEN, INVALID_PARAMS, NO_TOKEN, RPCError
from protocols.rpc.method import Method
from protocols.rpc.service import Topic

Id = Annotated[Raw, Meta(extra_json_schema={"type": ["string", "number", "null"]})]


def discover(connection: Connection) -> dict[str, Any]:
    """This document: every method, its parameters and errors, as OpenRPC."""
    return connection.session.server.document()


def authenticate(connection: Connection, token: str) -> bool:
    """Show the server's token, so that this connection may call methods that want it."""
    expected = connection.session.token
    if not expected:
        raise RPCError(NO_TOKEN)
    # In constant time: how long a refusal takes must not tell how much was right.
    if not hmac.compare_digest(token.encode(), expected.encode()):
        raise RPCError(BAD_TOKEN)
    connection.authenticated = True
    return True


def cancel(connection: Connection, id: Id) -> bool:
    """Give up a call of this connection that is not answered yet; it is answered -32001 at once.

    Meant as a notification.  As a request, the result says whether there was such a call.
    Ids are compared as they were written; of calls with the same id it is the newest.
    """
    return connection.session.cancel(bytes(id))


def subscribe(connection: Connection, topic: str) -> bool:
    """Be sent what is published under a topic, as notifications of rpc.published.

    The result says whether that is new.
    """
    return _topic(connection, topic).subscribers.add(connection.session)


def unsubscribe(connection: Connection, topic: str) -> bool:
    """Be sent no more of a topic.  The result says whether there was a subscription."""
    return _topic(connection, topic).subscribers.discard(connection.session)


def _topic(connection: Connection, name: str) -> Topic:
    topics = connection.session.server.service.topics
    if name not in topics:
        expected = ", ".join(topics) or "no topics here"
        raise RPCError(
            INVALID_PARAMS, {"parameter": "topic", "expected": expected, "problem": "no such topic"}
        )
    return topics[name]


BUILTIN: dict[str, Method] = {
    method.name: method
    for method in (
        Method(discover, "rpc.discover"),
        Method(authenticate, "rpc.authenticate", errors=(BAD_TOKEN, NO_TOKEN)),
        Method(cancel, "rpc.cancel"),
        Method(subscribe, "rpc.subscribe"),
        Method(unsubscribe, "rpc.unsubscribe"),
    )
}
