"""What the tests in here are given: rpc's fixtures, and the probe for the tests of the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import servers
from tests.chat_clients import chat, meet, met, serve
from tests.clients import Client
from tests.ftp_servers import ann, files, login, name, own_files
from tests.integration.probing import Connect, facts_of, name_of, names
from tests.rpc_clients import connect, gate, own_rpc, peer, rpc, token_file
from tests.servers import Certificate, Running

__all__ = [
    "ann", "chat", "connect", "files", "gate", "login", "meet", "met", "name", "own_files", "own_rpc", "peer",
    "rpc", "serve", "token_file",
]  # fmt: skip


@pytest.fixture(scope="module")
def probe(implementation: str, certificate: Certificate) -> Iterator[Running]:
    """One server for a module's tests, on TCP, TLS and a unix socket."""
    if implementation == "target":
        pytest.skip("the probe is ours alone")
    flags = ["--cert", str(certificate.cert), "--key", str(certificate.key)]
    listen = ("tcp", "tls", "unix")
    with servers.serving(implementation, "probe", *flags, listen=listen, certificate=certificate) as running:
        yield running


@pytest.fixture(params=["tcp", "tls", "unix"])
def over(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def join(probe: Running, over: str) -> Iterator[Connect]:
    """Connects to the probe over each kind of stream, gives the connection a name, closes it at the end."""
    opened: list[Client] = []

    def join(name: str = "", over: str = over, **options: object) -> Client:
        client = probe.connect(over, **options)
        opened.append(client)
        client.name = name or f"n{next(names)}"  # type: ignore[attr-defined]
        client.send(f"name {name_of(client)}\n".encode())
        assert client.read_line() == f"named {name_of(client)}".encode()
        return client

    yield join
    watcher = join(over="tcp")
    for client in opened[:-1]:
        client.close()
    for client in opened[:-1]:  # so that the next test begins with a server without connections
        facts_of(watcher, name_of(client))
    watcher.half_close()
    watcher.read_to_end()
    watcher.close()
