"""echo on unix sockets: whose they are, and whose they replace."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from tests import servers
from tests.clients import Client
from tests.servers import Own

# -- unix sockets --------------------------------------------------------------------------------


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("query", "expected"), [("", 0o600), ("?mode=0660", 0o660), ("?mode=666", 0o666)])
def test_a_unix_socket_is_ours_alone_unless_said_otherwise(
    own: Own, tmp_path: Path, query: str, expected: int
) -> None:
    """Trap: a unix socket made by Twisted is 0666."""
    path = tmp_path / "echo"
    running = own("echo", "--listen", f"unix://{path}{query}")
    running.wait_for(f"listening on unix://{path}\n")
    assert mode(path) == expected
    with Client.connect(socket.AF_UNIX, str(path)) as client:
        assert client.exchange(b"hello") == b"hello"
    running.stop()
    assert not path.exists(), "the socket's file is left behind"


def test_a_dead_servers_socket_file_is_replaced(own: Own, tmp_path: Path) -> None:
    path = tmp_path / "echo"
    first = own("echo", "--listen", f"unix://{path}")
    first.wait_for(f"listening on unix://{path}\n")
    first.kill()
    assert path.is_socket()
    second = own("echo", "--listen", f"unix://{path}")
    second.wait_for(f"listening on unix://{path}\n")
    with Client.connect(socket.AF_UNIX, str(path)) as client:
        assert client.exchange(b"hello") == b"hello"


def in_use(own: Own, path: Path) -> None:
    """A second server says so, and leaves the file alone."""
    ended = servers.launch(own.implementation, "--listen", f"unix://{path}", service="echo")
    assert ended.status == 1
    assert ended.stderr == f"cannot listen on unix://{path}: Address already in use\n"


def test_a_live_servers_socket_file_is_never_replaced(own: Own, tmp_path: Path) -> None:
    path = tmp_path / "echo"
    first = own("echo", "--listen", f"unix://{path}")
    first.wait_for(f"listening on unix://{path}\n")
    in_use(own, path)
    with Client.connect(socket.AF_UNIX, str(path)) as client:
        assert client.exchange(b"hello") == b"hello"


def test_a_live_server_with_a_full_backlog_is_alive(own: Own, tmp_path: Path) -> None:
    path = tmp_path / "echo"
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(path))
        busy.listen(0)
        waiting = []
        while True:
            sock = socket.socket(socket.AF_UNIX)
            waiting.append(sock)
            sock.setblocking(False)
            try:
                sock.connect(str(path))
            except BlockingIOError:
                break
        in_use(own, path)
        assert path.is_socket()
        for sock in waiting:
            sock.close()


def test_a_file_that_is_no_socket_is_never_replaced(own: Own, tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("precious")
    in_use(own, path)
    assert path.read_text() == "precious"


def test_an_inherited_sockets_file_is_left_alone(own: Own) -> None:
    running = own("echo", listen=("unix",))
    path = Path(str(running.where["unix"][1]))
    before = mode(path)
    running.stop()
    assert path.is_socket()
    assert mode(path) == before
