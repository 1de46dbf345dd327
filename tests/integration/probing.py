"""How the tests of the contract speak with the probe."""

from __future__ import annotations

from collections.abc import Callable

from tests.clients import Client

CHUNK = 65_536
SMALL = 4_096
"""Bytes of SO_RCVBUF with which a reader who does not read is soon full."""

names = iter(range(1_000_000))
Connect = Callable[..., Client]


def name_of(client: Client) -> str:
    name: str = client.name  # type: ignore[attr-defined]
    return name


def facts_of(watcher: Client, name: str) -> list[str]:
    """What the connection of this name was told, once it is over."""
    watcher.send(f"await {name}\n".encode())
    answer = watcher.read_line()
    if answer == b"awaiting":
        answer = watcher.read_line()
    word, of, *facts = answer.decode().split()
    assert (word, of) == ("facts", name)
    return facts


def ask(client: Client, line: str) -> str:
    """One line there, one line back."""
    client.send(f"{line}\n".encode())
    return client.read_line().decode()


def in_step(client: Client) -> None:
    """All that was asked before has been done."""
    token = f"t{next(names)}"
    assert ask(client, f"ping {token}") == f"pong {token}"
