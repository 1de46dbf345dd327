"""docs/examples: sample configurations that can be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocols.chat.settings import ChatSettings
from protocols.files.settings import FilesSettings
from protocols.listen import parse_listen
from protocols.passwords import verify
from protocols.settings import load

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


@pytest.fixture
def chat() -> ChatSettings:
    file = EXAMPLES / "chat.toml"
    return load(ChatSettings, "chat", text=file.read_bytes(), source=file.name)


def test_the_example_of_chat_loads_and_its_addresses_are_some(chat: ChatSettings) -> None:
    addresses = [parse_listen(one, ("tcp", "tls", "ws", "wss", "unix")) for one in chat.listen]
    assert [one.scheme for one in addresses] == ["tls", "tls", "wss", "tcp"]
    assert f"port={addresses[0].port}" in chat.sts.split(",")


def test_nobody_becomes_operator_with_what_the_example_holds(chat: ChatSettings) -> None:
    (oper,) = chat.oper
    assert oper.password.startswith("$scrypt$")
    assert not verify(oper.password, oper.password)


@pytest.fixture
def files() -> FilesSettings:
    file = EXAMPLES / "files.toml"
    return load(FilesSettings, "files", text=file.read_bytes(), source=file.name)


def test_the_example_of_files_loads_and_its_addresses_are_some(files: FilesSettings) -> None:
    addresses = [parse_listen(one, ("tcp", "tls")) for one in files.listen]
    assert [(one.scheme, one.port) for one in addresses] == [("tcp", 21), ("tcp", 21), ("tls", 990)]


def test_nobody_logs_in_with_what_the_example_holds(files: FilesSettings) -> None:
    for user in files.users.values():
        assert user.password.startswith("$scrypt$")
        assert not verify(user.password, user.password)
