"""What the chat service keeps outside of itself, as it asks for it; how it is kept is in `stores/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from protocols.chat.accounts import Accounts
from protocols.chat.history import History
from protocols.chat.lasting import Forgetful, Keeper


def nothing() -> None:
    """There is nothing to close."""


@dataclass(frozen=True, slots=True)
class Stores:
    """All of it, opened.

    `accounts` and `history` are None for a server without any.  `secret` keys the cloaked hosts: with
    the same one an address looks the same after a restart.  `close` writes what waits; it blocks.
    `keeper` has what of the network outlives the process.
    """

    accounts: Accounts | None
    secret: bytes
    close: Callable[[], None] = nothing
    keeper: Keeper = field(default_factory=Forgetful)
    owned: tuple[str, ...] = ()
    """The names of the accounts that there were when the store was opened: nicks kept for them."""
    history: History | None = None
