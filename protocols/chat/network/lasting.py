"""What outlives the process comes back by an event, as everything does, and goes with its account."""

from __future__ import annotations

from protocols.chat.casemap import fold
from protocols.chat.lasting import AccountMetadata, Ban
from protocols.chat.network import bans, metadata, registered
from protocols.chat.network.deliveries import Delivery
from protocols.chat.network.events import LoseAccount, NewAccount, Restore
from protocols.chat.network.state import State


def restore(network: State, author: None, event: Restore, out: list[Delivery]) -> None:
    """Whatever it is, it is there again."""
    if isinstance(event.thing, Ban):
        bans.restore(network, event.thing, event.time, out)
    elif isinstance(event.thing, AccountMetadata):
        metadata.restore(network, event.thing)
    else:
        registered.restore(network, event.thing)


def new_account(network: State, author: None, event: NewAccount, out: list[Delivery]) -> None:
    """Who has the name of an account that was removed gets nothing that was its own."""
    network.owned.add(fold(event.account))
    _forget(network, event.account, event.time, out)


def lose_account(network: State, author: None, event: LoseAccount, out: list[Delivery]) -> None:
    """Its channels are nobody's; who is logged in to it stays so."""
    network.owned.discard(fold(event.account))
    _forget(network, event.account, event.time, out)


def _forget(network: State, account: str, time: float, out: list[Delivery]) -> None:
    registered.forget_account(network, account, time, out)
    metadata.forget_account(network, account, out)
