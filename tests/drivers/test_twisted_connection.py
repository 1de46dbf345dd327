"""How Twisted's rpc client connects, reconnects, fails and ends, also with servers that misbehave."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, DeferredList
from twisted.internet.threads import deferToThread

from protocols.rpc.failures import Backoff, BadReply, CallFailed, ConnectionLost, NotConnected
from tests.clients import PATIENCE, Client
from tests.drivers.turns import Make, until, until_counted
from tests.rpc_clients import TOKEN, Peer
from tests.scripted import Restartable, Scripted, answering, until_end, where
from tests.servers import Authority, Certificate, Running


def quick() -> Backoff:
    """Tries again at once, so that tests need not wait."""
    return Backoff(first=0.01, most=0.05)


# -- reconnecting --------------------------------------------------------------------------


async def test_a_client_comes_back_with_its_token_and_its_subscriptions(
    make: Make, implementation: str, token_file: Path, gate: str
) -> None:
    """kill -9 of the server: the call under way fails, those after the restart are answered."""
    values: list[Any] = []
    with Restartable(implementation, "--config", str(token_file)) as server:
        client = make(server.address, token=TOKEN, backoff=quick())
        await client.connect()
        await client.subscribe("news", values.append)
        for how in (server.running.kill, server.stop):
            held = client.call("hold", [gate])
            await until_counted(client, gate, now=1)
            if how == server.stop:
                held.cancel()
            await deferToThread(how)
            with pytest.raises(CancelledError if how == server.stop else ConnectionLost):
                await held
            await until("the loss is seen", lambda: not client.connected)
            with pytest.raises(NotConnected):
                await client.call("add", [1, 2])
            await deferToThread(server.start)
            await until("it is back", lambda: client.connected)
            assert await client.call("secret") == "blue"
            assert await client.call("publish", ["news", gate]) == 1
            await client.call("echo")
        assert values == [gate, gate]
        await client.close()


async def test_a_client_that_shall_not_reconnect_does_not(make: Make) -> None:
    with Scripted(lambda client: None) as server:
        client = make(server.address, reconnect=False)
        await client.connect()
        with pytest.raises((ConnectionLost, NotConnected)):
            await client.call("add", [1, 2])
        await until("the loss is seen", lambda: not client.connected)
        assert client._again is None
        assert server.count() == 1


class Recorded(Backoff):
    """Keeps what it answered."""

    def __init__(self) -> None:
        super().__init__(first=0.001, factor=2.0, most=0.004, jitter=0)
        self.delays: list[float] = []

    def next(self, chance: float) -> float:
        self.delays.append(super().next(chance))
        return self.delays[-1]


@pytest.mark.parametrize("end", [Client.close, Client.reset])
async def test_a_server_that_hangs_up_is_tried_less_and_less(
    make: Make, end: Callable[[Client], None]
) -> None:
    """An accepted connection proves nothing; an answer does.  Nor is the loss ever missed."""
    backoff = Recorded()
    with Scripted(end) as server:
        client = make(server.address, token="makes it send at once", backoff=backoff)

        async def tried() -> bool:
            try:
                await client.connect()
            except NotConnected:
                return False  # lost before it was ready
            return True

        while not await tried():
            pass
        await until("six tries", lambda: len(backoff.delays) >= 6)
        await client.close()
    assert backoff.delays[:6] == [0.001, 0.002, 0.004, 0.004, 0.004, 0.004]


async def test_an_answer_lets_the_next_trouble_start_small(make: Make) -> None:
    def answer_and_hang_up(client: Client) -> None:
        client.read_line()
        client.send(b'{"jsonrpc":"2.0","result":true,"id":1}\n')

    backoff = Recorded()
    with Scripted(answer_and_hang_up) as server:
        client = make(server.address, token="asked about at once", backoff=backoff)
        await client.connect()
        await until("three tries", lambda: len(backoff.delays) >= 3)
        await client.close()
    assert backoff.delays[:3] == [0.001, 0.001, 0.001]


async def test_who_connects_twice_has_one_connection(make: Make) -> None:
    with Scripted(until_end) as server:
        client = make(server.address)
        await DeferredList([client.connect() for _ in range(3)], fireOnOneErrback=True)
        await client.connect()
        await client.close()
        assert server.count() == 1


async def test_who_connects_while_a_reconnect_waits_has_one_connection(make: Make) -> None:
    with Scripted(lambda client: None, until_end) as server:
        client = make(server.address, backoff=Backoff(first=60, most=60))
        await client.connect()
        await until("a reconnect waits", lambda: client._again is not None)
        await client.connect()
        assert client._again is None
        await client.close()
        assert server.count() == 2


# -- what can go wrong ---------------------------------------------------------------------


async def test_why_there_is_no_connection_is_said(
    make: Make, rpc: Running, certificate: Certificate, tmp_path: Path
) -> None:
    with Scripted(until_end) as server:
        nobody = server.address
    other = Authority(tmp_path).issue()
    cases = {
        nobody: f"{nobody}: Connection refused",
        f"unix://{tmp_path}/none": f"unix://{tmp_path}/none: No such file or directory",
        where(rpc, "tls"): "certificate verify failed",
        where(rpc, "tls", other): "certificate verify failed",
        where(rpc, "tls", certificate, name="tea.example"): "tea.example",
        where(rpc, "tls") + f"?ca={tmp_path}/none": f"{tmp_path}/none: No such file or directory",
        where(rpc, "tls") + f"?ca={other.key}": "expected a certificate, in PEM",
        where(rpc, "tcp").replace("tcp", "tls"): "wrong version number",
    }
    for address, words in cases.items():
        client = make(address, backoff=quick())
        with pytest.raises(NotConnected) as raised:
            await client.connect()
        assert words in str(raised.value), address
        assert client._again is None  # what never was is not made again
        with pytest.raises(NotConnected, match="there is no connection"):
            await client.call("add", [1, 2])


HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
RESULT = b'{"jsonrpc":"2.0","result":%b,"id":%b}\n'


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (HTTP, r"what is not JSON-RPC: b'HTTP/1.1 400 Bad Request'"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", r"what is not JSON-RPC: b'SSH-2.0"),
        (b"\xff\n", r"what is not JSON-RPC"),
        (b'{"jsonrpc":"1.0","result":3,"id":1}\n', r'what is not JSON-RPC "2.0"'),
        (b'{"jsonrpc":"2.0","id":1}\n', r"neither a result nor an error"),
        (RESULT % (b"3", b"99"), r"what was not asked"),
        (b"[" * 600 + b"\n", r"what is not JSON-RPC"),
    ],
)
async def test_a_server_that_speaks_something_else_is_left(make: Make, said: bytes, words: str) -> None:
    with Scripted(answering(said)) as server:
        client = make(server.address, reconnect=False)
        await client.connect()
        with pytest.raises(BadReply, match=words):
            await client.call("add", [1, 2])
        await until("the loss is seen", lambda: not client.connected)
        with pytest.raises(NotConnected):
            await client.call("add", [1, 2])
        assert await deferToThread(server.count) == 1  # which ended, since we are served
        await client.close()


@pytest.mark.parametrize("end", [Client.half_close, Client.reset])
async def test_a_server_that_goes_in_the_middle_of_a_call_is_told(
    make: Make, end: Callable[[Client], None]
) -> None:
    def play(client: Client) -> None:
        client.read_line()
        client.send(b'{"jsonrpc":"2.0","res')
        end(client)

    with Scripted(play) as server:
        client = make(server.address, reconnect=False)
        await client.connect()
        with pytest.raises((ConnectionLost, BadReply)):
            await client.call("add", [1, 2])
        await client.close()


async def test_a_server_that_refuses_is_quoted(make: Make, own_rpc: Callable[..., Running]) -> None:
    running = own_rpc("--limits-connections=1")
    kept = Peer(running.connect())
    kept.call("add", 1, 2)
    client = make(where(running, "tcp"), reconnect=False)
    await client.connect()
    with pytest.raises(CallFailed, match="too many connections"):
        await client.call("add", [1, 2])
    await until("the loss is seen", lambda: not client.connected)
    with pytest.raises(NotConnected, match="too many connections"):
        await client.call("add", [1, 2])
    await client.close()
    kept.end()


# -- the end -------------------------------------------------------------------------------


async def test_closing_fails_the_calls_under_way(make: Make, rpc: Running, gate: str) -> None:
    client = make(where(rpc, "tcp"))
    await client.connect()
    held = [client.call("hold", [gate]) for _ in range(3)]
    await until_counted(client, gate, now=3)
    client.notify("open", [gate])
    await DeferredList([client.close(), client.close()], fireOnOneErrback=True)
    for one in held:
        with pytest.raises(NotConnected, match="the client was closed"):
            await one
    await client.close()
    with pytest.raises(NotConnected, match="the client was closed"):
        client.batch([("add", [1, 2])])
    with pytest.raises(NotConnected, match="the client was closed"):
        client.notify("echo")
    for failed in (
        client.call("add", [1, 2]),
        client.subscribe("news", print),
        client.unsubscribe("news"),
        client.connect(),
    ):
        with pytest.raises(NotConnected, match="the client was closed"):
            await failed


async def test_a_client_that_never_connected_can_be_closed(make: Make) -> None:
    client = make("tcp://127.0.0.1:9")
    with pytest.raises(NotConnected, match="there is no connection"):
        await client.call("add", [1, 2])
    await client.close()
    with pytest.raises(NotConnected, match="the client was closed"):
        await client.call("add", [1, 2])


async def test_closing_while_it_connects_ends_the_try(make: Make) -> None:
    with Scripted(until_end) as server:
        client = make(server.address)
        connecting = client.connect()
        await client.close()
        with pytest.raises(NotConnected, match="the client was closed"):
            await connecting


async def test_closing_while_the_handshake_waits_ends_it(make: Make) -> None:
    with Scripted(until_end) as server:
        client = make(server.tls_address)
        connecting = client.connect()
        await until("it shakes hands", lambda: client._connection is not None)
        await client.close()
        with pytest.raises(NotConnected, match="the client was closed"):
            await connecting


@pytest.mark.parametrize("handshake", [False, True])
async def test_cancelling_a_connect_ends_the_try(make: Make, handshake: bool) -> None:
    with Scripted(until_end) as server:
        client = make(server.tls_address)
        connecting = client.connect()
        if handshake:
            await until("it shakes hands", lambda: client._connection is not None)
        connecting.cancel()
        with pytest.raises(CancelledError):
            await connecting
        assert client._again is None
        if handshake:
            assert await deferToThread(server.count) == 1  # which ended, since we are served
        await client.close()


async def test_closing_while_a_reconnect_waits_ends_it(make: Make) -> None:
    with Scripted(lambda client: None) as server:
        client = make(server.address, backoff=Backoff(first=60, most=60))
        await client.connect()
        await until("a reconnect waits", lambda: client._again is not None)
        await client.close()


async def test_the_end_does_not_wait_for_ever_for_a_server_that_is_stuck(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twisted_impl.rpc_client.LINGER", 0.1)
    release = threading.Event()
    released: list[bool] = []
    with Scripted(lambda client: released.append(release.wait(PATIENCE))) as server:
        client = make(server.address)
        await client.connect()
        client.notify("echo", ["x" * 20_000_000])  # more than the kernel takes
        await client.close()
        release.set()
    assert released == [True]
