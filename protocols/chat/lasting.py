"""What of the network outlives the process, as plain data, and who keeps it.

`apply` says what is to be kept or dropped (`Save`, `Drop`), the server hands it to a `Keeper`, and
gives all of it back to the network, as events, when it starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

from protocols.chat.casemap import fold


class Listed(msgspec.Struct, frozen=True, gc=False):
    """A mask on one of a channel's lists."""

    mask: str
    setter: str
    time: float


class Access(msgspec.Struct, frozen=True, gc=False):
    """The rank that an account has on a registered channel whenever it comes."""

    account: str
    rank: int


class LastingChannel(msgspec.Struct, frozen=True, gc=False, tag="channel"):
    """A registered channel: all of it but who is there and who was invited."""

    name: str
    founder: str
    """The account that it is registered to."""
    registered: float
    created: float
    topic: str
    topic_setter: str
    topic_time: float
    flags: tuple[str, ...]
    key: str
    limit: int
    lists: dict[str, tuple[Listed, ...]]
    access: tuple[Access, ...]
    metadata: dict[str, str]

    @property
    def kept_as(self) -> tuple[str, str]:
        """Its kind, and by which name it is kept."""
        return "channel", fold(self.name)


class Ban(msgspec.Struct, frozen=True, gc=False, tag="ban"):
    """Who is kept out: `kind` is K for a mask of nick!user@host, D for an address or a network."""

    kind: Literal["K", "D"]
    mask: str
    reason: str
    setter: str
    """The nick of the operator."""
    time: float
    until: float
    """Seconds since 1970; 0 for good."""

    def over(self, time: float) -> bool:
        """Is it over by then?"""
        return bool(self.until) and time >= self.until

    @property
    def kept_as(self) -> tuple[str, str]:
        """Its kind, and by which name it is kept."""
        return "ban", f"{self.kind} {fold(self.mask)}"


class AccountMetadata(msgspec.Struct, frozen=True, gc=False, tag="metadata"):
    """The metadata of an account: of whoever is logged in to it."""

    account: str
    values: dict[str, str]

    @property
    def kept_as(self) -> tuple[str, str]:
        """Its kind, and by which name it is kept."""
        return "metadata", fold(self.account)


Lasting: TypeAlias = LastingChannel | Ban | AccountMetadata


class Keeper(Protocol):
    """Keeps things, each by its kind and its name."""

    def save(self, thing: Lasting) -> None:
        """Keep it soon, in place of what had its name.  Never blocks, never raises."""
        ...

    def drop(self, thing: Lasting) -> None:
        """Keep it no longer.  Never blocks, never raises."""
        ...

    def settle(self) -> None:
        """Return once all of that is kept.  Blocks; raises `accounts.Unavailable`."""
        ...

    def everything(self) -> Sequence[Lasting]:
        """What is kept, in the order in which it was first.  Blocks; raises `listen.CannotStart`."""
        ...


class Forgetful:
    """Keeps nothing, for servers that are forgotten."""

    def save(self, thing: Lasting) -> None:
        """Let it go."""

    def drop(self, thing: Lasting) -> None:
        """It is gone."""

    def settle(self) -> None:
        """There is nothing to wait for."""

    def everything(self) -> Sequence[Lasting]:
        """Nothing."""
        return ()
