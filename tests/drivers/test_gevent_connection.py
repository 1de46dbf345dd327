"""How gevent's rpc client connects, reconnects, fails and ends, also with servers that misbehave."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest

from gevent_impl.rpc import RPCClient
from protocols.rpc.failures import Backoff, BadReply, CallFailed, ConnectionLost, NotConnected
from tests.clients import PATIENCE, Client
from tests.drivers.greenlets import greenlets
from tests.rpc_clients import TOKEN, Peer
from tests.scripted import Restartable, Scripted, answering, until_end, where
from tests.servers import Authority, Certificate, Running


def quick() -> Backoff:
    """Tries again at once, so that tests need not wait."""
    return Backoff(first=0.01, most=0.05)


def until_disconnected(client: RPCClient) -> None:
    with gevent.Timeout(PATIENCE):
        while client.connected:
            gevent.sleep(0)


# -- reconnecting --------------------------------------------------------------------------


@greenlets
def test_a_client_comes_back_with_its_token_and_its_subscriptions(
    implementation: str, token_file: Path, gate: str
) -> None:
    """kill -9 of the server: the call under way fails, those after the restart are answered."""
    values: list[Any] = []
    with (
        Restartable(implementation, "--config", str(token_file)) as server,
        RPCClient(server.address, token=TOKEN, backoff=quick()) as client,
    ):
        client.subscribe("news", values.append)
        for how in (server.running.kill, server.stop):
            held = gevent.spawn(client.call, "hold", [gate])
            with gevent.Timeout(PATIENCE):
                while client.call("counts", [gate])["now"] < 1:
                    pass
            if how == server.stop:
                held.kill()
            gevent.get_hub().threadpool.apply(how)
            if how != server.stop:
                with pytest.raises(ConnectionLost):
                    held.get()
            until_disconnected(client)
            with pytest.raises(NotConnected):
                client.call("add", [1, 2])
            gevent.get_hub().threadpool.apply(server.start)
            client.connect()  # waits for who is trying already
            assert client.call("secret") == "blue"
            assert client.call("publish", ["news", gate]) == 1
            client.call("echo")
        assert values == [gate, gate]
        client.close()


@greenlets
def test_a_client_that_shall_not_reconnect_does_not() -> None:
    with Scripted(lambda client: None) as server:
        client = RPCClient(server.address, reconnect=False)
        client.connect()
        with pytest.raises((ConnectionLost, NotConnected)):
            client.call("add", [1, 2])
        assert client._reconnecting is None
        client.close()
        assert server.count() == 1


class Recorded(Backoff):
    """Keeps what it answered."""

    def __init__(self, wanted: int) -> None:
        super().__init__(first=0.001, factor=2.0, most=0.004, jitter=0)
        self.delays: list[float] = []
        self.enough = gevent.event.Event()
        self.wanted = wanted

    def next(self, chance: float) -> float:
        self.delays.append(super().next(chance))
        if len(self.delays) >= self.wanted:
            self.enough.set()
        return self.delays[-1]


@pytest.mark.parametrize("end", [Client.close, Client.reset])
@greenlets
def test_a_server_that_hangs_up_is_tried_less_and_less(end: Callable[[Client], None]) -> None:
    """An accepted connection proves nothing; an answer does.  Nor is the loss ever missed."""
    backoff = Recorded(wanted=6)
    with Scripted(end) as server:
        client = RPCClient(server.address, token="makes it send at once", backoff=backoff)
        with gevent.Timeout(PATIENCE):
            while not client._reconnecting:
                try:
                    client.connect()
                    gevent.sleep(0)
                except NotConnected:
                    pass  # lost before it was ready
        assert backoff.enough.wait(PATIENCE)
        client.close()
    assert backoff.delays[:6] == [0.001, 0.002, 0.004, 0.004, 0.004, 0.004]


@greenlets
def test_an_answer_lets_the_next_trouble_start_small() -> None:
    answer = b'{"jsonrpc":"2.0","result":true,"id":1}\n'

    def answer_and_hang_up(client: Client) -> None:
        client.read_line()
        client.send(answer)

    backoff = Recorded(wanted=3)
    with Scripted(answer_and_hang_up) as server:
        client = RPCClient(server.address, token="asked about at once", backoff=backoff)
        client.connect()
        assert backoff.enough.wait(PATIENCE)
        client.close()
    assert backoff.delays[:3] == [0.001, 0.001, 0.001]


@greenlets
def test_who_connects_twice_has_one_connection() -> None:
    with Scripted(until_end) as server:
        client = RPCClient(server.address)
        gevent.joinall([gevent.spawn(client.connect) for _ in range(3)], raise_error=True)
        client.connect()
        client.close()
        assert server.count() == 1


@greenlets
def test_who_connects_while_a_reconnect_waits_has_one_connection() -> None:
    with Scripted(lambda client: None, until_end) as server:
        client = RPCClient(server.address, backoff=Backoff(first=0.05, jitter=0))
        client.connect()
        with gevent.Timeout(PATIENCE):
            while client._reconnecting is None:
                gevent.sleep(0)
        client.connect()
        client._reconnecting.join()
        client.close()
        assert server.count() == 2


# -- what can go wrong ---------------------------------------------------------------------


@greenlets
def test_why_there_is_no_connection_is_said(rpc: Running, certificate: Certificate, tmp_path: Path) -> None:
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
        client = RPCClient(address, backoff=quick())
        with pytest.raises(NotConnected) as raised:
            client.connect()
        assert words in str(raised.value), address
        assert client._reconnecting is None  # what never was is not made again
        with pytest.raises(NotConnected, match="there is no connection"):
            client.call("add", [1, 2])


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
@greenlets
def test_a_server_that_speaks_something_else_is_left(said: bytes, words: str) -> None:
    with Scripted(answering(said)) as server:
        client = RPCClient(server.address, reconnect=False)
        client.connect()
        with pytest.raises(BadReply, match=words):
            client.call("add", [1, 2])
        until_disconnected(client)
        with pytest.raises(NotConnected):
            client.call("add", [1, 2])
        assert server.count() == 1  # which ended, since we are served
        client.close()


@pytest.mark.parametrize("end", [Client.half_close, Client.reset])
@greenlets
def test_a_server_that_goes_in_the_middle_of_a_call_is_told(end: Callable[[Client], None]) -> None:
    def play(client: Client) -> None:
        client.read_line()
        client.send(b'{"jsonrpc":"2.0","res')
        end(client)

    with Scripted(play) as server:
        client = RPCClient(server.address, reconnect=False)
        client.connect()
        with pytest.raises((ConnectionLost, BadReply)):
            client.call("add", [1, 2])
        client.close()


@greenlets
def test_a_server_that_refuses_is_quoted(implementation: str, own_rpc: Callable[..., Running]) -> None:
    running = own_rpc("--limits-connections=1")
    kept = Peer(running.connect())
    kept.call("add", 1, 2)
    client = RPCClient(where(running, "tcp"), reconnect=False)
    client.connect()
    with pytest.raises(CallFailed, match="too many connections"):
        client.call("add", [1, 2])
    until_disconnected(client)
    with pytest.raises(NotConnected, match="too many connections"):
        client.call("add", [1, 2])
    client.close()
    kept.end()


# -- the end -------------------------------------------------------------------------------


@greenlets
def test_closing_fails_the_calls_under_way(rpc: Running, gate: str) -> None:
    client = RPCClient(where(rpc, "tcp"))
    client.connect()
    held = [gevent.spawn(client.call, "hold", [gate]) for _ in range(3)]
    with gevent.Timeout(PATIENCE):
        while client.call("counts", [gate])["now"] < 3:
            pass
    client.notify("open", [gate])
    client.close()
    for one in held:
        with pytest.raises(NotConnected, match="the client was closed"):
            one.get()
    client.close()
    for wish in (
        lambda: client.call("add", [1, 2]),
        lambda: client.batch([("add", [1, 2])]),
        lambda: client.notify("echo"),
        lambda: client.subscribe("news", print),
        client.connect,
    ):
        with pytest.raises(NotConnected, match="the client was closed"):
            wish()


@greenlets
def test_a_client_that_never_connected_can_be_closed() -> None:
    client = RPCClient("tcp://127.0.0.1:9")
    with pytest.raises(NotConnected, match="there is no connection"):
        client.call("add", [1, 2])
    client.close()
    with pytest.raises(NotConnected, match="the client was closed"):
        client.call("add", [1, 2])


@greenlets
def test_closing_while_the_handshake_waits_ends_it() -> None:
    with Scripted(until_end) as server:
        client = RPCClient(server.tls_address)
        connecting = gevent.spawn(client.connect)
        gevent.get_hub().threadpool.apply(server.wait_for, (1,))
        while client._connection is None:
            gevent.sleep(0)
        client.close()
        with pytest.raises(NotConnected, match="the client was closed"):
            connecting.get()


@greenlets
def test_killing_who_connects_ends_the_try() -> None:
    with Scripted(until_end) as server:
        client = RPCClient(server.tls_address)
        connecting = gevent.spawn(client.connect)
        gevent.get_hub().threadpool.apply(server.wait_for, (1,))
        connecting.kill()
        assert client._connection is None or client._connection.gone
        client.close()


@greenlets
def test_closing_while_a_reconnect_waits_ends_it() -> None:
    with Scripted(lambda client: None) as server:
        client = RPCClient(server.address, backoff=Backoff(first=60, most=60))
        client.connect()
        with gevent.Timeout(PATIENCE):
            while client._reconnecting is None:
                gevent.sleep(0)
        client.close()


@greenlets
def test_the_end_does_not_wait_for_ever_for_a_server_that_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gevent_impl.rpc_client.LINGER", 0.1)
    release = threading.Event()
    released: list[bool] = []
    with Scripted(lambda client: released.append(release.wait(PATIENCE))) as server:
        client = RPCClient(server.address)
        client.connect()
        client.notify("echo", ["x" * 20_000_000])  # more than the kernel takes
        client.close()
        release.set()
    assert released == [True]
