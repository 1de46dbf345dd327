"""echo against clients that nobody here wrote: nc (OpenBSD's) and socat."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests import servers
from tests.conftest import skip_unless_in_ci
from tests.servers import Certificate, Running

DATA = random.Random(7).randbytes(3_000_000)


@pytest.fixture(scope="module")
def echo(implementation: str, certificate: Certificate) -> Iterator[Running]:
    if implementation == "target":
        pytest.skip("the peers are for our servers")
    listen = ("tcp", "tcp6", "tls", "unix", "udp")
    with servers.serving(implementation, "echo", listen=listen, certificate=certificate) as running:
        yield running


def ask(*command: object, data: bytes = DATA) -> bytes:
    """What the peer prints when it has sent this and read up to the end."""
    name = str(command[0])
    if not shutil.which(name):
        skip_unless_in_ci(f"{name} is not installed")
    run = subprocess.run(
        [str(word) for word in command], input=data, capture_output=True, timeout=servers.PATIENCE, check=True
    )
    return run.stdout


def address(echo: Running, over: str) -> tuple[str, int]:
    host, port = echo.where[over][1][:2]  # type: ignore[index]
    return host, port


@pytest.mark.parametrize("over", ["tcp", "tcp6"])
def test_nc_gets_all_back_after_its_fin(echo: Running, over: str) -> None:
    """nc -N: "shutdown the network socket after EOF on the input"."""
    assert ask("nc", "-N", *address(echo, over)) == DATA


def test_nc_over_a_unix_socket(echo: Running) -> None:
    assert ask("nc", "-N", "-U", echo.where["unix"][1]) == DATA


def test_nc_over_udp(echo: Running) -> None:
    """-W 1: "terminate after receiving 1 packet"."""
    assert ask("nc", "-u", "-W", "1", *address(echo, "udp"), data=b"hello\n") == b"hello\n"


def test_nc_finds_the_port_open(echo: Running) -> None:
    assert ask("nc", "-z", *address(echo, "tcp"), data=b"") == b""


def test_socat_gets_all_back(echo: Running) -> None:
    host, port = address(echo, "tcp")
    assert ask("socat", "-t30", "-", f"TCP4:{host}:{port}") == DATA


def test_socat_over_ipv6(echo: Running) -> None:
    host, port = address(echo, "tcp6")
    assert ask("socat", "-t30", "-", f"TCP6:[{host}]:{port}") == DATA


def test_socat_over_a_unix_socket(echo: Running) -> None:
    assert ask("socat", "-t30", "-", f"UNIX-CONNECT:{echo.where['unix'][1]}") == DATA


def test_socat_over_tls_believes_the_certificate(echo: Running, certificate: Certificate) -> None:
    """Half a megabyte at once: socat closes both directions at its end of input, so read it first."""
    host, port = address(echo, "tls")
    data = DATA[:10_000]
    where = f"OPENSSL:{host}:{port},cafile={certificate.ca},commonname=localhost"
    assert ask("socat", "-t5", "-", where, data=data) == data


def test_socat_gets_a_large_datagram_back_whole(echo: Running) -> None:
    host, port = address(echo, "udp")
    data = DATA[:60_000]
    assert ask("socat", "-b65507", "-t1", "-", f"UDP4:{host}:{port}", data=data) == data
