"""What the tests of chat's accounts share: a server with one account, and clients that log in."""

from __future__ import annotations

import base64
from typing import Any

from protocols.chat.settings import ChatAccounts
from tests.core.chat import Client, World, make_accounts


def world(run_calls: bool = True, password: str = "", owned: tuple[str, ...] = (), **settings: Any) -> World:
    accounts = ChatAccounts(**{"login_delay": 0.0, **settings})
    return World(make_accounts(Ann="sesame"), run_calls, owned, accounts=accounts, password=password)


def log_in(client: Client, name: str = "ann", password: str = "sesame") -> list[str]:
    said = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
    client.lines()
    return client.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {said}").numerics()


def share(where: World, nick: str = "ann", *caps: str) -> Client:
    """One more connection that logs in as a client does: NICK and USER first, SASL then."""
    client = where.connect().send("CAP LS 302", f"NICK {nick}", f"USER {nick} 0 * :{nick.title()}")
    client.send(f"CAP REQ :sasl {' '.join(caps)}")
    assert log_in(client) == ["900", "903"]
    client.send("CAP END")
    assert client.session.user is not None, client.lines()
    return client
