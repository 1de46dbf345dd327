"""What the tests of rpc share: a peer that speaks JSON-RPC through a socket, and its server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.clients import Client
from tests.servers import Certificate, Own, Running, wait_until

TOKEN = "the tea is in the blue tin"
IN_FLIGHT, QUEUED, THREADS = 4, 6, 3
"""Small limits of the server that the tests share."""


class Peer:
    """One connection: requests out, and whatever comes, a line at a time."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._ids = count(1)

    # -- out -----------------------------------------------------------------------------

    def send(self, *messages: Any) -> None:
        """These messages, each on a line."""
        self.client.send(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def ask(self, method: str, *positional: Any, **named: Any) -> int:
        """A request; returns its id, for whoever reads the answer."""
        message = request(method, *positional, id=next(self._ids), **named)
        self.send(message)
        return int(message["id"])

    def tell(self, method: str, *positional: Any, **named: Any) -> None:
        """A notification."""
        self.send(request(method, *positional, **named))

    def cancel(self, ident: Any) -> None:
        self.send({"jsonrpc": "2.0", "method": "rpc.cancel", "params": {"id": ident}})

    # -- in ------------------------------------------------------------------------------

    def read(self) -> Any:
        """The next line's message."""
        return parse(self.client.read_line())

    def result(self, ident: int) -> Any:
        """The next message, which is this call's result."""
        message = self.read()
        assert message.get("id") == ident, message
        assert "result" in message, message
        return message["result"]

    def failure(self, ident: int | str | None) -> dict[str, Any]:
        """The next message, which is this call's error."""
        message = self.read()
        assert message.get("id", ...) == ident, message
        assert "error" in message, message
        error: dict[str, Any] = message["error"]
        return error

    def end(self) -> None:
        """FIN, to which the server answers with its own and nothing else."""
        self.client.half_close()
        assert self.client.read_to_end() == b""
        self.client.close()

    # -- both ----------------------------------------------------------------------------

    def call(self, method: str, *positional: Any, **named: Any) -> Any:
        """A request's result; nothing may come before it."""
        return self.result(self.ask(method, *positional, **named))

    def error(self, method: str, *positional: Any, **named: Any) -> dict[str, Any]:
        """A request's error; nothing may come before it."""
        return self.failure(self.ask(method, *positional, **named))

    def until_counted(self, gate: str, **expected: int) -> None:
        """Ask until this has been counted at a gate, such as `now=3`."""

        def counted() -> bool:
            counts = self.call("counts", gate)
            return all(counts[name] == number for name, number in expected.items())

        wait_until(f"{gate}: {expected}", counted, also=lambda: str(self.call("counts", gate)))


def request(method: str, *positional: Any, id: Any = ..., **named: Any) -> dict[str, Any]:
    """One request; without an id a notification."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if positional or named:
        message["params"] = list(positional) or named
    return message if id is ... else message | {"id": id}


def parse(line: bytes) -> Any:
    """What a line says, read strictly: RFC 8259 knows no NaN, and no lone surrogate."""

    def constant(name: str) -> None:
        raise AssertionError(f"{name} in {line!r}")

    message = json.loads(line.decode(), parse_constant=constant)
    json.dumps(message, ensure_ascii=False).encode()
    return message


Connect = Callable[..., Peer]
_gates = count()


@pytest.fixture
def gate() -> str:
    """The name of a gate that no other test knows."""
    return f"gate {next(_gates)}"


@pytest.fixture(scope="session")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings with a token, which has no flag."""
    path = tmp_path_factory.mktemp("settings") / "twofold.toml"
    path.write_text(f'[rpc]\ntoken = "{TOKEN}"\n')
    return path


def methods(implementation: str) -> str:
    """The tests' service, written for this framework."""
    if implementation == "target":
        pytest.skip("rpc's tests are about our own servers")
    return f"tests.rpc_methods_{implementation}:service"


@pytest.fixture(scope="module")
def rpc(implementation: str, certificate: Certificate, token_file: Path) -> Iterator[Running]:
    """One server of the tests' methods for all tests of a module."""
    flags = ["--service", methods(implementation), "--config", str(token_file)]
    flags += [f"--limits-in-flight={IN_FLIGHT}", f"--limits-queued={QUEUED}", f"--limits-threads={THREADS}"]
    listen = ("tcp", "tls", "unix")
    with servers.serving(implementation, "rpc", *flags, listen=listen, certificate=certificate) as running:
        yield running


@pytest.fixture
def connect(rpc: Running) -> Iterator[Connect]:
    """Connects to that server."""
    opened: list[Peer] = []

    def connect(over: str = "tcp", **options: Any) -> Peer:
        opened.append(Peer(rpc.connect(over, **options)))
        return opened[-1]

    yield connect
    for peer in opened:
        peer.client.close()


@pytest.fixture
def peer(connect: Connect) -> Peer:
    """A connection to that server."""
    return connect()


@pytest.fixture
def own_rpc(own: Own) -> Callable[..., Running]:
    """Starts a server of the tests' methods for one test alone."""

    def start(*flags: str, **options: Any) -> Running:
        return own("rpc", "--service", methods(own.implementation), *flags, **options)

    return start
