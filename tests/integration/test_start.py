"""Both launchers: what starts, on what, and what is said of it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from protocols.services import SERVICES
from tests import servers
from tests.clients import Client
from tests.conftest import skip_unless_in_ci
from tests.servers import Certificate, Own, launch

SERVICE_NAMES = tuple(SERVICES)
USUAL = {
    "echo": (7007, "hello", "hello"),
    "chat": (6667, "LIST", ":irc.example.org 451 * :You have not registered"),
    "files": (2121, "hello", "500 Unknown command."),
    "rpc": (7008, "hello", "-32700"),
}
"""Of each service its port, what a stranger may say there, and a part of what that is answered."""


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


# -- what starts -----------------------------------------------------------------------------------


def nc(implementation: str, service: str, port: int, said: str) -> list[str]:
    """A shell in a network of its own: start the server, ask it, Ctrl-C, tell how it ended."""
    words = " ".join(f"'{word}'" for word in servers.command(implementation, service))
    script = f"""
        ip link set lo up
        {words} > stdout 2> stderr & server=$!
        until grep -q listening stderr; do :; done
        printf '{said}\\n' | nc -N 127.0.0.1 {port} > answer
        nc -z 127.0.0.2 {port} && echo not on loopback alone
        kill -INT $server; wait $server; echo $?
        """
    return ["unshare", "--net", "bash", "-c", script]


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_without_configuration_it_serves_its_usual_port_on_loopback_until_ctrl_c(
    implementation: str, service: str, tmp_path: Path
) -> None:
    if os.geteuid() or not shutil.which("unshare") or not shutil.which("nc") or not shutil.which("ip"):
        skip_unless_in_ci("needs root, unshare, ip and nc")
    port, said, answer = USUAL[service]
    shell = nc(implementation, service, port, said)
    run = subprocess.run(
        shell,
        cwd=tmp_path,
        env=servers.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout.split() == ["0"], run.stdout + run.stderr
    lines = (tmp_path / "stderr").read_text().splitlines()  # under gevent, the log's among them
    assert (lines[0], lines[-1]) == (f"listening on tcp://127.0.0.1:{port}", "stopped")
    assert "Traceback" not in (tmp_path / "stdout").read_text()
    assert answer in (tmp_path / "answer").read_text()


def test_a_signal_may_come_as_soon_as_the_listening_line(own: Own) -> None:
    """Who sees the line may stop the server: as always, with a last line and status 0."""
    running = own("echo", "--listen", "tcp://127.0.0.1:0", listen=(), warm=False)
    running.wait_for("listening on tcp://127.0.0.1:")
    running.signal(signal.SIGINT)
    running.ended()


def test_every_listener_is_one_line_once_bound(own: Own, certificate: Certificate, tmp_path: Path) -> None:
    path = tmp_path / "echo"
    asked = ["tcp://127.0.0.1:0", "tcp://[::1]:0", "udp://127.0.0.1:0", f"unix://{path}"]
    asked.append(f"tls://127.0.0.1:0?{certificate.query}")
    running = own("echo", *(word for one in asked for word in ("--listen", one)), listen=(), warm=False)
    running.wait_for("listening on tls://127.0.0.1:")
    lines = running.stderr.splitlines()
    shapes = ["tcp://127.0.0.1:", "tcp://[::1]:", "udp://127.0.0.1:", f"unix://{path}", "tls://127.0.0.1:"]
    assert len(lines) == len(shapes)
    for line, shape in zip(lines, shapes, strict=True):
        assert line.startswith(f"listening on {shape}")
        assert line.endswith(shape) or int(line.rpartition(":")[2]) > 0
    running.signal(signal.SIGTERM)
    running.ended()


def test_the_command_line_replaces_what_the_file_says(own: Own, tmp_path: Path) -> None:
    file = tmp_path / "twofold.toml"
    file.write_text("[echo]\nlisten = ['tcp://127.0.0.9:0']\n[rpc]\nwhatever = 1\n")
    running = own("echo", "--config", str(file), listen=("tcp",))
    assert "127.0.0.9" not in running.stderr
    other = own("echo", "--config", str(file), listen=(), warm=False)
    other.wait_for("listening on tcp://127.0.0.9:")
    other.signal(signal.SIGTERM)
    other.ended()


@pytest.mark.parametrize("kind", ["tcp", "unix", "udp"])
def test_a_supervisors_descriptors_are_listened_on(implementation: str, kind: str, tmp_path: Path) -> None:
    """sd_listen_fds(3): LISTEN_FDS descriptors from 3 on, for the process LISTEN_PID."""
    udp = kind == "udp"
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as sock:
        sock.bind(str(tmp_path / "socket") if kind == "unix" else ("127.0.0.1", 0))
        if not udp:
            sock.listen()
        where = sock.getsockname()
        words = " ".join(f"'{word}'" for word in servers.command(implementation, "echo"))
        # exec keeps the pid: $$ is the server's own
        script = f"exec 3<&{sock.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec {words}"
        with open(tmp_path / "stdout", "wb") as out, open(tmp_path / "stderr", "wb") as err:
            process = subprocess.Popen(
                ["bash", "-c", script],
                pass_fds=[sock.fileno()],
                stdout=out,
                stderr=err,
                env=servers.environment(),
            )
    running = servers.Running(process, {kind: (family, where)}, tmp_path)
    try:
        if udp:
            with socket.socket(family, socket.SOCK_DGRAM) as peer:
                peer.settimeout(servers.PATIENCE)
                peer.sendto(b"hello", where)
                assert peer.recv(100) == b"hello"
        else:
            with running.connect(kind) as client:
                assert client.exchange(b"hello") == b"hello"
        running.wait_for(f"listening on {kind}://")
        running.signal(signal.SIGTERM)
        running.ended()
    finally:
        running.kill()


def test_a_flag_goes_before_a_supervisors_descriptors(own: Own) -> None:
    """And descriptors that are for another process are not touched (LISTEN_PID)."""
    assert "LISTEN_PID" not in servers.environment()
    running = own(
        "echo",
        "--listen",
        "tcp://127.0.0.1:0",
        listen=(),
        warm=False,
        environ={"LISTEN_FDS": "1", "LISTEN_PID": "1"},
    )
    running.wait_for("listening on tcp://127.0.0.1:")
    running.signal(signal.SIGTERM)
    running.ended()


def test_twistd_takes_twisteds_own_endpoints(tmp_path: Path) -> None:
    path = tmp_path / "echo"
    with servers.Own("twisted") as own:
        running = own(
            "echo", "--listen", f"unix:{path}", "--listen", "tcp:0:interface=127.0.0.1", listen=("tcp",)
        )
        running.wait_for("listening on tcp:0:interface=127.0.0.1")
        data = bytes(range(256)) * 8192
        with Client.connect(socket.AF_UNIX, str(path)) as client:
            assert client.exchange(data) == data
        with taken() as port:
            ended = launch("twisted", "--listen", f"tcp:{port}:interface=127.0.0.1", service="echo")
            assert ended.status == 1
            assert (
                ended.stderr == f"cannot listen on tcp:{port}:interface=127.0.0.1: Address already in use\n"
            )
        ended = launch("twisted", "--listen", "nonsense:1", service="echo")
        assert ended.status == 1
        assert ended.stderr.startswith("cannot listen on nonsense:1: ")
        assert ended.stderr.count("\n") == 1


def test_only_listening_and_stopped_are_said_on_stderr(own: Own) -> None:
    """A supervisor matches these lines: twistd's log has stdout for itself."""
    running = own("echo")
    running.signal(signal.SIGTERM)
    running.ended()
    _, (host, port) = running.where["tcp"]  # type: ignore[misc]
    assert running.stderr == f"listening on tcp://{host}:{port}\nstopped\n"
