"""Both launchers: what is started, what is said, and one clear line for what can't be.

The same words from both, so every test here is one body for both.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from protocols.services import SERVICES
from protocols.settings import flags
from tests.conftest import skip_unless_in_ci
from tests.servers import Authority, Certificate, launch

SERVICE_NAMES = tuple(SERVICES)
USUAL = {"echo": 7007, "rpc": 7008}


@pytest.fixture(autouse=True)
def _ours_alone(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("target"):
        pytest.skip("about our launchers")


@contextmanager
def taken(family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> Iterator[int]:
    """A port that somebody else has."""
    with socket.socket(family, kind) as sock:
        sock.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        yield sock.getsockname()[1]


def cannot(implementation: str, address: str, why: str, **options: object) -> None:
    """This address is one line on stderr and exit status 1."""
    ended = launch(implementation, "--listen", address, service="echo", **options)  # type: ignore[arg-type]
    assert ended.stderr == f"cannot listen on {why}\n"
    assert ended.status == 1


def meaningless(implementation: str, *arguments: str, line: str, service: str = "echo") -> None:
    """These arguments are one line on stderr and exit status 2."""
    ended = launch(implementation, *arguments, service=service)
    assert ended.stderr == f"{line}\n"
    assert ended.status == 2


# -- a listen that fails: one line, status 1 -------------------------------------------------------


def test_a_port_in_use(implementation: str) -> None:
    """Trap: CannotListenError prints two tracebacks under twistd."""
    with taken() as port:
        where = f"tcp://127.0.0.1:{port}"
        cannot(implementation, where, f"{where}: Address already in use")


def test_an_ipv6_port_in_use(implementation: str) -> None:
    with taken(socket.AF_INET6) as port:
        where = f"tcp://[::1]:{port}"
        cannot(implementation, where, f"{where}: Address already in use")


def test_a_udp_port_in_use(implementation: str) -> None:
    with taken(kind=socket.SOCK_DGRAM) as port:
        where = f"udp://127.0.0.1:{port}"
        cannot(implementation, where, f"{where}: Address already in use")


def test_one_listener_that_fails_opens_none(implementation: str, tmp_path: Path) -> None:
    """Nothing was said to listen, and the socket's file is not left behind."""
    path = tmp_path / "echo"
    with taken() as port:
        ended = launch(
            implementation,
            "--listen",
            f"unix://{path}",
            "--listen",
            f"tcp://127.0.0.1:{port}",
            service="echo",
        )
    assert ended.stderr == f"cannot listen on tcp://127.0.0.1:{port}: Address already in use\n"
    assert ended.status == 1
    assert not path.exists()


def test_no_permission(implementation: str, tmp_path: Path) -> None:
    """As a user without privileges, in a network of its own, where ports below 1024 are privileged."""
    if os.geteuid() or not shutil.which("setpriv") or not shutil.which("unshare"):
        skip_unless_in_ci("needs root, unshare and setpriv")
    prefix = ["unshare", "--net", "setpriv", "--bounding-set=-net_bind_service"]
    prefix += ["--inh-caps=-net_bind_service"]
    cannot(implementation, "tcp://127.0.0.1:1", "tcp://127.0.0.1:1: Permission denied", prefix=prefix)


def test_a_unix_socket_where_there_is_no_directory(implementation: str, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "echo"
    cannot(implementation, f"unix://{path}", f"unix://{path}: No such file or directory")


def test_an_address_that_is_not_ours(implementation: str) -> None:
    cannot(implementation, "tcp://192.0.2.1:7007", "tcp://192.0.2.1:7007: Cannot assign requested address")


def test_a_descriptor_that_is_not_open(implementation: str) -> None:
    cannot(implementation, "tcp://?fd=77", "tcp://?fd=77: Bad file descriptor")


def test_a_descriptor_that_is_no_listening_socket(implementation: str) -> None:
    with socket.socket() as sock:
        address = f"tcp://?fd={sock.fileno()}"
        why = f"{address}: descriptor {sock.fileno()} is no listening tcp socket"
        cannot(implementation, address, why, fds=[sock.fileno()])


def test_a_descriptor_of_another_kind(implementation: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        address = f"tcp://?fd={sock.fileno()}"
        why = f"{address}: descriptor {sock.fileno()} is no listening tcp socket"
        cannot(implementation, address, why, fds=[sock.fileno()])


def test_a_certificate_that_cant_be_used(
    implementation: str, certificate: Certificate, authority: Authority, tmp_path: Path
) -> None:
    def tls(cert: object, key: object, why: str) -> None:
        cannot(implementation, f"tls://127.0.0.1:0?cert={cert}&key={key}", f"tls://127.0.0.1:0: {why}")

    missing, text = tmp_path / "missing.pem", tmp_path / "text.pem"
    text.write_text("no certificate\n")
    other = authority.issue("other")
    tls(missing, certificate.key, f"{missing}: No such file or directory")
    tls(certificate.cert, missing, f"{missing}: No such file or directory")
    tls(text, certificate.key, f"{text}: expected a certificate, in PEM")
    tls(certificate.cert, text, f"{text}: expected a private key, in PEM")
    tls(certificate.cert, other.key, f"{other.key}: not the key of the certificate in {certificate.cert}")
    tls(tmp_path, certificate.key, f"{tmp_path}: Is a directory")


# -- what can't be meant: one line, status 2 -------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[echo]\nlissen = 1\n",
            "echo.lissen: unknown key, expected one of listen, drain_timeout, limits",
        ),
        ("[echo.limits]\nconnections = 'many'\n", 'echo.limits.connections: expected int >= 1, got "many"'),
        ("[echo.limits]\nconnections = 0\n", "echo.limits.connections: expected int >= 1, got 0"),
        ("[echo.limits]\nsend_stall = 0\n", "echo.limits.send_stall: expected float > 0, got 0"),
        ("[echo]\nlimits = 3\n", "echo.limits: expected a table, got 3"),
        ("[echo]\nlisten = 'tcp://127.0.0.1:0'\n", "echo.listen: expected list of str, not empty, got"),
        ("[ecko]\n", "ecko: unknown table, expected [echo], [chat], [rpc], [files]"),
        ("[echo", ""),
        (b"\xff", "expected UTF-8, got byte 0xff (line 1)"),
    ],
)
def test_settings_that_cant_be_meant(
    implementation: str, tmp_path: Path, text: str | bytes, line: str
) -> None:
    """One line that names the file, the key and what was expected."""
    file = tmp_path / "twofold.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    ended = launch(implementation, "--config", str(file), service="echo")
    assert ended.status == 2
    assert ended.stderr.startswith(f"{file}: {line}")
    assert ended.stderr.count("\n") == 1


def test_a_config_that_is_not_there(implementation: str, tmp_path: Path) -> None:
    file = tmp_path / "missing.toml"
    meaningless(implementation, "--config", str(file), line=f"{file}: No such file or directory")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--limits-connections", "many"], '--limits-connections: expected int >= 1, got "many"'),
        (["--limits-connections", "0"], "--limits-connections: expected int >= 1, got 0"),
        (["--drain-timeout", "-1"], "--drain-timeout: expected float >= 0, got -1.0"),
        (["--drain-timeout", "nan"], None),
        (["--listen", "tcp://127.0.0.1"], "tcp://127.0.0.1: expected tcp://HOST:PORT"),
        (["--listen", "tcp://::1:7007"], None),
        (["--listen", "tls://127.0.0.1:0"], "tls://127.0.0.1:0: tls needs ?cert=FILE&key=FILE"),
        (["--listen", "gopher://127.0.0.1:70"], None),
        (["--listen", "tcp://127.0.0.1:0?mode=600"], None),
    ],
)
def test_flags_that_cant_be_meant(implementation: str, arguments: list[str], line: str | None) -> None:
    ended = launch(implementation, *arguments, service="echo")
    assert ended.status == 2
    assert ended.stderr.count("\n") == 1
    assert ended.stderr == f"{line}\n" or line is None


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["--limits-connections"], ["--config"], ["surplus"], ["--limits-idle=x"]]
)
def test_arguments_that_cant_be_meant_are_the_same_line_from_both(arguments: list[str]) -> None:
    """Trap: twistd prints its usage on stdout."""
    both = [launch(implementation, *arguments, service="echo") for implementation in ("twisted", "gevent")]
    assert [ended.status for ended in both] == [2, 2]
    assert both[0].stderr == both[1].stderr
    assert both[0].stderr.count("\n") == 1
    assert [ended.stdout for ended in both] == ["", ""]


# -- help ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_help_shows_every_flag(implementation: str, service: str) -> None:
    ended = launch(implementation, "--help", service=service)
    assert ended.status == 0
    assert SERVICES[service].description in " ".join(ended.stdout.split())
    for name in ["config", *(flag.name for flag in flags(SERVICES[service].settings()))]:
        assert f"--{name}" in ended.stdout, name
    assert not re.search(r"--(token|password|users|oper)\b", ended.stdout), "a secret has no flag"


def test_help_lists_the_services(implementation: str) -> None:
    ended = launch(implementation, "--help")
    assert ended.status == 0
    words = " ".join(ended.stdout.split())
    for service in SERVICES.values():
        assert f"{service.name} {service.description}"[:40] in words
