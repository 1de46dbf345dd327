"""A keeper that only remembers, for tests of what is kept."""

from __future__ import annotations

from collections.abc import Sequence

from protocols.chat.lasting import Lasting


class Memory:
    """`protocols.chat.lasting.Keeper`: what is kept, by its kind and name."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Lasting] = {}

    def save(self, thing: Lasting) -> None:
        self.kept[thing.kept_as] = thing

    def drop(self, thing: Lasting) -> None:
        del self.kept[thing.kept_as]

    def settle(self) -> None:
        pass

    def everything(self) -> Sequence[Lasting]:
        return tuple(self.kept.values())
