"""What the chat service keeps outside of itself, as it asks for it; how it is kept is in `stores/`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from protocols.chat.accounts import Account, Accounts
from protocols.chat.history import History
from protocols.chat.lasting import Forgetful, Keeper

News: TypeAlias = "tuple[str, float | None]"
"""An account's name, and when the one that has it now was made; None if there is none."""


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
    owned: tuple[Account, ...] = ()
    """The accounts that there were when the store was opened: nicks are kept for them."""
    news: deque[News] = field(default_factory=deque)
    """What others did to the accounts, the oldest first: appended to from any thread."""
    history: History | None = None
