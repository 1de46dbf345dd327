"""What the core tests of rpc share: a host, a server, and a connection to talk to as a peer."""

from __future__ import annotations

import json
from typing import Any

from protocols.rpc import Service
from protocols.rpc.server import RPCServer
from protocols.rpc.session import RPCSession
from protocols.rpc.settings import RPCLimits
from protocols.session import Call, Close, Order, Peer, To

PEER = Peer("127.0.0.1", 40_000, "127.0.0.1", 7008)


class Host:
    """A driver's host: time stands still, and what is told is kept."""

    def __init__(self) -> None:
        self.told: list[Order] = []

    def wall(self) -> float:
        return 86_400.5

    def token(self) -> str:
        return "token"

    def tell(self, orders: Any) -> None:
        self.told += orders


def serve(service: Service, token: str = "", **limits: Any) -> RPCServer:
    return RPCServer(service, RPCLimits(**limits), token, Host())


def connect(server: RPCServer, now: float = 0.0) -> RPCSession:
    session = server.session()
    session.connected(PEER, now)
    return session


def request(method: str, params: Any = None, id: Any = None) -> dict[str, Any]:
    """One request; without an id a notification."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        message["params"] = params
    if id is not None:
        message["id"] = id
    return message


def lines(*messages: Any) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def said(orders: Any) -> list[Any]:
    """The JSON texts among the orders."""
    return [json.loads(line) for order in orders if isinstance(order, bytes) for line in order.splitlines()]


def codes(orders: Any) -> list[int]:
    return [message["error"]["code"] for message in said(orders)]


def calls(orders: Any) -> list[Call]:
    return [order for order in orders if isinstance(order, Call)]


def play(session: RPCSession, chunks: list[bytes], end: bool = False) -> list[Order]:
    """What comes of these chunks, resuming whenever there is more to say."""
    out: list[Order] = []
    for chunk in chunks:
        out += session.received(chunk, 0.0)
        while session.more:
            out += session.resumed(0.0)
    if end:
        out += session.ended(0.0)
        while session.more:
            out += session.resumed(0.0)
    return out


def closed(orders: Any) -> bool:
    return any(isinstance(order, Close) for order in orders)


def others(orders: Any) -> list[To]:
    return [order for order in orders if isinstance(order, To)]
