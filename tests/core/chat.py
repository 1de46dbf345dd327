"""What the core tests of chat share: a host, a server, and clients joined to it without sockets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protocols.chat.accounts import Account, Accounts
from protocols.chat.history import History
from protocols.chat.lasting import Forgetful, Keeper
from protocols.chat.server import ChatServer
from protocols.chat.session import ChatSession
from protocols.chat.settings import ChatAccounts, ChatFlood, ChatSettings
from protocols.chat.stores import Stores
from protocols.passwords import Cost
from protocols.session import Abort, Call, Close, Order, Orders, Peer, Reason, To
from stores.accounts import SqlAccounts
from stores.chat import MIGRATIONS
from stores.database import Database
from stores.history_memory import MemoryHistory

NO_FLOOD = ChatFlood(enabled=False)
NO_DELAY = ChatAccounts(login_delay=0)
CHEAP = Cost(ln=4)
"""What a hash costs where thousands are made."""


def make_accounts(**passwords: str) -> SqlAccounts:
    """Accounts that are forgotten: names and their passwords."""
    accounts = SqlAccounts(Database("", MIGRATIONS), CHEAP)
    for name, password in passwords.items():
        assert accounts.register(name, password, "", 0.0, 4096)
    return accounts


class Host:
    """A driver's host: time stands still until it is moved, and tokens count up."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.25
        self.count = 0
        self.told: list[Order] = []

    def wall(self) -> float:
        return self.now

    def token(self) -> str:
        self.count += 1
        return f"t{self.count}"

    def tell(self, orders: Any) -> None:
        self.told += orders


class Client:
    """One connection, and the lines that it was sent and has not looked at."""

    def __init__(self, world: World, peer: Peer) -> None:
        self.world = world
        self.session: ChatSession = world.server.session()
        self.data = b""
        self.closed = False
        self.calls: list[Call] = []
        world.clients[self.session] = self
        world.carry_out(self, self.session.connected(peer, world.now))

    def send(self, *lines: str) -> Client:
        for line in lines:
            self.send_bytes(line.encode() + b"\r\n")
        return self

    def send_bytes(self, data: bytes) -> None:
        self.world.carry_out(self, self.session.received(data, self.world.now))
        self.world.settle()

    def end(self) -> None:
        self.world.carry_out(self, self.session.ended(self.world.now))
        self.world.settle()

    def lose(self, reason: Reason = Reason.RESET) -> None:
        self.closed = True
        self.world.carry_out(self, self.session.disconnected(reason, self.world.now))

    def lines(self) -> list[str]:
        """What it was sent since the last look."""
        data, self.data = self.data, b""
        assert not data or data.endswith(b"\r\n")
        return data.decode().split("\r\n")[:-1]

    def numerics(self) -> list[str]:
        """Only the numerics among them."""
        lines = [line.partition(" ")[2] if line.startswith("@") else line for line in self.lines()]
        words = [line.split(" ") for line in lines]
        return [one[1] for one in words if len(one) > 1 and one[1].isdigit()]


class World:
    """A server and its clients: carries out orders as a driver does, calls at once."""

    def __init__(
        self,
        accounts: Accounts | None = None,
        /,
        run_calls: bool = True,
        owned: tuple[str, ...] = (),
        keeper: Keeper | None = None,
        said: ChatSettings | None = None,
        store: History | None = None,
        **settings: Any,
    ) -> None:
        """`said` are settings as they were read; else those that are named differ from the usual."""
        said = said or ChatSettings(**{"flood": NO_FLOOD, "cloak": False, "accounts": NO_DELAY, **settings})
        self.host = Host()
        self.now = 0.0
        self.run_calls = run_calls
        self.clients: dict[ChatSession, Client] = {}
        store, keeper = store or MemoryHistory(2048, 512), keeper or Forgetful()
        stores = Stores(accounts, b"a secret", owned=tuple(map(Account, owned)), keeper=keeper, history=store)
        self.server = ChatServer(said, self.host, stores)

    def connect(self, host: str = "192.0.2.1", tls: str | None = None) -> Client:
        return Client(self, Peer(host, 40_000, "192.0.2.9", 6667, tls))

    def register(self, nick: str, *caps: str) -> Client:
        """A registered client, which has read its welcome."""
        client = self.connect()
        if caps:
            client.send(f"CAP REQ :{' '.join(caps)}")
        client.send(f"NICK {nick}", f"USER {nick} 0 * :{nick.title()}", *(["CAP END"] if caps else []))
        assert client.session.user is not None, client.lines()
        client.lines()
        return client

    def together(self, *nicks: str, channel: str = "#tea", caps: Sequence[str] = ()) -> list[Client]:
        """Registered clients on one channel, who have read all."""
        clients = [self.register(nick, *caps) for nick in nicks]
        for client in clients:
            client.send(f"JOIN {channel}")
        for client in clients:
            client.lines()
        return clients

    def carry_out(self, client: Client | None, orders: Orders) -> None:
        for order in orders:
            if isinstance(order, To):
                for session in order.sessions:
                    other = self.clients.get(session)  # type: ignore[call-overload]
                    if other is not None and not other.closed:
                        self.carry_out(other, order.orders)
            elif client is None or client.closed:
                continue
            elif isinstance(order, bytes):
                client.data += order
            elif isinstance(order, (Close, Abort)):
                client.closed = True
                self.carry_out(None, client.session.disconnected(Reason.EOF, self.now))
            elif isinstance(order, Call):
                client.calls.append(order)

    def settle(self) -> None:
        """Resume who has more to say, and answer calls, until nothing is left."""
        busy = True
        while busy:
            busy = False
            for client in tuple(self.clients.values()):
                if client.closed:
                    continue
                if client.session.more:
                    busy = True
                    self.carry_out(client, client.session.resumed(self.now))
                while client.calls and self.run_calls:
                    busy = True
                    self.answer(client, client.calls.pop(0))

    def answer(self, client: Client, call: Call) -> None:
        try:
            result = call.function(*call.args, **call.kwargs)
        except Exception as error:
            self.carry_out(client, client.session.failed(call, error, self.now))
        else:
            self.carry_out(client, client.session.replied(call, result, self.now))

    def pass_time(self, seconds: float) -> None:
        """Let time go by, from deadline to deadline."""
        until = self.now + seconds
        self.host.now += seconds
        while True:
            due = [
                (client.session.deadline, at, client)
                for at, client in enumerate(self.clients.values())
                if not client.closed and client.session.deadline is not None
            ]
            if not due or min(due)[0] > until:
                break
            when, _, client = min(due)
            self.now = max(self.now, when)
            client.session.deadline = None
            self.carry_out(client, client.session.expired(self.now))
            self.settle()
        self.now = until
