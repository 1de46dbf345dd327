"""The dialogues of FTP, the last two of their five ways: through both servers' sockets."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import Client
from tests.dialogue import names
from tests.files_dialogue import FILES, USERS, read
from tests.integration.test_rpc_dialogues import byte_by_byte, whole
from tests.servers import Own, Running

Cut = Callable[[bytes], list[bytes]]


def specification(own: Own, directory: Path) -> Running:
    """A server with the users and files that every dialogue begins with."""
    root = directory / "root"
    for path, data in FILES.items():
        (root / path).parent.mkdir(exist_ok=True, parents=True, mode=0o755)
        (root / path).write_bytes(data)
        (root / path).chmod(0o644)
    users = "".join(
        f'[files.users.{name}]\npassword = "{user.password}"\npermissions = {list(user.permissions)}\n'
        for name, user in USERS.items()
    )
    config = directory / "twofold.toml"
    config.write_text(
        f'[files]\nroot = "{root}"\nanonymous = "read-only"\n[files.limits]\nlogin_delay = 0\n{users}'
    )
    return own("files", f"--config={config}")


class Player:
    """The client of a dialogue: its control connection, and data connections where it was told."""

    def __init__(self, running: Running) -> None:
        self.control = running.connect()
        self.address = ("127.0.0.1", 0)

    def hear(self) -> str:
        line = self.control.read_line().decode(errors="surrogateescape").removesuffix("\r")
        if found := re.match(r"229 .*\|\|\|(\d+)\|", line):
            self.address = ("127.0.0.1", int(found[1]))
        elif found := re.match(r"227 .*,(\d+),(\d+)\)", line):
            self.address = ("127.0.0.1", int(found[1]) * 256 + int(found[2]))
        return line

    def data(self) -> Client:
        return Client.connect(socket.AF_INET, self.address)


@pytest.mark.parametrize("name", names("files_"))
@pytest.mark.parametrize("cut", [whole, byte_by_byte])
def test_a_dialogue_goes_as_it_is_written(own: Own, tmp_path: Path, name: str, cut: Cut) -> None:
    """RFC 959 §5.4 and those after it, by example."""
    player = Player(specification(own, tmp_path))
    with player.control as control:
        for step in read(name):
            if step.what == "C<":
                for piece in cut(step.data):
                    control.send(piece)
            elif step.what == "C.":
                control.half_close()
            elif step.what == "D>":
                with player.data() as data:
                    for piece in cut(step.data):
                        data.send(piece)
                    data.half_close()
                    assert data.read_to_end() == b""
            elif step.what == "D<":
                with player.data() as data:
                    said = data.read_to_end().decode(errors="surrogateescape")
                assert step.matches_data(said), said
            elif step.what == "D!":
                player.data().reset()
            elif step.what == "S:":
                line = player.hear()
                assert step.matches(line), (line, step.line)
            else:
                assert control.read_to_end() == b""
